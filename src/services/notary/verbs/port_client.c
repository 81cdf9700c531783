/* SPDX-License-Identifier: Apache-2.0
 *
 * port_client.c - flags, one request, its answer or the reason that it gives.
 */
#include "services/notary/verbs/port_client.h"

#include "services/notary/files.h"
#include "services/notary/verbs/notary_verbs.h"
#include "services/notary/visible.h"
#include "services/runtime/http.h"
#include <stdio.h>
#include <stdlib.h>

#define AT(member)    .offset = offsetof(struct port_flags, member)
#define TIMEOUT_MS    45000 /* the longest ?wait= and some more */
#define ANSWER_MAX    (64u << 20)
#define TOKEN_MAX     (64u << 10)
#define URL_MAX       4096
#define COMPLAINT_MAX 800

static const char *const outputs[] = {"table", "json", NULL};

static const struct option rows[] = {
    {.key = "port.url",
     .env = "GEMINGA_NOTARY_URL",
     .flag = "--url",
     .type = OPTION_TEXT,
     .fallback = "http://localhost:8081",
     AT(url),
     .text = "Where the notary's HTTP port is."},
    {.key = "port.token",
     .env = "GEMINGA_NOTARY_TOKEN",
     .flag = "--token",
     .type = OPTION_TEXT,
     .secret = true,
     AT(token),
     .text = "Who we are: a token, or file:///PATH."},
    {.key = "port.certificate",
     .env = "GEMINGA_NOTARY_CERT",
     .flag = "--cert",
     .type = OPTION_TEXT,
     AT(certificate),
     .text = "Who we are: a client certificate (PEM)."},
    {.key = "port.key",
     .env = "GEMINGA_NOTARY_KEY",
     .flag = "--key",
     .type = OPTION_TEXT,
     AT(key),
     .text = "Its private key (PEM)."},
    {.key = "port.trust",
     .env = "GEMINGA_NOTARY_CA_CERT",
     .flag = "--ca-cert",
     .type = OPTION_TEXT,
     AT(trust_certs),
     .text = "Whose server certificates we believe (PEM); by default the system's."},
    {.key = "port.output",
     .flag = "-o|--output",
     .type = OPTION_CHOICE,
     .fallback = "table",
     .choices = outputs,
     AT(output),
     .text = "What is printed."},
};
const struct option_table port_options = OPTION_TABLE(rows);

/* ---- flags ---- */

static const char *environment(const char *name, void *ctx)
{
    return getenv(name);
}

static enum err flags_fill(struct options *sets, const struct option_table *const *tables, void *const *values,
                           size_t count, int *argc, char **argv, char *message, size_t size)
{
    enum err err = OK;

    snprintf(message, size, "out of memory");
    for (size_t i = 0; i < count && err == OK; i++) {
        err = options_init(&sets[i], tables[i]->rows, tables[i]->count, values[i]);
        if (i > 0)
            sets[i - 1].next = &sets[i];
    }
    if (err == OK)
        err = options_env(sets, environment, NULL, message, size);
    if (err == OK)
        err = options_flags(sets, argc, argv, message, size);
    return err;
}

int port_flags_read(const char *name, struct options *sets, const struct option_table *const *tables,
                    void *const *values, size_t count, int words, int *argc, char **argv)
{
    char message[600];

    if (flags_fill(sets, tables, values, count, argc, argv, message, sizeof message) != OK)
        return notary_verb_misused(name, "%s", message);
    for (int i = 0; i < *argc; i++)
        if (argv[i][0] == '-' && argv[i][1])
            return notary_verb_misused(name, "there is no option %s", argv[i]);
    if (*argc != words)
        return notary_verb_misused(name, *argc > words ? "what is %s?" : "something is missing%s",
                                   *argc > words ? argv[words] : "");
    return NOTARY_EXIT_OK;
}

void port_flags_help(const struct option_table *const *tables, size_t count, struct text *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct options set = {.table = tables[i]->rows, .count = tables[i]->count};
        options_help(&set, out);
    }
}

void port_flags_deinit(struct options *sets, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (sets[i].table)
            options_deinit(&sets[i]);
}

bool port_wants_json(const struct port_flags *f)
{
    return strcmp(f->output, "json") == 0;
}

bool port_shows(const struct port_flags *f, json_t *json)
{
    if (port_wants_json(f) || visible_json(json))
        return true;
    notary_complain("out of memory");
    return false;
}

/* ---- paths ---- */

