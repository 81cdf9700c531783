/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_messages.c - messages that are looked at: topics peek-messages, examine-messages, get-message-by-id.
 *
 * A broker answers with an entry: its metadata as X-Pulsar-... headers, its payload as the body.  A batch is taken
 * apart here.
 */
#include "cli/admin_messages.h"

#include "base/arena.h"
#include "wire/batch.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_MAX    (1024u * 1024)
#define BATCH_HEADER "X-Pulsar-num-batch-message"
#define SIZE_HEADER  "X-Pulsar-batch-size"
#define RULE         "+--------+-------------------------------------------------+----------------+\n"

/* What a message is printed with. */
struct shown {
    struct admin_call *call;
    const struct http_answer *answer;
    json_t *properties;
    bool redeliveries, marker;
    uint64_t event_time; /* a batched message's own; 0: the entry's */
};

/* ---- the bytes ---- */

static void row_print(const uint8_t *data, size_t offset, size_t len, FILE *out)
{
    const size_t count = len - offset < 16 ? len - offset : 16;

    (void)fprintf(out, "|%08zx|", offset);
    for (size_t i = 0; i < 16; i++) {
        if (i < count)
            (void)fprintf(out, " %02x", data[offset + i]);
        else
            (void)fputs("   ", out);
    }
    (void)fputs(" |", out);
    for (size_t i = 0; i < 16; i++)
        (void)fputc(i >= count ? ' ' : isprint(data[offset + i]) ? data[offset + i] : '.', out);
    (void)fputs("|\n", out);
}

void admin_hex_print(struct bytes data, FILE *out)
{
    (void)fputc('\n', out);
    if (data.len == 0)
        return;
    (void)fputs("         +-------------------------------------------------+\n", out);
    (void)fputs("         |  0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f |\n", out);
    (void)fputs(RULE, out);
    for (size_t offset = 0; offset < data.len; offset += 16)
        row_print(data.data, offset, data.len, out);
    (void)fputs(RULE, out);
}

/* ---- one message ---- */

/* A header that is a date, as milliseconds; 0: there is none. */
static int64_t date_of(const struct http_answer *answer, const char *name)
{
    char text[64];
    int64_t ms;

    return http_head_find(answer->head, name, text, sizeof text) && admin_date_read(text, &ms) ? ms : 0;
}

static void line_of_date(const struct shown *m, const char *header, const char *what)
{
    const int64_t ms = date_of(m->answer, header);

    if (ms != 0)
        (void)fprintf(m->call->out, "%s: %" PRId64 "\n", what, ms);
}

static const char *marker_name(const char *number)
{
    static const struct marker {
        int type;
        const char *name;
    } markers[] = {{0, "UNKNOWN_MARKER"},
                   {10, "REPLICATED_SUBSCRIPTION_SNAPSHOT_REQUEST"},
                   {11, "REPLICATED_SUBSCRIPTION_SNAPSHOT_RESPONSE"},
                   {12, "REPLICATED_SUBSCRIPTION_SNAPSHOT"},
                   {13, "REPLICATED_SUBSCRIPTION_UPDATE"},
                   {21, "TXN_COMMIT"},
                   {22, "TXN_ABORT"}};

    for (size_t i = 0; i < sizeof markers / sizeof *markers; i++) {
        if (atoi(number) == markers[i].type)
            return markers[i].name;
    }
    return "UNKNOWN_MARKER";
}

static int key_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void properties_print(const json_t *properties, FILE *out)
{
    const size_t count = json_object_size(properties);
    const char **keys = count > 0 ? calloc(count, sizeof *keys) : NULL;
    const char *key;
    json_t *value;
    size_t i = 0;

    if (!keys)
        return;
    json_object_foreach((json_t *)(uintptr_t)properties, key, value) keys[i++] = key;
    qsort(keys, count, sizeof *keys, key_compare);
    (void)fputs("Properties:\n", out);
    for (i = 0; i < count; i++) {
        const char *text = json_string_value(json_object_get(properties, keys[i]));
        (void)fprintf(out, "%s    %s\n", keys[i], text ? text : "");
    }
    free(keys);
}

