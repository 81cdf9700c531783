/* SPDX-License-Identifier: Apache-2.0
 *
 * vault.c - one request, and one more after a fresh login when the token is not taken.
 */
#include "services/notary/signers/vault.h"

#include "base/secret.h"
#include "base/text.h"
#include "services/runtime/http.h"
#include "services/runtime/secret_source.h"
#include <assert.h>
#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#define ANSWER_MAX  (1u << 20)
#define URL_MAX     2048
#define REASON_MAX  200 /* of Vault's own words */
#define HEADERS_MAX 5

struct vault {
    const struct signer_settings *s;
    char address[512]; /* without a slash at the end */
    pthread_mutex_t lock;
    char *token; /* of a login, under the lock; NULL: not logged in */
    struct http_connections *connections;
};

/* ---- opening ---- */

/* A mount or a key's name, as part of a path. */
static bool is_path(const char *text)
{
    if (!text_given(text) || strstr(text, "..") || text[0] == '/' || strlen(text) > 256)
        return false;
    for (const char *c = text; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("_-./", *c))
            return false;
    return true;
}

static enum err check_settings(const struct signer_settings *s, char *why, size_t size)
{
    bool by_token = strcmp(s->vault_auth, "token") == 0;

    if (strncmp(s->vault_address, "https://", 8) != 0 && strncmp(s->vault_address, "http://", 7) != 0)
        return err_because(ERR_INVALID, why, size, "notary.signer.vault.address must begin with https:// or http://");
    if (!is_path(s->vault_mount) || !is_path(s->vault_key))
        return err_because(ERR_INVALID, why, size,
                           "notary.signer.vault.mount and .key are letters, digits and _ - . /");
    if (text_given(s->vault_auth_mount) && !is_path(s->vault_auth_mount))
        return err_because(ERR_INVALID, why, size, "notary.signer.vault.auth_mount is letters, digits and _ - . /");
    if (by_token && !text_given(s->vault_token))
        return err_because(ERR_INVALID, why, size, "Vault needs a token: VAULT_TOKEN, or notary.signer.vault.token");
    if (!by_token && !text_given(s->vault_role))
        return err_because(ERR_INVALID, why, size, "logging in to Vault needs notary.signer.vault.role");
    if (strcmp(s->vault_auth, "approle") == 0 && !text_given(s->vault_secret))
        return err_because(ERR_INVALID, why, size, "AppRole needs notary.signer.vault.secret");
    return OK;
}

enum err vault_new(struct vault **out, const struct signer_settings *settings, char *why, size_t why_size)
{
    enum err err = check_settings(settings, why, why_size);
    struct vault *v;
    size_t len;

    if (err != OK)
        return err;
    len = strlen(settings->vault_address);
    while (len > 0 && settings->vault_address[len - 1] == '/')
        len--;
    if (len >= sizeof v->address)
        return err_because(ERR_INVALID, why, why_size, "notary.signer.vault.address is too long");
    if (!(v = calloc(1, sizeof *v)) || http_connections_new(&v->connections) != OK) {
        free(v);
        return err_because(ERR_NOMEM, why, why_size, "out of memory");
    }
    v->s = settings;
    memcpy(v->address, settings->vault_address, len);
    pthread_mutex_init(&v->lock, NULL);
    *out = v;
    return OK;
}

void vault_free(struct vault *v)
{
    if (!v)
        return;
    http_connections_free(v->connections);
    pthread_mutex_destroy(&v->lock);
    secret_free(v->token);
    free(v);
}

/* ---- what an answer means ---- */

/* Vault's own words, made fit for a log line; "" without any. */
static void reason_of(const json_t *answer, char to[REASON_MAX])
{
    const char *text = json_string_value(json_array_get(json_object_get(answer, "errors"), 0));
    size_t len = text ? strnlen(text, REASON_MAX - 3) : 0;

    to[0] = '\0';
    if (len == 0)
        return;
    snprintf(to, REASON_MAX, ": %.*s", (int)len, text);
    for (char *c = to; *c; c++)
        if ((unsigned char)*c < 0x20)
            *c = ' ';
}

