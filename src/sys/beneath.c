/* SPDX-License-Identifier: Apache-2.0
 *
 * beneath.c - openat2, and the walk from directory to directory where there is none.
 */
#include "sys/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NAME_MAX_BYTES 255

static enum err err_of_errno(void)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
        return ERR_NOT_FOUND;
    case EXDEV: /* RESOLVE_BENEATH: it leads out */
    case ELOOP: /* O_NOFOLLOW: it is a link */
    case EACCES:
    case EPERM:
        return ERR_DENIED;
    case ENAMETOOLONG:
        return ERR_INVALID;
    default:
        return ERR_IO;
    }
}

static int open_by_kernel(int root, const char *path)
{
    struct open_how how = {
        .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };

    return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

/* One part of the name after the other; `root` stays open. */
static int open_by_parts(int root, const char *path)
{
    int at = dup(root);

    while (at >= 0) {
        size_t len;
        char name[NAME_MAX_BYTES + 1];

        path += strspn(path, "/");
        len = strcspn(path, "/");
        if (len == 0 || len > NAME_MAX_BYTES || (len == 2 && memcmp(path, "..", 2) == 0)) {
            close(at);
            errno = EXDEV;
            return -1;
        }
        memcpy(name, path, len);
        name[len] = '\0';
        path += len;
        int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | (*path ? O_DIRECTORY : 0);
        int next = openat(at, name, flags);
        close(at);
        if (!*path || next < 0)
            return next;
        at = next;
    }
    return at;
}

static enum err check_plain(int fd)
{
    struct stat it;

    if (fstat(fd, &it) != 0)
        return ERR_IO;
    return S_ISREG(it.st_mode) ? OK : ERR_INVALID;
}

enum err beneath_open(const char *root, const char *path, int *fd)
{
    int directory = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC), file;
    enum err err;

    if (directory < 0)
        return err_of_errno();
    file = open_by_kernel(directory, path);
    if (file < 0 && (errno == ENOSYS || errno == EPERM))
        file = open_by_parts(directory, path);
    err = file < 0 ? err_of_errno() : check_plain(file);
    close(directory);
    if (err == OK)
        *fd = file;
    else if (file >= 0)
        close(file);
    return err;
}

enum err beneath_read(int fd, void *to, size_t size, size_t *len)
{
    ssize_t n;

    do
        n = read(fd, to, size);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return ERR_IO;
    *len = (size_t)n;
    return OK;
}

void beneath_close(int fd)
{
    close(fd);
}
