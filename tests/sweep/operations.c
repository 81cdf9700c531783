/* SPDX-License-Identifier: Apache-2.0
 *
 * operations.c - see operations.h.
 */
#include "operations.h"

#include "harm.h"
#include "store/store_private.h"

#include <assert.h>

/* On a full disk the store tries again for ever: an act waits so long, and no longer. */
#define ACT_MS 8000

static void must_open(struct model *m)
{
    enum err err = model_open(m);
    assert(err == OK);
}

static void wait_for_end(struct model *m)
{
    if (m->store && !model_dead(m))
        model_run_ms(m, ACT_MS);
}

/* The operation ends with what it asked for synced. */
static void sync_and_end(struct model *m)
{
    model_barrier(m);
    wait_for_end(m);
}

/* ---- states to begin in ---- */

static void nothing(struct model *m)
{
    (void)m;
}

static void a_fresh_store(struct model *m)
{
    must_open(m);
    model_create_topics(m);
    model_barrier(m);
    model_settle(m);
}

/* Entries in the journal only. */
static void a_store_with_entries(struct model *m)
{
    a_fresh_store(m);
    for (unsigned i = 0; i < 12; i++)
        model_append(m, i % MODEL_TOPICS, 200 + 31 * i);
    model_settle(m);
    model_ack(m, 0, 1);
    model_ack(m, 1, 0);
    model_barrier(m);
    model_settle(m);
}

/* Entries in segments, of their own and shared; two closed ledgers before the open one; holes in cursors. */
static void a_store_with_segments(struct model *m)
{
    a_store_with_entries(m);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 5; i++)
            model_append(m, 0, 9000);
        model_append(m, 1, 500);
        model_append(m, 2, 500);
        model_settle(m);
        model_ack(m, 0, 2);
        if (round < 2) {
            model_roll(m, 0);
            model_roll(m, 1);
        }
    }
    model_barrier(m);
    model_settle(m);
}

static void closed_in_order(struct model *m)
{
    a_store_with_segments(m);
    const bool closed = model_close(m);
    assert(closed);
}

static void killed(struct model *m)
{
    a_store_with_segments(m);
    model_append(m, 3, 700);
    model_append(m, 0, 12000);
    model_put(m, 2);
    model_barrier(m);
    model_settle(m);
    model_append(m, 3, 600); /* perhaps */
    model_steps(m, 2);
    model_crash(m, MODEL_KILL);
}

/* Shared segment files of which little will live when topics 2 and 3 lose their ledgers. */
static void a_store_of_shared_files(struct model *m)
{
    m->options.checkpoint_bytes = 64 * 1024;
    m->options.compaction_bytes = 1 << 20;
    m->options.compaction_dead_bytes = 12 * 1024;
    m->options.compaction_fan = 1000;
    must_open(m);
    model_create_topics(m);
    for (unsigned file = 0; file < 3; file++) {
        model_append(m, 1, 200);
        for (unsigned topic = 2; topic < MODEL_TOPICS; topic++) {
            model_append(m, topic, 4000);
            model_roll(m, topic);
        }
        model_settle(m);
        checkpoint_want(m->store);
        model_settle(m);
    }
}

/* One ledger in as many pieces as are merged with the next. */
static void a_store_of_pieces(struct model *m)
{
    m->options.compaction_fan = 3;
    must_open(m);
    model_create_topics(m);
    for (unsigned piece = 0; piece < 3; piece++) {
        model_append(m, 0, 900);
        model_settle(m);
        if (piece < 2)
            checkpoint_want(m->store);
        model_settle(m);
    }
}

/* Journal files that hold little but one ledger's entries, and another ledger's in files that it has adopted. */
static void a_busy_store(struct model *m)
{
    a_fresh_store(m);
    for (unsigned i = 0; i < 6; i++)
        model_append(m, 0, 9000);
    model_settle(m);
    model_roll(m, 0);
    for (unsigned i = 0; i < 3; i++)
        model_append(m, 0, 9000);
    model_append(m, 1, 100);
    model_settle(m);
}

static void an_unsynced_store(struct model *m)
{
    m->options.durability = DURABILITY_OS;
    a_store_with_entries(m);
}

