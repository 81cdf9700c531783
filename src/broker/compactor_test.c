/* SPDX-License-Identifier: Apache-2.0
 *
 * compactor_test.c - which messages stay, and what becomes of their entries: compactor.h in use, and against a model.
 */
#include "broker/compactor.h"

#include "base/base_test.h"
#include "base/random.h"
#include "wire/batch.h"
#include "wire/codec.h"
#include "wire/command.h"
#include "wire/entry_view.h"

#include <stdio.h>
#include <stdlib.h>

#define ENTRIES_MAX_TEST 600
#define BATCH_MAX_TEST   8

struct message {
    const char *key; /* NULL: none */
    char value[32];  /* "": a tombstone */
};

struct log_entry {
    struct message messages[BATCH_MAX_TEST];
    uint32_t count;
    bool batch, encrypted;
    enum codec codec;
    struct slice bytes;
};

struct fixture {
    struct log_entry entries[ENTRIES_MAX_TEST];
    size_t count;
};

/* ---- making entries ---- */

static struct slice entry_of(Wire__MessageMetadata *metadata, struct bytes payload)
{
    uint8_t packed[1024];
    const size_t len = wire__message_metadata__pack(metadata, packed);
    struct buffer *b = buffer_new(ENTRY_HEAD_SIZE + len + payload.len, NULL);

    entry_head_encode(b->data, bytes_of(packed, len), payload);
    memcpy(b->data + ENTRY_HEAD_SIZE, packed, len);
    if (payload.len)
        memcpy(b->data + ENTRY_HEAD_SIZE + len, payload.data, payload.len);
    return (struct slice){.buffer = b, .data = b->data, .len = b->capacity};
}

static size_t batch_payload(const struct log_entry *e, uint8_t *to, size_t size)
{
    size_t len = 0;

    for (uint32_t i = 0; i < e->count; i++) {
        Wire__SingleMessageMetadata m = WIRE__SINGLE_MESSAGE_METADATA__INIT;
        m.partition_key = (char *)(uintptr_t)e->messages[i].key;
        len += batch_message_encode(to + len, size - len, &m, bytes_of_text(e->messages[i].value));
    }
    return len;
}

static void encode(struct log_entry *e)
{
    Wire__MessageMetadata metadata = WIRE__MESSAGE_METADATA__INIT;
    Wire__EncryptionKeys key = WIRE__ENCRYPTION_KEYS__INIT;
    Wire__EncryptionKeys *keys[] = {&key};
    uint8_t plain[2048], packed[4096];
    size_t len, packed_len;

    metadata.producer_name = wire_text("p");
    metadata.publish_time = 1;
    if (e->batch) {
        metadata.has_num_messages_in_batch = true;
        metadata.num_messages_in_batch = (int32_t)e->count;
        len = batch_payload(e, plain, sizeof plain);
    } else {
        metadata.partition_key = (char *)(uintptr_t)e->messages[0].key;
        len = strlen(e->messages[0].value);
        memcpy(plain, e->messages[0].value, len);
    }
    if (e->encrypted) {
        key.key = wire_text("k");
        key.value = (ProtobufCBinaryData){.len = 1, .data = (uint8_t *)(uintptr_t) "v"};
        metadata.n_encryption_keys = 1;
        metadata.encryption_keys = keys;
    }
    metadata.has_compression = e->codec != CODEC_NONE;
    metadata.compression = (Wire__CompressionType)e->codec;
    metadata.has_uncompressed_size = true;
    metadata.uncompressed_size = (uint32_t)len;
    assert_int_equal(codec_compress(e->codec, bytes_of(plain, len), packed, codec_bound(e->codec, len), &packed_len),
                     OK);
    e->bytes = entry_of(&metadata, bytes_of(packed, packed_len));
}

static struct log_entry *add(struct fixture *f)
{
    assert_true(f->count < ENTRIES_MAX_TEST);
    struct log_entry *e = &f->entries[f->count++];
    *e = (struct log_entry){.count = 1};
    return e;
}

static void add_one(struct fixture *f, const char *key, const char *value)
{
    struct log_entry *e = add(f);

    e->messages[0].key = key;
    (void)snprintf(e->messages[0].value, sizeof e->messages[0].value, "%s", value);
    encode(e);
}

