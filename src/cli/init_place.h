/* SPDX-License-Identifier: Apache-2.0
 *
 * init_place.h - a new directory that `geminga init` fills with files, all for their owner alone.
 *
 * Nothing that is there is written over, and no link is followed.  What was made is taken back when it cannot be made
 * whole.
 */
#ifndef CLI_INIT_PLACE_H
#define CLI_INIT_PLACE_H

#include "base/bytes.h"
#include "base/err.h"

#include <limits.h>

#define INIT_MADE_MAX 32

struct init_place {
    char root[PATH_MAX];       /* absolute */
    char *made[INIT_MADE_MAX]; /* paths, in the order in which they were made */
    size_t made_count;
    char message[PATH_MAX + 200]; /* after a failure, the whole sentence */
};

/* The directory, which is not there or is empty; its parent is.  ERR_EXISTS, ERR_NOT_FOUND, ERR_IO. */
MUST_USE enum err init_place_open(struct init_place *p, const char *directory);
/* Keeps what was made; or (false) takes it back. */
void init_place_close(struct init_place *p, bool keep);

/* Below the root: "private", "private/ca.key.pem".  The modes are 0700 and 0600. */
MUST_USE enum err init_place_directory(struct init_place *p, const char *name);
MUST_USE enum err init_place_file(struct init_place *p, const char *name, struct bytes bytes);

/* "/path/of/the/root/NAME", into `to`, which has room for PATH_MAX; what does not fit was refused when it was made. */
const char *init_place_path(const struct init_place *p, const char *name, char to[PATH_MAX]);

/* A file of the place that is there already becomes another, at once or not at all; the root must exist. */
MUST_USE enum err init_place_replace(struct init_place *p, const char *name, struct bytes bytes);
/* An existing place. */
MUST_USE enum err init_place_find(struct init_place *p, const char *directory);

#endif