static void message_print(const struct shown *m, int batch_index, struct bytes payload)
{
    FILE *out = m->call->out;
    char text[128] = "";

    (void)http_head_find(m->answer->head, "X-Pulsar-Message-ID", text, sizeof text);
    if (batch_index >= 0)
        (void)fprintf(out, "Batch Message ID: %s:%d\n", text, batch_index);
    else
        (void)fprintf(out, "Message ID: %s\n", text);
    (void)fprintf(out, "Publish time: %" PRId64 "\n", date_of(m->answer, "X-Pulsar-publish-time"));
    (void)fprintf(out, "Event time: %" PRId64 "\n",
                  m->event_time ? (int64_t)m->event_time : date_of(m->answer, "X-Pulsar-event-time"));
    if (m->redeliveries)
        (void)fputs("Redelivery count: 0\n", out); /* an entry that was read, not delivered */
    line_of_date(m, "X-Pulsar-deliver-at-time", "Deliver at time");
    if (m->marker && http_head_find(m->answer->head, "X-Pulsar-marker-type", text, sizeof text))
        (void)fprintf(out, "Marker Type: %s\n", marker_name(text));
    line_of_date(m, "X-Pulsar-Broker-Entry-METADATA-timestamp", "Broker entry metadata timestamp");
    if (http_head_find(m->answer->head, "X-Pulsar-Broker-Entry-METADATA-index", text, sizeof text))
        (void)fprintf(out, "Broker entry metadata index: %s\n", text);
    properties_print(m->properties, out);
    admin_hex_print(payload, out);
}

/* ---- an entry ---- */

static void header_to_property(const struct shown *m, const char *name)
{
    char text[64];

    if (http_head_find(m->answer->head, name, text, sizeof text))
        (void)json_object_set_new(m->properties, name, json_string(text));
}

static bool header_is_true(const struct http_answer *answer, const char *name)
{
    char text[16];

    return http_head_find(answer->head, name, text, sizeof text) && strcasecmp(text, "true") == 0;
}

static json_t *properties_of(const struct http_answer *answer)
{
    char text[64 * 1024];

    if (!http_head_find(answer->head, "X-Pulsar-PROPERTY", text, sizeof text))
        return json_object();
    json_t *properties = json_loads(text, 0, NULL);
    return json_is_object(properties) ? properties : json_object();
}

static void batched_properties(const struct shown *m, struct bytes metadata)
{
    struct arena arena;
    Wire__SingleMessageMetadata *single;

    arena_init(&arena, ARENA_MAX);
    if (batch_metadata_decode(metadata, &arena, &single) == OK) {
        for (size_t i = 0; i < single->n_properties; i++)
            (void)json_object_set_new(m->properties, single->properties[i]->key,
                                      json_string(single->properties[i]->value));
    }
    arena_deinit(&arena);
}

/* How many messages were printed, at most `max`; -1: said. */
static int batch_print(struct shown *m, int count, int max)
{
    struct batch_reader reader;
    struct batch_message message;
    int printed = 0;

    batch_reader_init(&reader, bytes_of(m->answer->body, m->answer->body_len), (uint32_t)count);
    while (!batch_reader_done(&reader) && printed < max) {
        if (batch_next(&reader, &message) != OK) {
            (void)admin_fail(m->call, "an entry of the topic is no batch of %d messages", count);
            return -1;
        }
        if (printed > 0)
            (void)fputs(ADMIN_BETWEEN_MESSAGES, m->call->out);
        json_t *own = json_copy(m->properties);
        struct shown one = *m;
        one.properties = own;
        one.event_time = message.event_time;
        batched_properties(&one, message.metadata);
        message_print(&one, (int)message.index, message.payload);
        json_decref(own);
        printed++;
    }
    return printed;
}