static enum err judge(const struct vault *v, const char *path, long status, const json_t *answer, char *why,
                      size_t size)
{
    char reason[REASON_MAX];

    reason_of(answer, reason);
    switch (status) {
    case 200:
    case 204:
        return OK;
    case 400:
    case 405:
        return err_because(ERR_INVALID, why, size, "Vault at %s refuses %s%s", v->address, path, reason);
    case 404:
        return err_because(ERR_INVALID, why, size,
                           "Vault at %s has nothing at %s (the mount, the key's name, the namespace)%s", v->address,
                           path, reason);
    case 403:
        return err_because(ERR_DENIED, why, size, "Vault at %s denies %s (the token, or its policy)%s", v->address,
                           path, reason);
    case 307:
        return err_because(ERR_AGAIN, why, size, "Vault at %s is a standby that does not forward", v->address);
    case 429:
        return err_because(ERR_AGAIN, why, size, "Vault at %s has too many requests%s", v->address, reason);
    case 503:
        return err_because(ERR_AGAIN, why, size, "Vault at %s is sealed or starting%s", v->address, reason);
    case 412:
    case 472:
    case 473:
    case 500:
    case 502:
    case 504:
        return err_because(ERR_AGAIN, why, size, "Vault at %s cannot answer now (status %ld)%s", v->address, status,
                           reason);
    default:
        return err_because(ERR_IO, why, size, "Vault at %s answers %s with status %ld%s", v->address, path, status,
                           reason);
    }
}

/* ---- one exchange ---- */

/* Parses the answer where it is JSON; an answer of success must be. */
static enum err take_answer(const struct vault *v, const char *path, struct http_reply *reply, json_t **answer,
                            char *why, size_t size)
{
    enum err err;

    *answer = reply->body.len ? json_loadb(reply->body.data, reply->body.len, JSON_REJECT_DUPLICATES, NULL) : NULL;
    err = judge(v, path, reply->status, *answer, why, size);
    if (err == OK && !json_is_object(*answer))
        err = err_because(ERR_IO, why, size, "Vault at %s answers %s with something that is no JSON object", v->address,
                          path);
    if (reply->body.data)
        secret_wipe(reply->body.data, reply->body.len); /* a login's has a token */
    if (err == OK)
        return OK;
    json_decref(*answer);
    *answer = NULL;
    return err;
}

static enum err exchange(const struct vault *v, const char *path, const char *token, const char *body,
                         const struct deadline *deadline, json_t **answer, char *why, size_t size)
{
    char url[URL_MAX], namespace[300], *token_line = NULL;
    const char *headers[HEADERS_MAX] = {"X-Vault-Request: true"};
    size_t n = 1;
    struct http_reply reply = {0};
    const int64_t left = deadline_left(deadline);
    enum err err;

    if (left == 0)
        return err_because(ERR_TIMEOUT, why, size, "Vault at %s took too long", v->address);
    snprintf(url, sizeof url, "%s/v1/%s", v->address, path);
    if (body)
        headers[n++] = "Content-Type: application/json";
    if (text_given(v->s->vault_namespace)) {
        snprintf(namespace, sizeof namespace, "X-Vault-Namespace: %s", v->s->vault_namespace);
        headers[n++] = namespace;
    }
    if (token && asprintf(&token_line, "X-Vault-Token: %s", token) < 0)
        return err_because(ERR_NOMEM, why, size, "out of memory");
    if (token)
        headers[n++] = token_line;
    assert(n < HEADERS_MAX);
    err = http_perform(&(struct http_call){.method = body ? "POST" : "GET",
                                           .url = url,
                                           .headers = headers,
                                           .body = body ? bytes_of_text(body) : bytes_of(NULL, 0),
                                           .timeout_ms = left,
                                           .connections = v->connections,
                                           .answer_max = ANSWER_MAX,
                                           .trust_certs = v->s->vault_trust_certs,
                                           .certificate = v->s->vault_certificate,
                                           .key = v->s->vault_certificate_key},
                       &reply, why, size);
    secret_free(token_line);
    if (err == OK)
        err = take_answer(v, path, &reply, answer, why, size);
    else if (err == ERR_TOO_LARGE)
        err = ERR_IO;
    http_reply_deinit(&reply);
    return err;
}

/* ---- tokens ---- */

