/* SPDX-License-Identifier: Apache-2.0
 *
 * documents.c - see documents.h.
 */
#include "broker/documents.h"

#include "broker/core.h"

#include <assert.h>

#define KIND_MAX 32

/* A row's name: "KIND/NAME". */
struct key {
    uint8_t text[KIND_MAX + 1 + DOCUMENT_NAME_MAX];
    size_t len;
};

static bool key_set(struct key *key, const char *kind, struct bytes name)
{
    const size_t len = strlen(kind);

    assert(len < KIND_MAX);
    assert(!strchr(kind, '/'));
    if (name.len > DOCUMENT_NAME_MAX)
        return false;
    memcpy(key->text, kind, len);
    key->text[len] = '/';
    if (name.len > 0)
        memcpy(key->text + len + 1, name.data, name.len);
    key->len = len + 1 + name.len;
    return true;
}

static struct bytes key_bytes(const struct key *key)
{
    return bytes_of(key->text, key->len);
}

static const struct catalog_row *row_find(struct broker *b, const char *kind, struct bytes name)
{
    struct key key;

    return key_set(&key, kind, name) ? catalog_find(b->store, CATALOG_BROKER, 0, key_bytes(&key)) : NULL;
}

bool document_find(struct broker *b, const char *kind, struct bytes name, struct bytes *value)
{
    const struct catalog_row *row = row_find(b, kind, name);

    if (row)
        *value = row->value;
    return row != NULL;
}

static bool count_one(void *ctx, struct bytes name, struct bytes value)
{
    (void)name, (void)value;
    ++*(size_t *)ctx;
    return true;
}

static size_t count(struct broker *b, const char *kind)
{
    size_t there = 0;

    documents_each(b, kind, bytes_of(NULL, 0), count_one, &there);
    return there;
}

enum err document_put(struct broker *b, const char *kind, struct bytes name, struct bytes value, struct refusal *why)
{
    const struct catalog_row *old = row_find(b, kind, name);
    struct key key;
    enum err err;

    if (name.len == 0 || !key_set(&key, kind, name))
        return refuse(why, ERR_INVALID, ABOUT_BROKER, "a name of 1 to %d bytes is wanted", DOCUMENT_NAME_MAX);
    if (value.len > DOCUMENT_BYTES_MAX)
        return refuse(why, ERR_TOO_LARGE, ABOUT_BROKER, "more than %d bytes", DOCUMENT_BYTES_MAX);
    if (!old && count(b, kind) >= DOCUMENTS_MAX)
        return refuse(why, ERR_FULL, ABOUT_BROKER, "there are %d of this kind, and may be no more", DOCUMENTS_MAX);
    const struct catalog_row row = {
        .id = old ? old->id : store_id_new(b->store), .name = key_bytes(&key), .value = value};
    if ((err = catalog_put(b->store, CATALOG_BROKER, &row)) != OK)
        return refuse(why, err, ABOUT_BROKER, "the catalog: %s", err_text(err));
    return OK;
}

enum err document_remove(struct broker *b, const char *kind, struct bytes name, struct refusal *why)
{
    const struct catalog_row *row = row_find(b, kind, name);
    enum err err;

    if (!row)
        return refuse(why, ERR_NOT_FOUND, ABOUT_BROKER, "there is no %s of this name", kind);
    if ((err = catalog_remove(b->store, CATALOG_BROKER, row->id)) != OK)
        return refuse(why, err, ABOUT_BROKER, "the catalog: %s", err_text(err));
    return OK;
}

enum err document_forget(struct broker *b, const char *kind, struct bytes name, struct refusal *why)
{
    return row_find(b, kind, name) ? document_remove(b, kind, name, why) : OK;
}

struct visit {
    document_visitor *each;
    void *ctx;
    struct bytes prefix; /* of the rows' names */
};

static bool visit_row(void *ctx, const struct catalog_row *row)
{
    const struct visit *v = ctx;
    const struct bytes name = row->name;

    if (name.len < v->prefix.len || memcmp(name.data, v->prefix.data, v->prefix.len) != 0)
        return false; /* they stand together, and this is behind them */
    return v->each(v->ctx, bytes_of(name.data + v->prefix.len, name.len - v->prefix.len), row->value);
}

void documents_each(struct broker *b, const char *kind, struct bytes prefix, document_visitor *each, void *ctx)
{
    struct visit v = {.each = each, .ctx = ctx};
    struct key key;

    if (!key_set(&key, kind, prefix))
        return;
    v.prefix = key_bytes(&key);
    catalog_each_after(b->store, CATALOG_BROKER, 0, v.prefix, visit_row, &v);
}
