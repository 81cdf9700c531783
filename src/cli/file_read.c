/* SPDX-License-Identifier: Apache-2.0
 *
 * file_read.c - a whole file; declared in cli.h.
 */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static enum err all_read(int fd, size_t max, struct bytes *out)
{
    char *data = malloc(max + 1);
    size_t len = 0;
    ssize_t n = 1;

    if (!data)
        return ERR_NOMEM;
    while (len <= max && (n = read(fd, data + len, max + 1 - len)) > 0)
        len += (size_t)n;
    if (n < 0 || len > max) {
        free(data);
        return n < 0 ? ERR_IO : ERR_TOO_LARGE;
    }
    char *fitting = realloc(data, len > 0 ? len : 1);
    *out = bytes_of(fitting ? fitting : data, len);
    return OK;
}

enum err cli_file_read(const char *path, size_t max, struct bytes *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : errno == EACCES ? ERR_DENIED : ERR_IO;
    enum err err = all_read(fd, max, out);
    close(fd);
    return err;
}
