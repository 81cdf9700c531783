/* SPDX-License-Identifier: Apache-2.0
 *
 * inspect.c - see inspect.h: the directory as a whole, and single files.  export.c takes the entries out.
 */
#include "store/inspect.h"

#include "base/text.h"
#include "store/cursor.h"
#include "store/recovery.h"
#include "store/store_private.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define LINE_MAX_BYTES (512u * 1024) /* a name may have 64 KiB, and grow when escaped */

struct inspect {
    struct store *store;
    struct recovery_look look;
    struct inspect_out *out;
    const struct catalog_row *topic;        /* being told */
    const struct catalog_row *subscription; /* of it, with ledgers of its own; NULL: the ledgers are the topic's */
};

/* ---- lines ---- */

static void line(struct inspect_out *out, struct text *t)
{
    if (!text_failed(t))
        out->line(out, t->data);
    text_deinit(t);
}

static void begin(struct text *t)
{
    text_init(t, LINE_MAX_BYTES);
}

static void add_name(struct text *t, struct bytes name)
{
    text_add_json(t, name); /* names are whatever somebody wrote: quoted for people, too */
}

/* ---- the directory ---- */

static void tell_directory(const struct inspect *in)
{
    const struct recovery_look *k = &in->look;
    struct text t;

    begin(&t);
    if (in->out->json)
        text_printf(&t,
                    "{\"kind\":\"directory\",\"format\":%u,\"index_batch\":%" PRIu64 ",\"last_batch\":%" PRIu64
                    ",\"replayed_batches\":%" PRIu64 ",\"next_id\":%" PRIu64 ",\"next_segment\":%" PRIu64
                    ",\"torn\":%s,\"index_damaged\":%s}",
                    k->format, k->mark.batch, k->last_batch, k->batches, k->mark.next_id, k->mark.next_segment,
                    k->torn ? "true" : "false", k->index_damaged ? "true" : "false");
    else
        text_printf(&t, "format %u; the index stands at batch %" PRIu64 ", the journal at %" PRIu64 "%s%s", k->format,
                    k->mark.batch, k->last_batch, k->torn ? ", with a torn write behind it" : "",
                    k->index_damaged ? "; THE INDEX IS DAMAGED, and what follows is not all" : "");
    line(in->out, &t);
}

static void tell_tables(const struct inspect *in)
{
    struct text t;

    for (unsigned table = 1; table < INDEX_TABLES; table++) {
        if (in->look.rows[table] == 0)
            continue;
        begin(&t);
        text_printf(&t,
                    in->out->json ? "{\"kind\":\"table\",\"name\":\"%s\",\"rows\":%" PRIu64 "}"
                                  : "table %s: %" PRIu64 " rows",
                    catalog_index_table_name(table), in->look.rows[table]);
        line(in->out, &t);
    }
}

static enum err read_journal_header(struct disk *disk, const char *path, struct journal_file_header *h)
{
    uint8_t head[JOURNAL_HEADER_SIZE];
    struct file *f = NULL;
    size_t got = 0;
    enum err err = disk_open(disk, path, DISK_READ, &f);

    if (err == OK && (err = file_read(f, 0, head, sizeof head, &got)) == OK)
        err = journal_file_header_decode(h, bytes_of(head, got));
    file_close(f);
    return err;
}

static void tell_journal_file(const struct inspect *in, const struct journal_spare *file)
{
    struct journal_file_header h = {0};
    char path[JOURNAL_PATH_SIZE];
    struct text t;

    journal_path(path, file->number);
    const bool used = read_journal_header(in->store->sys.disk, path, &h) == OK;
    const bool needed = used && h.generation >= in->look.mark.journal_file;
    begin(&t);
    if (in->out->json)
        text_printf(&t,
                    "{\"kind\":\"journal\",\"file\":\"%s\",\"bytes\":%" PRIu64 ",\"generation\":%" PRIu64
                    ",\"first_batch\":%" PRIu64 ",\"needed\":%s}",
                    path, file->size, h.generation, h.first_batch, needed ? "true" : "false");
    else if (used)
        text_printf(&t, "%s: %" PRIu64 " bytes, generation %" PRIu64 ", batches from %" PRIu64 "%s", path, file->size,
                    h.generation, h.first_batch, needed ? "" : "; not needed any more");
    else
        text_printf(&t, "%s: %" PRIu64 " bytes, not used yet", path, file->size);
    line(in->out, &t);
}

