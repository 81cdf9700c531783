/* SPDX-License-Identifier: Apache-2.0
 *
 * journal.c - reading on and on, and leading: what is read decides, by the rules of journal_order.h.
 *
 *     open -> read to the end -> ask for the producer -> read on until it is ours -> write a beginning
 *       ^                                                                                  |
 *       +-- ERR_FENCED: whatever is not certain ---- append, append, ... <---- it was read back, and is the next term
 */
#include "services/notary/journal/journal.h"

#include "base/base64.h"
#include "services/notary/journal/journal_link.h"
#include "services/notary/journal/journal_order.h"
#include "services/runtime/bus.h"
#include <assert.h>
#include <geminga/client.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define RETRY_MS_MIN 500
#define RETRY_MS_MAX 30000
#define PLACE_MAX    256
#define WHY_MAX      600

/* What the leader has sent and not read back. */
struct own {
    struct text body; /* no data: nothing */
    json_t *json;
    enum journal_verdict verdict; /* once it was read back */
    bool read;
};

struct notary_journal {
    struct notary_journal_options options; /* set at creation; its place in the journal is not used after that */
    struct journal_link link;
    /* The thread's. */
    struct text place; /* of what was read last; "": nothing was */
    struct own own;
    char why[WHY_MAX]; /* of the last ERR_CORRUPT, or ERR_DENIED */
    /* The thread's to change, others' to read, under the lock. */
    pthread_mutex_t lock;
    struct journal_order order;
    bool at_end, leading;
};

static const char *writer_of(const struct notary_journal *j)
{
    return j->options.writer;
}

static bool is_mine(const struct notary_journal *j)
{
    return strcmp(j->order.writer, writer_of(j)) == 0;
}

static void set_role(struct notary_journal *j, bool at_end, bool leading)
{
    pthread_mutex_lock(&j->lock);
    j->at_end = at_end;
    j->leading = leading;
    pthread_mutex_unlock(&j->lock);
}

/* ---- places ---- */

/* NULL: at the beginning, or no memory, or no place. */
static pulsar_message_id_t *place_id(const struct notary_journal *j)
{
    uint8_t bytes[PLACE_MAX];
    size_t len;

    if (j->place.len == 0 || base64_decode(bytes_of(j->place.data, j->place.len), bytes, sizeof bytes, &len) != OK)
        return NULL;
    return pulsar_message_id_deserialize(bytes, (uint32_t)len);
}

static enum err place_set(struct notary_journal *j, const char *place)
{
    text_deinit(&j->place);
    text_init(&j->place, PLACE_MAX);
    text_add(&j->place, place);
    return text_failed(&j->place) ? ERR_NOMEM : OK;
}

static enum err place_of(pulsar_message_t *message, struct text *out)
{
    pulsar_message_id_t *id = pulsar_message_get_message_id(message);
    int len = 0;
    void *bytes = id ? pulsar_message_id_serialize(id, &len) : NULL;

    text_init(out, PLACE_MAX);
    if (bytes)
        base64_encode(out, bytes_of(bytes, (size_t)len));
    free(bytes);
    if (id)
        pulsar_message_id_free(id);
    return bytes && !text_failed(out) ? OK : ERR_NOMEM;
}

/* ---- reading ---- */

static void own_forget(struct notary_journal *j)
{
    text_deinit(&j->own.body);
    json_decref(j->own.json);
    j->own = (struct own){0};
}

static bool own_is(const struct notary_journal *j, struct bytes body)
{
    return j->own.json && bytes_equal(body, bytes_of(j->own.body.data, j->own.body.len));
}

static void order_take(struct notary_journal *j, const json_t *document, struct bytes body)
{
    pthread_mutex_lock(&j->lock);
    journal_order_take(&j->order, document, body);
    pthread_mutex_unlock(&j->lock);
}

static void explain_foreign(struct notary_journal *j, pulsar_message_t *message, const char *why)
{
    pulsar_message_id_t *id = pulsar_message_get_message_id(message);
    char *text = id ? pulsar_message_id_str(id) : NULL;

    snprintf(j->why, sizeof j->why, "the journal %s is not what its notaries wrote: message %s %s", j->options.topic,
             text ? text : "", why);
    free(text);
    if (id)
        pulsar_message_id_free(id);
}

