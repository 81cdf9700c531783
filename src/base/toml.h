/* SPDX-License-Identifier: Apache-2.0
 *
 * toml.h - reads TOML 1.0 documents (Debian has no C library for them).
 *
 * The document lives in an arena of its own until toml_free; every node knows its line, so that a
 * message can name it.  Keys are in the order of the file.  Source: toml.io/en/v1.0.0.
 */
#ifndef BASE_TOML_H
#define BASE_TOML_H

#include "base/bytes.h"
#include "base/err.h"

enum toml_type { TOML_TABLE, TOML_ARRAY, TOML_STRING, TOML_INTEGER, TOML_FLOAT, TOML_BOOL, TOML_DATETIME };

struct toml_node {
    enum toml_type type;
    unsigned line;              /* 1-based; where the key, or the table's header, stands */
    struct bytes key;           /* unescaped; empty for array items and the root */
    struct toml_node *parent;
    struct toml_node *next;     /* sibling */
    struct toml_node *children; /* of a table or an array: the first */
    union {
        struct bytes string; /* also the text of a date or time, as written */
        int64_t integer;
        double number;
        bool boolean;
    } value;
};

struct toml; /* owns the nodes */

/* ERR_INVALID: `message` says what is wrong, `*line` where.  Input beyond 1 MiB, or nested deeper than
 * 64, is refused. */
MUST_USE enum err toml_parse(struct toml **out, struct bytes text, char *message, size_t message_size, unsigned *line);
void toml_free(struct toml *t);
const struct toml_node *toml_root(const struct toml *t);
/* The child of a table, or NULL. */
const struct toml_node *toml_find(const struct toml_node *table, const char *key);

#endif