static uint64_t size_of(struct disk *disk, const char *path)
{
    struct file *f = NULL;
    uint64_t size = 0;

    if (disk_open(disk, path, DISK_READ, &f) == OK && file_size(f, &size) != OK)
        size = 0;
    file_close(f);
    return size;
}

static void tell_segment(const struct inspect *in, uint64_t number)
{
    const struct segment_use *use = segment_table_find(&in->store->ledgers.segments, number);
    char path[SEGMENT_PATH_SIZE];
    struct text t;

    segment_path(path, number);
    const uint64_t size = size_of(in->store->sys.disk, path);
    const uint64_t runs = use ? use->runs : 0, living = use ? use->living : 0;
    begin(&t);
    if (in->out->json)
        text_printf(&t,
                    "{\"kind\":\"segment\",\"file\":\"%s\",\"bytes\":%" PRIu64 ",\"living_runs\":%" PRIu64
                    ",\"living_bytes\":%" PRIu64 "}",
                    path, size, runs, living);
    else
        text_printf(&t, "%s: %" PRIu64 " bytes, of which %" PRIu64 " in %" PRIu64 " runs of living ledgers", path, size,
                    living, runs);
    line(in->out, &t);
}

/* ---- topics ---- */

/* Which entries may be ones that are to be delivered later. */
static void add_delays(struct text *t, const struct ledger_info *i, bool json)
{
    if (i->deliver_ms_max != 0)
        text_printf(t,
                    json ? ",\"delayed_first\":%" PRIu32 ",\"delayed_last\":%" PRIu32 ",\"deliver_ms_max\":%" PRId64
                         : "; delayed ones from %" PRIu32 " to %" PRIu32 ", until %" PRId64,
                    i->delayed_first, i->delayed_last, i->deliver_ms_max);
}

static void tell_ledger(const struct inspect *in, const struct ledger *l)
{
    const struct ledger_info *i = ledger_info(l);
    struct text t;

    begin(&t);
    if (in->out->json) {
        text_add(&t, "{\"kind\":\"ledger\",\"topic\":");
        add_name(&t, in->topic->name);
        if (in->subscription) {
            text_add(&t, ",\"subscription\":");
            add_name(&t, in->subscription->name);
        }
        text_printf(&t,
                    ",\"ledger\":%" PRIu64 ",\"entries\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"messages\":%" PRIu64
                    ",\"first_message\":%" PRIu64 ",\"created_ms\":%" PRId64 ",\"closed_ms\":%" PRId64
                    ",\"in_segments\":%" PRIu32 ",\"extents\":[",
                    i->id, i->entries, i->bytes, i->messages, i->first_message, i->created_ms, i->closed_ms, l->moved);
        for (size_t n = 0; n < l->extent_count; n++)
            text_printf(&t,
                        "%s{\"file\":%" PRIu64 ",\"first\":%" PRIu32 ",\"entries\":%" PRIu32 ",\"offset\":%" PRIu64
                        ",\"bytes\":%" PRIu64 ",\"journal\":%" PRIu64 "}",
                        n > 0 ? "," : "", l->extents[n].file, l->extents[n].first, l->extents[n].entries,
                        l->extents[n].offset, l->extents[n].len, l->extents[n].journal);
        text_add(&t, "]");
        add_delays(&t, i, true);
        text_add(&t, "}");
    } else {
        text_add(&t, in->subscription ? "  " : "");
        text_printf(&t,
                    "    ledger %" PRIu64 ": %" PRIu64 " entries, %" PRIu64 " messages, %" PRIu64 " bytes%s; %" PRIu32
                    " entries in %zu extents of segments, %zu in the journal",
                    i->id, i->entries, i->messages, i->bytes, i->closed_ms == 0 ? ", not closed" : "", l->moved,
                    l->extent_count, l->places_count);
        add_delays(&t, i, false);
    }
    line(in->out, &t);
}

static void tell_chain(const struct inspect *in, uint64_t owner)
{
    const struct topic_chain *chain = ledgers_find_chain(&in->store->ledgers, owner);

    for (size_t i = 0; chain && i < chain->count; i++)
        tell_ledger(in, chain->ledgers[i]);
}

