/* SPDX-License-Identifier: Apache-2.0
 *
 * auth_params.c - see auth_params.h.
 */
#include "security/auth_params.h"

#include "base/secret.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define CLASS(name) "org.apache.pulsar.client.impl.auth." name

/* ---- parameters ---- */

static char *text_copy(const char *text, size_t len)
{
    char *copy = malloc(len + 1);

    if (copy) {
        memcpy(copy, text, len);
        copy[len] = '\0';
    }
    return copy;
}

/* Empties the strings of what was parsed: jansson frees them as they are. */
static void json_wipe(json_t *json)
{
    const char *key;
    json_t *value;

    json_object_foreach (json, key, value) {
        if (json_is_string(value))
            secret_wipe((void *)(uintptr_t)json_string_value(value), json_string_length(value));
    }
    json_decref(json);
}

static char *json_param(const char *params, const char *name)
{
    json_t *json = json_loads(params, JSON_REJECT_DUPLICATES, NULL);
    const char *value = json_string_value(json_object_get(json, name));
    char *found = value ? strdup(value) : NULL;

    json_wipe(json);
    return found;
}

/* The value of a parameter, the caller's to secret_free(); NULL: there is none (or no memory). */
static char *param_get(const char *params, const char *name)
{
    const size_t name_len = strlen(name);

    if (*params == '{')
        return json_param(params, name);
    for (const char *p = params; *p;) {
        const size_t len = strcspn(p, ",");
        if (len > name_len && strncmp(p, name, name_len) == 0 && p[name_len] == ':')
            return text_copy(p + name_len + 1, len - name_len - 1);
        p += len + (p[len] == ',');
    }
    return NULL;
}

/* Whether each piece of the list has a key: otherwise somebody's value has a comma in it, and would be cut there. */
static bool is_list(const char *params)
{
    for (const char *p = params; *p;) {
        const size_t len = strcspn(p, ",");
        if (!memchr(p, ':', len))
            return false;
        p += len + (p[len] == ',');
    }
    return true;
}

/* ---- the ways ---- */

/* Takes `secret` over. */
static enum err made(struct auth_params *to, enum auth_kind kind, const char *method, char *secret)
{
    *to = (struct auth_params){.kind = kind, .method = strdup(method), .secret = secret};
    if (to->method && to->secret)
        return OK;
    auth_params_deinit(to);
    return ERR_NOMEM;
}

static enum err token_made(struct auth_params *to, enum auth_kind kind, const char *text)
{
    return *text ? made(to, kind, "token", strdup(text)) : ERR_INVALID;
}

enum err auth_params_token(struct auth_params *to, const char *token)
{
    return token_made(to, AUTH_TOKEN, token);
}

enum err auth_params_basic(struct auth_params *to, const char *name, const char *password)
{
    const size_t size = strlen(name) + strlen(password) + 2;
    char *both;

    if (!*name || strchr(name, ':') || size > AUTH_PROOF_MAX)
        return ERR_INVALID;
    if (!(both = malloc(size)))
        return ERR_NOMEM;
    (void)snprintf(both, size, "%s:%s", name, password);
    return made(to, AUTH_BASIC, "basic", both);
}

enum err auth_params_certificate(struct auth_params *to, const char *certificate, const char *key)
{
    if (!*certificate || !*key)
        return ERR_INVALID;
    *to = (struct auth_params){.kind = AUTH_CERTIFICATE,
                               .method = strdup("tls"),
                               .certificate = strdup(certificate),
                               .key = strdup(key)};
    if (to->method && to->certificate && to->key)
        return OK;
    auth_params_deinit(to);
    return ERR_NOMEM;
}

/* ---- plug-ins ---- */

static enum err token_read(struct auth_params *to, const char *params)
{
    char *token;
    enum err err;

