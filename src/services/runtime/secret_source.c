/* SPDX-License-Identifier: Apache-2.0
 *
 * secret_source.c - read unbuffered, so that no copy of a secret stays behind in stdio's memory.
 */
#include "services/runtime/secret_source.h"

#include "base/secret.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define FILE_PREFIX "file://"
#define ENV_PREFIX  "env:"

/* A copy without the white space around it; NULL: no memory. */
static char *trimmed(const char *text, size_t len)
{
    while (len > 0 && isspace((unsigned char)text[len - 1]))
        len--;
    while (len > 0 && isspace((unsigned char)*text))
        text++, len--;
    return strndup(text, len);
}

static enum err read_file(const char *path, char *to, size_t size, size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = 1;

    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    for (*len = 0; n > 0 && *len<size; *len += n> 0 ? (size_t)n : 0)
        n = read(fd, to + *len, size - *len);
    close(fd);
    return n < 0 ? ERR_IO : *len == size ? ERR_TOO_LARGE : OK;
}

static enum err from_file(const char *path, const char *what, char **out, char *why, size_t why_size)
{
    char *content = malloc(SECRET_SOURCE_MAX + 1);
    size_t len = 0;
    enum err err;

    if (!content)
        return ERR_NOMEM;
    err = read_file(path, content, SECRET_SOURCE_MAX + 1, &len);
    if (err == OK && !(*out = trimmed(content, len)))
        err = ERR_NOMEM;
    else if (err == ERR_TOO_LARGE)
        snprintf(why, why_size, "%s: %s is longer than %u bytes", what, path, SECRET_SOURCE_MAX);
    else if (err != OK)
        snprintf(why, why_size, "%s: cannot read %s: %s", what, path, strerror(errno));
    secret_wipe(content, SECRET_SOURCE_MAX + 1);
    free(content);
    return err;
}

static enum err from_text(const char *text, char **out)
{
    *out = trimmed(text, strlen(text));
    return *out ? OK : ERR_NOMEM;
}

static enum err from_variable(const char *name, const char *what, char **out, char *why, size_t why_size)
{
    const char *value = getenv(name);

    if (value)
        return from_text(value, out);
    snprintf(why, why_size, "%s: there is no variable %s", what, name);
    return ERR_NOT_FOUND;
}

enum err secret_source_read(const char *source, const char *what, char **out, char *why, size_t why_size)
{
    char *secret = NULL;
    enum err err;

    snprintf(why, why_size, "%s: out of memory", what);
    if (strncmp(source, FILE_PREFIX, sizeof FILE_PREFIX - 1) == 0)
        err = from_file(source + sizeof FILE_PREFIX - 1, what, &secret, why, why_size);
    else if (strncmp(source, ENV_PREFIX, sizeof ENV_PREFIX - 1) == 0)
        err = from_variable(source + sizeof ENV_PREFIX - 1, what, &secret, why, why_size);
    else
        err = from_text(source, &secret);
    if (err == OK && !*secret) {
        snprintf(why, why_size, "%s is empty", what);
        secret_free(secret);
        return ERR_NOT_FOUND;
    }
    if (err == OK)
        *out = secret;
    return err;
}
