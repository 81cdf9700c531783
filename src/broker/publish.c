/* SPDX-License-Identifier: Apache-2.0
 *
 * publish.c - see publish.h.
 */
#include "broker/publish.h"

#include "broker/core.h"
#include "broker/delay_index.h"
#include "broker/delayed.h"
#include "broker/subscription.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

/* While the disk is full (or nearly), all topics are looked at for what may go, so often at most. */
#define FULL_LOOK_MS        10000
#define NEARLY_FULL_LOOK_MS 60000
/* While it is nearly full a ledger takes no more: only what is closed can be deleted. */
#define NEARLY_FULL_LEDGER_BYTES (UINT64_C(32) << 20)

static struct publish_op *op_take(struct broker *b)
{
    struct list *node = list_pop_front(&b->publish_pool);

    if (!node)
        return malloc(sizeof(struct publish_op));
    b->publish_pool_count--;
    return container_of(node, struct publish_op, node);
}

static void op_give(struct broker *b, struct publish_op *op)
{
    if (b->publish_pool_count == PUBLISH_POOL_MAX) {
        free(op);
        return;
    }
    list_push_front(&b->publish_pool, &op->node);
    b->publish_pool_count++;
}

static void answer(const struct publish_op *op, enum err err)
{
    const struct published published = {
        .producer_id = op->producer_id,
        .sequence_id = op->sequence_id,
        .highest_sequence_id = op->highest_sequence_id,
        .len = op->len,
        .position = op->duplicate ? POSITION_EARLIEST : op->append.position,
        .err = err,
    };
    op->sink->ops->published(op->sink, &published);
}

/* What nobody needs any more shall go now. */
static void look_for_room(struct broker *b)
{
    const uint64_t every_ms = store_full(b->store) ? FULL_LOOK_MS : NEARLY_FULL_LOOK_MS;
    const uint64_t now_ns = loop_now_ns(b->loop);

    if (b->full_looked_ns != 0 && now_ns < b->full_looked_ns + every_ms * NS_PER_MS)
        return;
    b->full_looked_ns = now_ns;
    retention_look_at_all(b);
}

/* ---- the open ledger ---- */

/* From when on the open ledger takes no more. */
static uint64_t ledger_spent_ns(const struct topic *t)
{
    const struct broker_options *o = &t->broker->options;
    uint64_t due_ns = t->ledger_opened_ns + o->ledger_age_max_ms * NS_PER_MS;

    if (!t->ledger || t->ledger_entries == 0)
        return UINT64_MAX;
    if (t->ledger_bytes >= o->ledger_bytes_max)
        return 0;
    if (store_full(t->broker->store) && t->pending == 0)
        return 0;
    if (store_nearly_full(t->broker->store) && t->ledger_bytes >= NEARLY_FULL_LEDGER_BYTES)
        return 0;
    const uint64_t young_ns = t->ledger_opened_ns + o->ledger_age_min_ms * NS_PER_MS;
    if (t->ledger_entries >= o->ledger_entries_max && young_ns < due_ns)
        due_ns = young_ns;
    const uint64_t idle_ns = t->ledger_appended_ns + o->ledger_idle_ms * NS_PER_MS;
    return o->ledger_idle_ms > 0 && idle_ns < due_ns ? idle_ns : due_ns;
}

static bool ledger_spent(const struct topic *t)
{
    return ledger_spent_ns(t) <= loop_event_ns(t->broker->loop);
}

static void ledger_leave(struct topic *t)
{
    if (t->ledger)
        ledger_close(t->broker->store, t->ledger);
    t->ledger = 0;
}

void topic_close_ledger(struct topic *t)
{
    ledger_leave(t);
}

uint64_t topic_roll(struct topic *t)
{
    if (ledger_spent(t))
        ledger_leave(t);
    return ledger_spent_ns(t);
}