/* What was judged, done. */
static enum err follow_verdict(struct notary_journal *j, enum journal_verdict verdict, const json_t *document,
                               struct bytes body, const char *place)
{
    const struct notary_journal_options *o = &j->options;
    enum err err = OK;

    if (verdict == JOURNAL_NEXT)
        err = o->apply(o->ctx, j->order.sequence + 1, document, body, place);
    if (err == OK && (verdict == JOURNAL_NEXT || verdict == JOURNAL_BEGINS))
        order_take(j, document, body);
    if (verdict == JOURNAL_BEGINS)
        log_info(o->log, "journal", "term %" PRIu64 " of %s begins after document %" PRIu64, j->order.term,
                 j->order.writer, j->order.sequence);
    if (verdict == JOURNAL_LATE)
        log_info(o->log, "journal", "passing over a message that came late: its writer had been replaced");
    return err == OK ? place_set(j, place) : err;
}

static enum err read_message(struct notary_journal *j, pulsar_message_t *message)
{
    struct bytes body = bytes_of(pulsar_message_get_data(message), pulsar_message_get_length(message));
    bool own = own_is(j, body);
    json_t *document = own             ? json_incref(j->own.json)
                       : body.len == 0 ? NULL
                                       : json_loadb((const char *)body.data, body.len, JSON_REJECT_DUPLICATES, NULL);
    char why[WHY_MAX / 2] = "";
    enum journal_verdict verdict = journal_order_judge(&j->order, document, body, why, sizeof why);
    struct text place;
    enum err err = place_of(message, &place);

    if (err == OK && verdict == JOURNAL_FOREIGN) {
        explain_foreign(j, message, why);
        err = ERR_CORRUPT;
    }
    if (err == OK)
        err = follow_verdict(j, verdict, document, body, place.data);
    if (err == OK && own && !j->own.read) { /* the first of several decides */
        j->own.read = true;
        j->own.verdict = verdict;
    }
    text_deinit(&place);
    json_decref(document);
    return err;
}

static enum err read_news(struct notary_journal *j)
{
    pulsar_message_t *message = journal_link_take(&j->link);
    enum err err = read_message(j, message);

    pulsar_message_free(message);
    return err;
}

/* ---- leading ---- */

/* The result of a call of the client library, as the one that waits for it goes on: ERR_AGAIN, or the end. */
static enum err failed(struct notary_journal *j, pulsar_result result)
{
    const struct runtime_options options = {.settings = j->options.settings};

    if (journal_link_is_stopping(&j->link))
        return ERR_CANCELLED;
    bus_explain(&options, j->options.topic, result, j->why, sizeof j->why);
    return bus_is_retryable(result) || result == pulsar_result_ProducerFenced ? ERR_AGAIN : ERR_DENIED;
}

static enum err open_link(struct notary_journal *j)
{
    pulsar_message_id_t *from = place_id(j);
    pulsar_result result = journal_link_open(&j->link, from);

    if (from)
        pulsar_message_id_free(from);
    return result == pulsar_result_Ok ? OK : failed(j, result);
}

/* A replica that has much to read does not stand in the way of one that has not. */
static enum err catch_up(struct notary_journal *j)
{
    for (;;) {
        enum journal_news news;
        bool more = false;
        pulsar_result result = journal_link_has_more(&j->link, &more);
        enum err err;
        if (result != pulsar_result_Ok)
            return failed(j, result);
        if (!more)
            return OK;
        news = journal_link_wait(&j->link, -1, &result);
        if (news != NEWS_MESSAGE)
            return failed(j, result);
        if ((err = read_news(j)) != OK)
            return err;
    }
}

static enum err be_elected(struct notary_journal *j)
{
    enum journal_news news;
    pulsar_result result;
    enum err err = OK;

    log_info(j->options.log, "journal", "read %s up to document %" PRIu64 " of term %" PRIu64 "; waiting to lead",
             j->options.topic, j->order.sequence, j->order.term);
    set_role(j, true, false);
    journal_link_elect(&j->link);
    while (err == OK && (news = journal_link_wait(&j->link, -1, &result)) == NEWS_MESSAGE)
        err = read_news(j);
    if (err != OK)
        return err;
    return news == NEWS_PRODUCER && result == pulsar_result_Ok ? OK : failed(j, result);
}