static void killed_unsynced(struct model *m)
{
    m->options.durability = DURABILITY_OS;
    killed(m);
}

static void a_store_for_the_tools(struct model *m)
{
    must_open(m);
    const struct catalog_row tenant = {.id = store_id_new(m->store), .name = bytes_of_text("public")};
    const struct catalog_row row = {
        .id = store_id_new(m->store), .parent = tenant.id, .name = bytes_of_text("public/default")};
    enum err err = catalog_put(m->store, CATALOG_TENANT, &tenant);
    assert(err == OK);
    err = catalog_put(m->store, CATALOG_NAMESPACE, &row);
    assert(err == OK);
    m->namespace_ = row.id;
    model_create_topics(m);
    for (unsigned i = 0; i < 12; i++) {
        model_append(m, i % MODEL_TOPICS, 200 + 900 * i);
        model_steps(m, 10);
    }
    model_settle(m);
    checkpoint_want(m->store);
    model_settle(m);
    for (unsigned i = 0; i < 4; i++) /* in the journal only */
        model_append(m, i, 300);
    model_settle(m);
    model_crash(m, MODEL_KILL);
}

static void a_damaged_segment(struct model *m)
{
    closed_in_order(m);
    harm_segment(m);
}

static void a_missing_segment(struct model *m)
{
    closed_in_order(m);
    harm_by_loss_of_a_segment(m);
}

static void a_damaged_journal(struct model *m)
{
    a_fresh_store(m);
    for (unsigned i = 0; i < 9; i++) {
        model_append(m, i % 2, 300);
        model_settle(m);
    }
    harm_journal(m);
}

/* With a checkpoint behind it, and something in the journal. */
static void a_damaged_index(struct model *m)
{
    a_store_with_segments(m);
    model_append(m, 0, 300);
    model_put(m, 1);
    model_settle(m);
    model_crash(m, MODEL_KILL);
    harm_index(m);
}

/* A directory that says what one of an earlier build said. */
static void a_directory_of_format_1(struct model *m)
{
    struct disk *disk = sim_disk_get(m->disk);
    const struct bytes text = bytes_of_text("geminga store 1\n");
    struct file *f = NULL;

    closed_in_order(m);
    enum err err = disk_open(disk, "format", DISK_WRITE, &f);
    assert(err == OK);
    err = file_write(f, 0, &text, 1);
    assert(err == OK);
    err = file_sync(f);
    assert(err == OK);
    file_close(f);
}

/* Closed, so that what is read is nowhere in memory. */
static void a_cold_store(struct model *m)
{
    closed_in_order(m);
    must_open(m);
    model_verify(m);
    model_settle(m);
}

/* ---- operations ---- */

static void open_store(struct model *m)
{
    if (model_open(m) == OK)
        wait_for_end(m);
}

static void append_lone(struct model *m)
{
    model_append(m, 0, 300);
    wait_for_end(m);
}

static void append_singly(struct model *m)
{
    for (unsigned i = 0; i < 4 && !model_dead(m); i++)
        append_lone(m);
}

static void append_batched(struct model *m)
{
    for (unsigned i = 0; i < 9 && !model_dead(m); i++)
        model_append(m, i % MODEL_TOPICS, 40 + 300 * i);
    model_steps(m, 6);
    for (unsigned i = 0; i < 5 && !model_dead(m); i++) /* behind a batch in flight */
        model_append(m, i % MODEL_TOPICS, 100);
    wait_for_end(m);
}

static void append_large(struct model *m)
{
    model_append(m, 0, 70000);
    model_append(m, 1, 100);
    wait_for_end(m);
}

/* Large batches of one ledger, small ones of others beside them on their way to the disk. */
static void append_beside(struct model *m)
{
    for (unsigned i = 0; i < 8 && !model_dead(m); i++) {
        model_append(m, 0, 6000);
        model_steps(m, 3 + i % 4);
        model_append(m, 1 + i % 3, 100);
        model_steps(m, i % 3);
        if (i % 3 == 1) {
            model_put(m, 2);
            model_barrier(m);
        }
    }
    sync_and_end(m);
}