/* Sees to it that t->ledger takes an entry. */
static enum err ledger_ready(struct topic *t)
{
    struct store *store = t->broker->store;
    size_t count;
    enum err err;

    if (store_nearly_full(store))
        look_for_room(t->broker);
    if (t->ledger && !ledger_spent(t))
        return OK;
    if (t->ledger)
        retention_look_at(t->broker, t->id);
    ledger_leave(t);
    if (store_full(store))
        return ERR_NOSPACE;
    if ((err = ledger_create(store, t->id, &t->ledger)) != OK) {
        t->ledger = 0;
        return err;
    }
    const struct ledger_info *chain = store_chain(store, t->id, &count);
    t->next_message = chain[count - 1].first_message;
    t->ledger_opened_ns = loop_now_ns(t->broker->loop);
    t->ledger_entries = t->ledger_bytes = 0;
    return OK;
}

/* ---- failure ---- */

/* Nothing more is taken until all that is under way has ended.  Frees the topic's producers. */
static void fence(struct topic *t, enum err err)
{
    struct broker *b = t->broker;

    b->counts.publish_failures++;
    t->failing = t->pending > 0;
    ledger_leave(t);
    if (err == ERR_NOSPACE)
        look_for_room(b);
    if (t->state != TOPIC_OPEN)
        return;
    log_error(b->log, "broker", "%s: an entry could not be stored (%s); its producers shall come back", t->name.text,
              err_text(err));
    t->state = TOPIC_FENCED;
    deduplication_reset(t);
    access_dismiss(t, ERR_AGAIN, "an entry could not be stored");
    topic_dismiss_producers(t);
}

/* ---- the end of a publish ---- */

void publish_count(struct topic *t, struct producer *p, uint32_t messages, size_t len, bool chunk)
{
    struct broker *b = t->broker;
    const uint64_t now_ns = loop_event_ns(b->loop);

    t->last_publish_ms = loop_event_wall_ms(b->loop);
    t->entries_in++;
    t->messages_in += messages;
    t->bytes_in += len;
    t->chunked = t->chunked || chunk;
    rate_add(&t->rate_in, now_ns, messages, len);
    b->counts.messages_in += messages;
    b->counts.bytes_in += len;
    b->counts.system_bytes_in += t->system ? len : 0;
    if (!p)
        return;
    p->messages_in += messages;
    p->bytes_in += len;
    rate_add(&p->rate_in, now_ns, messages, len);
    if (chunk)
        rate_add(&p->rate_chunk, now_ns, messages, 0);
}

/* How long it took, and how large it is. */
static void publish_meter(struct topic *t, const struct publish_op *op)
{
    const uint64_t now_ns = loop_event_ns(t->broker->loop), took_ns = now_ns - op->begun_ns;

    latencies_add(&t->broker->publish_latencies, now_ns, took_ns);
    if (t->meter || (t->meter = calloc(1, sizeof *t->meter)))
        meter_add(t->meter, now_ns, took_ns, op->len);
}

static void publish_stored(struct topic *t, const struct publish_op *op)
{
    assert(position_before(t->readable_end, op->append.position));
    t->readable_end = op->append.position;
    t->last_messages = op->messages;
    t->last_batched = op->batched;
    publish_count(t, op->producer, op->messages, op->len, op->chunk);
    publish_meter(t, op);
    retention_changed(t);
    if (op->deliver_ms > 0)
        delayed_published(t, op->append.position, op->deliver_ms);
}

/* The oldest publish, decided: out of the list, and its client told. */
static void publish_end(struct topic *t, struct publish_op *op)
{
    list_remove(&op->node);
    t->pending--;
    t->broker->counts.pending_publishes--;
    if (op->err == OK && !op->duplicate)
        publish_stored(t, op);
    if (!op->duplicate && !op->refused)
        deduplication_ended(t, op->sequence, op->last_sequence, op->err == OK);
    id_window_ended(op->event, op->err == OK);
    if (op->producer)
        op->producer->pending--;
    if (op->err != OK && !op->refused && !t->failing)
        fence(t, op->err); /* op->producer is gone after it */
    else if (op->producer)
        producer_settle(op->producer);
    answer(op, t->failing || (op->err != OK && !op->refused) ? ERR_CLOSED : op->err);
    op_give(t->broker, op);
}