/* Sends j->own, and reads until it is read back and has its receipt.  ERR_FENCED: it may be there or not. */
static enum err send_own(struct notary_journal *j, pulsar_result *result)
{
    bool received = false;
    enum err err = OK;

    journal_link_send(&j->link, bytes_of(j->own.body.data, j->own.body.len));
    while (err == OK && (!j->own.read || !received)) {
        enum journal_news news = journal_link_wait(&j->link, 2 * j->options.settings->send_timeout_ms, result);
        if (news == NEWS_MESSAGE)
            err = read_news(j);
        else if (news == NEWS_SENT && (*result == pulsar_result_Ok || j->own.read))
            received = true;
        else
            err = ERR_FENCED;
        if (err == OK && !j->own.read && j->leading && !is_mine(j))
            err = ERR_FENCED; /* another has begun: ours comes late, if at all */
    }
    return err;
}

/* ERR_AGAIN: another one's beginning came before it. */
static enum err begin(struct notary_journal *j)
{
    pulsar_result result = pulsar_result_Ok;
    enum err err = ERR_NOMEM;

    own_forget(j);
    text_init(&j->own.body, JOURNAL_DOCUMENT_MAX);
    j->own.json = journal_beginning(&j->order, writer_of(j), loop_wall_ms(j->options.clocks));
    if (j->own.json && (err = journal_encode(j->own.json, &j->own.body)) == OK)
        err = send_own(j, &result);
    if (err == ERR_FENCED)
        err = failed(j, result);
    if (err == OK && j->own.verdict != JOURNAL_BEGINS) {
        snprintf(j->why, sizeof j->why, "%s began term %" PRIu64 " at the same time", j->order.writer, j->order.term);
        err = ERR_AGAIN;
    }
    own_forget(j);
    return err;
}

/* One attempt.  ERR_AGAIN with the reason in j->why: come again. */
static enum err try_to_lead(struct notary_journal *j)
{
    enum err err;

    journal_link_close(&j->link);
    set_role(j, false, false);
    if ((err = open_link(j)) != OK || (err = catch_up(j)) != OK || (err = be_elected(j)) != OK ||
        (err = begin(j)) != OK)
        return err;
    set_role(j, true, true);
    log_info(j->options.log, "journal", "leading in term %" PRIu64 ", after document %" PRIu64, j->order.term,
             j->order.sequence);
    return OK;
}

enum err notary_journal_lead(struct notary_journal *j, char *message, size_t message_size)
{
    int64_t delay_ms = RETRY_MS_MIN;
    enum err err = OK;

    for (;;) {
        j->why[0] = '\0';
        if (journal_link_is_stopping(&j->link))
            err = ERR_CANCELLED;
        else
            err = try_to_lead(j);
        if (err != ERR_AGAIN)
            break;
        log_warn(j->options.log, "journal", "%s; trying again in %.1f s", j->why, (double)delay_ms / 1000);
        journal_link_close(&j->link);
        set_role(j, false, false);
        journal_link_pause(&j->link, delay_ms);
        delay_ms = delay_ms * 2 < RETRY_MS_MAX ? delay_ms * 2 : RETRY_MS_MAX;
    }
    if (err != OK) {
        journal_link_close(&j->link); /* others may be able to lead */
        set_role(j, false, false);
    }
    snprintf(message, message_size, "%s", err == ERR_CORRUPT || err == ERR_DENIED ? j->why : "");
    return err;
}

/* ---- the leader ---- */

/* Out of office, whatever comes. */
static enum err resign(struct notary_journal *j, enum err err)
{
    if (err == ERR_FENCED)
        log_warn(j->options.log, "journal",
                 "not leading any more: term %" PRIu64 " is %s's, the last document %" PRIu64, j->order.term,
                 j->order.writer, j->order.sequence);
    if (err == ERR_CORRUPT && *j->why)
        log_error(j->options.log, "journal", "%s", j->why);
    set_role(j, false, false);
    return err;
}