static void put(struct log_entry *e, const char *key, const char *value)
{
    struct message *m = &e->messages[e->count++];

    m->key = key;
    (void)snprintf(m->value, sizeof m->value, "%s", value);
}

/* ---- compacting ---- */

static struct entry_header header_of(const struct log_entry *e)
{
    return (struct entry_header){.kind = ENTRY_DATA, .messages = e->count};
}

static struct compactor *learn(const struct fixture *f, bool keep_null_keys, size_t budget)
{
    struct compactor *c = compactor_new(keep_null_keys, budget, 7);
    bool again;

    assert_non_null(c);
    do {
        for (size_t i = 0; i < f->count; i++) {
            const struct entry_header h = header_of(&f->entries[i]);
            assert_int_equal(compactor_learn(c, &h, slice_bytes(f->entries[i].bytes)), OK);
        }
        assert_int_equal(compactor_turn(c, &again), OK);
    } while (again);
    return c;
}

struct result {
    char text[16384]; /* "0.0 k=v " for each message that is there */
    struct slice entries[ENTRIES_MAX_TEST];
};

static void read_back(struct result *r, size_t i, struct bytes bytes, uint32_t last)
{
    struct entry_view view;
    struct batch_reader reader;
    struct batch_message m;
    uint8_t plain[2048];
    char *to = r->text + strlen(r->text);
    uint32_t last_there = 0;

    assert_int_equal(entry_view_decode(bytes, &view), OK);
    assert_int_equal(entry_view_verify(&view), OK);
    assert_int_equal(
        codec_decompress((int)view.metadata.compression, view.payload, plain, view.metadata.uncompressed_size), OK);
    if (!view.metadata.is_batch || view.metadata.is_encrypted) {
        (void)sprintf(to, "%zu %.*s=%.*s ", i, (int)view.metadata.partition_key.len,
                      (const char *)view.metadata.partition_key.data, (int)view.metadata.uncompressed_size,
                      (const char *)plain);
        return;
    }
    batch_reader_init(&reader, bytes_of(plain, view.metadata.uncompressed_size), view.metadata.messages);
    while (!batch_reader_done(&reader)) {
        assert_int_equal(batch_next(&reader, &m), OK);
        if (m.compacted_out)
            assert_int_equal(m.payload.len, 0);
        else
            to += sprintf(to, "%zu.%u %.*s=%.*s ", i, m.index, (int)m.partition_key.len,
                          m.partition_key.len ? (const char *)m.partition_key.data : "", (int)m.payload.len,
                          (const char *)m.payload.data);
        if (!m.compacted_out)
            last_there = m.index;
    }
    assert_int_equal(last, last_there);
}

static void compact(const struct fixture *f, bool keep_null_keys, size_t budget, struct result *r, unsigned *turns)
{
    struct compactor *c = learn(f, keep_null_keys, budget);
    uint32_t last;

    memset(r, 0, sizeof *r);
    for (size_t i = 0; i < f->count; i++) {
        const struct entry_header h = header_of(&f->entries[i]);
        assert_int_equal(compactor_write(c, &h, slice_bytes(f->entries[i].bytes), 10, &r->entries[i], &last), OK);
        if (r->entries[i].len > 0)
            read_back(r, i, bytes_of(r->entries[i].data + 10, r->entries[i].len - 10), last);
    }
    if (turns)
        *turns = compactor_turns(c);
    compactor_free(c);
}

static void result_free(struct result *r)
{
    for (size_t i = 0; i < ENTRIES_MAX_TEST; i++)
        slice_unref(&r->entries[i]);
    free(r);
}

static void expect(const struct fixture *f, bool keep_null_keys, const char *text)
{
    struct result *r = malloc(sizeof *r);

    compact(f, keep_null_keys, 1 << 20, r, NULL);
    assert_string_equal(r->text, text);
    result_free(r);
}

static int set_up(void **state)
{
    *state = calloc(1, sizeof(struct fixture));
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < f->count; i++)
        slice_unref(&f->entries[i].bytes);
    free(f);
    return 0;
}

/* ---- one behaviour each ---- */

static void the_newest_message_of_each_key_stays(void **state)
{
    struct fixture *f = *state;

    add_one(f, "a", "1");
    add_one(f, "b", "2");
    add_one(f, "a", "3");
    expect(f, false, "1 b=2 2 a=3 ");
}

