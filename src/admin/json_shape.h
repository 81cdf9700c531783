/* SPDX-License-Identifier: Apache-2.0
 *
 * json_shape.h - which members an object has, as a table: what an administrator sends is read by it into one form.
 *
 * Members that the table does not have are dropped, and so are nulls, as Pulsar does; the others are in the order of
 * the table.  Pure; may call: jansson.
 */
#ifndef ADMIN_JSON_SHAPE_H
#define ADMIN_JSON_SHAPE_H

#include "base/bytes.h"
#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum shape_type {
    SHAPE_TEXT,
    SHAPE_BOOL,
    SHAPE_INTEGER,
    SHAPE_NUMBER,
    SHAPE_TEXTS, /* a list of at most TEXTS_MAX texts, each once */
    SHAPE_MAP,   /* of texts by texts */
    SHAPE_OBJECT /* whatever it says */
};

struct shape_member {
    const char *name; /* NULL ends the table */
    enum shape_type type;
    const char *missing; /* what stands there when it is not given, as JSON; NULL: nothing does */
};

/* A new object; `from` NULL or JSON's null: one with what is missing.  ERR_INVALID and a sentence; ERR_NOMEM. */
MUST_USE enum err shape_read(const struct shape_member *shape, const json_t *from, json_t **out, char *reason,
                             size_t reason_size);

#define TEXTS_MAX 1000 /* looking for one goes through the list */

/* A new list with each of the texts once; NULL: it is not a list of at most so many texts, or memory ran out. */
json_t *texts_read(const json_t *from);
/* Whether a JSON text has at most JSON_DEPTH_MAX lists and objects inside each other; of what is no JSON text,
 * whatever. A text is kept inside others, and is to be read again from there: jansson reads 2,048 of them, and no more.
 */
#define JSON_DEPTH_MAX 64
bool json_is_shallow(struct bytes text);
bool texts_have(const json_t *list, const char *text);

#endif