/* Through several journal files and checkpoints, so that files are made, filled, moved and used again. */
static void append_much(struct model *m)
{
    for (unsigned i = 0; i < 12 && !model_dead(m); i++) {
        model_append(m, i % 2, 14000);
        model_append(m, 2 + i % 2, 300);
        model_steps(m, 25);
        model_ack_cumulative(m, 0, 1);
    }
    wait_for_end(m);
}

static void barrier(struct model *m)
{
    model_barrier(m);
    model_put(m, 1);
    sync_and_end(m);
}

static void put_rows(struct model *m)
{
    for (unsigned i = 0; i < MODEL_TOPICS; i++)
        model_put(m, i);
    sync_and_end(m);
}

static void create_topics(struct model *m)
{
    if (!m->store)
        return;
    model_create_topics(m);
    sync_and_end(m);
}

static void remove_topic(struct model *m)
{
    model_remove(m, 0);
    sync_and_end(m);
}

static void roll_ledgers(struct model *m)
{
    model_roll(m, 0);
    model_append(m, 0, 100);
    model_roll(m, 0);
    model_roll(m, 2);
    model_append(m, 0, 100);
    sync_and_end(m);
}

static void delete_ledgers(struct model *m)
{
    model_trim(m, 0);
    model_steps(m, 5);
    model_trim(m, 1);
    model_trim(m, 0);
    sync_and_end(m);
}

static void acknowledge(struct model *m)
{
    model_ack(m, 0, 3);
    model_ack(m, 0, 1);
    model_ack(m, 2, 0);
    sync_and_end(m);
}

static void acknowledge_upto(struct model *m)
{
    model_ack_cumulative(m, 0, 4);
    model_ack(m, 0, 2);
    sync_and_end(m);
}

/* No barrier: it rides, at the latest after a second. */
static void acknowledge_quietly(struct model *m)
{
    model_ack(m, 0, 1);
    wait_for_end(m);
}

static void count_redeliveries(struct model *m)
{
    model_redeliver(m, 0, 1);
    model_redeliver(m, 0, 1);
    model_redeliver(m, 2, 0);
    model_ack(m, 0, 1);
    sync_and_end(m);
}

static void acknowledge_parts(struct model *m)
{
    for (unsigned message = 0; message < 3; message++) {
        model_ack_part(m, 0, 1, message);
        model_ack_part(m, 2, message, 0);
    }
    model_redeliver(m, 2, 0);
    sync_and_end(m);
}

static void compact(struct model *m)
{
    size_t count;

    for (unsigned topic = 2; topic < MODEL_TOPICS; topic++) {
        while ((void)store_chain(m->store, m->topics[topic].id, &count), count > 1 && !model_dead(m))
            model_trim(m, topic);
    }
    wait_for_end(m);
}

static void merge(struct model *m)
{
    if (!model_dead(m))
        checkpoint_want(m->store);
    wait_for_end(m);
}

static bool adopted(const struct model *m)
{
    return m->store->checkpoint.adopted_bytes > 0;
}

static bool ring_wrote(const struct model *m)
{
    struct store_stats stats;

    store_stats(m->store, &stats);
    return stats.ring_batches > 0;
}

static bool compacted(const struct model *m)
{
    return m->store->checkpoint.compactions > 0;
}

static bool gave_up(const struct model *m)
{
    return m->store->lost.count > 0;
}

/* Entries stay where they are: the journal's files become the ledger's. */
static void adopt(struct model *m)
{
    if (!model_dead(m))
        checkpoint_want(m->store);
    model_append(m, 0, 9000);
    wait_for_end(m);
}

/* What an adopted file held is needed no more: it is written over. */
static void adopt_and_release(struct model *m)
{
    adopt(m);
    model_trim(m, 0);
    for (unsigned i = 0; i < 12 && !model_dead(m); i++) {
        model_append(m, 0, 9000);
        model_steps(m, 40);
    }
    wait_for_end(m);
}

static void unsubscribe(struct model *m)
{
    model_unsubscribe(m, 0);
    model_ack(m, 1, 0);
    model_unsubscribe(m, 2);
    sync_and_end(m);
}