int admin_entry_print(struct admin_call *call, const struct http_answer *answer, int max, bool redeliveries,
                      bool marker)
{
    struct shown m = {.call = call, .answer = answer, .redeliveries = redeliveries, .marker = marker};
    char text[32];
    int printed = 1;

    m.properties = properties_of(answer);
    header_to_property(&m, SIZE_HEADER);
    header_to_property(&m, BATCH_HEADER);
    const bool batch = http_head_find(answer->head, BATCH_HEADER, text, sizeof text) &&
                       !header_is_true(answer, "X-Pulsar-Is-Encrypted");
    if (batch && atoi(text) > 0)
        printed = batch_print(&m, atoi(text), max);
    else
        message_print(&m, -1, bytes_of(answer->body, answer->body_len));
    json_decref(m.properties);
    return printed;
}

/* ---- the commands ---- */

/* A marker, or a message of a transaction that did not commit: nothing to show unless asked for. */
static bool is_skipped(const struct admin_call *call, const struct http_answer *answer)
{
    const bool committed = strcmp(admin_text(call, "transaction-isolation-level"), "READ_COMMITTED") == 0;
    char text[16];

    if (!admin_given(call, "show-server-marker") &&
        http_head_find(answer->head, "X-Pulsar-marker-type", text, sizeof text))
        return true;
    return committed &&
           (header_is_true(answer, "X-Pulsar-txn-aborted") || header_is_true(answer, "X-Pulsar-txn-uncommitted"));
}

/* A backlog ends with 404; so does a topic that is not there, which is to be told. */
static bool is_end_of_backlog(const struct http_answer *answer, long nth)
{
    return answer->status == 404 && (nth > 1 || (answer->body && strstr(answer->body, "Message not found")));
}

/* The n-th entry of the backlog.  *found is false when there are not so many. */
static int position_ask(struct admin_call *call, long nth, struct http_answer *answer, bool *found)
{
    struct admin_request request;
    char pattern[100];

    *found = false;
    (void)snprintf(pattern, sizeof pattern, "/admin/v2/{topic}/subscription/{subscription}/position/%ld", nth);
    int status = admin_request_plain(call, &request, "GET", pattern, NULL);
    if (status != 0)
        return status;
    status = admin_send(call, &request, answer);
    admin_request_free(&request);
    if (status != 0)
        return status;
    *found = answer->status == 200;
    if (*found)
        return 0;
    if (!is_end_of_backlog(answer, nth))
        status = admin_refusal_print(call, answer);
    http_answer_free(answer);
    return status;
}

int admin_peek_run(struct admin_call *call)
{
    const json_int_t wanted = json_integer_value(admin_value(call, "count"));
    json_int_t printed = 0;

    for (long nth = 1; printed < wanted; nth++) {
        struct http_answer answer = {0};
        bool found;
        const int status = position_ask(call, nth, &answer, &found);
        if (status != 0 || !found)
            return status;
        if (!is_skipped(call, &answer)) {
            if (printed > 0)
                (void)fputs(ADMIN_BETWEEN_MESSAGES, call->out);
            const json_int_t left = wanted - printed;
            const int some = admin_entry_print(call, &answer, left > INT32_MAX ? INT32_MAX : (int)left, false,
                                               admin_given(call, "show-server-marker"));
            printed += some;
            if (some < 0) {
                http_answer_free(&answer);
                return ADMIN_FAILED;
            }
        }
        http_answer_free(&answer);
    }
    return 0;
}

/* One entry, whose first message is shown. */
static int entry_run(struct admin_call *call, bool redeliveries)
{
    struct admin_request request;
    struct http_answer answer;
    int status = admin_request_make(call, &request);

    if (status != 0)
        return status;
    status = admin_ask(call, &request, &answer);
    admin_request_free(&request);
    if (status != 0)
        return status;
    status = admin_entry_print(call, &answer, 1, redeliveries, false) < 0 ? ADMIN_FAILED : 0;
    http_answer_free(&answer);
    return status;
}

int admin_examine_run(struct admin_call *call)
{
    return entry_run(call, false);
}

int admin_message_by_id_run(struct admin_call *call)
{
    return entry_run(call, true);
}
