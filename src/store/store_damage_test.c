/* SPDX-License-Identifier: Apache-2.0
 *
 * store_damage_test.c - a flipped bit in each kind of thing that lies on the disk: found and named, every time.
 *
 *     store_damage_test [--size BYTES] [--rounds N] [--seed N] [--dir DIR]
 *
 * Makes a store on the kernel's disk with every kind of record, row and table, ends it as a crash does, and lists what
 * is there by kind.  Then, for each kind and round, flips one random bit of one random thing of that kind, and expects
 *   - `verify` to find it, in that file, and to name the entry where it is an entry's;
 *   - a start on a copy (stores up to 16 MiB) to refuse, naming the file; or, in segments, which a start does not read,
 *     a read of the entry to fail, and of all others not to;
 *   - a start with the --give-up that the refusal names, or of the entry's ledger, to go on, and to leave a sound
 * store. Bits of catalog.db at large may be dead bytes of SQLite's: of these every one is found, or changes nothing of
 * what the rows say.  The bit is flipped back each time.  The last line says how many there were.
 */
#include "base/checksum.h"
#include "base/random.h"
#include "store/catalog_index.h"
#include "store/cursor_record.h"
#include "store/cursor_row.h"
#include "store/journal_replay.h"
#include "store/recovery.h"
#include "store/store_private.h"
#include "store/verify.h"
#include "sys/loop.h"
#include "sys/uv_sys.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE     512
#define TOPICS        6
#define START_MAX     (16u << 20) /* larger stores are not copied for a start each time */
#define SMALL_ENTRIES 40
#define WINDOW        32

