/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_auth.c - see admin_auth.h.
 *
 * Parameters are "key:value,key:value" or a JSON object, as Pulsar's clients take them; a token may stand alone.
 */
#include "cli/admin_auth.h"

#include "base/base64.h"
#include "base/text.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_MAX (64u * 1024)

/* "org.apache.pulsar.client.impl.auth.AuthenticationToken" and "token" are one. */
static bool is_plugin(const char *plugin, const char *short_name, const char *class_name)
{
    const char *dot = strrchr(plugin, '.');

    return strcmp(plugin, short_name) == 0 || strcmp(dot ? dot + 1 : plugin, class_name) == 0;
}

/* The value of a parameter, to be freed; NULL: there is none. */
static char *param_get(const char *params, const char *name)
{
    json_t *json = json_loads(params, 0, NULL);
    const size_t name_len = strlen(name);
    char *found = NULL;

    if (json) {
        const char *value = json_string_value(json_object_get(json, name));
        found = value ? strdup(value) : NULL;
        json_decref(json);
        return found;
    }
    for (const char *p = params; *p;) {
        const size_t len = strcspn(p, ",");
        if (len > name_len && strncmp(p, name, name_len) == 0 && p[name_len] == ':')
            return strndup(p + name_len + 1, len - name_len - 1);
        p += len + (p[len] == ',');
    }
    return NULL;
}

/* A file's text without what blank is at its end; NULL: it cannot be read. */
static char *file_text(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = malloc(TOKEN_MAX);
    size_t len = 0;

    if (file && text)
        len = fread(text, 1, TOKEN_MAX - 1, file);
    if (!file || !text || ferror(file)) {
        free(text);
        text = NULL;
    } else {
        text[len] = '\0';
        while (len > 0 && strchr(" \t\r\n", text[len - 1]))
            text[--len] = '\0';
    }
    if (file)
        (void)fclose(file);
    return text;
}

/* "token:TEXT", "file:///PATH", "env:NAME", {"token": "TEXT"}, or the token itself. */
static char *token_get(const char *params)
{
    if (strncmp(params, "token:", 6) == 0)
        return strdup(params + 6);
    if (strncmp(params, "file:", 5) == 0)
        return file_text(strncmp(params + 5, "//", 2) == 0 ? params + 7 : params + 5);
    if (strncmp(params, "env:", 4) == 0) {
        const char *value = getenv(params + 4);
        return value ? strdup(value) : NULL;
    }
    return *params == '{' ? param_get(params, "token") : strdup(params);
}

static char *joined(const char *a, const char *b)
{
    const size_t size = strlen(a) + strlen(b) + 1;
    char *to = malloc(size);

    if (to)
        (void)snprintf(to, size, "%s%s", a, b);
    return to;
}

static enum err token_make(const char *params, char **authorization, char *why, size_t why_size)
{
    char *token = token_get(params);

    if (!token || !*token || strpbrk(token, "\r\n")) {
        free(token);
        (void)snprintf(why, why_size, "--auth-params has no token that can be read: token:TEXT or file:///PATH");
        return ERR_INVALID;
    }
    *authorization = joined("Bearer ", token);
    free(token);
    return *authorization ? OK : ERR_NOMEM;
}

static enum err basic_make(const char *params, char **authorization, char *why, size_t why_size)
{
    char *user = param_get(params, "userId"), *password = param_get(params, "password");
    enum err err = user && password ? OK : ERR_INVALID;

    if (err == OK) {
        struct text both, header;
        text_init(&both, TOKEN_MAX);
        text_init(&header, 2 * TOKEN_MAX);
        text_printf(&both, "%s:%s", user, password);
        text_add(&header, "Basic ");
        base64_encode(&header, bytes_of(both.data, both.len));
        *authorization = text_failed(&both) || text_failed(&header) ? NULL : text_take(&header);
        err = *authorization ? OK : ERR_NOMEM;
        text_deinit(&both);
        text_deinit(&header);
    }
    free(user);
    free(password);
    if (err != OK)
        (void)snprintf(why, why_size, "--auth-params has to be userId:NAME,password:TEXT");
    return err;
}

static enum err tls_make(const char *params, char **certificate, char **key, char *why, size_t why_size)
{
    *certificate = param_get(params, "tlsCertFile");
    *key = param_get(params, "tlsKeyFile");
    if (*certificate && *key)
        return OK;
    (void)snprintf(why, why_size, "--auth-params has to be tlsCertFile:PATH,tlsKeyFile:PATH");
    return ERR_INVALID;
}

enum err admin_auth_make(const char *plugin, const char *params, char **authorization, char **certificate, char **key,
                         char *why, size_t why_size)
{
    if (!plugin || !*plugin)
        return OK;
    if (!params)
        params = "";
    if (is_plugin(plugin, "token", "AuthenticationToken"))
        return token_make(params, authorization, why, why_size);
    if (is_plugin(plugin, "basic", "AuthenticationBasic"))
        return basic_make(params, authorization, why, why_size);
    if (is_plugin(plugin, "tls", "AuthenticationTls"))
        return tls_make(params, certificate, key, why, why_size);
    (void)snprintf(why, why_size, "`%s` is no way of authentication that is known here: token, basic, tls", plugin);
    return ERR_INVALID;
}
