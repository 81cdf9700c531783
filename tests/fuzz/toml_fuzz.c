/* SPDX-License-Identifier: Apache-2.0
 *
 * toml_fuzz.c - a document in TOML, or none.
 */
#include "fuzz.h"

#include "base/toml.h"

enum { DEPTH_MAX = 64 };

static void check_unique(const struct toml_node *first)
{
    for (const struct toml_node *a = first; a; a = a->next) {
        for (const struct toml_node *b = a->next; b; b = b->next)
            HOLDS(!bytes_equal(a->key, b->key));
    }
}

static void check_node(const struct toml_node *n, int depth)
{
    HOLDS(depth <= DEPTH_MAX);
    HOLDS(n->line >= 1);
    if (n->type != TOML_TABLE && n->type != TOML_ARRAY) {
        HOLDS(n->children == NULL);
        return;
    }
    if (n->type == TOML_TABLE)
        check_unique(n->children);
    for (const struct toml_node *child = n->children; child; child = child->next) {
        HOLDS(child->parent == n);
        check_node(child, depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct toml *toml;
    char message[200] = "";
    unsigned line = 0;
    enum err err = toml_parse(&toml, bytes_of(data, size), message, sizeof message, &line);

    HOLDS(line >= 1);
    if (err != OK) {
        HOLDS(err == ERR_NOMEM || message[0] != '\0');
        return 0;
    }
    check_node(toml_root(toml), 0);
    toml_free(toml);
    return 0;
}