static void a_store_to_back_up(struct model *m)
{
    harm_ask_for_backup(m);
    a_store_with_segments(m);
}

/* While others publish, acknowledge, and delete what is being copied. */
static void back_up(struct model *m)
{
    harm_start_backup(m);
    for (unsigned i = 0; i < 4 && !model_dead(m); i++) {
        model_append(m, i, 700);
        model_ack(m, i % 2, 0);
        model_steps(m, 15);
    }
    if (!model_dead(m))
        model_trim(m, 0);
    wait_for_end(m);
    if (!model_dead(m) && harm_backup_done(m))
        harm_check_backup();
}

/* Publishing, reading, acknowledging, rolling and deleting, one beside the other. */
static void live(struct model *m)
{
    for (unsigned i = 0; i < 10 && !model_dead(m); i++) {
        model_append(m, i % MODEL_TOPICS, 3000);
        model_start_read(m, i % MODEL_TOPICS, 0);
        model_ack(m, i % MODEL_TOPICS, 0);
        model_put(m, i % MODEL_TOPICS);
        model_steps(m, 30);
        if (i % 4 == 3) {
            model_roll(m, i % 3);
            model_trim(m, i % 3);
        }
    }
    sync_and_end(m);
}

static void reset_cursor(struct model *m)
{
    model_reset(m, 0, 2);
    model_ack(m, 0, 1);
    sync_and_end(m);
}

static void read_warm(struct model *m)
{
    model_append(m, 0, 400);
    model_steps(m, 60);
    for (unsigned i = 0; i < 4; i++)
        model_start_read(m, i, 0);
    wait_for_end(m);
}

static void read_cold(struct model *m)
{
    for (unsigned i = 0; i < 6; i++)
        model_start_read(m, i % 3, 2 * i);
    wait_for_end(m);
}

static void close_store(struct model *m)
{
    model_append(m, 1, 200);
    if (!model_dead(m))
        (void)model_close(m);
}

static void checkpoint(struct model *m)
{
    model_trim(m, 0);
    for (unsigned i = 0; i < 4; i++)
        model_append(m, 0, 9000);
    model_append(m, 1, 100);
    model_append(m, 3, 100);
    model_put(m, 3);
    model_ack(m, 1, 0);
    wait_for_end(m);
}

/* So many rows that the index grows, in the log and then in the database. */
static void checkpoint_of_many_rows(struct model *m)
{
    for (unsigned i = 0; i < 60 && !model_dead(m); i++) {
        model_append(m, i % MODEL_TOPICS, 150);
        model_roll(m, i % MODEL_TOPICS);
        model_steps(m, 4);
    }
    model_append(m, 0, 9000);
    wait_for_end(m);
}