static void add_cursor(struct text *t, const struct cursor *c, bool json)
{
    const struct position p = cursor_mark_delete(c);
    const uint32_t parts = c->partial ? c->partial->entries : 0;

    text_printf(t,
                json ? ",\"id\":%" PRIu64 ",\"mark_delete\":[%" PRId64 ",%" PRId64 "],\"ranges\":%" PRIu64
                       ",\"backlog_entries\":%" PRIu64 ",\"backlog_messages\":%" PRIu64
                     : " (id %" PRIu64 "): all up to %" PRId64 ":%" PRId64 " and %" PRIu64
                       " runs behind it acknowledged, backlog %" PRIu64 " entries, %" PRIu64 " messages",
                c->id, p.ledger, p.entry, cursor_ranges(c), cursor_backlog_entries(c), cursor_backlog_messages(c));
    if (json)
        text_printf(t, ",\"partly_acknowledged\":%" PRIu32 ",\"redelivered\":%" PRIu64 "}", parts,
                    c->redelivered.entries);
    else if (parts > 0 || c->redelivered.entries > 0)
        text_printf(t, "; %" PRIu32 " acknowledged in part, %" PRIu64 " asked for again", parts,
                    c->redelivered.entries);
}

static bool tell_subscription(void *ctx, const struct catalog_row *row)
{
    struct inspect *in = ctx;
    const struct cursor *c = cursor_find(in->store, row->id);
    struct text t;

    begin(&t);
    text_add(&t, in->out->json ? "{\"kind\":\"subscription\",\"topic\":" : "    subscription ");
    if (in->out->json) {
        add_name(&t, in->topic->name);
        text_add(&t, ",\"name\":");
    }
    add_name(&t, row->name);
    if (c)
        add_cursor(&t, c, in->out->json);
    else
        text_add(&t, in->out->json ? "}" : ": it has no cursor");
    line(in->out, &t);
    in->subscription = row;
    tell_chain(in, row->id); /* what compaction made */
    in->subscription = NULL;
    return true;
}

static bool tell_topic(void *ctx, const struct catalog_row *row)
{
    struct inspect *in = ctx;
    const struct topic_chain *chain = ledgers_find_chain(&in->store->ledgers, row->id);
    struct text t;

    in->topic = row;
    begin(&t);
    text_add(&t, in->out->json ? "{\"kind\":\"topic\",\"name\":" : "  topic ");
    add_name(&t, row->name);
    text_printf(&t, in->out->json ? ",\"id\":%" PRIu64 ",\"ledgers\":%zu}" : " (id %" PRIu64 "): %zu ledgers", row->id,
                chain ? chain->count : 0);
    line(in->out, &t);
    tell_chain(in, row->id);
    catalog_each(in->store, CATALOG_SUBSCRIPTION, row->id, tell_subscription, in);
    return true;
}

static bool tell_namespace(void *ctx, const struct catalog_row *row)
{
    const struct inspect *in = ctx;
    struct text t;

    if (!in->out->json) {
        begin(&t);
        text_add(&t, "namespace ");
        add_name(&t, row->name);
        line(in->out, &t);
    }
    catalog_each(in->store, CATALOG_TOPIC, row->id, tell_topic, ctx);
    return true;
}

static bool tell_tenant(void *ctx, const struct catalog_row *row)
{
    const struct inspect *in = ctx;
    struct text t;

    begin(&t);
    text_add(&t, in->out->json ? "{\"kind\":\"tenant\",\"name\":" : "tenant ");
    add_name(&t, row->name);
    text_add(&t, in->out->json ? "}" : "");
    line(in->out, &t);
    catalog_each(in->store, CATALOG_NAMESPACE, row->id, tell_namespace, ctx);
    return true;
}

enum err store_inspect(const struct store_options *options, const struct sys *sys, struct inspect_out *out,
                       struct damage_sink *sink, char *message, size_t message_size)
{
    struct inspect in = {.out = out, .look = {.sink = sink}};
    enum err err = store_look(&in.store, options, sys, &in.look, message, message_size);

    if (err == OK) {
        tell_directory(&in);
        tell_tables(&in);
        for (size_t i = 0; i < in.look.journal_file_count; i++)
            tell_journal_file(&in, &in.look.journal_files[i]);
        for (size_t i = 0; i < in.look.segments.count; i++)
            tell_segment(&in, in.look.segments.list[i]);
        catalog_each(in.store, CATALOG_TENANT, 0, tell_tenant, &in);
    }
    store_free(in.store);
    recovery_look_deinit(&in.look);
    return err;
}