static void append_done(struct append *append, enum err err)
{
    struct publish_op *op = container_of(append, struct publish_op, append);
    struct topic *t = op->topic;
    bool ended = false;

    op->decided = true;
    op->err = err;
    while (!list_empty(&t->publishes)) {
        op = container_of(t->publishes.next, struct publish_op, node);
        if (!op->decided)
            break;
        publish_end(t, op);
        ended = true;
    }
    if (ended && t->state != TOPIC_CLOSING)
        topic_wake(t);
    topic_settle(t);
}

/* ---- the beginning ---- */

static void publish_enter(struct topic *t, struct publish_op *op)
{
    t->pending++;
    t->broker->counts.pending_publishes++;
    if (op->producer)
        op->producer->pending++;
    list_push_back(&t->publishes, &op->node);
}

static enum err publish_append(struct topic *t, struct publish_op *op, const struct publish *m)
{
    const int64_t now_ms = loop_event_wall_ms(t->broker->loop);
    const struct entry_header header = {
        .kind = m->marker ? ENTRY_MARKER : ENTRY_DATA,
        .flags = m->flags,
        .messages = m->messages,
        .first_message = t->next_message,
        .broker_ms = now_ms,
        .publish_ms = m->publish_ms,
        .deliver_ms = op->deliver_ms > now_ms ? op->deliver_ms : 0,
    };
    enum err err = ledger_append(t->broker->store, t->ledger, &header, m->bytes, &op->append);
    if (err != OK)
        return err;

    op->deliver_ms = header.deliver_ms;
    t->appended_ledger = t->ledger;
    t->next_message += m->messages;
    t->ledger_entries++;
    t->ledger_bytes += m->bytes.len;
    t->ledger_appended_ns = op->begun_ns = loop_event_ns(t->broker->loop);
    deduplication_pushed(op->sequence, op->last_sequence);
    id_window_appended(op->event, now_ms);
    publish_enter(t, op);
    return OK;
}

/* Refuses one behind what is under way: its client gives up all that has no receipt then. */
static void answer_in_order(struct topic *t, struct publish_op *op, enum err err)
{
    if (t->pending == 0) {
        answer(op, err);
        op_give(t->broker, op);
        return;
    }
    op->decided = op->refused = true;
    op->err = err;
    publish_enter(t, op);
}

/* Pulsar's clocks, too: of who published it. */
static bool delayed_too_long(const struct topic *t, const struct publish *m)
{
    return t->delays && t->delay_max_ms > 0 && m->deliver_ms > 0 && m->deliver_ms - t->delay_max_ms > m->publish_ms;
}

enum err publish_refusal(const struct topic *t, const struct producer *p, const struct publish *m)
{
    if (t->terminated)
        return ERR_TERMINATED;
    if (delayed_too_long(t, m))
        return ERR_UNSUPPORTED;
    if (!p)
        return OK; /* the broker's own */
    if (t->encryption_required && !m->marker && !(m->flags & ENTRY_ENCRYPTED))
        return ERR_INVALID;
    if (deduplication_of_another(t, p, m))
        return ERR_INVALID;
    if (t->message_bytes_max > 0 && !(m->flags & ENTRY_CHUNK) && m->bytes.len > t->message_bytes_max)
        return ERR_TOO_LARGE;
    return OK;
}

/* What the topic has already, or has under way: the answer comes when all before it is decided. */
static void publish_duplicate(struct topic *t, struct publish_op *op)
{
    op->duplicate = op->decided = true;
    if (list_empty(&t->publishes)) {
        answer(op, OK);
        op_give(t->broker, op);
        return;
    }
    publish_enter(t, op);
}

