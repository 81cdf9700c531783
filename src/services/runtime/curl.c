/* SPDX-License-Identifier: Apache-2.0
 *
 * curl.c - finding libcurl, and a transfer's life.
 */
#include "services/runtime/curl.h"

#include "base/text.h"
#include "security/tls.h"
#include <assert.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define CURL_VERSION_LEAST 0x075500u /* 7.85: protocols by name */
#define CONNECTION_SECONDS 300L      /* then a new one, for files of certificates that were renewed */

/* The library, once it is loaded: of the process, as libraries are. */
static struct {
    pthread_once_t once;
    bool there;
    struct curl_functions functions;
    char why[256];
} library = {.once = PTHREAD_ONCE_INIT};

static bool find(void *object, const char *name, void *function)
{
    void *symbol = dlsym(object, name);

    memcpy(function, &symbol, sizeof symbol); /* POSIX lets a pointer to a function be one to an object */
    if (!symbol)
        (void)snprintf(library.why, sizeof library.why, "libcurl.so.4 has no %s", name);
    return symbol != NULL;
}

static bool find_all(void *object)
{
    struct curl_functions *f = &library.functions;

    return find(object, "curl_easy_init", &f->easy_init) && find(object, "curl_easy_cleanup", &f->easy_cleanup) &&
           find(object, "curl_easy_reset", &f->easy_reset) && find(object, "curl_easy_setopt", &f->setopt) &&
           find(object, "curl_easy_getinfo", &f->getinfo) && find(object, "curl_easy_perform", &f->perform) &&
           find(object, "curl_easy_strerror", &f->strerror) && find(object, "curl_slist_append", &f->slist_append) &&
           find(object, "curl_slist_free_all", &f->slist_free_all);
}

/* Its TLS is configured by our OpenSSL's functions, so it must be built with OpenSSL. */
static bool is_fit(void *object)
{
    CURLcode (*global_init)(long flags);
    curl_version_info_data *(*version_info)(CURLversion age);
    const curl_version_info_data *info;

    if (!find(object, "curl_global_init", &global_init) || !find(object, "curl_version_info", &version_info))
        return false;
    if (global_init(CURL_GLOBAL_ALL) != CURLE_OK) {
        (void)snprintf(library.why, sizeof library.why, "libcurl cannot be initialized");
        return false;
    }
    info = version_info(CURLVERSION_NOW);
    if (info->version_num >= CURL_VERSION_LEAST && info->ssl_version && strstr(info->ssl_version, "OpenSSL/3"))
        return true;
    (void)snprintf(library.why, sizeof library.why, "libcurl %s with %s is not 7.85 or newer with OpenSSL 3",
                   info->version, info->ssl_version ? info->ssl_version : "no TLS");
    return false;
}

static void load(void)
{
    void *object = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);

    if (!object) {
        (void)snprintf(library.why, sizeof library.why,
                       "libcurl.so.4 cannot be loaded (Debian's package is libcurl4), and this needs it: %s",
                       dlerror());
        return;
    }
    library.there = find_all(object) && is_fit(object); /* never closed: its threads and OpenSSL know it */
}

const struct curl_functions *curl_functions_get(char *why, size_t why_size)
{
    pthread_once(&library.once, load);
    if (library.there)
        return &library.functions;
    (void)snprintf(why, why_size, "%s", library.why);
    return NULL;
}

/* libcurl has made its SSL_CTX; what may be spoken on it and who is trusted is decided where it is for everybody.
 * libcurl compares the host's name itself, after the handshake. */
static CURLcode configure_tls(CURL *handle, void *ssl_ctx, void *ctx)
{
    struct curl_transfer *t = ctx;

    t->tls_result = tls_configure(ssl_ctx,
                                  &(struct tls_settings){
                                      .side = TLS_CLIENT,
                                      .certificate_file = t->certificate,
                                      .key_file = t->key,
                                      .trust_file = t->trust_certs,
                                      .verify_host = true,
                                  },
                                  t->tls_error, sizeof t->tls_error);
    return t->tls_result == OK ? CURLE_OK : CURLE_ABORTED_BY_CALLBACK;
}

