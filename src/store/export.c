/* SPDX-License-Identifier: Apache-2.0
 *
 * export.c - the entries of a stopped broker's topics as JSON lines; see inspect.h.
 */
#include "base/text.h"
#include "store/inspect.h"
#include "store/recovery.h"
#include "store/store_private.h"
#include "store/window.h"

#include <inttypes.h>
#include <stdio.h>

#define WINDOW_BYTES   (1024u * 1024)
#define LINE_MAX_BYTES (128u * 1024 * 1024) /* an entry of 64 MiB in base64 */

struct export
{
    struct store *store;
    struct recovery_look look;
    const struct export_request *request;
    struct inspect_out *out;
    struct damage_sink *sink;
    struct export_report *report;
    const struct catalog_row *topic;        /* being taken out */
    const struct catalog_row *subscription; /* of it, with ledgers of its own; NULL: the entries are the topic's */
    struct window window, table;
    char path[SEGMENT_PATH_SIZE];
    enum err err;
};

static void add_base64(struct text *t, struct bytes b)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char out[1024];
    size_t n = 0;

    for (size_t i = 0; i < b.len; i += 3) {
        const size_t left = b.len - i;
        const uint32_t v =
            (uint32_t)b.data[i] << 16 | (left > 1 ? (uint32_t)b.data[i + 1] << 8 : 0) | (left > 2 ? b.data[i + 2] : 0);
        out[n++] = digits[v >> 18];
        out[n++] = digits[v >> 12 & 63];
        out[n++] = left > 1 ? digits[v >> 6 & 63] : '=';
        out[n++] = left > 2 ? digits[v & 63] : '=';
        if (n + 4 > sizeof out) {
            text_add_bytes(t, bytes_of(out, n));
            n = 0;
        }
    }
    text_add_bytes(t, bytes_of(out, n));
}

static void tell_entry(struct export *x, const struct stored_entry *e)
{
    const struct entry_header *h = &e->header;
    struct text t;

    text_init(&t, LINE_MAX_BYTES);
    text_add(&t, "{\"topic\":");
    text_add_json(&t, x->topic->name);
    if (x->subscription) {
        text_add(&t, ",\"subscription\":");
        text_add_json(&t, x->subscription->name);
    }
    text_printf(&t,
                ",\"ledger\":%" PRId64 ",\"entry\":%" PRId64 ",\"kind\":\"%s\",\"messages\":%" PRIu32
                ",\"flags\":%u,\"first_message\":%" PRIu64 ",\"broker_ms\":%" PRId64 ",\"publish_ms\":%" PRId64
                ",\"deliver_ms\":%" PRId64 ",\"bytes\":\"",
                e->position.ledger, e->position.entry, h->kind == ENTRY_MARKER ? "marker" : "data", h->messages,
                h->flags, h->first_message, h->broker_ms, h->publish_ms, h->deliver_ms);
    add_base64(&t, e->bytes);
    text_add(&t, "\"}");
    if (text_failed(&t))
        x->err = ERR_NOMEM;
    else
        x->out->line(x->out, t.data);
    text_deinit(&t);
    x->report->entries++;
    x->report->bytes += e->bytes.len;
}

/* The window is on the file with the entries, x->path is its name. */
static enum err look_into(struct export *x, uint64_t file)
{
    entry_file_path(x->path, file);
    return x->window.name == file ? OK : window_open(&x->window, x->store->sys.disk, x->path, file);
}

/* Where an entry lies in the file with the entries, as the run's table in its segment says. */
static enum err look_up(struct export *x, const struct extent *e, uint32_t id, struct piece *out)
{
    size_t one;
    enum err err;

    segment_path(x->path, e->file);
    if (x->table.name != e->file && (err = window_open(&x->table, x->store->sys.disk, x->path, e->file)) != OK)
        return err;
    return segment_pieces(x->table.file, e, id, 1, 1, out, &one);
}

/* Where the entry lies; the window is opened on that file. */
static enum err locate(struct export *x, const struct ledger *l, uint32_t id, struct piece *out)
{
    enum err err;