static enum err append_own(struct notary_journal *j)
{
    pulsar_result result = pulsar_result_Ok;
    enum err err = send_own(j, &result);

    if (err == OK && j->own.verdict != JOURNAL_NEXT)
        err = ERR_FENCED;
    if (err == ERR_FENCED && result == pulsar_result_MessageTooBig)
        return ERR_TOO_LARGE;
    if (err == ERR_FENCED)
        log_warn(j->options.log, "journal", "a document after number %" PRIu64 " may be there or not: %s",
                 j->order.sequence, is_mine(j) ? pulsar_result_str(result) : "another one leads");
    return err == OK ? OK : resign(j, err);
}

enum err notary_journal_append(struct notary_journal *j, json_t *records)
{
    enum err err = ERR_NOMEM;

    j->why[0] = '\0';
    if (!j->leading) {
        json_decref(records);
        return ERR_FENCED;
    }
    own_forget(j);
    text_init(&j->own.body, JOURNAL_DOCUMENT_MAX);
    j->own.json = journal_document(&j->order, records, loop_wall_ms(j->options.clocks));
    if (j->own.json && (err = journal_encode(j->own.json, &j->own.body)) == OK)
        err = append_own(j);
    own_forget(j);
    return err;
}

enum err notary_journal_check(struct notary_journal *j)
{
    pulsar_result result;
    enum err err = OK;

    j->why[0] = '\0';
    if (!j->leading)
        return ERR_FENCED;
    while (err == OK && is_mine(j)) {
        enum journal_news news = journal_link_wait(&j->link, 0, &result);
        if (news != NEWS_MESSAGE)
            return news == NEWS_BROKEN && !journal_link_is_stopping(&j->link) ? resign(j, ERR_FENCED) : OK;
        err = read_news(j);
    }
    return resign(j, err == OK ? ERR_FENCED : err);
}

/* ---- the rest ---- */

enum err notary_journal_new(struct notary_journal **out, const struct notary_journal_options *options)
{
    struct notary_journal *j = calloc(1, sizeof *j);
    pulsar_message_id_t *from;
    enum err err = OK;

    assert(options->apply && *options->writer && strlen(options->writer) <= JOURNAL_WRITER_MAX);
    if (!j)
        return ERR_NOMEM;
    j->options = *options;
    if (!journal_order_init(&j->order, options->sequence, options->term, options->previous))
        err = ERR_INVALID;
    if (err == OK)
        err = place_set(j, options->from);
    from = err == OK ? place_id(j) : NULL;
    if (err == OK && j->place.len > 0 && !from)
        err = ERR_INVALID;
    if (from)
        pulsar_message_id_free(from);
    if (err != OK) {
        text_deinit(&j->place);
        free(j);
        return err;
    }
    pthread_mutex_init(&j->lock, NULL);
    journal_link_init(&j->link, options->settings, options->topic, JOURNAL_KEEP, options->writer, options->clocks,
                      options->log);
    *out = j;
    return OK;
}

void notary_journal_pause(struct notary_journal *j, int64_t ms)
{
    journal_link_pause(&j->link, ms);
}

void notary_journal_stop(struct notary_journal *j)
{
    journal_link_stop(&j->link);
}

struct notary_journal_status notary_journal_status(struct notary_journal *j)
{
    struct notary_journal_status status = {.ready = journal_link_is_connected(&j->link)};

    pthread_mutex_lock(&j->lock);
    status.ready = status.ready && j->at_end;
    status.leading = j->leading;
    status.term = j->order.term;
    status.sequence = j->order.sequence;
    snprintf(status.leader, sizeof status.leader, "%s", j->order.writer);
    pthread_mutex_unlock(&j->lock);
    return status;
}

void notary_journal_close(struct notary_journal *j)
{
    pthread_mutex_lock(&j->lock);
    j->leading = false;
    pthread_mutex_unlock(&j->lock);
    journal_link_close(&j->link);
}

void notary_journal_free(struct notary_journal *j)
{
    if (!j)
        return;
    journal_link_close(&j->link);
    journal_link_deinit(&j->link);
    own_forget(j);
    text_deinit(&j->place);
    pthread_mutex_destroy(&j->lock);
    free(j);
}