    if (strncmp(params, "token:", 6) == 0)
        return token_made(to, AUTH_TOKEN, params + 6);
    if (strncmp(params, "file:", 5) == 0)
        return token_made(to, AUTH_TOKEN_FILE, strncmp(params + 5, "//", 2) == 0 ? params + 7 : params + 5);
    if (strncmp(params, "env:", 4) == 0)
        return token_made(to, AUTH_TOKEN_VARIABLE, params + 4);
    if (*params != '{')
        return token_made(to, AUTH_TOKEN, params);
    token = param_get(params, "token");
    err = token ? token_made(to, AUTH_TOKEN, token) : ERR_INVALID;
    secret_free(token);
    return err;
}

/* "NAME:PASSWORD": what Pulsar's clients send, too. */
static enum err basic_pair_read(struct auth_params *to, const char *params)
{
    const char *colon = strchr(params, ':');
    char *name = colon ? text_copy(params, (size_t)(colon - params)) : NULL;
    enum err err = name ? auth_params_basic(to, name, colon + 1) : colon ? ERR_NOMEM : ERR_INVALID;

    free(name);
    return err;
}

static bool has_basic_key(const char *params)
{
    static const char *const keys[] = {"userId:", "username:", "password:"};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strncmp(params, keys[i], strlen(keys[i])) == 0)
            return true;
    return *params == '{';
}

static enum err basic_read(struct auth_params *to, const char *params)
{
    char *name, *password, *method;
    enum err err;

    if (!has_basic_key(params))
        return basic_pair_read(to, params);
    if (*params != '{' && !is_list(params))
        return ERR_INVALID;
    name = param_get(params, "userId");
    if (!name)
        name = param_get(params, "username");
    password = param_get(params, "password");
    err = name && password ? auth_params_basic(to, name, password) : ERR_INVALID;
    /* Pulsar's C++ client lets a server's plug-in have another name. */
    if (err == OK && (method = param_get(params, "method"))) {
        free(to->method);
        to->method = method;
    }
    free(name);
    secret_free(password);
    return err;
}

static enum err certificate_read(struct auth_params *to, const char *params)
{
    char *certificate = param_get(params, "tlsCertFile"), *key = param_get(params, "tlsKeyFile");
    enum err err = certificate && key ? auth_params_certificate(to, certificate, key) : ERR_INVALID;

    free(certificate);
    free(key);
    return err;
}

/* No authentication, said aloud. */
static enum err none_read(struct auth_params *to, const char *params)
{
    *to = (struct auth_params){0};
    return OK;
}

struct plugin {
    const char *name, *class_name;
    enum err (*read)(struct auth_params *to, const char *params); /* NULL: it is not built */
    const char *text; /* what its parameters have to be, or what it is */
};

static const struct plugin plugins[] = {
    {"token", CLASS("AuthenticationToken"), token_read, "token:TEXT, file:///PATH or env:NAME"},
    {"basic", CLASS("AuthenticationBasic"), basic_read,
     "userId:NAME,password:TEXT, or {\"userId\": \"NAME\", \"password\": \"TEXT\"}, which a password with a comma needs"},
    {"tls", CLASS("AuthenticationTls"), certificate_read, "tlsCertFile:PATH,tlsKeyFile:PATH"},
    {"none", CLASS("AuthenticationDisabled"), none_read, ""},
    {"athenz", CLASS("AuthenticationAthenz"), NULL, "Athenz"},
    {"oauth2token", CLASS("oauth2.AuthenticationOAuth2"), NULL, "OAuth 2.0"},
    {"sasl", CLASS("AuthenticationSasl"), NULL, "SASL"},
    {"keystore", CLASS("AuthenticationKeyStoreTls"), NULL, "keys in a Java key store"},
};

static const struct plugin *plugin_find(const char *name)
{
    for (size_t i = 0; i < sizeof plugins / sizeof *plugins; i++)
        if (strcasecmp(name, plugins[i].name) == 0 || strcasecmp(name, plugins[i].class_name) == 0)
            return &plugins[i];
    return NULL;
}

enum err auth_params_read(struct auth_params *to, const char *plugin, const char *params, char *why, size_t why_size)
{
    const struct plugin *found;
    enum err err;

