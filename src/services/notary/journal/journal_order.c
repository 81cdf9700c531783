/* SPDX-License-Identifier: Apache-2.0
 *
 * journal_order.c - documents to verdicts, and the documents of a leader.
 */
#include "services/notary/journal/journal_order.h"

#include "base/timestamp.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_PREFIX "sha256:"

/* The members of a document that order it; texts are borrowed from it. */
struct head {
    uint64_t term, sequence; /* sequence 0: it is a beginning */
    const char *writer, *previous;
};

static bool hash_is_valid(const char *hash)
{
    struct digest d;

    return strncmp(hash, HASH_PREFIX, strlen(HASH_PREFIX)) == 0 &&
           digest_from_hex(&d, bytes_of_text(hash + strlen(HASH_PREFIX)));
}

static void hash_of(struct bytes body, char to[JOURNAL_HASH_SIZE])
{
    struct digest d = digest_of(body);

    memcpy(to, HASH_PREFIX, strlen(HASH_PREFIX));
    digest_hex(&d, to + strlen(HASH_PREFIX));
}

static void no_hash(char to[JOURNAL_HASH_SIZE])
{
    snprintf(to, JOURNAL_HASH_SIZE, HASH_PREFIX "%0*d", DIGEST_HEX_LEN, 0);
}

bool journal_order_init(struct journal_order *o, uint64_t sequence, uint64_t term, const char *previous)
{
    *o = (struct journal_order){.sequence = sequence, .term = term};
    if (sequence == 0)
        no_hash(o->previous);
    else if (hash_is_valid(previous))
        memcpy(o->previous, previous, JOURNAL_HASH_SIZE);
    else
        return false;
    return true;
}

/* ---- what a document says ---- */

/* A number from 1; 0: it is not that. */
static uint64_t number_of(const json_t *document, const char *name)
{
    const json_t *value = json_object_get(document, name);

    return json_is_integer(value) && json_integer_value(value) > 0 ? (uint64_t)json_integer_value(value) : 0;
}

/* NULL, or what the document lacks. */
static const char *read_head(const json_t *document, struct head *head)
{
    const char *format = json_string_value(json_object_get(document, "format"));

    head->term = number_of(document, "term");
    head->sequence = number_of(document, "sequence");
    head->writer = json_string_value(json_object_get(document, "writer"));
    head->previous = json_string_value(json_object_get(document, "previous"));
    if (!format || strcmp(format, JOURNAL_FORMAT) != 0)
        return "is no document of format " JOURNAL_FORMAT;
    if (head->term == 0)
        return "has no term";
    if (!head->writer || !*head->writer || strlen(head->writer) > JOURNAL_WRITER_MAX)
        return "has no writer";
    if (json_is_true(json_object_get(document, "begins"))) {
        head->sequence = 0;
        return NULL;
    }
    if (head->sequence == 0 || !head->previous || !hash_is_valid(head->previous))
        return "has no place in the chain";
    return json_is_array(json_object_get(document, "records")) ? NULL : "has no records";
}

/* ---- judging ---- */

static enum journal_verdict judge_beginning(const struct journal_order *o, const struct head *h, char *why, size_t size)
{
    if (h->term == o->term + 1)
        return JOURNAL_BEGINS;
    if (h->term <= o->term)
        return h->term == o->term && strcmp(h->writer, o->writer) == 0 ? JOURNAL_REPEATED : JOURNAL_LATE;
    snprintf(why, size, "begins term %" PRIu64 ", and the one before it is %" PRIu64 ": what is between is missing",
             h->term, o->term);
    return JOURNAL_FOREIGN;
}

/* A document of this term and writer. */
static enum journal_verdict judge_place(const struct journal_order *o, const struct head *h, struct bytes body,
                                        char *why, size_t size)
{
    char hash[JOURNAL_HASH_SIZE];

    if (h->sequence == o->sequence + 1 && strcmp(h->previous, o->previous) == 0)
        return JOURNAL_NEXT;
    if (h->sequence > o->sequence + 1) {
        snprintf(why, size, "is number %" PRIu64 ", and the one before it is %" PRIu64 ": what is between is missing",
                 h->sequence, o->sequence);
        return JOURNAL_FOREIGN;
    }
    if (h->sequence == o->sequence + 1) {
        snprintf(why, size, "is number %" PRIu64 " and does not follow on number %" PRIu64 ": it names another hash",
                 h->sequence, o->sequence);
        return JOURNAL_FOREIGN;
    }
    hash_of(body, hash);
    if (h->sequence < o->sequence || strcmp(hash, o->previous) == 0)
        return JOURNAL_REPEATED;
    snprintf(why, size, "is number %" PRIu64 " again, with other content", h->sequence);
    return JOURNAL_FOREIGN;
}

static enum journal_verdict judge_document(const struct journal_order *o, const struct head *h, struct bytes body,
                                           char *why, size_t size)
{
    if (h->term < o->term || (h->term == o->term && *o->writer && strcmp(h->writer, o->writer) != 0))
        return JOURNAL_LATE;
    if (h->term == o->term)
        return judge_place(o, h, body, why, size);
    snprintf(why, size, "is of term %" PRIu64 ", which did not begin: the term is %" PRIu64, h->term, o->term);
    return JOURNAL_FOREIGN;
}

enum journal_verdict journal_order_judge(const struct journal_order *o, const json_t *document, struct bytes body,
                                         char *why, size_t why_size)
{
    struct head head;
    const char *lacks = read_head(document, &head);

    if (lacks) {
        snprintf(why, why_size, "%s", lacks);
        return JOURNAL_FOREIGN;
    }
    return head.sequence == 0 ? judge_beginning(o, &head, why, why_size)
                              : judge_document(o, &head, body, why, why_size);
}

void journal_order_take(struct journal_order *o, const json_t *document, struct bytes body)
{
    struct head head;
    const char *lacks = read_head(document, &head);

    assert(!lacks);
    o->term = head.term;
    snprintf(o->writer, sizeof o->writer, "%s", head.writer);
    if (head.sequence == 0)
        return;
    assert(head.sequence == o->sequence + 1);
    o->sequence = head.sequence;
    hash_of(body, o->previous);
}

/* ---- writing ---- */

json_t *journal_beginning(const struct journal_order *o, const char *writer, int64_t now_ms)
{
    char time[TIMESTAMP_SIZE];

    assert(*writer && strlen(writer) <= JOURNAL_WRITER_MAX);
    timestamp_format(now_ms, time);
    return json_pack("{s:s, s:I, s:s, s:b, s:s}", "format", JOURNAL_FORMAT, "term", (json_int_t)(o->term + 1), "writer",
                     writer, "begins", 1, "time", time);
}

json_t *journal_document(const struct journal_order *o, json_t *records, int64_t now_ms)
{
    char time[TIMESTAMP_SIZE];

    assert(o->term > 0 && *o->writer);
    timestamp_format(now_ms, time);
    return json_pack("{s:s, s:I, s:s, s:I, s:s, s:s, s:o}", "format", JOURNAL_FORMAT, "term", (json_int_t)o->term,
                     "writer", o->writer, "sequence", (json_int_t)(o->sequence + 1), "previous", o->previous, "time",
                     time, "records", records);
}

enum err journal_encode(const json_t *document, struct text *out)
{
    char *bytes = json_dumps(document, JSON_COMPACT);
    enum err err = OK;

    if (!bytes)
        return ERR_NOMEM;
    if (strlen(bytes) > out->limit)
        err = ERR_TOO_LARGE;
    else
        text_add(out, bytes);
    free(bytes);
    return err == OK && text_failed(out) ? ERR_NOMEM : err;
}