/* The body of a login; NULL when memory is short or a secret cannot be read (`why` says so). */
static enum err login_body(const struct vault *v, json_t **out, char *why, size_t size)
{
    bool approle = strcmp(v->s->vault_auth, "approle") == 0;
    char *secret;
    enum err err = approle ? secret_source_read(v->s->vault_secret, "AppRole's secret id", &secret, why, size)
                           : secret_source_read(v->s->vault_jwt, "the service account's token", &secret, why, size);

    if (err != OK)
        return err;
    *out = approle ? json_pack("{s:s, s:s}", "role_id", v->s->vault_role, "secret_id", secret)
                   : json_pack("{s:s, s:s}", "role", v->s->vault_role, "jwt", secret);
    secret_free(secret);
    return *out ? OK : err_because(ERR_NOMEM, why, size, "out of memory");
}

static char *dump(json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);

    json_decref(json);
    return text;
}

static enum err login(struct vault *v, const struct deadline *deadline, char **token, char *why, size_t size)
{
    const char *mount = text_given(v->s->vault_auth_mount) ? v->s->vault_auth_mount : v->s->vault_auth;
    char path[400], *text;
    const char *client_token;
    json_t *body, *answer;
    enum err err = login_body(v, &body, why, size);

    if (err != OK)
        return err;
    snprintf(path, sizeof path, "auth/%s/login", mount);
    if (!(text = dump(body)))
        return err_because(ERR_NOMEM, why, size, "out of memory");
    err = exchange(v, path, NULL, text, deadline, &answer, why, size);
    secret_free(text);
    if (err == ERR_INVALID) /* 400: a wrong role or secret id */
        return ERR_DENIED;
    if (err != OK)
        return err;
    client_token = json_string_value(json_object_get(json_object_get(answer, "auth"), "client_token"));
    if (!client_token)
        err = err_because(ERR_IO, why, size, "Vault at %s answers a login without a token", v->address);
    else if (!(*token = strdup(client_token)))
        err = err_because(ERR_NOMEM, why, size, "out of memory");
    json_decref(answer);
    return err;
}

/* The token to show now, the caller's to secret_free. */
static enum err token_take(struct vault *v, const struct deadline *deadline, char **token, char *why, size_t size)
{
    enum err err;

    if (strcmp(v->s->vault_auth, "token") == 0)
        return secret_source_read(v->s->vault_token, "Vault's token", token, why, size);
    pthread_mutex_lock(&v->lock);
    *token = v->token ? strdup(v->token) : NULL;
    pthread_mutex_unlock(&v->lock);
    if (*token)
        return OK;
    if ((err = login(v, deadline, token, why, size)) != OK)
        return err;
    pthread_mutex_lock(&v->lock);
    secret_free(v->token);
    v->token = strdup(*token);
    pthread_mutex_unlock(&v->lock);
    return OK;
}

/* True when another login may help: the token was one, and is forgotten now unless somebody has a newer one. */
static bool token_forget(struct vault *v, const char *token)
{
    if (strcmp(v->s->vault_auth, "token") == 0)
        return false;
    pthread_mutex_lock(&v->lock);
    if (v->token && strcmp(v->token, token) == 0) {
        secret_free(v->token);
        v->token = NULL;
    }
    pthread_mutex_unlock(&v->lock);
    return true;
}

static enum err request_once(struct vault *v, const char *path, const char *body, const struct deadline *deadline,
                             json_t **answer, bool *again, char *why, size_t size)
{
    char *token;
    enum err err = token_take(v, deadline, &token, why, size);

    *again = false;
    if (err != OK)
        return err == ERR_NOT_FOUND ? ERR_DENIED : err;
    err = exchange(v, path, token, body, deadline, answer, why, size);
    if (err == ERR_DENIED)
        *again = token_forget(v, token);
    secret_free(token);
    return err;
}

enum err vault_request(struct vault *v, const char *path, json_t *body, const struct deadline *deadline,
                       json_t **answer, char *why, size_t why_size)
{
    char *text = body ? dump(body) : NULL;
    bool again;
    enum err err;

    if (body && !text)
        return err_because(ERR_NOMEM, why, why_size, "out of memory");
    err = request_once(v, path, text, deadline, answer, &again, why, why_size);
    if (err == ERR_DENIED && again)
        err = request_once(v, path, text, deadline, answer, &again, why, why_size);
    free(text);
    return err;
}
