/* SPDX-License-Identifier: Apache-2.0
 *
 * mail.c - a message as libcurl's options.  libcurl doubles the dots at the start of lines.
 */
#include "services/runtime/mail.h"

#include "services/runtime/curl.h"
#include <stdio.h>
#include <string.h>

static size_t on_read(char *to, size_t size, size_t count, void *ctx)
{
    struct bytes *rest = ctx;
    size_t len = size * count < rest->len ? size * count : rest->len;

    memcpy(to, rest->data, len);
    *rest = bytes_of(rest->data + len, rest->len - len);
    return len;
}

/* What could end the command line and begin another. */
static bool is_address(const char *address)
{
    for (const char *c = address; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == '<' || *c == '>' || *c == 0x7f)
            return false;
    return *address && strchr(address, '@');
}

static enum err set_recipients(struct curl_transfer *t, const struct mail_call *call, struct curl_slist **list,
                               char *why, size_t why_size)
{
    for (const char *const *r = call->recipients; *r; r++) {
        struct curl_slist *longer;

        if (!is_address(*r)) {
            (void)snprintf(why, why_size, "a recipient is not an address");
            return ERR_INVALID;
        }
        if (!(longer = t->curl->slist_append(*list, *r)))
            return ERR_NOMEM;
        *list = longer;
    }
    CURL_SET(t, CURLOPT_MAIL_RCPT, *list);
    return *list ? OK : ERR_INVALID;
}

static void set_session(struct curl_transfer *t, const struct mail_call *call)
{
    t->trust_certs = call->trust_certs;
    t->certificate = call->certificate;
    t->key = call->key;
    CURL_SET(t, CURLOPT_USE_SSL, (long)(call->without_tls ? CURLUSESSL_NONE : CURLUSESSL_ALL));
    if (call->user) {
        CURL_SET(t, CURLOPT_USERNAME, call->user);
        CURL_SET(t, CURLOPT_PASSWORD, call->password ? call->password : "");
    }
}

/* What the server's last word makes of an error that is none of the transport's. */
static enum err refine(const struct curl_transfer *t, enum err err)
{
    long code = 0;

    if (err != ERR_IO || t->curl->getinfo(t->handle, CURLINFO_RESPONSE_CODE, &code) != CURLE_OK)
        return err;
    return code >= 500 ? ERR_NOT_ALLOWED : code >= 400 ? ERR_AGAIN : err;
}

static enum err send_message(struct curl_transfer *t, const struct mail_call *call, struct curl_slist **list, char *why,
                             size_t why_size)
{
    struct bytes rest = call->message;
    char from[512];
    enum err err;

    if (!is_address(call->from) || strlen(call->from) > sizeof from - 3) {
        (void)snprintf(why, why_size, "the sender is not an address");
        return ERR_INVALID;
    }
    (void)snprintf(why, why_size, "there is no recipient, or no memory");
    if ((err = set_recipients(t, call, list, why, why_size)) != OK)
        return err;
    set_session(t, call);
    (void)snprintf(from, sizeof from, "<%s>", call->from);
    CURL_SET(t, CURLOPT_MAIL_FROM, from);
    CURL_SET(t, CURLOPT_UPLOAD, 1L);
    CURL_SET(t, CURLOPT_INFILESIZE_LARGE, (curl_off_t)rest.len);
    CURL_SET(t, CURLOPT_READFUNCTION, on_read);
    CURL_SET(t, CURLOPT_READDATA, &rest);
    return refine(t, curl_transfer_run(t, call->url, why, why_size));
}

enum err mail_send(const struct mail_call *call, char *why, size_t why_size)
{
    struct curl_slist *list = NULL;
    struct curl_transfer t;
    enum err err = curl_transfer_init(&t, NULL, "smtp,smtps", call->url, call->timeout_ms, why, why_size);

    if (err == OK)
        err = send_message(&t, call, &list, why, why_size);
    if (list)
        t.curl->slist_free_all(list);
    curl_transfer_deinit(&t);
    return err;
}
