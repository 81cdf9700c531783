/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_disk_names.c - the names of the simulated disk's files: as they are now, on the medium, and the changes between.
 */
#include "sys/sim/sim_disk_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct name *sim_name_find(const struct names *n, const char *path)
{
    for (size_t i = 0; i < n->count; i++)
        if (strcmp(n->at[i].path, path) == 0)
            return &n->at[i];
    return NULL;
}

void sim_name_remove(struct sim_disk *d, struct names *n, const char *path)
{
    struct name *name = sim_name_find(n, path);

    if (!name)
        return;
    free(name->path);
    sim_inode_unref(d, name->inode);
    memmove(name, name + 1, (size_t)(&n->at[n->count] - (name + 1)) * sizeof *name);
    n->count--;
}

void sim_name_set(struct sim_disk *d, struct names *n, const char *path, struct inode *inode)
{
    sim_inode_ref(inode);
    sim_name_remove(d, n, path);
    if (!inode)
        return;
    n->at = sim_grow(n->at, &n->capacity, n->count + 1, sizeof *n->at);
    n->at[n->count++] = (struct name){.path = sim_copy_text(path), .inode = inode};
}

void sim_names_clear(struct sim_disk *d, struct names *n)
{
    while (n->count > 0)
        sim_name_remove(d, n, n->at[n->count - 1].path);
}

/* The directory of a path, "" for the top. */
void sim_path_parent(const char *path, char to[PATH_MAX_LEN + 1])
{
    const char *slash = strrchr(path, '/');

    snprintf(to, PATH_MAX_LEN + 1, "%.*s", slash ? (int)(slash - path) : 0, path);
}

bool sim_path_lies_in(const char *path, const char *directory)
{
    char parent[PATH_MAX_LEN + 1];

    sim_path_parent(path, parent);
    return strcmp(parent, directory) == 0;
}

bool sim_names_have_directory(const struct names *n, const char *path)
{
    const struct name *name = path[0] == '\0' ? NULL : sim_name_find(n, path);

    return path[0] == '\0' || (name && name->inode->directory);
}

/* "." and "" are the top; no other form of a path is taken. */
const char *sim_path_plain(const char *path)
{
    return strcmp(path, ".") == 0 ? "" : path;
}

void sim_change_apply(struct sim_disk *d, struct names *n, const struct change *c)
{
    const struct name *from = c->from ? sim_name_find(n, c->from) : NULL;

    if (from && from->inode == c->inode)
        sim_name_remove(d, n, c->from);
    sim_name_set(d, n, c->path, c->inode);
}

void sim_change_drop(struct sim_disk *d, struct change *c)
{
    free(c->path);
    free(c->from);
    sim_inode_unref(d, c->inode);
}

/* Does it, and remembers that the medium does not know. */
void sim_names_change(struct sim_disk *d, const char *path, const char *from, struct inode *inode)
{
    struct change *c;

    d->changes = sim_grow(d->changes, &d->change_capacity, d->change_count + 1, sizeof *d->changes);
    c = &d->changes[d->change_count++];
    *c = (struct change){.path = sim_copy_text(path),
                         .from = sim_copy_text(from),
                         .inode = sim_inode_ref(inode),
                         .sequence = ++d->sequence};
    sim_change_apply(d, &d->now, c);
}

void sim_names_sync(struct sim_disk *d, const char *directory)
{
    size_t kept = 0;

    for (size_t i = 0; i < d->change_count; i++) {
        struct change c = d->changes[i];
        if (sim_path_lies_in(c.path, directory) || (c.from && sim_path_lies_in(c.from, directory))) {
            sim_change_apply(d, &d->medium, &c);
            sim_change_drop(d, &c);
        } else {
            d->changes[kept++] = c;
        }
    }
    d->change_count = kept;
}
