/* SPDX-License-Identifier: Apache-2.0
 *
 * avro.c - a parsed schema, once it is there: its end, and what is looked up in it.
 */
#include "schema/avro_private.h"

#include <assert.h>
#include <stdlib.h>

void avro_free(struct avro_schema *schema)
{
    if (!schema)
        return;
    arena_deinit(&schema->arena);
    json_decref(schema->json);
    free(schema);
}

const struct avro_node *avro_root(const struct avro_schema *schema)
{
    return schema->root;
}

const struct avro_field *avro_field_find(const struct avro_node *record, const char *name)
{
    size_t low = 0, high = record->fields.count;

    assert(record->kind == AVRO_RECORD);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct avro_field *f = &record->fields.all[record->fields.by_name[middle]];
        int order = strcmp(name, f->name);

        if (order == 0)
            return f;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool avro_symbol_is_of(const struct avro_node *enumeration, const char *symbol)
{
    assert(enumeration->kind == AVRO_ENUM);
    return bsearch(&symbol, enumeration->symbols.sorted, enumeration->symbols.all.count, sizeof symbol,
                   compare_texts) != NULL;
}