static void an_empty_message_removes_its_key(void **state)
{
    struct fixture *f = *state;

    add_one(f, "a", "1");
    add_one(f, "b", "2");
    add_one(f, "a", "");
    expect(f, false, "1 b=2 ");
    add_one(f, "a", "4");
    expect(f, false, "1 b=2 3 a=4 ");
}

static void messages_without_a_key_go_unless_they_are_to_be_kept(void **state)
{
    struct fixture *f = *state;

    add_one(f, NULL, "1");
    add_one(f, "a", "2");
    add_one(f, NULL, "3");
    expect(f, false, "1 a=2 ");
    expect(f, true, "0 =1 1 a=2 2 =3 ");
}

static void a_batch_keeps_the_places_of_what_stays(void **state)
{
    struct fixture *f = *state;
    struct log_entry *e = add(f);

    e->batch = true;
    e->count = 0;
    put(e, "a", "1");
    put(e, "b", "2");
    put(e, NULL, "x");
    put(e, "a", "3");
    put(e, "c", "");
    encode(e);
    expect(f, false, "0.1 b=2 0.3 a=3 ");
    add_one(f, "a", "4");
    expect(f, false, "0.1 b=2 1 a=4 ");
    add_one(f, "b", "5");
    expect(f, false, "1 a=4 2 b=5 ");
}

static void a_batch_of_which_all_stays_is_not_touched(void **state)
{
    struct fixture *f = *state;
    struct log_entry *e = add(f);
    struct result *r = malloc(sizeof *r);

    e->batch = true;
    e->count = 0;
    e->codec = CODEC_ZSTD;
    put(e, "a", "1");
    put(e, "b", "2");
    encode(e);
    compact(f, false, 1 << 20, r, NULL);
    assert_true(bytes_equal(bytes_of(r->entries[0].data + 10, r->entries[0].len - 10), slice_bytes(e->bytes)));
    result_free(r);
}

static void what_was_compacted_before_can_be_compacted_again(void **state)
{
    struct fixture *f = *state;
    struct fixture *second = calloc(1, sizeof *second);
    struct log_entry *e = add(f);
    struct result *r = malloc(sizeof *r);

    e->batch = true;
    e->count = 0;
    e->codec = CODEC_LZ4;
    put(e, "a", "1");
    put(e, "b", "2");
    put(e, "a", "3");
    encode(e);
    compact(f, false, 1 << 20, r, NULL);
    *add(second) = (struct log_entry){.batch = true, .count = 3};
    second->entries[0].bytes = slice_of(r->entries[0].buffer, 10, r->entries[0].len - 10);
    expect(second, true, "0.1 b=2 0.2 a=3 "); /* the one that went does not come back as one without a key */
    add_one(second, "b", "");
    expect(second, true, "0.2 a=3 ");
    result_free(r);
    slice_unref(&second->entries[0].bytes);
    slice_unref(&second->entries[1].bytes);
    free(second);
}

static void an_encrypted_batch_passes_as_it_is(void **state)
{
    struct fixture *f = *state;
    struct result *r = malloc(sizeof *r);
    struct log_entry *e = add(f);

    e->batch = e->encrypted = true;
    e->count = 0;
    put(e, "a", "1");
    put(e, "a", "2");
    encode(e);
    add_one(f, "a", "3");
    compact(f, false, 1 << 20, r, NULL);
    assert_true(bytes_equal(bytes_of(r->entries[0].data + 10, r->entries[0].len - 10), slice_bytes(e->bytes)));
    assert_true(r->entries[1].len > 0);
    result_free(r);
}

static void a_marker_goes_and_what_cannot_be_read_stays(void **state)
{
    struct compactor *c = compactor_new(false, 1 << 20, 1);
    const struct entry_header marker = {.kind = ENTRY_MARKER}, data = {.kind = ENTRY_DATA, .messages = 1};
    const struct bytes garbage = bytes_of_text("garbage");
    struct slice out;
    uint32_t last;
    bool again;

    assert_int_equal(compactor_learn(c, &marker, garbage), OK);
    assert_int_equal(compactor_learn(c, &data, garbage), OK);
    assert_int_equal(compactor_turn(c, &again), OK);
    assert_false(again);
    assert_int_equal(compactor_write(c, &marker, garbage, 0, &out, &last), OK);
    assert_int_equal(out.len, 0);
    assert_int_equal(compactor_write(c, &data, garbage, 0, &out, &last), OK);
    assert_true(bytes_equal(slice_bytes(out), garbage));
    slice_unref(&out);
    compactor_free(c);
}