#define MUST(what)                                                                                                     \
    do {                                                                                                               \
        if (!(what)) {                                                                                                 \
            printf("line %d: %s does not hold\n", __LINE__, #what);                                                    \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static void on_fatal(void *ctx, enum err err, const char *what)
{
    printf("the store died: %s: %s\n", what, err_text(err));
    exit(1);
}

/* ---- a store with everything in it ---- */

enum phase { PHASE_BULK, PHASE_SMALL, PHASE_TAIL, PHASE_PROOF, PHASE_END };

struct maker {
    struct uv_sys *uv;
    struct store *store;
    uint64_t size, large; /* bytes wanted; of each entry of topic 0 */
    uint64_t topics[TOPICS], subscriptions[TOPICS], ledgers[TOPICS];
    struct cursor *cursors[TOPICS];
    uint64_t view;           /* a subscription with ledgers of its own */
    uint64_t appended, done; /* entries */
    uint64_t bytes;
    struct append appends[WINDOW];
    struct append small[4096];
    unsigned small_count;
    struct task next;
    struct store_op barrier;
    enum phase phase;
};

static struct store_options options_for(uint64_t size)
{
    return (struct store_options){
        .holder = "store_damage_test",
        .journal_file_bytes = size > START_MAX ? 0 : 1 << 20,
        .checkpoint_bytes = size > START_MAX ? 0 : 300 * 1024,
        .own_segment_bytes = size > START_MAX ? 0 : 100 * 1024,
        .on_fatal = on_fatal,
    };
}

static void put_row(struct maker *m, enum catalog_table table, uint64_t id, uint64_t parent, const char *name)
{
    char value[200];

    snprintf(value, sizeof value, "the value of row %" PRIu64 " in table %d, named %s", id, (int)table, name);
    const struct catalog_row row = {
        .id = id, .parent = parent, .name = bytes_of_text(name), .value = bytes_of_text(value)};
    MUST(catalog_put(m->store, table, &row) == OK);
}

static void again(struct maker *m)
{
    loop_defer(uv_sys_get(m->uv)->loop, &m->next);
}

static struct slice random_entry(uint64_t n, size_t len)
{
    struct buffer *b = buffer_new(len, NULL);
    struct random random;

    MUST(b);
    random_init(&random, n);
    for (size_t i = 0; i < len; i++)
        b->data[i] = (uint8_t)random_below(&random, 256);
    const struct slice s = slice_of(b, 0, len);
    buffer_unref(b);
    return s;
}

static void large_done(struct append *a, enum err err)
{
    struct maker *m = container_of(a - (size_t)a->position.entry % WINDOW, struct maker, appends[0]);

    MUST(err == OK);
    m->done++;
    again(m);
}

static void small_done(struct append *a, enum err err)
{
    MUST(err == OK);
    (void)a;
}

/* Every third has a time before which it is not delivered. */
static void append_to(struct maker *m, uint64_t ledger, unsigned n)
{
    struct entry_header header = {.messages = 2, .flags = ENTRY_BATCHED, .broker_ms = 1, .publish_ms = 2};

    for (unsigned i = 0; i < n; i++) {
        struct append *a = &m->small[m->small_count++];
        struct slice s = random_entry(m->small_count, 50 + i);
        a->done = small_done;
        header.deliver_ms = i % 3 == 2 ? 1000000 + i : 0;
        MUST(ledger_append(m->store, ledger, &header, s, a) == OK);
        slice_unref(&s);
    }
}

static void append_small(struct maker *m, unsigned topic, unsigned n)
{
    append_to(m, m->ledgers[topic], n);
}

/* A ledger of a subscription's own, as compaction makes them. */
static void make_view(struct maker *m)
{
    uint64_t ledger;

    MUST(ledger_create(m->store, m->view, &ledger) == OK);
    append_to(m, ledger, SMALL_ENTRIES);
    ledger_close(m->store, ledger);
}

static void make_subscription(struct maker *m, uint64_t id, unsigned topic, const char *name, struct cursor **cursor)
{
    put_row(m, CATALOG_SUBSCRIPTION, id, m->topics[topic], name);
    MUST(cursor_create(m->store, id, m->topics[topic], POSITION_EARLIEST, 0, cursor) == OK);
}

static void make_rows(struct maker *m)
{
    struct cursor *cursor;
    const uint64_t tenant = store_id_new(m->store), space = store_id_new(m->store);
    char name[80];

    put_row(m, CATALOG_BROKER, store_id_new(m->store), 0, "cluster");
    put_row(m, CATALOG_TENANT, tenant, 0, "public");
    put_row(m, CATALOG_NAMESPACE, space, tenant, "default");
    put_row(m, CATALOG_PARTITIONED, store_id_new(m->store), space, "parts");
    for (unsigned i = 0; i < TOPICS; i++) {
        m->topics[i] = store_id_new(m->store);
        m->subscriptions[i] = store_id_new(m->store);
        snprintf(name, sizeof name, "persistent://public/default/damage-%u", i);
        put_row(m, CATALOG_TOPIC, m->topics[i], space, name);
        put_row(m, CATALOG_SCHEMA, store_id_new(m->store), m->topics[i], "schema");
        make_subscription(m, m->subscriptions[i], i, "reader", &m->cursors[i]);
        MUST(ledger_create(m->store, m->topics[i], &m->ledgers[i]) == OK);
        append_small(m, i, SMALL_ENTRIES);
    }
    m->view = store_id_new(m->store);
    make_subscription(m, m->view, 4, "__compaction", &cursor);
    make_view(m);
}

static void append_large(struct maker *m)
{
    const struct entry_header header = {.messages = 1, .broker_ms = 5, .publish_ms = 6};

    while (m->bytes < m->size && m->appended < m->done + WINDOW && store_has_room(m->store)) {
        struct append *a = &m->appends[(SMALL_ENTRIES + m->appended) % WINDOW];
        struct slice s = random_entry(m->appended, m->large);
        a->done = large_done;
        MUST(ledger_append(m->store, m->ledgers[0], &header, s, a) == OK);
        slice_unref(&s);
        m->appended++;
        m->bytes += m->large;
    }
}

static void settled(struct store_op *op, enum err err)
{
    struct maker *m = container_of(op, struct maker, barrier);

    MUST(err == OK);
    again(m);
}

/* Of every second entry one message, and some are asked for again. */
static void acknowledge_parts(struct maker *m, unsigned topic)
{
    const uint64_t left = 2;
    uint32_t acked;

    for (int64_t i = 0; i < SMALL_ENTRIES; i += 2) {
        const struct position p = {(int64_t)m->ledgers[topic], i};
        MUST(cursor_ack_partial(m->cursors[topic], p, 2, &left, 1, &acked) == OK);
        MUST(i % 3 > 0 || cursor_redelivered(m->cursors[topic], p) == OK);
    }
}

/* Ledgers that are closed, for one of them to be deleted later. */
static void make_small(struct maker *m)
{
    acknowledge_parts(m, 2);
    acknowledge_parts(m, 3);
    for (unsigned i = 1; i < TOPICS; i++) {
        ledger_close(m->store, m->ledgers[i]);
        MUST(ledger_create(m->store, m->topics[i], &m->ledgers[i]) == OK);
        append_small(m, i, SMALL_ENTRIES);
    }
}

/* One of each kind of record, which stay in the journal. */
static void make_tail(struct maker *m)
{
    size_t count;
    const struct ledger_info *chain = store_chain(m->store, m->topics[1], &count);
    const int64_t second = (int64_t)m->ledgers[2];

    MUST(count >= 2);
    ledger_delete(m->store, chain[0].id);
    for (unsigned i = 2; i < 5; i++)
        append_small(m, i, 10);
    ledger_close(m->store, m->ledgers[3]);
    MUST(ledger_create(m->store, m->topics[3], &m->ledgers[3]) == OK);
    append_small(m, 3, 5);
    put_row(m, CATALOG_TENANT, store_id_new(m->store), 0, "another");
    const uint64_t subscription = store_id_new(m->store);
    struct cursor *late;
    make_subscription(m, subscription, 4, "late", &late);
    make_view(m);
    acknowledge_parts(m, 1);
    for (int64_t i = 1; i < 20; i += 2)
        MUST(cursor_ack(m->cursors[2], (struct position){second, i}, 2, NULL) == OK);
    MUST(cursor_reset(m->cursors[4], (struct position){(int64_t)m->ledgers[4], 3}, 2 * SMALL_ENTRIES + 6) == OK);
    MUST(catalog_remove(m->store, CATALOG_TOPIC, m->topics[5]) == OK);
}

static void make_next(struct task *task)
{
    struct maker *m = container_of(task, struct maker, next);

    switch (m->phase) {
    case PHASE_BULK:
        append_large(m);
        if (m->done < m->appended || m->bytes < m->size) {
            if (m->done == m->appended) /* no room: the checkpoint goes on meanwhile */
                again(m);
            return;
        }
        make_small(m);
        break;
    case PHASE_SMALL:
        if (!checkpoint_idle(&m->store->checkpoint)) {
            again(m);
            return;
        }
        checkpoint_want(m->store);
        break;
    case PHASE_TAIL:
        if (!checkpoint_idle(&m->store->checkpoint)) {
            again(m);
            return;
        }
        make_tail(m);
        break;
    case PHASE_PROOF: /* what the tail is proved by */
        put_row(m, CATALOG_TENANT, store_id_new(m->store), 0, "proof");
        break;
    case PHASE_END:
        uv_sys_stop(m->uv);
        return;
    }
    m->phase++;
    store_barrier(m->store, &m->barrier);
}

/* The id of the subscription with ledgers of its own. */
static uint64_t make_store(const char *directory, uint64_t size)
{
    struct maker *m = calloc(1, sizeof *m);
    const struct store_options options = options_for(size);
    char message[400];

    MUST(m);
    *m = (struct maker){.size = size, .large = size > START_MAX ? 64 * 1024 : 3000};
    m->next.run = make_next;
    m->barrier.done = settled;
    MUST(uv_sys_new(&m->uv, directory) == OK);
    if (store_open(&m->store, &options, uv_sys_get(m->uv), message, sizeof message) != OK) {
        puts(message);
        exit(1);
    }
    make_rows(m);
    again(m);
    uv_sys_run(m->uv);
    store_free(m->store);
    uv_sys_free(m->uv);
    const uint64_t view = m->view;
    free(m);
    return view;
}

/* ---- what is in it, by kind ---- */

enum kind {
    KIND_JOURNAL_HEADER,
    KIND_BATCH_HEADER,
    KIND_JOURNAL_ENTRY,
    KIND_JOURNAL_DELIVERY,
    KIND_LEDGER_CREATE,
    KIND_LEDGER_CLOSE,
    KIND_LEDGER_DELETE,
    KIND_CATALOG,
    KIND_CURSOR_CREATE,
    KIND_CURSOR_RESET,
    KIND_CURSOR_CHANGES,
    KIND_PARTIAL_CHANGES,
    KIND_SEGMENT_HEADER,
    KIND_SEGMENT_ENTRY,
    KIND_SEGMENT_DELIVERY,
    KIND_COMPACTED_ENTRY,
    KIND_ADOPTED_ENTRY,
    KIND_SEGMENT_OFFSETS,
    KIND_SEGMENT_DIRECTORY,
    KIND_SEGMENT_TRAILER,
    KIND_INDEX_ROW,
    KIND_DELAYED_RANGE,
    KIND_PARTIAL_SETS,
    KIND_INDEX_PAGE,
    KINDS
};

static const char *const kind_names[KINDS] = {
    "journal file header",
    "batch header",
    "entry in the journal",
    "delivery time in the journal",
    "ledger created",
    "ledger closed",
    "ledger deleted",
    "catalog change",
    "cursor created",
    "cursor reset",
    "cursor changes",
    "change of a partly acknowledged batch",
    "segment header",
    "entry in a segment",
    "delivery time in a segment",
    "entry of a compacted view",
    "entry in an adopted journal file",
    "offsets in a segment",
    "directory of a segment",
    "trailer of a segment",
    "row of the index",
    "range of delayed entries in the index",
    "partly acknowledged batches in the index",
    "any bit of catalog.db",
};

/* A ledger's entry that has left the log: a start does not read it. */
static bool is_at_rest(enum kind kind)
{
    return kind == KIND_SEGMENT_ENTRY || kind == KIND_SEGMENT_DELIVERY || kind == KIND_COMPACTED_ENTRY ||
           kind == KIND_ADOPTED_ENTRY;
}

static bool is_in_index(enum kind kind)
{
    return kind == KIND_INDEX_ROW || kind == KIND_DELAYED_RANGE || kind == KIND_PARTIAL_SETS || kind == KIND_INDEX_PAGE;
}

struct thing {
    char path[64];
    uint64_t offset, len;
    struct position entry; /* ledger 0: of no entry */
};

struct things {
    struct thing *list;
    size_t count, capacity;
};

struct survey {
    const char *directory;
    struct things of[KINDS];
    struct disk *disk;
    uint64_t applied, last_batch_file, last_batch_offset;
    uint8_t *index; /* catalog.db whole */
    size_t index_len;
    uint32_t digest; /* of the index's rows */
    uint64_t view;   /* the subscription with ledgers of its own */
};

static void add_thing(struct survey *s, enum kind kind, const char *path, uint64_t offset, uint64_t len,
                      struct position entry)
{
    struct things *t = &s->of[kind];

    if (t->count == t->capacity) {
        t->capacity = t->capacity ? 2 * t->capacity : 64;
        t->list = realloc(t->list, t->capacity * sizeof *t->list);
        MUST(t->list);
    }
    struct thing *thing = &t->list[t->count++];
    *thing = (struct thing){.offset = offset, .len = len, .entry = entry};
    snprintf(thing->path, sizeof thing->path, "%s", path);
}

static const struct position none = {0, -1};

static bool tells_parts(const struct record *r)
{
    struct cursor_changes_reader changes;
    struct record_run run;
    struct cursor_mark mark;

    MUST(cursor_changes_decode(&changes, r) == OK);
    while (cursor_changes_run(&changes, &run) == OK)
        ;
    while (cursor_changes_mark(&changes, &mark) == OK) {
        if (mark.left.len > 0)
            return true;
    }
    return false;
}

static enum err survey_record(void *ctx, const struct record *r, struct journal_place place)
{
    static const enum kind kinds[RECORD_KINDS] = {
        [RECORD_ENTRY] = KIND_JOURNAL_ENTRY,       [RECORD_LEDGER_CREATE] = KIND_LEDGER_CREATE,
        [RECORD_LEDGER_CLOSE] = KIND_LEDGER_CLOSE, [RECORD_LEDGER_DELETE] = KIND_LEDGER_DELETE,
        [RECORD_CATALOG] = KIND_CATALOG,           [RECORD_CURSOR_CREATE] = KIND_CURSOR_CREATE,
        [RECORD_CURSOR_RESET] = KIND_CURSOR_RESET, [RECORD_CURSOR_CHANGES] = KIND_CURSOR_CHANGES,
    };
    struct survey *s = ctx;
    struct stored_entry e = {.position = none};
    char path[JOURNAL_PATH_SIZE];

    journal_path(path, place.file);
    if (place.file == s->last_batch_file && place.offset >= s->last_batch_offset)
        return OK; /* the one batch that nothing proves */
    if (r->kind == RECORD_ENTRY)
        MUST(entry_decode(&e, r) == OK);
    if (e.header.deliver_ms != 0)
        add_thing(s, KIND_JOURNAL_DELIVERY, path, place.offset + ENTRY_DELIVER_AT, 8, e.position);
    if (r->kind == RECORD_CURSOR_CHANGES && tells_parts(r))
        add_thing(s, KIND_PARTIAL_CHANGES, path, place.offset, place.len, none);
    if (kinds[r->kind] != KIND_JOURNAL_HEADER)
        add_thing(s, kinds[r->kind], path, place.offset, place.len, e.position);
    return OK;
}

/* Batch headers and the file's own, of what lies behind the mark. */
static void survey_journal_file(struct survey *s, uint64_t number, uint64_t first_generation)
{
    uint8_t head[JOURNAL_HEADER_SIZE];
    struct journal_file_header header;
    struct batch_header h;
    char path[JOURNAL_PATH_SIZE];
    struct file *f;
    uint64_t offset = JOURNAL_HEADER_SIZE, wanted = 0;
    size_t got;

    journal_path(path, number);
    MUST(disk_open(s->disk, path, DISK_READ, &f) == OK);
    MUST(file_read(f, 0, head, sizeof head, &got) == OK);
    if (journal_file_header_decode(&header, bytes_of(head, got)) == OK && header.generation >= first_generation) {
        uint64_t next = header.first_batch, last = 0;
        while (file_read(f, offset, head, JOURNAL_BATCH_HEADER_SIZE, &got) == OK && got == JOURNAL_BATCH_HEADER_SIZE &&
               batch_header_decode(&h, head) == OK && h.generation == header.generation && h.number == next++) {
            if (h.number > s->applied) {
                add_thing(s, KIND_BATCH_HEADER, path, offset, JOURNAL_BATCH_HEADER_SIZE, none);
                wanted++;
            }
            last = offset;
            offset += batch_whole(&h);
        }
        if (wanted > 0) {
            s->last_batch_file = number;
            s->last_batch_offset = last;
        }
        if (wanted > 1)
            add_thing(s, KIND_JOURNAL_HEADER, path, 0, 64, none);
    }
    file_close(f);
}

/* The run is read: the ledger lives, and was not copied elsewhere since. */
static bool run_is_used(const struct ledger *l, const struct segment_run *run)
{
    for (size_t i = 0; l && l->chain && i < l->extent_count; i++) {
        if (l->extents[i].file == run->extent.file && l->extents[i].index_offset == run->extent.index_offset)
            return true;
    }
    return false;
}

/* An entry of a run; `f` is the file that its table is in. */
static void survey_entry(struct survey *s, const struct ledger *l, const struct extent *e, uint32_t id, struct file *f,
                         const char *records)
{
    const struct position p = {(int64_t)l->id, id};
    const enum kind kind = e->journal                   ? KIND_ADOPTED_ENTRY
                           : l->chain->topic == s->view ? KIND_COMPACTED_ENTRY
                                                        : KIND_SEGMENT_ENTRY;
    uint8_t head[ENTRY_HEADER_SIZE];
    struct piece piece;
    size_t one, got;

    MUST(segment_pieces(f, e, id, 1, 1, &piece, &one) == OK);
    add_thing(s, kind, records, piece.offset, piece.len, p);
    if (e->journal)
        return;
    MUST(file_read(f, piece.offset, head, sizeof head, &got) == OK && got == sizeof head);
    if (le16_get(head + 10) > ENTRY_DELIVER_AT)
        add_thing(s, KIND_SEGMENT_DELIVERY, records, piece.offset + ENTRY_DELIVER_AT, 8, p);
}

static void survey_segment(struct survey *s, const struct store *store, uint64_t number)
{
    struct segment_run *runs;
    size_t count;
    uint64_t size, offset;
    const char *what;
    char path[SEGMENT_PATH_SIZE], records[SEGMENT_PATH_SIZE];
    struct file *f;

    segment_path(path, number);
    MUST(disk_open(s->disk, path, DISK_READ, &f) == OK);
    MUST(file_size(f, &size) == OK);
    MUST(segment_directory_read(f, number, &runs, &count, &offset, &what) == OK);
    bool living = false;
    for (size_t i = 0; i < count; i++) {
        const struct ledger *l = ledgers_find(&store->ledgers, runs[i].ledger);
        const struct extent *e = &runs[i].extent;
        if (!run_is_used(l, &runs[i]))
            continue;
        living = true;
        if (e->journal)
            journal_path(records, e->journal);
        else
            segment_path(records, number);
        add_thing(s, KIND_SEGMENT_OFFSETS, path, e->index_offset, extent_table_size(e), none);
        for (uint32_t k = 0; k < e->entries; k++)
            survey_entry(s, l, e, e->first + k, f, records);
    }
    if (living) {
        add_thing(s, KIND_SEGMENT_HEADER, path, 0, SEGMENT_HEADER_SIZE, none);
        add_thing(s, KIND_SEGMENT_TRAILER, path, size - SEGMENT_TRAILER_SIZE, SEGMENT_TRAILER_SIZE, none);
        add_thing(s, KIND_SEGMENT_DIRECTORY, path, size - SEGMENT_TRAILER_SIZE - count * SEGMENT_RUN_SIZE,
                  count * SEGMENT_RUN_SIZE, none);
    }
    free(runs);
    file_close(f);
}

static uint32_t row_digest(uint32_t digest, unsigned table, const struct catalog_row *row)
{
    const uint64_t numbers[3] = {table, row->id, row->parent};

    digest = crc32c(digest, bytes_of(numbers, sizeof numbers));
    return crc32c(crc32c(digest, row->name), row->value);
}

/* The part of a row's value, `at` in the file, that is of a kind of its own. */
static void survey_value(struct survey *s, unsigned table, struct bytes value, uint64_t at)
{
    struct cursor_state state;

    if (table == INDEX_LEDGER && le32_get(value.data) == 3)
        add_thing(s, KIND_DELAYED_RANGE, "catalog.db", at + 64, 16, none);
    if (table != INDEX_CURSOR)
        return;
    MUST(cursor_row_decode(&state, value) == OK);
    const size_t len = partial_acks_encoded_size(&state.partial);
    if (len > 0)
        add_thing(s, KIND_PARTIAL_SETS, "catalog.db", at + value.len - 4 - len, len, none);
    cursor_state_deinit(&state);
}

static enum err survey_row(void *ctx, unsigned table, const struct catalog_row *row)
{
    struct survey *s = ctx;
    const struct bytes value = row->value;
    const uint8_t *at, *more;

    s->digest = row_digest(s->digest, table, row);
    if (!value.data || value.len < 24 || !(at = memmem(s->index, s->index_len, value.data, value.len)))
        return OK; /* too short to be told apart, or spread over pages */
    more = memmem(at + 1, s->index_len - (size_t)(at + 1 - s->index), value.data, value.len);
    if (more)
        return OK;
    add_thing(s, KIND_INDEX_ROW, "catalog.db", (uint64_t)(at - s->index), value.len, none);
    survey_value(s, table, value, (uint64_t)(at - s->index));
    return OK;
}

static void no_damage(void *ctx, const char *what)
{
    printf("damage before any was done: %s\n", what);
    exit(1);
}

static void any_damage(struct damage_sink *sink, const struct damage *d)
{
    char text[DAMAGE_TEXT_SIZE];

    damage_text(d, text);
    printf("damage before any was done: %s\n", text);
    exit(1);
}

static void survey_index(struct survey *s)
{
    struct catalog_index *x;
    char path[PATH_SIZE], message[400];
    struct file *f;
    uint64_t size;
    size_t got;

    snprintf(path, sizeof path, "catalog.db");
    MUST(disk_open(s->disk, path, DISK_READ, &f) == OK && file_size(f, &size) == OK);
    s->index = malloc(size);
    MUST(s->index && file_read(f, 0, s->index, size, &got) == OK && got == size);
    s->index_len = size;
    file_close(f);
    MUST(catalog_index_look(&x, s->disk, path, message, sizeof message) == OK);
    MUST(catalog_index_survey(x, survey_row, no_damage, s) == OK);
    catalog_index_close(x);
    add_thing(s, KIND_INDEX_PAGE, path, 0, size, none);
}

static void survey_all(struct survey *s, const struct store_options *options)
{
    struct damage_sink sink = {.found = any_damage};
    struct recovery_look look = {.sink = &sink};
    struct uv_sys *uv;
    struct store *store;
    char message[400];

    MUST(uv_sys_new(&uv, s->directory) == OK);
    s->disk = uv_sys_get(uv)->disk;
    MUST(store_look(&store, options, uv_sys_get(uv), &look, message, sizeof message) == OK);
    s->applied = look.mark.batch;
    for (size_t i = 0; i < look.journal_file_count; i++)
        survey_journal_file(s, look.journal_files[i].number, look.mark.journal_file);
    MUST(s->of[KIND_BATCH_HEADER].count > 1);
    for (size_t i = 0; i < s->of[KIND_BATCH_HEADER].count; i++) { /* nothing proves the last one */
        struct thing *t = &s->of[KIND_BATCH_HEADER].list[i];
        char path[JOURNAL_PATH_SIZE];
        journal_path(path, s->last_batch_file);
        if (strcmp(t->path, path) == 0 && t->offset == s->last_batch_offset)
            *t = s->of[KIND_BATCH_HEADER].list[--s->of[KIND_BATCH_HEADER].count];
    }
    struct journal_replay replay = {.disk = s->disk,
                                    .applied = s->applied,
                                    .first_generation = look.mark.journal_file,
                                    .record = survey_record,
                                    .ctx = s,
                                    .message = message,
                                    .message_size = sizeof message};
    MUST(journal_replay(&replay) == OK);
    free(replay.files);
    free(replay.kept);
    for (size_t i = 0; i < look.segments.count; i++)
        survey_segment(s, store, look.segments.list[i]);
    survey_index(s);
    store_free(store);
    recovery_look_deinit(&look);
    uv_sys_free(uv);
}

/* ---- one flip ---- */

struct witness {
    struct damage_sink sink;
    const struct thing *thing;
    bool file_named, entry_named;
    char first[DAMAGE_TEXT_SIZE];
};

static void witness_found(struct damage_sink *sink, const struct damage *d)
{
    struct witness *w = (struct witness *)sink;

    if (w->sink.count == 1)
        damage_text(d, w->first);
    if (strcmp(d->file, w->thing->path) == 0)
        w->file_named = true;
    if (d->ledger == (uint64_t)w->thing->entry.ledger && d->first <= w->thing->entry.entry &&
        d->last >= w->thing->entry.entry)
        w->entry_named = true;
}

static void flip(const char *directory, const struct thing *t, uint64_t bit)
{
    char path[PATH_SIZE];
    uint8_t byte;

    snprintf(path, sizeof path, "%s/%s", directory, t->path);
    const int fd = open(path, O_RDWR);
    const off_t at = (off_t)(t->offset + bit / 8);
    MUST(fd >= 0 && pread(fd, &byte, 1, at) == 1);
    byte ^= (uint8_t)(1u << (bit % 8));
    MUST(pwrite(fd, &byte, 1, at) == 1 && close(fd) == 0);
}

static enum err digest_row(void *ctx, unsigned table, const struct catalog_row *row)
{
    uint32_t *digest = ctx;

    *digest = row_digest(*digest, table, row);
    return OK;
}

static void digest_damage(void *ctx, const char *what)
{
}

/* What the rows say now. */
static uint32_t index_digest(struct disk *disk)
{
    struct catalog_index *x;
    uint32_t digest = 0;
    char message[400];

    if (catalog_index_look(&x, disk, "catalog.db", message, sizeof message) != OK)
        return 1;
    MUST(catalog_index_survey(x, digest_row, digest_damage, &digest) == OK);
    catalog_index_close(x);
    return digest;
}

/* True when verify found it, and named it; false for dead bytes of SQLite's. */
static bool verify_finds(const struct survey *s, const struct store_options *options, enum kind kind,
                         const struct thing *t, uint64_t bit)
{
    struct witness w = {.sink = {.found = witness_found}, .thing = t};
    struct verify_report report;
    struct uv_sys *uv;
    char message[400];

    MUST(uv_sys_new(&uv, s->directory) == OK);
    enum err err = store_verify(options, uv_sys_get(uv), &w.sink, &report, message, sizeof message);
    bool found = err == OK && w.sink.count > 0 && w.file_named;
    if (err == ERR_VERSION && strstr(message, t->path))
        found = true; /* it says that a newer program wrote it */
    if (found && (is_at_rest(kind) || kind == KIND_JOURNAL_DELIVERY) && !w.entry_named)
        found = false;
    const bool harmless =
        kind == KIND_INDEX_PAGE && err == OK && w.sink.count == 0 && index_digest(uv_sys_get(uv)->disk) == s->digest;
    uv_sys_free(uv);
    if (!found && !harmless) {
        printf("NOT FOUND: bit %" PRIu64 " of the %s at %s, offset %" PRIu64 " (%s; %" PRIu64 " told: %s)\n", bit,
               kind_names[kind], t->path, t->offset, err == OK ? "verified" : message, w.sink.count, w.first);
        exit(1);
    }
    return found;
}

/* ---- a start ---- */

struct reading {
    struct uv_sys *uv;
    struct store *store;
    struct task next;
    struct store_read read;
    struct position at;
    uint64_t topic; /* index into the rows found */
    const struct thing *thing;
    uint64_t right;
    bool refused;
    const struct ledger_info *chain;
    size_t count, ledger;
};

static void reading_done(struct store_read *r, enum err err)
{
    struct reading *g = container_of(r, struct reading, read);
    const bool meant = position_equal(r->from, g->thing->entry);

    if (err == ERR_CORRUPT && meant)
        g->refused = true;
    else if (err != OK || meant) {
        printf("entry %" PRId64 " of ledger %" PRId64 " was read: %s\n", r->from.entry, r->from.ledger, err_text(err));
        exit(1);
    } else {
        entry_unref(&r->entries[0]);
        g->right++;
    }
    g->at.entry++;
    loop_defer(uv_sys_get(g->uv)->loop, &g->next);
}

/* Every entry of the ledger, one by one. */
static void reading_next(struct task *task)
{
    struct reading *g = container_of(task, struct reading, next);

    if (g->at.entry > ledger_synced_end(g->store, (uint64_t)g->at.ledger)) {
        uv_sys_stop(g->uv);
        return;
    }
    g->read.done = reading_done;
    g->read.from = g->at;
    g->read.max = 1;
    g->read.bytes_max = 1 << 20;
    ledger_read(g->store, &g->read);
}

static void copy_directory(const char *from, const char *to)
{
    char command[2 * PATH_SIZE + 32];

    snprintf(command, sizeof command, "rm -rf %s && cp -r %s %s", to, from, to);
    MUST(system(command) == 0);
}

static void count_damage(struct damage_sink *sink, const struct damage *d)
{
    char text[DAMAGE_TEXT_SIZE];

    damage_text(d, text);
    puts(text);
}

static void on_closed(void *ctx)
{
    uv_sys_stop(ctx);
}

/* A start that is told what may be lost, one that needs no telling, and then all is sound. */
static void goes_on(const char *copy, const struct store_options *options, const char *give_up, bool loses)
{
    struct damage_sink sink = {.found = count_damage};
    struct store_options told = *options;
    struct verify_report report;
    struct store_stats stats;
    struct store *store;
    struct uv_sys *uv;
    char message[600];

    told.give_up = give_up;
    for (int life = 0; life < 2; life++, told.give_up = NULL) {
        MUST(uv_sys_new(&uv, copy) == OK);
        if (store_open(&store, &told, uv_sys_get(uv), message, sizeof message) != OK) {
            printf("with --give-up %s: %s\n", give_up, message);
            exit(1);
        }
        store_stats(store, &stats);
        MUST(!loses || stats.quarantined_ledgers == 1);
        MUST(!loses || stats.quarantined_entries == 1);
        store_close(store, on_closed, uv);
        uv_sys_run(uv);
        store_free(store);
        uv_sys_free(uv);
    }
    MUST(uv_sys_new(&uv, copy) == OK);
    MUST(store_verify(options, uv_sys_get(uv), &sink, &report, message, sizeof message) == OK);
    uv_sys_free(uv);
    if (sink.count > 0) {
        printf("that was after --give-up %s\n", give_up);
        exit(1);
    }
}

/* What the refusal says after "--give-up "; false: nothing. */
static bool option_in(const char *message, char option[64])
{
    const char *at = strstr(message, "--give-up ");

    return at && sscanf(at, "--give-up %63[a-z0-9:-]", option) == 1;
}

static void start_refuses(const struct survey *s, const struct store_options *options, enum kind kind,
                          const struct thing *t, bool found)
{
    struct reading g = {.thing = t, .at = {t->entry.ledger, 0}};
    char copy[PATH_SIZE], message[600];

    snprintf(copy, sizeof copy, "%s-copy", s->directory);
    copy_directory(s->directory, copy);
    MUST(uv_sys_new(&g.uv, copy) == OK);
    const enum err err = store_open(&g.store, options, uv_sys_get(g.uv), message, sizeof message);
    const bool in_segment = strncmp(t->path, SEGMENT_DIR, strlen(SEGMENT_DIR)) == 0;
    if (err == OK && is_at_rest(kind)) {
        g.next.run = reading_next;
        loop_defer(uv_sys_get(g.uv)->loop, &g.next);
        uv_sys_run(g.uv);
        MUST(g.refused);
    } else if (err == OK && found && !in_segment && !is_in_index(kind)) {
        printf("STARTED with a flipped bit in the %s at %s\n", kind_names[kind], t->path);
        exit(1);
    } else if (err != OK && !strstr(message, strrchr(t->path, '/') ? strrchr(t->path, '/') + 1 : t->path) &&
               !strstr(message, t->path)) {
        printf("the start was refused for another reason: %s\n", message);
        exit(1);
    }
    if (err == OK)
        store_free(g.store);
    uv_sys_free(g.uv);
    char option[64];
    if (err == OK && is_at_rest(kind) && kind != KIND_ADOPTED_ENTRY)
        snprintf(option, sizeof option, "ledger:%" PRId64, t->entry.ledger);
    else if (err == OK || !option_in(message, option)) {
        MUST(err == OK || !is_in_index(kind)); /* the index has a copy */
        return;
    }
    copy_directory(s->directory, copy);
    goes_on(copy, options, option, is_at_rest(kind));
}

int main(int argc, char **argv)
{
    uint64_t size = 2u << 20, rounds = 6, seed = 1, flips = 0, dead = 0;
    char directory[PATH_SIZE] = "/tmp/geminga-damage-XXXXXX", command[2 * PATH_SIZE];
    struct random random;

    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--size") == 0)
            size = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--rounds") == 0)
            rounds = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0)
            seed = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--dir") == 0)
            snprintf(directory, sizeof directory, "%s/geminga-damage-XXXXXX", argv[i + 1]);
        else
            return 2;
    }
    MUST(mkdtemp(directory));
    random_init(&random, seed);
    const struct store_options options = options_for(size);
    struct survey survey = {.directory = directory, .view = make_store(directory, size)};
    survey_all(&survey, &options);
    for (enum kind kind = 0; kind < KINDS; kind++) {
        const struct things *things = &survey.of[kind];
        if (things->count == 0) {
            printf("there is no %s in the store\n", kind_names[kind]);
            return 1;
        }
        for (uint64_t i = 0; i < rounds; i++) {
            const struct thing *t = &things->list[random_below(&random, things->count)];
            const uint64_t bit = random_below(&random, t->len * 8);
            flip(directory, t, bit);
            const bool found = verify_finds(&survey, &options, kind, t, bit);
            if (size <= START_MAX)
                start_refuses(&survey, &options, kind, t, found);
            flip(directory, t, bit);
            flips++;
            dead += !found;
        }
        printf("%s: %zu of them, %" PRIu64 " flips\n", kind_names[kind], things->count, rounds);
        free(things->list);
    }
    free(survey.index);
    snprintf(command, sizeof command, "rm -rf %s %s-copy", directory, directory);
    MUST(system(command) == 0);
    printf("seed %" PRIu64 ", store of %" PRIu64 " bytes: %" PRIu64 " flipped bits in %d kinds, %" PRIu64
           " found and named, %" PRIu64 " in bytes that SQLite does not use, 0 missed\n",
           seed, size, flips, (int)KINDS, flips - dead, dead);
    return 0;
}
