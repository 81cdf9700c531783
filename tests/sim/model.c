/* SPDX-License-Identifier: Apache-2.0
 *
 * model.c - a list of entries and a set of acknowledgements.
 */
#include "model.h"

#include "base/random.h"
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define PAYLOAD_MAGIC 0x67656d69u

void model_violation(struct model *m, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    m->violation(m->ctx, text);
    abort();
}

void model_note(const struct model *m, const char *format, ...)
{
    va_list args;

    if (!m->verbose)
        return;
    fprintf(stderr, "%8" PRIu64 " ", m->step);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

#define POSITION       "%" PRIi64 ":%" PRIi64
#define POSITION_OF(p) (p).ledger, (p).entry

/* ---- payloads: magic, topic, producer, sequence, then bytes drawn from these ---- */

static void payload_random(struct random *r, unsigned topic, unsigned producer, uint64_t sequence)
{
    random_init(r, sequence * 1000003 + producer * 1009 + topic);
}

size_t model_payload(unsigned topic, unsigned producer, uint64_t sequence, uint8_t to[PAYLOAD_MAX])
{
    static const size_t sizes[] = {PAYLOAD_MIN, 64, 300, 1200, PAYLOAD_MAX};
    struct random r;
    size_t len;

    payload_random(&r, topic, producer, sequence);
    len = sizes[random_below(&r, random_below(&r, 8) == 0 ? 5 : 3)];
    len = PAYLOAD_MIN + (size_t)random_below(&r, len - PAYLOAD_MIN + 1);
    le32_put(to, PAYLOAD_MAGIC);
    le16_put(to + 4, (uint16_t)topic);
    le16_put(to + 6, (uint16_t)producer);
    le64_put(to + 8, sequence);
    for (size_t i = PAYLOAD_MIN; i < len; i += 8) {
        uint8_t word[8];
        le64_put(word, random_next(&r));
        memcpy(to + i, word, len - i < 8 ? len - i : 8);
    }
    return len;
}

uint32_t model_messages(unsigned topic, unsigned producer, uint64_t sequence)
{
    struct random r;

    payload_random(&r, topic, producer, ~sequence);
    return random_below(&r, 4) == 0 ? 2 + (uint32_t)random_below(&r, 5) : 1;
}

unsigned model_key(unsigned topic, unsigned producer, uint64_t sequence)
{
    struct random r;

    payload_random(&r, topic, producer, sequence + 1000);
    return (unsigned)random_below(&r, MODEL_KEYS);
}

/* ---- entries ---- */

static int by_position(const void *key, const struct tree_node *node)
{
    return position_compare(*(const struct position *)key,
                            container_of_const(node, struct model_entry, node)->position);
}

static struct model_entry *entry_of(struct tree_node *node)
{
    return node ? container_of(node, struct model_entry, node) : NULL;
}

#define entries_each(e, topic)                                                                                         \
    for (struct model_entry *e = entry_of(tree_first(&(topic)->entries)); e; e = entry_of(tree_next(&e->node)))

void model_init(struct model *m)
{
    *m = (struct model){0};
    for (unsigned t = 0; t < MODEL_TOPICS; t++) {
        tree_init(&m->topics[t].entries, by_position);
        map_init(&m->topics[t].stored, 0);
        for (unsigned p = 0; p < MODEL_PRODUCERS; p++)
            m->topics[t].producers[p].last_receipt = POSITION_EARLIEST;
        for (unsigned s = 0; s < MODEL_SUBSCRIPTIONS; s++)
            m->topics[t].subscriptions[s].floor = POSITION_EARLIEST;
    }
}

void model_deinit(struct model *m)
{
    for (unsigned t = 0; t < MODEL_TOPICS; t++) {
        tree_each_safe (node, &m->topics[t].entries) {
            tree_remove(&m->topics[t].entries, node);
            free(entry_of(node));
        }
        map_deinit(&m->topics[t].stored);
        for (unsigned p = 0; p < MODEL_PRODUCERS; p++)
            free(m->topics[t].producers[p].messages);
        free(m->topics[t].reigns);
    }
}

static uint64_t message_id(unsigned producer, uint64_t sequence)
{
    return ((uint64_t)producer + 1) << 40 | sequence;
}

/* It is at one position, and at no other. */
static void stored_once(struct model *m, struct model_topic *t, struct model_entry *e)
{
    const struct model_entry *other = map_find_id(&t->stored, message_id(e->producer, e->sequence));

    if (other)
        model_violation(m, "%s: p%u/%" PRIu64 " is stored twice: at " POSITION " and at " POSITION, t->name,
                        e->producer, e->sequence, other->position.ledger, other->position.entry, e->position.ledger,
                        e->position.entry);
    enum err err = map_put_id(&t->stored, message_id(e->producer, e->sequence), e);
    assert(err == OK);
}

/* The entry at p, which is now known to hold this message. */
static struct model_entry *entry_known(struct model *m, unsigned topic, struct position p, unsigned producer,
                                       uint64_t sequence)
{
    struct model_topic *t = &m->topics[topic];
    struct model_entry *e = entry_of(tree_find(&t->entries, &p));

    if (p.ledger < 0 || p.entry < 0)
        model_violation(m, POSITION " is no position", p.ledger, p.entry);
    if (e && (e->producer != producer || e->sequence != sequence))
        model_violation(m, "%s: position " POSITION " was p%u/%" PRIu64 " and is now p%u/%" PRIu64, t->name, p.ledger,
                        p.entry, e->producer, e->sequence, producer, sequence);
    if (e)
        return e;
    if (t->ended && position_before(t->end, p))
        model_violation(m, "%s: p%u/%" PRIu64 " is at " POSITION ", and the topic ended at " POSITION, t->name,
                        producer, sequence, POSITION_OF(p), POSITION_OF(t->end));
    e = calloc(1, sizeof *e);
    assert(e);
    e->position = p;
    e->producer = producer;
    e->sequence = sequence;
    for (unsigned s = 0; s < t->subscription_count; s++)
        e->of[s].expect = position_compare(p, t->subscriptions[s].floor) <= 0 ||
                                  t->producers[producer].messages[sequence].first_step < t->subscriptions[s].since_step
                              ? MAY
                              : MUST;
    tree_insert(&t->entries, &e->position, &e->node);
    if (m->once)
        stored_once(m, t, e);
    return e;
}

void model_sent(struct model *m, unsigned topic, unsigned producer, int64_t deliver_ms)
{
    struct model_producer *p = &m->topics[topic].producers[producer];

    if (p->sent == p->capacity) {
        p->capacity = p->capacity ? p->capacity * 2 : 64;
        p->messages = realloc(p->messages, p->capacity * sizeof *p->messages);
        assert(p->messages);
    }
    p->messages[p->sent++] = (struct model_message){.deliver_ms = deliver_ms, .first_step = m->step};
}

void model_sending(struct model *m, unsigned topic, unsigned producer, uint64_t sequence)
{
    m->topics[topic].producers[producer].messages[sequence].sends++;
}

/* ---- exclusive producers ---- */

void model_reign_begins(struct model *m, unsigned topic, uint64_t epoch)
{
    struct model_topic *t = &m->topics[topic];

    model_note(m, "t%u epoch %" PRIu64, topic, epoch);
    for (size_t i = 0; i < t->reign_count; i++)
        if (t->reigns[i].epoch == epoch)
            model_violation(m, "%s: epoch %" PRIu64 " was given twice", t->name, epoch);
    t->reigns = realloc(t->reigns, (t->reign_count + 1) * sizeof *t->reigns);
    assert(t->reigns);
    t->reigns[t->reign_count++] =
        (struct model_reign){.epoch = epoch, .first = POSITION_LATEST, .last = POSITION_EARLIEST};
}

/* What one epoch's producer stored lies between what those before and those after it did. */
void model_reigns(struct model *m, unsigned topic, uint64_t epoch, struct position p)
{
    struct model_topic *t = &m->topics[topic];

    for (size_t i = 0; i < t->reign_count && !position_equal(p, POSITION_EARLIEST); i++) {
        struct model_reign *r = &t->reigns[i];
        if (r->epoch < epoch ? position_before(p, r->last) : r->epoch > epoch && position_before(r->first, p))
            model_violation(
                m, "%s: epoch %" PRIu64 " has a receipt for " POSITION ", and epoch %" PRIu64 " for " POSITION, t->name,
                epoch, POSITION_OF(p), r->epoch, POSITION_OF(r->epoch < epoch ? r->last : r->first));
        if (r->epoch == epoch && position_before(p, r->first))
            r->first = p;
        if (r->epoch == epoch && position_before(r->last, p))
            r->last = p;
    }
}

void model_receipt(struct model *m, unsigned topic, unsigned producer, uint64_t sequence, struct position p)
{
    struct model_topic *t = &m->topics[topic];
    struct model_producer *from = &t->producers[producer];

    m->receipts++;
    model_note(m, "t%u p%u/%" PRIu64 " receipt " POSITION, topic, producer, sequence, POSITION_OF(p));
    if (sequence != from->receipted)
        model_violation(m, "%s: p%u got the receipt of %" PRIu64 " and waits for that of %" PRIu64, t->name, producer,
                        sequence, from->receipted);
    if (sequence >= from->sent)
        model_violation(m, "%s: p%u got a receipt of %" PRIu64 ", which it never sent", t->name, producer, sequence);
    if (t->fleeting || (m->once && position_equal(p, POSITION_EARLIEST))) {
        from->receipted++;
        return;
    }
    if (!position_before(from->last_receipt, p))
        model_violation(m, "%s: p%u's %" PRIu64 " is at " POSITION ", before the one sent earlier", t->name, producer,
                        sequence, p.ledger, p.entry);
    from->receipted++;
    from->last_receipt = p;
    entry_known(m, topic, p, producer, sequence)->receipted = true;
}

void model_last_sequence(struct model *m, unsigned topic, unsigned producer, int64_t last)
{
    const struct model_producer *from = &m->topics[topic].producers[producer];

    if (m->topics[topic].fleeting)
        return;
    if (!m->once && last != -1)
        model_violation(m, "%s: p%u hears of %" PRId64 " without deduplication", m->topics[topic].name, producer, last);
    if (m->once && (last < (int64_t)from->receipted - 1 || last >= (int64_t)from->sent))
        model_violation(
            m, "%s: p%u hears that %" PRId64 " was its last, of %" PRIu64 " with receipts and %" PRIu64 " sent",
            m->topics[topic].name, producer, last, from->receipted, from->sent);
}

bool model_all_found(const struct model *m, unsigned topic)
{
    const struct model_topic *t = &m->topics[topic];

    for (unsigned p = 0; p < MODEL_PRODUCERS && !t->fleeting; p++) {
        for (uint64_t sequence = 0; sequence < t->producers[p].receipted; sequence++) {
            if (!map_find_id(&t->stored, message_id(p, sequence)))
                return false;
        }
    }
    return true;
}

/* ---- readings ---- */

void model_reading_begin(struct model *m, struct model_reading *r, unsigned topic, unsigned subscription)
{
    *r = (struct model_reading){
        .topic = topic,
        .subscription = subscription,
        .incarnation = ++m->incarnations,
        .subscribed_step = m->step,
        .last = POSITION_EARLIEST,
    };
    for (unsigned key = 0; key < MODEL_KEYS; key++)
        r->of_key[key] = POSITION_EARLIEST;
    if (subscription != MODEL_READER)
        m->topics[topic].subscriptions[subscription].last_reading = r->incarnation;
    model_note(m, "t%u/%u reading %" PRIu64 " begins", topic, subscription, r->incarnation);
}

/* Which message it is, by its bytes. */
static void identify(struct model *m, unsigned topic, struct bytes payload, unsigned *producer, uint64_t *sequence)
{
    static const char *wrong = "a message came that was never sent, or not so";
    uint8_t expected[PAYLOAD_MAX];
    const struct model_topic *t = &m->topics[topic];
    size_t len;

    if (payload.len < PAYLOAD_MIN || le32_get(payload.data) != PAYLOAD_MAGIC || le16_get(payload.data + 4) != topic)
        model_violation(m, "%s: %s", t->name, wrong);
    *producer = le16_get(payload.data + 6);
    *sequence = le64_get(payload.data + 8);
    if (*producer >= MODEL_PRODUCERS || *sequence >= t->producers[*producer].sent)
        model_violation(m, "%s: %s: p%u/%" PRIu64, t->name, wrong, *producer, *sequence);
    len = model_payload(topic, *producer, *sequence, expected);
    if (!bytes_equal(payload, bytes_of(expected, len)))
        model_violation(m, "%s: %s: p%u/%" PRIu64, t->name, wrong, *producer, *sequence);
}

static const char *reading_name(const struct model *m, const struct model_reading *r)
{
    return r->subscription == MODEL_READER ? "(reader)" : m->topics[r->topic].subscriptions[r->subscription].name;
}

/* Some subscription has not acknowledged it, so it cannot be deleted. */
static bool held(const struct model *m, unsigned topic, const struct model_entry *e)
{
    for (unsigned s = 0; s < m->topics[topic].subscription_count; s++)
        if (e->of[s].expect == MUST)
            return true;
    return !m->trims && !m->topics[topic].unsure;
}

static bool is_delayed(const struct model *m, unsigned topic, const struct model_entry *e)
{
    return m->topics[topic].producers[e->producer].messages[e->sequence].deliver_ms != 0;
}

/* It must come before what stands behind it. */
static bool owed(const struct model *m, const struct model_reading *r, const struct model_entry *e)
{
    if (r->subscription != MODEL_READER)
        return e->of[r->subscription].expect == MUST;
    return held(m, r->topic, e) && !(r->shares && is_delayed(m, r->topic, e));
}

/* In order, and nothing left out: of a subscription, that nobody acknowledged; of a reader, that cannot be deleted. */
static void check_order(struct model *m, struct model_reading *r, struct model_entry *e)
{
    const struct model_topic *t = &m->topics[r->topic];

    if (!position_before(r->last, e->position)) {
        if (r->rewinds == 0)
            model_violation(m, "%s/%s: " POSITION " came after %" PRIi64 ":%" PRIi64, t->name, reading_name(m, r),
                            e->position.ledger, e->position.entry, r->last.ledger, r->last.entry);
        r->rewinds--;
        r->last = POSITION_EARLIEST;
    }
    for (const struct model_entry *b = entry_of(tree_previous(&e->node)); b && position_before(r->last, b->position);
         b = entry_of(tree_previous(&b->node)))
        if (owed(m, r, b))
            model_violation(m, "%s/%s: " POSITION " came, and " POSITION " before it did not", t->name,
                            reading_name(m, r), e->position.ledger, e->position.entry, b->position.ledger,
                            b->position.entry);
    r->last = e->position;
}

static void check_not_acknowledged(struct model *m, const struct model_reading *r, const struct model_entry *e)
{
    if (e->of[r->subscription].expect == MUST_NOT && (e->of[r->subscription].confirmed_step < r->subscribed_step ||
                                                      e->of[r->subscription].confirmed_to == r->incarnation))
        model_violation(m, "%s/%s: " POSITION " came again after its acknowledgement was answered",
                        m->topics[r->topic].name, reading_name(m, r), POSITION_OF(e->position));
}

static bool is_keyed(const struct model *m, const struct model_reading *r)
{
    return r->subscription != MODEL_READER &&
           m->topics[r->topic].subscriptions[r->subscription].kind == MODEL_KEY_SHARED;
}

/* Acknowledged, or given back. */
static void let_go(struct model_subscription *s, const struct model_reading *r, struct model_entry *e)
{
    const unsigned key = model_key(r->topic, e->producer, e->sequence);

    if (e->of[r->subscription].holder == r->incarnation && s->of_key[key].holder == r->incarnation)
        s->of_key[key].count--;
    e->of[r->subscription].holder = 0;
}

/* In order for each key, but for what was asked for again; and of a key that another consumer holds nothing. */
static void check_keys(struct model *m, struct model_reading *r, struct model_entry *e)
{
    struct model_subscription *s = &m->topics[r->topic].subscriptions[r->subscription];
    const unsigned key = model_key(r->topic, e->producer, e->sequence);
    const bool delayed = is_delayed(m, r->topic, e);

    if (!position_before(r->of_key[key], e->position) && !r->asked_all && e->of[r->subscription].asked_again == 0 &&
        !delayed)
        model_violation(m, "%s/%s: " POSITION " of key %u came after " POSITION, m->topics[r->topic].name, s->name,
                        POSITION_OF(e->position), key, POSITION_OF(r->of_key[key]));
    if (position_before(r->of_key[key], e->position) && !delayed)
        r->of_key[key] = e->position;
    if (e->of[r->subscription].holder == r->incarnation)
        return;
    if (m->steady && s->of_key[key].count > 0 && s->of_key[key].holder != r->incarnation)
        model_violation(m, "%s/%s: " POSITION " of key %u came, while another consumer holds %" PRIu64 " of that key",
                        m->topics[r->topic].name, s->name, POSITION_OF(e->position), key, s->of_key[key].count);
    if (s->of_key[key].holder != r->incarnation)
        s->of_key[key].count = 0;
    s->of_key[key].holder = e->of[r->subscription].holder = r->incarnation;
    s->of_key[key].count++;
}

void model_reading_end(struct model *m, const struct model_reading *r)
{
    for (unsigned key = 0; is_keyed(m, r) && key < MODEL_KEYS; key++) {
        struct model_subscription *s = &m->topics[r->topic].subscriptions[r->subscription];
        if (s->of_key[key].holder == r->incarnation)
            s->of_key[key].count = 0;
    }
}

static uint32_t all_parts(unsigned topic, const struct model_entry *e)
{
    return (1u << model_messages(topic, e->producer, e->sequence)) - 1;
}

/* What nobody acknowledged comes; what durably was, before this reading began, does not. */
static void check_parts(struct model *m, const struct model_reading *r, const struct model_entry *e, uint32_t left)
{
    const uint32_t all = all_parts(r->topic, e), came = left ? left : all;

    if ((all & ~e->of[r->subscription].parts_sent & ~came) != 0 || (came & ~all) != 0)
        model_violation(m, "%s/%s: of " POSITION " messages %x of %x came, and %x were acknowledged at most",
                        m->topics[r->topic].name, reading_name(m, r), POSITION_OF(e->position), came, all,
                        e->of[r->subscription].parts_sent);
    if (r->subscribed_step > e->of[r->subscription].parts_step && (came & e->of[r->subscription].parts_confirmed) != 0)
        model_violation(m, "%s/%s: of " POSITION " messages %x came, and %x were acknowledged and answered",
                        m->topics[r->topic].name, reading_name(m, r), POSITION_OF(e->position), came,
                        e->of[r->subscription].parts_confirmed);
}

static void check_redelivered(struct model *m, const struct model_reading *r, const struct model_entry *e,
                              uint32_t redelivered)
{
    const bool counts =
        r->subscription != MODEL_READER && model_shares(m->topics[r->topic].subscriptions[r->subscription].kind);
    const uint64_t most = !counts ? 0
                                  : (uint64_t)e->of[r->subscription].asked_again +
                                        m->topics[r->topic].subscriptions[r->subscription].asked_all;

    if (redelivered > most)
        model_violation(m, "%s/%s: " POSITION " says %u redeliveries, asked for were at most %" PRIu64,
                        m->topics[r->topic].name, reading_name(m, r), POSITION_OF(e->position), redelivered, most);
}

/* No more often than it was sent. */
static void fleeting_delivery(struct model *m, const struct model_reading *r, unsigned producer, uint64_t sequence)
{
    struct model_message *message = &m->topics[r->topic].producers[producer].messages[sequence];

    if (r->subscription != MODEL_READER && ++message->came[r->subscription] > message->sends)
        model_violation(m, "%s/%s: p%u/%" PRIu64 " came %u times, and was sent %u times", m->topics[r->topic].name,
                        reading_name(m, r), producer, sequence, message->came[r->subscription], message->sends);
}

void model_delivery(struct model *m, struct model_reading *r, struct position p, uint32_t redelivered, uint32_t left,
                    struct bytes payload)
{
    const struct model_topic *t = &m->topics[r->topic];
    struct model_entry *e;
    unsigned producer;
    uint64_t sequence;

    m->deliveries++;
    identify(m, r->topic, payload, &producer, &sequence);
    model_note(m, "t%u/%u reading %" PRIu64 " gets " POSITION, r->topic, r->subscription, r->incarnation,
               POSITION_OF(p));
    if (t->fleeting) {
        fleeting_delivery(m, r, producer, sequence);
        return;
    }
    e = entry_known(m, r->topic, p, producer, sequence);
    if (r->subscription != MODEL_READER) {
        check_not_acknowledged(m, r, e);
        check_parts(m, r, e, left);
    }
    if (r->subscription == MODEL_READER ? !(r->shares && is_delayed(m, r->topic, e))
                                        : !model_shares(t->subscriptions[r->subscription].kind))
        check_order(m, r, e);
    if (is_keyed(m, r))
        check_keys(m, r, e);
    check_redelivered(m, r, e, redelivered);
}

void model_redeliver_sent(struct model *m, struct model_reading *r, const struct position *p, size_t count)
{
    struct model_topic *t = &m->topics[r->topic];

    if (count == 0) {
        t->subscriptions[r->subscription].asked_all++;
        r->asked_all = true;
        model_reading_end(m, r); /* it holds nothing any more */
    }
    for (size_t i = 0; i < count; i++) {
        struct tree_node *node = tree_find(&t->entries, &p[i]);
        if (!node)
            continue;
        entry_of(node)->of[r->subscription].asked_again++;
        let_go(&t->subscriptions[r->subscription], r, entry_of(node));
    }
}

/* ---- acknowledgements and seeks ---- */

static void expect(struct model_entry *e, const struct model_reading *r, uint64_t step, enum expectation expectation)
{
    e->of[r->subscription].expect = expectation;
    e->of[r->subscription].confirmed_step = step;
    e->of[r->subscription].confirmed_to = r->incarnation;
}

static void raise_floor(struct model_subscription *s, struct position p)
{
    if (position_before(s->floor, p))
        s->floor = p;
}

/* Applies `expectation` to what the acknowledgement covers, but for what is beyond it already. */
static void acknowledge(struct model *m, const struct model_reading *r, const struct position *p, size_t count,
                        bool cumulative, enum expectation expectation)
{
    struct model_topic *t = &m->topics[r->topic];

    for (size_t i = 0; i < count; i++) {
        struct model_entry *e = entry_of(tree_find(&t->entries, &p[i]));
        assert(e); /* it was delivered */
        for (; e; e = cumulative ? entry_of(tree_previous(&e->node)) : NULL)
            if (e->of[r->subscription].expect < expectation)
                expect(e, r, m->step, expectation);
    }
}

void model_ack_sent(struct model *m, const struct model_reading *r, const struct position *p, size_t count,
                    bool cumulative)
{
    for (size_t i = 0; i < count; i++)
        model_note(m, "t%u/%u reading %" PRIu64 " acks %s" POSITION, r->topic, r->subscription, r->incarnation,
                   cumulative ? "up to " : "", POSITION_OF(p[i]));
    acknowledge(m, r, p, count, cumulative, MAY);
    for (size_t i = 0; i < count && is_keyed(m, r); i++)
        let_go(&m->topics[r->topic].subscriptions[r->subscription], r,
               entry_of(tree_find(&m->topics[r->topic].entries, &p[i])));
    if (cumulative)
        raise_floor(&m->topics[r->topic].subscriptions[r->subscription], p[0]);
}

void model_ack_confirmed(struct model *m, const struct model_reading *r, const struct position *p, size_t count,
                         bool cumulative, uint64_t seeks)
{
    if (seeks != m->topics[r->topic].subscriptions[r->subscription].seeks)
        return;
    for (size_t i = 0; i < count; i++)
        model_note(m, "t%u/%u reading %" PRIu64 " ack of " POSITION " answered", r->topic, r->subscription,
                   r->incarnation, POSITION_OF(p[i]));
    m->confirmed_acks += count;
    acknowledge(m, r, p, count, cumulative, MUST_NOT);
}

/* What stands before an entry, for a cumulative acknowledgement of a part of it. */
static void acknowledge_before(struct model *m, const struct model_reading *r, struct position p,
                               enum expectation expectation)
{
    struct model_entry *e = entry_of(tree_find(&m->topics[r->topic].entries, &p));
    const struct model_entry *before = entry_of(tree_previous(&e->node));

    if (before)
        acknowledge(m, r, &before->position, 1, true, expectation);
}

void model_part_sent(struct model *m, const struct model_reading *r, struct position p, uint32_t parts, bool cumulative)
{
    struct model_entry *e = entry_of(tree_find(&m->topics[r->topic].entries, &p));

    assert(e); /* it was delivered */
    model_note(m, "t%u/%u reading %" PRIu64 " acks %s %x of " POSITION, r->topic, r->subscription, r->incarnation,
               cumulative ? "up to" : "messages", parts, POSITION_OF(p));
    e->of[r->subscription].parts_sent |= parts;
    if (e->of[r->subscription].parts_sent == all_parts(r->topic, e))
        acknowledge(m, r, &p, 1, false, MAY);
    if (cumulative) {
        acknowledge_before(m, r, p, MAY);
        raise_floor(&m->topics[r->topic].subscriptions[r->subscription], p);
    }
}

void model_part_confirmed(struct model *m, const struct model_reading *r, struct position p, uint32_t parts,
                          bool cumulative, uint64_t seeks)
{
    struct model_entry *e = entry_of(tree_find(&m->topics[r->topic].entries, &p));

    if (!e || seeks != m->topics[r->topic].subscriptions[r->subscription].seeks)
        return;
    m->confirmed_acks++;
    e->of[r->subscription].parts_confirmed |= parts;
    e->of[r->subscription].parts_step = m->step;
    if (e->of[r->subscription].parts_confirmed == all_parts(r->topic, e))
        acknowledge(m, r, &p, 1, false, MUST_NOT);
    if (cumulative)
        acknowledge_before(m, r, p, MUST_NOT);
}

bool model_untouched(const struct model *m, const struct model_reading *r, struct position p)
{
    const struct model_entry *e = entry_of(tree_find(&m->topics[r->topic].entries, &p));

    return e && e->of[r->subscription].expect == MUST && e->of[r->subscription].parts_sent == 0;
}

uint32_t model_messages_at(const struct model *m, unsigned topic, struct position p)
{
    const struct model_entry *e = entry_of(tree_find(&m->topics[topic].entries, &p));

    assert(e);
    return model_messages(topic, e->producer, e->sequence);
}

void model_unsubscribe_sent(struct model *m, const struct model_reading *r)
{
    struct model_topic *t = &m->topics[r->topic];

    model_note(m, "t%u/%u reading %" PRIu64 " unsubscribes", r->topic, r->subscription, r->incarnation);
    t->subscriptions[r->subscription].seeks++;
    t->subscriptions[r->subscription].since_step = UINT64_MAX;
    t->subscriptions[r->subscription].leaving++;
    entries_each (e, t) {
        if (!e->doomed || e->of[r->subscription].expect == MUST)
            expect(e, r, m->step, MAY);
        e->of[r->subscription].parts_confirmed = 0;
    }
}

void model_unsubscribe_answered(struct model *m, unsigned topic, unsigned subscription)
{
    struct model_subscription *s = &m->topics[topic].subscriptions[subscription];

    s->leaving--;
    s->gone_step = m->step;
}

void model_subscribed(struct model *m, const struct model_reading *r)
{
    struct model_topic *t = &m->topics[r->topic];
    struct model_subscription *s = r->subscription == MODEL_READER ? NULL : &t->subscriptions[r->subscription];

    if (s && !t->deleting && s->leaving == 0 && s->since_step == UINT64_MAX && s->gone_step < r->subscribed_step)
        s->since_step = m->step;
}

/* ---- topics that end ---- */

void model_delete_sent(struct model *m, unsigned topic)
{
    struct model_topic *t = &m->topics[topic];

    model_note(m, "t%u is to be deleted", topic);
    t->unsure = t->deleting = true;
    t->ended = false;
    for (unsigned s = 0; s < t->subscription_count; s++) {
        t->subscriptions[s].since_step = UINT64_MAX;
        t->subscriptions[s].seeks++;
    }
    entries_each (e, t) {
        e->doomed = true;
        for (unsigned s = 0; s < t->subscription_count; s++)
            e->of[s].expect = e->of[s].expect == MUST ? MAY : e->of[s].expect;
    }
}

void model_delete_ended(struct model *m, unsigned topic, bool well)
{
    struct model_topic *t = &m->topics[topic];

    model_note(m, "t%u is deleted: %s", topic, well ? "yes" : "perhaps");
    t->deleting = false;
    for (unsigned s = 0; s < t->subscription_count; s++)
        t->subscriptions[s].gone_step = m->step;
    entries_each (e, t)
        for (unsigned s = 0; s < t->subscription_count && e->doomed && well; s++)
            if (e->of[s].expect != MUST_NOT) {
                e->of[s].expect = MUST_NOT;
                e->of[s].confirmed_step = m->step;
                e->of[s].confirmed_to = 0;
            }
}

void model_terminate_sent(struct model *m, unsigned topic)
{
    model_note(m, "t%u is to be terminated", topic);
    m->topics[topic].ending = true;
}

void model_terminated(struct model *m, unsigned topic, struct position last)
{
    struct model_topic *t = &m->topics[topic];
    const struct model_entry *e = entry_of(tree_last(&t->entries));

    model_note(m, "t%u is terminated at " POSITION, topic, POSITION_OF(last));
    if (t->deleting)
        return;
    if (e && !t->unsure && position_before(last, e->position))
        model_violation(m, "%s: it ended at " POSITION ", and " POSITION " was seen", t->name, POSITION_OF(last),
                        POSITION_OF(e->position));
    t->ended = true;
    t->end = t->unsure ? POSITION_LATEST : last; /* receipts of what was deleted may still be under way */
}

void model_end_told(struct model *m, const struct model_reading *r)
{
    const struct model_topic *t = &m->topics[r->topic];

    if (!t->ending)
        model_violation(m, "%s/%s: the end of a topic is told that nobody terminated", t->name, reading_name(m, r));
    if (r->subscription == MODEL_READER || t->subscriptions[r->subscription].last_reading != r->incarnation)
        return;
    entries_each (e, t)
        if (e->of[r->subscription].expect == MUST)
            model_violation(m, "%s/%s: the end is told, and " POSITION " is not acknowledged", t->name,
                            reading_name(m, r), POSITION_OF(e->position));
}

void model_seek_sent(struct model *m, const struct model_reading *r, struct position to)
{
    struct model_topic *t = &m->topics[r->topic];

    model_note(m, "t%u/%u reading %" PRIu64 " seeks " POSITION, r->topic, r->subscription, r->incarnation,
               POSITION_OF(to));
    t->subscriptions[r->subscription].seeks++;
    raise_floor(&t->subscriptions[r->subscription], to);
    entries_each (e, t) {
        expect(e, r, m->step, MAY);
        e->of[r->subscription].parts_confirmed = 0;
    }
}

void model_seek_confirmed(struct model *m, const struct model_reading *r, struct position to)
{
    struct model_topic *t = &m->topics[r->topic];

    model_note(m, "t%u/%u reading %" PRIu64 " seek to " POSITION " answered", r->topic, r->subscription, r->incarnation,
               POSITION_OF(to));
    if (t->subscriptions[r->subscription].last_reading != r->incarnation || t->unsure ||
        t->subscriptions[r->subscription].since_step == UINT64_MAX)
        return; /* somebody else came before the answer, and may have acknowledged since */
    entries_each (e, t) {
        expect(e, r, m->step, position_before(e->position, to) ? MUST_NOT : MUST);
        e->of[r->subscription].parts_sent = e->of[r->subscription].parts_confirmed = 0;
    }
}

/* ---- questions ---- */

bool model_drained(const struct model *m, unsigned topic, unsigned subscription)
{
    entries_each (e, &m->topics[topic])
        if (e->of[subscription].expect == MUST)
            return false;
    return true;
}

void model_backlog(const struct model *m, unsigned topic, unsigned subscription, uint64_t *least, uint64_t *most)
{
    *least = *most = 0;
    entries_each (e, &m->topics[topic]) {
        *least += e->of[subscription].expect == MUST;
        *most += e->of[subscription].expect != MUST_NOT;
    }
}

bool model_receipted(const struct model *m, unsigned topic)
{
    for (unsigned p = 0; p < MODEL_PRODUCERS && !m->topics[topic].ending; p++)
        if (m->topics[topic].producers[p].receipted < m->topics[topic].producers[p].sent)
            return false;
    return true;
}

bool model_nth(const struct model *m, unsigned topic, size_t nth, struct position *out)
{
    size_t count = tree_count(&m->topics[topic].entries);

    if (count == 0)
        return false;
    nth %= count;
    entries_each (e, &m->topics[topic])
        if (nth-- == 0) {
            *out = e->position;
            return true;
        }
    return false;
}

struct position model_last(const struct model *m, unsigned topic)
{
    const struct model_entry *e = entry_of(tree_last(&m->topics[topic].entries));

    return e && !m->topics[topic].unsure ? e->position : POSITION_EARLIEST;
}

void model_last_id(struct model *m, unsigned topic, struct position last, struct position least)
{
    if (position_before(last, least) && !m->topics[topic].unsure)
        model_violation(m, "%s: the last message is at " POSITION ", the broker says, and one was seen at " POSITION,
                        m->topics[topic].name, POSITION_OF(last), POSITION_OF(least));
}

void model_describe(const struct model *m, unsigned topic, unsigned subscription, char *to, size_t size)
{
    const struct model_topic *t = &m->topics[topic];

    snprintf(to, size, "%s/%s: nothing is missing", t->name, t->subscriptions[subscription].name);
    entries_each (e, t)
        if (e->of[subscription].expect == MUST) {
            snprintf(to, size, "%s/%s: " POSITION " (p%u/%" PRIu64 ", %s) was not delivered", t->name,
                     t->subscriptions[subscription].name, e->position.ledger, e->position.entry, e->producer,
                     e->sequence, e->receipted ? "receipted" : "delivered before");
            return;
        }
}