const struct operation operations[] = {
    {"open-fresh", "the first start in an empty directory", nothing, open_store, .needs_room = true},
    {"open-closed", "a start after an orderly end", closed_in_order, open_store},
    {"open-killed", "a start after a kill: replay, and all of it written again", killed, open_store},
    {"open-format-1", "a start on a directory of the format before", a_directory_of_format_1, open_store,
     .needs_room = true},
    {"append-lone", "one entry", a_store_with_entries, append_lone},
    {"append-batched", "entries of several topics in a batch, others behind it", a_store_with_entries, append_batched},
    {"append-large", "an entry larger than what is written ahead", a_store_with_entries, append_large},
    {"append-beside", "batches on their way beside others", a_store_with_entries, append_beside},
    {"append-much", "through several journal files and checkpoints", a_store_with_entries, append_much},
    {"barrier", "a barrier with nothing to wait for, and one behind a row", a_store_with_entries, barrier},
    {"catalog-put", "rows put", a_store_with_entries, put_rows},
    {"catalog-create", "topics, subscriptions and cursors made", must_open, create_topics},
    {"catalog-remove", "a topic removed with all it has", a_store_with_segments, remove_topic},
    {"ledger-roll", "ledgers closed and others opened", a_store_with_entries, roll_ledgers},
    {"ledger-delete", "ledgers deleted, their segments unlinked", a_store_with_segments, delete_ledgers},
    {"cursor-ack", "single acknowledgements", a_store_with_segments, acknowledge},
    {"cursor-ack-cumulative", "acknowledgements of all up to an entry", a_store_with_segments, acknowledge_upto},
    {"cursor-ack-quiet", "an acknowledgement that waits for a batch to ride on", a_store_with_entries,
     acknowledge_quietly},
    {"cursor-ack-partial", "messages of entries are acknowledged", a_store_with_segments, acknowledge_parts},
    {"cursor-redelivered", "entries given again are counted", a_store_with_segments, count_redeliveries},
    {"cursor-delete", "subscriptions removed with their cursors", a_store_with_segments, unsubscribe},
    {"cursor-reset", "a seek", a_store_with_segments, reset_cursor},
    {"checkpoint", "entries, rows and cursors out of the journal", a_store_with_segments, checkpoint},
    {"checkpoint-rows", "a checkpoint that makes the index grow", a_store_with_entries, checkpoint_of_many_rows},
    {"checkpoint-adopt", "journal files become a busy ledger's", a_busy_store, adopt, .happened = adopted},
    {"adopted-deleted", "such a ledger is deleted, its files are written over", a_busy_store, adopt_and_release,
     .happened = adopted},
    {"compact", "shared segments of which little lives are emptied", a_store_of_shared_files, compact,
     .happened = compacted},
    {"merge", "a ledger in many pieces becomes one", a_store_of_pieces, merge, .happened = compacted},
    {"mixed", "a bit of everything at once", a_store_with_segments, live},
    {"backup", "a backup while the store goes on", a_store_to_back_up, back_up, .happened = harm_backup_done},
    {"ring-append-lone", "one entry after the other", a_store_with_entries, append_singly, .ring = true,
     .happened = ring_wrote},
    {"ring-append-batched", "entries of several topics in a batch, others behind it", a_store_with_entries,
     append_batched, .ring = true, .happened = ring_wrote},
    {"ring-append-beside", "small batches beside large ones", a_store_with_entries, append_beside, .ring = true,
     .happened = ring_wrote},
    {"ring-append-much", "through several journal files and checkpoints", a_store_with_entries, append_much,
     .ring = true, .happened = ring_wrote},
    {"ring-acknowledge", "single acknowledgements", a_store_with_segments, acknowledge, .ring = true,
     .happened = ring_wrote},
    {"ring-mixed", "a bit of everything at once", a_store_with_segments, live, .ring = true, .happened = ring_wrote},
    {"ring-open-killed", "a start after a kill", killed, open_store, .ring = true},
    {"ring-close", "an orderly end", a_store_with_segments, close_store, .ring = true},
    {"os-append", "durability \"os\": entries of several topics", an_unsynced_store, append_batched},
    {"os-checkpoint", "durability \"os\": through several journal files and checkpoints", an_unsynced_store,
     append_much},
    {"os-open-killed", "durability \"os\": a start after a kill", killed_unsynced, open_store},
    {"give-up-ledger", "a start behind damage in a segment", a_damaged_segment, open_store, .needs_room = true,
     .happened = gave_up},
    {"give-up-segment", "a start without a segment", a_missing_segment, open_store, .needs_room = true,
     .happened = gave_up},
    {"give-up-batch", "a start behind damage in the journal", a_damaged_journal, open_store, .needs_room = true,
     .happened = gave_up},
    {"give-up-index", "a start behind damage in the index, from its copy", a_damaged_index, open_store,
     .needs_room = true, .happened = harm_index_kept},
    {"verify", "`geminga store verify`", a_store_for_the_tools, harm_verify},
    {"inspect", "`geminga store inspect`", a_store_for_the_tools, harm_inspect},
    {"export", "`geminga store export`", a_store_for_the_tools, harm_export},
    {"read-warm", "reads of what is in memory", a_store_with_entries, read_warm},
    {"read-cold", "reads of what is in segments", a_cold_store, read_cold},
    {"close", "an orderly end", a_store_with_segments, close_store},
};

const size_t operation_count = sizeof operations / sizeof operations[0];