/* ---- one file ---- */

static const char *record_name(unsigned kind)
{
    static const char *const names[] = {
        [RECORD_ENTRY] = "entry",
        [RECORD_LEDGER_CREATE] = "ledger created",
        [RECORD_LEDGER_CLOSE] = "ledger closed",
        [RECORD_LEDGER_DELETE] = "ledger deleted",
        [RECORD_CATALOG] = "catalog",
        [RECORD_CURSOR_CREATE] = "cursor created",
        [RECORD_CURSOR_RESET] = "cursor reset",
        [RECORD_CURSOR_ACKS] = "acknowledgements",
        [RECORD_CURSOR_CHANGES_2] = "cursor changes of format 2",
        [RECORD_CURSOR_CHANGES] = "cursor changes",
    };

    return kind < sizeof names / sizeof names[0] && names[kind] ? names[kind] : "unknown";
}

/* How many records of which kind; what does not hold is counted apart. */
static void add_records(struct text *t, struct bytes payload, bool json)
{
    unsigned counts[RECORD_KINDS] = {0};
    struct record r;
    size_t at = 0;

    while (at < payload.len && record_decode(&r, bytes_of(payload.data + at, payload.len - at)) == OK) {
        counts[r.kind]++;
        at += r.whole.len;
    }
    text_add(t, json ? ",\"records\":{" : "");
    const char *between = json ? "" : ":";
    for (unsigned kind = 0; kind < RECORD_KINDS; kind++) {
        if (counts[kind] == 0)
            continue;
        text_printf(t, json ? "%s\"%s\":%u" : "%s %s %u", between, record_name(kind), counts[kind]);
        between = ",";
    }
    text_add(t, json ? "}" : "");
    if (at < payload.len)
        text_printf(t, json ? ",\"damaged_at\":%zu" : "; A RECORD DOES NOT HOLD at byte %zu of the payload", at);
}

static void add_flight(struct text *t, const struct batch_header *h, bool json)
{
    if (json)
        text_printf(t, ",\"unproved\":%" PRIu32 ",\"pad\":%" PRIu32, h->unsynced, h->pad);
    else if (h->unsynced > 0)
        text_printf(t, ", written when %" PRIu32 " before it were not known to be durable", h->unsynced);
}

static enum err tell_batch(struct file *f, uint64_t offset, const struct journal_file_header *file,
                           const struct batch_header *h, const uint8_t *head, struct inspect_out *out)
{
    uint8_t *payload = malloc(h->payload_len + 1u);
    struct text t;
    size_t got;
    enum err err = payload ? OK : ERR_NOMEM;

    if (err == OK && (err = file_read(f, offset + JOURNAL_BATCH_HEADER_SIZE, payload, h->payload_len, &got)) == OK) {
        const bool holds = got == h->payload_len && batch_crc(head, file->salt, bytes_of(payload, got)) == h->crc;
        begin(&t);
        text_printf(&t,
                    out->json ? "{\"kind\":\"batch\",\"offset\":%" PRIu64 ",\"number\":%" PRIu64 ",\"payload\":%" PRIu32
                                ",\"sound\":%s,\"seal\":%s"
                              : "offset %" PRIu64 ": batch %" PRIu64 ", %" PRIu32 " bytes, %s%s",
                    offset, h->number, h->payload_len,
                    out->json ? holds ? "true" : "false"
                    : holds   ? "sound"
                              : "DOES NOT MATCH ITS CHECKSUM",
                    out->json               ? h->kind == BATCH_SEAL ? "true" : "false"
                    : h->kind == BATCH_SEAL ? ", a seal"
                                            : "");
        add_flight(&t, h, out->json);
        add_records(&t, bytes_of(payload, got), out->json);
        text_add(&t, out->json ? "}" : "");
        line(out, &t);
    }
    free(payload);
    return err;
}

static bool batch_at(struct file *f, uint64_t offset, const struct journal_file_header *file, uint8_t *head,
                     struct batch_header *h)
{
    size_t got;

    return file_read(f, offset, head, JOURNAL_BATCH_HEADER_SIZE, &got) == OK && got == JOURNAL_BATCH_HEADER_SIZE &&
           batch_header_decode(h, head) == OK && h->generation == file->generation;
}