void port_escape(const char *value, struct text *out)
{
    static const char plain[] = "-._~";

    for (const char *p = value; *p; p++) {
        const bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9');
        if (letter || strchr(plain, *p))
            text_add_bytes(out, bytes_of(p, 1));
        else
            text_printf(out, "%%%02X", (unsigned)(unsigned char)*p);
    }
}

void port_workflow_path(const char *event_id, struct text *out)
{
    text_add(out, "/v1/workflows/");
    port_escape(event_id, out);
}

/* ---- one request ---- */

/* "Authorization: Bearer TOKEN", or nothing.  False, said. */
static bool add_token(const struct port_flags *f, struct text *header)
{
    static const char file[] = "file://";
    const size_t begin = sizeof "Authorization: Bearer " - 1;

    if (!f->token || !*f->token)
        return true;
    text_add(header, "Authorization: Bearer ");
    if (strncmp(f->token, file, sizeof file - 1) != 0)
        text_add(header, f->token);
    else if (!notary_read_named(f->token + sizeof file - 1, header))
        return false;
    while (!text_failed(header) && header->len > begin && (unsigned char)header->data[header->len - 1] <= ' ')
        header->data[--header->len] = '\0'; /* a file's last line ends */
    return !text_failed(header);
}

static enum err err_of_status(long status)
{
    switch (status) {
    case 400:
        return ERR_INVALID;
    case 401:
    case 403:
        return ERR_DENIED;
    case 404:
        return ERR_NOT_FOUND;
    case 409:
        return ERR_CLOSED;
    default:
        return ERR_AGAIN;
    }
}

/* {"reason": ..., "outcome": ...} */
static void complain_of(long status, const struct text *body)
{
    json_t *json = json_loadb(body->data ? body->data : "", body->len, 0, NULL);
    const char *reason = json_string_value(json_object_get(json, "reason"));
    const char *outcome = json_string_value(json_object_get(json, "outcome"));

    notary_complain("%s%s%s (%ld)", reason ? reason : "the notary gives no reason", outcome ? ": " : "",
                    outcome ? outcome : "", status);
    json_decref(json);
}

static enum err perform(const struct port_flags *f, const struct http_call *call, long *status, struct text *answer)
{
    struct http_reply reply;
    char why[COMPLAINT_MAX];
    enum err err = http_perform(call, &reply, why, sizeof why);

    if (err != OK) {
        notary_complain("%s", why);
        if (err == ERR_IO)
            notary_complain("is a notary serving HTTP at %s (notary.http.enabled = true)?  --url says where", f->url);
    } else if (reply.status < 200 || reply.status > 299) {
        complain_of(reply.status, &reply.body);
        err = err_of_status(reply.status);
    } else {
        *status = reply.status;
        text_add_bytes(answer, bytes_of(reply.body.data, reply.body.len));
        if (text_failed(answer))
            err = ERR_NOMEM;
    }
    http_reply_deinit(&reply);
    return err;
}

enum err port_ask(const struct port_flags *f, const char *method, const char *path, const char *body, long *status,
                  struct text *answer)
{
    struct text url, token;
    enum err err = ERR_INVALID;

    text_init(&url, URL_MAX);
    text_init(&token, TOKEN_MAX);
    text_printf(&url, "%.*s%s", (int)(strlen(f->url) - (f->url[0] && f->url[strlen(f->url) - 1] == '/')), f->url, path);
    if (!text_failed(&url) && add_token(f, &token)) {
        const char *const headers[] = {"Accept: application/json", "Content-Type: application/json", token.data, NULL};
        const struct http_call call = {.method = method,
                                       .url = url.data,
                                       .headers = headers,
                                       .body = bytes_of_text(body ? body : ""),
                                       .timeout_ms = TIMEOUT_MS,
                                       .answer_max = ANSWER_MAX,
                                       .trust_certs = f->trust_certs,
                                       .certificate = f->certificate,
                                       .key = f->key};
        err = perform(f, &call, status, answer);
    }
    text_deinit(&url);
    text_deinit(&token);
    return err;
}

json_t *port_get(const struct port_flags *f, const char *path)
{
    struct text answer;
    json_t *json = NULL;
    long status;

    text_init(&answer, ANSWER_MAX);
    if (port_ask(f, "GET", path, NULL, &status, &answer) == OK &&
        !(json = json_loadb(answer.data ? answer.data : "", answer.len, JSON_ALLOW_NUL, NULL)))
        notary_complain("what answers at %s is not a notary: it sends no JSON", f->url);
    text_deinit(&answer);
    return json;
}