static void one_key_beyond_the_budget_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct compactor *c = compactor_new(false, 50, 1);
    struct entry_header h;

    add_one(f, "key", "1");
    h = header_of(&f->entries[0]);
    bool again = true;
    enum err err = OK;
    for (int turn = 0; err == OK && again && turn < 100; turn++) {
        if ((err = compactor_learn(c, &h, slice_bytes(f->entries[0].bytes))) == OK)
            err = compactor_turn(c, &again);
    }
    assert_int_equal(err, ERR_TOO_LARGE);
    compactor_free(c);
}

/* ---- against a model ---- */

#define KEYS_TEST 40
static char key_names[KEYS_TEST][8];

static void random_log(struct fixture *f, struct random *r)
{
    const size_t count = 1 + random_below(r, ENTRIES_MAX_TEST - 1);

    for (size_t i = 0; i < count; i++) {
        struct log_entry *e = add(f);
        e->batch = random_below(r, 2) == 0;
        e->codec = (enum codec)random_below(r, CODECS);
        const uint32_t messages = e->batch ? 1 + (uint32_t)random_below(r, BATCH_MAX_TEST) : 1;
        e->count = 0;
        for (uint32_t k = 0; k < messages; k++) {
            char value[32];
            (void)snprintf(value, sizeof value, "%zu/%u", i, k);
            put(e, random_below(r, 10) == 0 ? NULL : key_names[random_below(r, KEYS_TEST)],
                random_below(r, 5) == 0 ? "" : value);
        }
        encode(e);
    }
}

static bool newest(const struct fixture *f, size_t i, uint32_t k)
{
    const char *key = f->entries[i].messages[k].key;

    for (size_t e = i; e < f->count; e++) {
        for (uint32_t m = e == i ? k + 1 : 0; m < f->entries[e].count; m++) {
            if (f->entries[e].messages[m].key == key)
                return false;
        }
    }
    return true;
}

static void a_random_log_keeps_what_a_map_would(void **state)
{
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct fixture *f = calloc(1, sizeof *f);
        struct result *r = malloc(sizeof *r);
        struct random random;
        char *expected = calloc(1, sizeof r->text), *to = expected;
        const bool keep_null_keys = seed % 2 == 0;
        const size_t budget = seed % 3 == 0 ? 600 : 1 << 20; /* 600: six keys at a time */
        unsigned turns;

        random_init(&random, seed);
        random_log(f, &random);
        for (size_t i = 0; i < f->count; i++) {
            const struct log_entry *e = &f->entries[i];
            for (uint32_t k = 0; k < e->count; k++) {
                const struct message *m = &e->messages[k];
                if (m->key ? m->value[0] == '\0' || !newest(f, i, k) : !keep_null_keys)
                    continue;
                to += e->batch ? sprintf(to, "%zu.%u", i, k) : sprintf(to, "%zu", i);
                to += sprintf(to, " %s=%s ", m->key ? m->key : "", m->value);
            }
        }
        compact(f, keep_null_keys, budget, r, &turns);
        assert_string_equal(r->text, expected);
        assert_true(budget > 600 || f->count < 100 || turns > 4);
        free(expected);
        result_free(r);
        for (size_t i = 0; i < f->count; i++)
            slice_unref(&f->entries[i].bytes);
        free(f);
    }
}

int main(void)
{
    for (int i = 0; i < KEYS_TEST; i++)
        (void)snprintf(key_names[i], sizeof key_names[i], "k%d", i);
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(the_newest_message_of_each_key_stays),
        TEST(an_empty_message_removes_its_key),
        TEST(messages_without_a_key_go_unless_they_are_to_be_kept),
        TEST(a_batch_keeps_the_places_of_what_stays),
        TEST(a_batch_of_which_all_stays_is_not_touched),
        TEST(what_was_compacted_before_can_be_compacted_again),
        TEST(an_encrypted_batch_passes_as_it_is),
        TEST(a_marker_goes_and_what_cannot_be_read_stays),
        TEST(one_key_beyond_the_budget_is_an_error),
        TEST(a_random_log_keeps_what_a_map_would),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
