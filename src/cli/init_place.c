/* SPDX-License-Identifier: Apache-2.0
 *
 * init_place.c - see init_place.h.
 */
#include "cli/init_place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRECTORY_MODE 0700
#define FILE_MODE      0600

static enum err fail(struct init_place *p, enum err err, const char *format, ...) PRINTF_LIKE(3, 4);

static enum err fail(struct init_place *p, enum err err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(p->message, sizeof p->message, format, args);
    va_end(args);
    return err;
}

static enum err err_of(int number)
{
    return number == EEXIST   ? ERR_EXISTS
           : number == ENOENT ? ERR_NOT_FOUND
           : number == ENOSPC ? ERR_NOSPACE
           : number == EACCES ? ERR_DENIED
                              : ERR_IO;
}

const char *init_place_path(const struct init_place *p, const char *name, char to[PATH_MAX])
{
    const int len = snprintf(to, PATH_MAX, "%s/%s", p->root, name);

    if (len < 0 || len >= PATH_MAX)
        to[0] = '\0'; /* which no call takes */
    return to;
}

static enum err remember(struct init_place *p, const char *path)
{
    char *copy = p->made_count < INIT_MADE_MAX ? strdup(path) : NULL;

    if (!copy)
        return fail(p, ERR_NOMEM, "out of memory");
    p->made[p->made_count++] = copy;
    return OK;
}

/* ---- the directory ---- */

static bool is_empty(const char *path)
{
    DIR *directory = opendir(path);
    bool empty = directory != NULL;

    for (const struct dirent *e; empty && (e = readdir(directory));)
        empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
    if (directory)
        (void)closedir(directory);
    return empty;
}

/* The configuration names files by their whole path, in quotes and in lists. */
static bool is_plain(const char *path)
{
    for (; *path; path++) {
        if ((unsigned char)*path < ' ' || strchr("\"\\,", *path))
            return false;
    }
    return true;
}

enum err init_place_find(struct init_place *p, const char *directory)
{
    *p = (struct init_place){0};
    if (!realpath(directory, p->root))
        return fail(p, err_of(errno), "cannot use %s: %s", directory, strerror(errno));
    return OK;
}

enum err init_place_open(struct init_place *p, const char *directory)
{
    *p = (struct init_place){0};
    const bool made = mkdir(directory, DIRECTORY_MODE) == 0;
    if (!made && errno != EEXIST)
        return fail(p, err_of(errno), "cannot make %s: %s", directory, strerror(errno));
    if (!realpath(directory, p->root))
        return fail(p, err_of(errno), "cannot use %s: %s", directory, strerror(errno));
    if (made && remember(p, p->root) != OK)
        return ERR_NOMEM;
    if (!is_plain(p->root)) {
        init_place_close(p, false);
        return fail(p, ERR_INVALID,
                    "%s has a quote, a comma or the like in its name, which Pulsar's settings cannot carry", directory);
    }
    if (!is_empty(p->root))
        return fail(p, ERR_EXISTS, "%s is there already, and not empty: nothing is written over", directory);
    return OK;
}

void init_place_close(struct init_place *p, bool keep)
{
    while (p->made_count > 0) {
        char *path = p->made[--p->made_count];
        if (!keep && unlink(path) != 0)
            (void)rmdir(path);
        free(path);
    }
}

enum err init_place_directory(struct init_place *p, const char *name)
{
    char path[PATH_MAX];

    if (mkdir(init_place_path(p, name, path), DIRECTORY_MODE) != 0)
        return fail(p, err_of(errno), "cannot make %s/%s: %s", p->root, name, strerror(errno));
    return remember(p, path);
}

/* ---- files ---- */

static bool write_all(int fd, struct bytes bytes)
{
    while (bytes.len > 0) {
        const ssize_t n = write(fd, bytes.data, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes.data += n;
        bytes.len -= (size_t)n;
    }
    return fsync(fd) == 0;
}

static enum err create(struct init_place *p, const char *path, struct bytes bytes)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);

    if (fd < 0)
        return fail(p, err_of(errno), "cannot make %s: %s", path, strerror(errno));
    const bool written = write_all(fd, bytes);
    const int number = errno;
    (void)close(fd);
    if (written)
        return OK;
    (void)unlink(path);
    return fail(p, err_of(number), "cannot write %s: %s", path, strerror(number));
}

enum err init_place_file(struct init_place *p, const char *name, struct bytes bytes)
{
    char path[PATH_MAX];
    const enum err err = create(p, init_place_path(p, name, path), bytes);

    return err == OK ? remember(p, path) : err;
}

enum err init_place_replace(struct init_place *p, const char *name, struct bytes bytes)
{
    char path[PATH_MAX], beside[PATH_MAX + 8];
    enum err err;

    (void)snprintf(beside, sizeof beside, "%s.new", init_place_path(p, name, path));
    (void)unlink(beside); /* of one that was killed */
    if ((err = create(p, beside, bytes)) != OK)
        return err;
    if (rename(beside, path) == 0)
        return OK;
    err = fail(p, err_of(errno), "cannot write %s: %s", path, strerror(errno));
    (void)unlink(beside);
    return err;
}