/* Behind what is no batch of this life one may follow: of several in flight a crash keeps any.  Bytes of clients may
 * look like one; its checksum then tells. */
static bool next_batch(struct file *f, uint64_t *offset, uint64_t size, const struct journal_file_header *file,
                       uint8_t *head, struct batch_header *h)
{
    for (; *offset < size; *offset += JOURNAL_ALIGN) {
        if (batch_at(f, *offset, file, head, h))
            return true;
    }
    return false;
}

static enum err tell_journal(struct file *f, struct inspect_out *out, char *message, size_t message_size)
{
    uint8_t head[JOURNAL_HEADER_SIZE];
    struct journal_file_header file;
    struct batch_header h;
    uint64_t offset = JOURNAL_HEADER_SIZE, size;
    struct text t;
    size_t got;
    enum err err;

    if ((err = file_size(f, &size)) != OK || (err = file_read(f, 0, head, sizeof head, &got)) != OK)
        return err;
    if (journal_file_header_decode(&file, bytes_of(head, got)) != OK) {
        snprintf(message, message_size, "the file's header does not hold: it was not used yet, or it is damaged");
        return ERR_CORRUPT;
    }
    begin(&t);
    text_printf(&t,
                out->json ? "{\"kind\":\"journal\",\"generation\":%" PRIu64 ",\"first_batch\":%" PRIu64 "}"
                          : "a journal file of generation %" PRIu64 ", batches from %" PRIu64,
                file.generation, file.first_batch);
    line(out, &t);
    while (next_batch(f, &offset, size, &file, head, &h)) {
        if ((err = tell_batch(f, offset, &file, &h, head, out)) != OK)
            return err;
        offset += batch_whole(&h);
    }
    return OK;
}

static enum err tell_segment_file(struct file *f, uint64_t number, struct inspect_out *out, char *message,
                                  size_t message_size)
{
    struct segment_run *runs = NULL;
    uint64_t batch = 0, offset;
    const char *what;
    size_t count;
    struct text t;
    enum err err;

    if ((err = segment_header_read(f, number, &batch)) != OK) {
        snprintf(message, message_size, "offset 0: the header does not hold");
        return err;
    }
    if ((err = segment_directory_read(f, number, &runs, &count, &offset, &what)) != OK) {
        snprintf(message, message_size, "offset %" PRIu64 ": %s", offset, what);
        return err;
    }
    begin(&t);
    text_printf(&t,
                out->json ? "{\"kind\":\"segment\",\"number\":%" PRIu64 ",\"batch\":%" PRIu64 ",\"runs\":%zu}"
                          : "segment %" PRIu64 ", written for batch %" PRIu64 ", %zu runs",
                number, batch, count);
    line(out, &t);
    for (size_t i = 0; i < count; i++) {
        const struct extent *e = &runs[i].extent;
        begin(&t);
        text_printf(&t,
                    out->json ? "{\"kind\":\"run\",\"ledger\":%" PRIu64 ",\"first\":%" PRIu32 ",\"entries\":%" PRIu32
                                ",\"offset\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"journal\":%" PRIu64 "}"
                              : "ledger %" PRIu64 ": from entry %" PRIu32 " on %" PRIu32 " entries at offset %" PRIu64
                                ", %" PRIu64 " bytes, in journal file %" PRIx64 " (0: here)",
                    runs[i].ledger, e->first, e->entries, e->offset, e->len, e->journal);
        line(out, &t);
    }
    free(runs);
    return OK;
}

enum err store_inspect_file(const struct sys *sys, const char *path, struct inspect_out *out, char *message,
                            size_t message_size)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    struct file *f = NULL;
    uint64_t number;
    enum err err;

    const bool journal = journal_path_parse(name, &number);
    if (!journal && !segment_path_parse(name, &number)) {
        snprintf(message, message_size, "neither a journal file nor a segment has such a name");
        return ERR_INVALID;
    }
    if ((err = disk_open(sys->disk, path, DISK_READ, &f)) != OK) {
        snprintf(message, message_size, "%s", err_text(err));
        return err;
    }
    message[0] = '\0';
    err = journal ? tell_journal(f, out, message, message_size)
                  : tell_segment_file(f, number, out, message, message_size);
    if (err != OK && message[0] == '\0')
        snprintf(message, message_size, "%s", err_text(err));
    file_close(f);
    return err;
}