    if (id >= l->moved) {
        const struct journal_place *p = &l->places[id - l->moved];
        *out = (struct piece){.offset = p->offset, .len = p->len};
        return look_into(x, p->file | FILE_IS_JOURNAL);
    }
    const struct extent *e = ledger_find_extent(l, id);
    if ((err = look_up(x, e, id, out)) != OK)
        return err;
    return look_into(x, extent_records_file(e));
}

static void entry_damaged(struct export *x, const struct ledger *l, uint32_t id, enum err err)
{
    damage_tell(x->sink, &(struct damage){.file = x->path,
                                          .offset = DAMAGE_NOWHERE,
                                          .topic = x->topic->id,
                                          .name = x->topic->name,
                                          .ledger = l->id,
                                          .first = id,
                                          .last = id,
                                          .what = err_text(err)});
}

static void export_entry(struct export *x, const struct ledger *l, uint32_t id)
{
    struct stored_entry e;
    struct bytes bytes;
    struct piece piece;
    enum err err = locate(x, l, id, &piece);

    if (err == OK)
        err = window_get(&x->window, piece.offset, piece.len, &bytes);
    if (err == OK)
        err = entry_decode_at(&e, bytes, (struct position){(int64_t)l->id, id});
    if (err == OK)
        tell_entry(x, &e);
    else if (err == ERR_NOMEM)
        x->err = err;
    else
        entry_damaged(x, l, id, err);
}

static void export_ledger(struct export *x, const struct ledger *l)
{
    const struct export_request *r = x->request;

    for (uint32_t id = 0; id < l->synced && x->err == OK; id++) {
        const struct position p = {(int64_t)l->id, id};
        if (!position_before(p, r->from) && !position_before(r->to, p))
            export_entry(x, l, id);
    }
}

static void export_chain(struct export *x, uint64_t owner)
{
    const struct topic_chain *chain = ledgers_find_chain(&x->store->ledgers, owner);

    for (size_t i = 0; chain && i < chain->count && x->err == OK; i++)
        export_ledger(x, chain->ledgers[i]);
}

/* What compaction made: the log may not have it any more. */
static bool export_subscription(void *ctx, const struct catalog_row *row)
{
    struct export *x = ctx;

    x->subscription = row;
    export_chain(x, row->id);
    x->subscription = NULL;
    return x->err == OK;
}

static bool export_topic(void *ctx, const struct catalog_row *row)
{
    struct export *x = ctx;

    if (x->request->topic && !bytes_equal(row->name, bytes_of_text(x->request->topic)))
        return true;
    x->topic = row;
    export_chain(x, row->id);
    if (x->err == OK)
        catalog_each(x->store, CATALOG_SUBSCRIPTION, row->id, export_subscription, x);
    return x->err == OK;
}

static bool export_namespace(void *ctx, const struct catalog_row *row)
{
    struct export *x = ctx;

    catalog_each(x->store, CATALOG_TOPIC, row->id, export_topic, x);
    return x->err == OK;
}

static bool export_tenant(void *ctx, const struct catalog_row *row)
{
    struct export *x = ctx;

    catalog_each(x->store, CATALOG_NAMESPACE, row->id, export_namespace, x);
    return x->err == OK;
}

enum err store_export(const struct store_options *options, const struct sys *sys, const struct export_request *request,
                      struct inspect_out *out, struct damage_sink *sink, struct export_report *report, char *message,
                      size_t message_size)
{
    struct export x = {.look = {.sink = sink},
                       .request = request,
                       .out = out,
                       .sink = sink,
                       .report = report,
                       .window = {.max = WINDOW_BYTES},
                       .table = {.max = WINDOW_BYTES}};

    *report = (struct export_report){0};
    enum err err = store_look(&x.store, options, sys, &x.look, message, message_size);
    if (err == OK) {
        catalog_each(x.store, CATALOG_TENANT, 0, export_tenant, &x);
        if ((err = x.err) != OK)
            snprintf(message, message_size, "%s", err_text(err));
        else if (request->topic && !x.topic && (err = ERR_NOT_FOUND))
            snprintf(message, message_size, "there is no topic %s (`geminga store inspect` lists them)",
                     request->topic);
    }
    window_close(&x.window);
    window_close(&x.table);
    store_free(x.store);
    recovery_look_deinit(&x.look);
    return err;
}
