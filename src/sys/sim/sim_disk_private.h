/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_disk_private.h - the simulated disk, for the files that it is made of.
 *
 *     sim_disk.c         the power, the operations and how they are made to fail
 *     sim_disk_files.c   bytes: as they are now, and on the medium; changes one by one, with a plan
 *     sim_disk_names.c   names, likewise
 */
#ifndef SYS_SIM_SIM_DISK_PRIVATE_H
#define SYS_SIM_SIM_DISK_PRIVATE_H

#include "base/random.h"
#include "sys/sim/sim.h"
#include "sys/sim/sim_world.h"

#define SECTOR       512u
#define FILES_MAX    65536u
#define FILE_MAX     (1ull << 32)
#define PATH_MAX_LEN 255u

struct image {
    uint8_t *data;
    size_t len, capacity; /* bytes [len, capacity) are zero */
};

struct inode {
    uint32_t refs; /* names, changes of names, open files */
    bool directory;
    struct image now, medium;
    uint8_t *dirty; /* one per sector of now's capacity */
    size_t dirty_capacity;
};

struct name {
    char *path;
    struct inode *inode;
};

struct names {
    struct name *at;
    size_t count, capacity;
};

/* A change of names not yet on the medium: `path` becomes `inode`'s (NULL: nobody's), `from` nobody's if it was. */
struct change {
    char *path, *from; /* from: NULL but for a rename */
    struct inode *inode;
    uint64_t sequence;
};

/* A change of a file not yet on the medium; kept with a plan only. */
struct pending {
    struct inode *inode; /* not counted: its end takes these with it */
    uint64_t sequence;   /* shared with changes of names */
    bool resizes;        /* to `offset`; else it writes */
    size_t offset, len;
    uint8_t *data;
};

struct fault {
    unsigned ops;
    uint64_t n; /* operations of these kinds until it strikes; 0: none */
    enum err err;
    bool kills; /* of crash: the process only */
    bool stays; /* strikes again at every later one */
};

struct sim_disk {
    struct disk disk;
    struct random *random;
    struct names now, medium;
    struct change *changes;
    size_t change_count, change_capacity;
    uint64_t life; /* which incarnation; open files remember theirs */
    bool dead, lies;
    char *lock_holder; /* NULL: free */
    uint64_t capacity, used;
    uint64_t counts[SIM_DISK_OPS]; /* by bit of enum sim_disk_op */
    struct fault fault, crash;
    uint64_t faults; /* that struck */
    bool planned;
    struct sim_cut plan;
    struct pending *pending; /* in order */
    size_t pending_count, pending_capacity;
    uint64_t sequence;
    const struct sim_disk_watch *watch; /* may be NULL */
};

/* ---- sim_disk_files.c ---- */

/* An array of at least `needed` items of `size` bytes, what is new zeroed. */
void *sim_grow(void *at, size_t *capacity, size_t needed, size_t size);
char *sim_copy_text(const char *text); /* of NULL: NULL */
bool sim_disk_coin(struct sim_disk *d);
uint64_t sim_disk_room(const struct sim_disk *d); /* bytes */

void sim_image_resize(struct image *m, size_t len); /* grown by zeros, or cut */

struct inode *sim_inode_ref(struct inode *f); /* NULL is fine, as below */
void sim_inode_unref(struct sim_disk *d, struct inode *f);
void sim_inode_write(struct sim_disk *d, struct inode *f, size_t offset, struct bytes b);
void sim_inode_mark_dirty(struct inode *f, size_t offset, size_t len);
/* A sync: as it shall be; as a power cut, or one that fails, leaves it; and that by the plan. */
void sim_inode_sync(struct inode *f);
void sim_inode_sync_stretch(struct inode *f, size_t offset, size_t len);
void sim_inode_sync_some(struct sim_disk *d, struct inode *f);
void sim_inode_sync_planned(struct sim_disk *d, struct inode *f);

/* With a plan only: a change that the medium does not know, until its file is synced. */
void sim_plan_remember(struct sim_disk *d, struct pending p);
void sim_plan_remember_write(struct sim_disk *d, struct inode *inode, uint64_t offset, const struct bytes *parts,
                             size_t count, uint64_t limit);
void sim_plan_forget(struct sim_disk *d, const struct inode *f);
void sim_plan_forget_stretch(struct sim_disk *d, const struct inode *f, size_t offset, size_t len);
/* Whether the change of this number, from 1 on, is on the medium. */
bool sim_plan_keeps(const struct sim_cut *plan, size_t number);
void sim_plan_apply(const struct sim_disk *d, const struct pending *p, size_t number);

/* ---- sim_disk_names.c ---- */

void sim_path_parent(const char *path, char to[PATH_MAX_LEN + 1]); /* "": the top */
bool sim_path_lies_in(const char *path, const char *directory);
const char *sim_path_plain(const char *path); /* "." is "" */

struct name *sim_name_find(const struct names *n, const char *path);
void sim_name_remove(struct sim_disk *d, struct names *n, const char *path);
void sim_name_set(struct sim_disk *d, struct names *n, const char *path, struct inode *inode);
void sim_names_clear(struct sim_disk *d, struct names *n);
bool sim_names_have_directory(const struct names *n, const char *path);

/* Does it now, and remembers that the medium does not know. */
void sim_names_change(struct sim_disk *d, const char *path, const char *from, struct inode *inode);
void sim_names_sync(struct sim_disk *d, const char *directory);
void sim_change_apply(struct sim_disk *d, struct names *n, const struct change *c);
void sim_change_drop(struct sim_disk *d, struct change *c);

#endif