enum err curl_transfer_init(struct curl_transfer *t, CURL *handle, const char *schemes, const char *url,
                            int64_t timeout_ms, char *why, size_t why_size)
{
    assert(timeout_ms > 0);
    *t = (struct curl_transfer){.curl = curl_functions_get(why, why_size)};
    if (!t->curl)
        return ERR_UNSUPPORTED;
    if (!(t->handle = handle ? handle : t->curl->easy_init())) {
        (void)snprintf(why, why_size, "there is no memory for a call");
        return ERR_NOMEM;
    }
    CURL_SET(t, CURLOPT_ERRORBUFFER, t->error);
    CURL_SET(t, CURLOPT_PROTOCOLS_STR, schemes);
    CURL_SET(t, CURLOPT_URL, url);
    CURL_SET(t, CURLOPT_NOSIGNAL, 1L);
    CURL_SET(t, CURLOPT_PROXY, "");
    CURL_SET(t, CURLOPT_FOLLOWLOCATION, 0L);
    CURL_SET(t, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    CURL_SET(t, CURLOPT_QUICK_EXIT, 1L); /* a name server that is silent is not waited for beyond the deadline */
    CURL_SET(t, CURLOPT_SSL_SESSIONID_CACHE, 0L); /* as security/tls.h: no resumption */
    CURL_SET(t, CURLOPT_MAXLIFETIME_CONN, CONNECTION_SECONDS);
    CURL_SET(t, CURLOPT_CAINFO, NULL); /* tls_configure loads whom we trust; once is enough */
    CURL_SET(t, CURLOPT_CAPATH, NULL);
    CURL_SET(t, CURLOPT_SSL_CTX_DATA, t);
    CURL_SET(t, CURLOPT_SSL_CTX_FUNCTION, configure_tls);
    return OK;
}

void curl_transfer_deinit(struct curl_transfer *t)
{
    if (t->handle)
        t->curl->easy_cleanup(t->handle);
    t->handle = NULL;
}

CURL *curl_transfer_take_handle(struct curl_transfer *t)
{
    CURL *handle = t->handle;

    t->handle = NULL;
    t->curl->easy_reset(handle);
    return handle;
}

static enum err err_of(const struct curl_transfer *t, CURLcode code)
{
    if (t->tls_result != OK)
        return t->tls_result;
    switch (code) {
    case CURLE_OK:
        return OK;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_BAD_FUNCTION_ARGUMENT:
        return ERR_INVALID;
    case CURLE_NOT_BUILT_IN:
    case CURLE_UNKNOWN_OPTION:
        return ERR_UNSUPPORTED;
    case CURLE_OUT_OF_MEMORY:
        return ERR_NOMEM;
    case CURLE_OPERATION_TIMEDOUT:
        return ERR_TIMEOUT;
    case CURLE_FILESIZE_EXCEEDED:
        return ERR_TOO_LARGE;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_LOGIN_DENIED:
    case CURLE_USE_SSL_FAILED:
        return ERR_DENIED;
    default:
        return ERR_IO;
    }
}

void curl_url_origin(const char *url, char *to, size_t size)
{
    const char *host = strstr(url, "://"), *at;
    size_t scheme_len, host_len;

    host = host ? host + 3 : url;
    scheme_len = (size_t)(host - url);
    host_len = strcspn(host, "/?#");
    while ((at = memchr(host, '@', host_len)) != NULL) {
        host_len -= (size_t)(at + 1 - host);
        host = at + 1;
    }
    (void)snprintf(to, size, "%.*s%.*s", (int)scheme_len, url, (int)host_len, host);
}

enum err curl_transfer_run(struct curl_transfer *t, const char *url, char *why, size_t why_size)
{
    CURLcode code = t->set != CURLE_OK ? t->set : t->curl->perform(t->handle);
    enum err err = err_of(t, code);
    char origin[256];

    if (err == OK)
        return OK;
    curl_url_origin(url, origin, sizeof origin);
    (void)snprintf(why, why_size, "%s: %s", origin,
                   t->tls_result != OK ? t->tls_error
                   : t->error[0]       ? t->error
                                       : t->curl->strerror(code));
    return err;
}
