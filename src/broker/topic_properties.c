/* SPDX-License-Identifier: Apache-2.0
 *
 * topic_properties.c - see topic_properties.h.
 */
#include "broker/topic_properties.h"

#include "broker/core.h"
#include "broker/partitioned.h"
#include "broker/records.h"

/* The row that has them, and its table; NULL: there is none. */
static const struct catalog_row *row_find(struct broker *b, const struct topic_name *name, enum catalog_table *table)
{
    const uint64_t parent = namespace_id(b, topic_name_namespace(name));
    const struct catalog_row *row = NULL;

    *table = CATALOG_PARTITIONED;
    if (parent && name->partition == PARTITION_NONE)
        row = catalog_find(b->store, CATALOG_PARTITIONED, parent, topic_name_full(name));
    if (row)
        return row;
    *table = CATALOG_TOPIC;
    return topic_row_find(b, name);
}

static enum err row_obtain(struct broker *b, const struct topic_name *name, enum catalog_table *table,
                           const struct catalog_row **row, struct refusal *why)
{
    if ((*row = row_find(b, name, table)))
        return OK;
    if (topic_exists(b, name))
        return refuse(why, ERR_NOT_ALLOWED, ABOUT_TOPIC, "%s is not kept, and has no properties", name->text);
    return refuse(why, ERR_NOT_FOUND, ABOUT_TOPIC, "Topic %s not found", name->text);
}

enum err topic_properties(struct broker *b, const struct topic_name *name, struct bytes *out, struct refusal *why)
{
    struct partitioned_record partitioned;
    const struct catalog_row *row;
    struct topic_record record;
    enum catalog_table table;
    enum err err;

    if ((err = row_obtain(b, name, &table, &row, why)) != OK)
        return err;
    if (table == CATALOG_PARTITIONED) {
        if ((err = partitioned_record_decode(&partitioned, row->value)) == OK)
            *out = partitioned.properties;
    } else if ((err = topic_record_decode(&record, row->value)) == OK) {
        *out = record.properties;
    }
    return err == OK ? OK : refuse(why, err, ABOUT_TOPIC, "%s: %s", name->text, err_text(err));
}

/* The row's value with these instead of its own, in `to`. */
static enum err with_properties(enum catalog_table table, struct bytes value, struct bytes properties, uint8_t *to,
                                struct bytes *out)
{
    struct partitioned_record partitioned;
    struct topic_record record;
    enum err err;

    if (table == CATALOG_PARTITIONED) {
        if ((err = partitioned_record_decode(&partitioned, value)) != OK)
            return err;
        partitioned.properties = properties;
        *out = partitioned_record_encode(&partitioned, to);
        return OK;
    }
    if ((err = topic_record_decode(&record, value)) != OK)
        return err;
    record.properties = properties;
    *out = topic_record_encode(&record, to);
    return OK;
}

enum err topic_set_properties(struct broker *b, const struct topic_name *name, struct bytes properties,
                              struct refusal *why)
{
    const struct catalog_row *row;
    uint8_t value[RECORD_MAX];
    enum catalog_table table;
    enum err err;

    if ((err = row_obtain(b, name, &table, &row, why)) != OK)
        return err;
    struct catalog_row changed = *row;
    changed.name = topic_name_full(name);
    if ((err = with_properties(table, row->value, properties, value, &changed.value)) != OK ||
        (err = catalog_put(b->store, table, &changed)) != OK)
        return refuse(why, err, ABOUT_TOPIC, "%s: %s", name->text, err_text(err));
    return OK;
}