/* What is under way will fail, and the topic is not told yet: in another ledger this one could be stored without it.
 */
static bool failure_ahead(const struct topic *t)
{
    return t->pending > 0 && t->appended_ledger != t->ledger && ledger_has_failed(t->broker->store, t->appended_ledger);
}

/* Whether it is fresh, to all that look for duplicates. */
static enum err look_for_duplicate(struct topic *t, struct publish_op *op, const struct publish *m,
                                   enum deduplication_verdict *verdict)
{
    enum err err;

    if ((err = deduplication_look(t, m, verdict, &op->sequence)) != OK || *verdict == MESSAGE_DUPLICATE)
        return err;
    return id_window_look(t, m, verdict, &op->event);
}

/* OK: it is under way, or was answered. */
static enum err publish_begin(struct topic *t, struct publish_op *op, const struct publish *m)
{
    enum deduplication_verdict verdict = MESSAGE_FRESH;
    enum err err = OK;

    if (op->producer)
        err = look_for_duplicate(t, op, m, &verdict);
    if (err != OK)
        return err;
    if (verdict == MESSAGE_DUPLICATE) {
        publish_duplicate(t, op);
        return OK;
    }
    if ((err = ledger_ready(t)) != OK)
        return err;
    return failure_ahead(t) ? ERR_FENCED : publish_append(t, op, m);
}

/* Nothing of it is under way. */
static void answer_at_once(struct sink *sink, uint64_t producer_id, const struct publish *m, enum err err)
{
    const struct published published = {
        .producer_id = producer_id,
        .sequence_id = m->sequence_id,
        .highest_sequence_id = m->highest_sequence_id,
        .len = m->bytes.len,
        .err = err,
    };
    sink->ops->published(sink, &published);
}

void topic_publish(struct topic *t, struct sink *sink, struct producer *p, const struct publish *m)
{
    const uint64_t producer_id = p ? p->id : 0; /* p may be gone when it is answered */
    struct publish_op *op;
    enum err err;

    assert(m->messages > 0);
    if (t->state != TOPIC_OPEN || (t->ending && !t->terminated)) { /* its producers are told, now or soon */
        answer_at_once(sink, producer_id, m, ERR_CLOSED);
        return;
    }
    if (!(op = op_take(t->broker))) {
        answer_at_once(sink, producer_id, m, ERR_NOMEM);
        return;
    }
    *op = (struct publish_op){
        .append = {.done = append_done, .known = m->known},
        .topic = t,
        .producer = p,
        .sink = sink,
        .producer_id = producer_id,
        .sequence_id = m->sequence_id,
        .highest_sequence_id = m->highest_sequence_id,
        .messages = m->messages,
        .deliver_ms = m->deliver_ms < DELAY_MS_MAX ? m->deliver_ms : DELAY_MS_MAX,
        .len = m->bytes.len,
        .batched = (m->flags & ENTRY_BATCHED) != 0,
        .chunk = (m->flags & ENTRY_CHUNK) != 0,
        .last_sequence = m->sequence.last,
    };
    list_init(&op->node);
    if ((err = publish_refusal(t, p, m)) != OK) {
        answer_in_order(t, op, err);
        return;
    }
    if ((err = publish_begin(t, op, m)) == OK)
        return;

    id_window_ended(op->event, false);
    op_give(t->broker, op);
    if (err != ERR_TOO_LARGE) {
        fence(t, err);
        topic_settle(t);
        err = ERR_CLOSED;
    }
    answer_at_once(sink, producer_id, m, err);
}

void publish_forget_producer(struct topic *t, struct producer *p)
{
    list_each (node, &t->publishes) {
        struct publish_op *op = container_of(node, struct publish_op, node);
        if (op->producer == p)
            op->producer = NULL;
    }
}