    if (!plugin || !*plugin)
        return none_read(to, params);
    found = plugin_find(plugin);
    if (!found || !found->read) {
        (void)snprintf(why, why_size, "`%.200s`%s%s is no way of authentication that is built here: token, basic, tls",
                       plugin, found ? ", " : "", found ? found->text : "");
        return ERR_UNSUPPORTED;
    }
    err = found->read(to, params ? params : "");
    if (err == ERR_INVALID)
        (void)snprintf(why, why_size, "the parameters of `%s` have to be %s", found->name, found->text);
    else if (err != OK)
        (void)snprintf(why, why_size, "%s", err_text(err));
    return err;
}

/* ---- life ---- */

static bool text_of(char **to, const char *from)
{
    *to = from ? strdup(from) : NULL;
    return *to || !from;
}

enum err auth_params_copy(struct auth_params *to, const struct auth_params *from)
{
    *to = (struct auth_params){.kind = from->kind};
    if (text_of(&to->method, from->method) && text_of(&to->secret, from->secret) &&
        text_of(&to->certificate, from->certificate) && text_of(&to->key, from->key))
        return OK;
    auth_params_deinit(to);
    return ERR_NOMEM;
}

void auth_params_deinit(struct auth_params *p)
{
    secret_free(p->secret);
    free(p->method);
    free(p->certificate);
    free(p->key);
    *p = (struct auth_params){0};
}

/* ---- the proof ---- */

/* A regular file's bytes and a NUL; a pipe would make us wait. */
static enum err file_read(const char *path, char *to, size_t size)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    size_t len = 0;
    ssize_t n = 1;

    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : errno == EACCES ? ERR_DENIED : ERR_IO;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        n = -1;
    while (n > 0 && len < size && (n = read(fd, to + len, size - len)) > 0)
        len += (size_t)n;
    (void)close(fd);
    if (n < 0)
        return ERR_IO;
    if (len == size)
        return ERR_TOO_LARGE;
    to[len] = '\0';
    return OK;
}

/* Without what is blank at its ends; NULL: that is no token. */
static char *token_trimmed(const char *text)
{
    static const char blank[] = " \t\r\n";
    size_t len;

    text += strspn(text, blank);
    len = strlen(text);
    while (len > 0 && strchr(blank, text[len - 1]))
        len--;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f) /* it would end a line of HTTP */
            return NULL;
    return len > 0 ? text_copy(text, len) : NULL;
}

static enum err token_proof(const char *text, char **proof, const char **why)
{
    *why = "that is no token: empty, or with spaces or control characters in it";
    *proof = token_trimmed(text);
    return *proof ? OK : ERR_INVALID;
}

static enum err file_proof(const char *path, char **proof, const char **why)
{
    char *text = malloc(AUTH_PROOF_MAX);
    enum err err = text ? file_read(path, text, AUTH_PROOF_MAX) : ERR_NOMEM;

    *why = err == ERR_TOO_LARGE ? "the token's file is too large" : "the token's file cannot be read";
    if (err == OK)
        err = token_proof(text, proof, why);
    if (text)
        secret_wipe(text, AUTH_PROOF_MAX);
    free(text);
    return err;
}

enum err auth_params_proof(const struct auth_params *p, char **proof, const char **why)
{
    const char *value;

    *proof = NULL;
    *why = "";
    switch (p->kind) {
    case AUTH_TOKEN:
        return token_proof(p->secret, proof, why);
    case AUTH_TOKEN_FILE:
        return file_proof(p->secret, proof, why);
    case AUTH_TOKEN_VARIABLE:
        *why = "the variable that should hold the token is not set";
        value = getenv(p->secret);
        return value ? token_proof(value, proof, why) : ERR_NOT_FOUND;
    case AUTH_BASIC:
        *why = "no memory";
        return text_of(proof, p->secret) ? OK : ERR_NOMEM;
    case AUTH_CERTIFICATE:
    case AUTH_NONE:
        break;
    }
    return OK;
}
