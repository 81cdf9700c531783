/* SPDX-License-Identifier: Apache-2.0
 *
 * journal_order_test.c - every kind of document, to readers who are everywhere in the chain; and shuffled topics of
 * several writers, of which all readers make the same.
 */
#include "base/base_test.h"

#include "services/notary/journal/journal_order.h"
#include <stdio.h>
#include <stdlib.h>

#define BODY_MAX 4096

/* A message of the topic. */
struct message {
    char body[BODY_MAX];
};

static struct bytes bytes_of_message(const struct message *m)
{
    return bytes_of_text(m->body);
}

static enum journal_verdict judge(const struct journal_order *o, const struct message *m, char why[256])
{
    json_t *document = json_loads(m->body, JSON_REJECT_DUPLICATES, NULL);
    enum journal_verdict verdict;

    why[0] = '\0';
    verdict = journal_order_judge(o, document, bytes_of_message(m), why, 256);
    assert_int_equal(verdict == JOURNAL_FOREIGN, why[0] != '\0');
    json_decref(document);
    return verdict;
}

/* As a reader does. */
static enum journal_verdict read_message(struct journal_order *o, const struct message *m)
{
    char why[256];
    enum journal_verdict verdict = judge(o, m, why);
    json_t *document = json_loads(m->body, 0, NULL);

    if (verdict == JOURNAL_NEXT || verdict == JOURNAL_BEGINS)
        journal_order_take(o, document, bytes_of_message(m));
    json_decref(document);
    return verdict;
}

/* The document as a message; stolen. */
static struct message message_of(json_t *document)
{
    struct message m;
    struct text text;

    text_init(&text, BODY_MAX - 1);
    assert_int_equal(journal_encode(document, &text), OK);
    memcpy(m.body, text.data, text.len + 1);
    text_deinit(&text);
    json_decref(document);
    return m;
}

static struct message beginning(const struct journal_order *o, const char *writer)
{
    return message_of(journal_beginning(o, writer, 1000));
}

static struct message document(const struct journal_order *o, const char *record)
{
    return message_of(journal_document(o, json_pack("[s]", record), 1000));
}

static struct journal_order nothing_read(void)
{
    struct journal_order o;

    assert_true(journal_order_init(&o, 0, 0, ""));
    return o;
}

/* A reader of term 1 of "a", in which there are two documents; and these. */
struct read {
    struct journal_order order, before_second;
    struct message begins, first, second;
};

static struct read two_read(void)
{
    struct read r = {.order = nothing_read()};

    r.begins = beginning(&r.order, "a");
    assert_int_equal(read_message(&r.order, &r.begins), JOURNAL_BEGINS);
    r.first = document(&r.order, "one");
    assert_int_equal(read_message(&r.order, &r.first), JOURNAL_NEXT);
    r.before_second = r.order;
    r.second = document(&r.order, "two");
    assert_int_equal(read_message(&r.order, &r.second), JOURNAL_NEXT);
    return r;
}

static void expect_foreign(const struct journal_order *o, const struct message *m, const char *says)
{
    char why[256];

    assert_int_equal(judge(o, m, why), JOURNAL_FOREIGN);
    assert_non_null(strstr(why, says));
}

/* ---- the chain ---- */

static void documents_follow_one_another_in_a_term(void **state)
{
    struct read r = two_read();

    assert_int_equal(r.order.sequence, 2);
    assert_int_equal(r.order.term, 1);
    assert_string_equal(r.order.writer, "a");
    assert_non_null(strstr(r.first.body, "\"previous\":\"sha256:000000"));
    assert_non_null(strstr(r.second.body, r.before_second.previous));
}

static void a_term_begins_where_the_one_before_it_ends(void **state)
{
    struct read r = two_read();
    struct message begins = beginning(&r.order, "b"), third;

    assert_int_equal(read_message(&r.order, &begins), JOURNAL_BEGINS);
    assert_int_equal(r.order.term, 2);
    assert_int_equal(r.order.sequence, 2);
    third = document(&r.order, "three");
    assert_int_equal(read_message(&r.order, &third), JOURNAL_NEXT);
    assert_int_equal(r.order.sequence, 3);
}

static void a_reader_that_comes_back_goes_on_with_what_it_kept(void **state)
{
    struct read r = two_read();
    struct journal_order back;
    struct message third = document(&r.order, "three");

    assert_true(journal_order_init(&back, 2, 1, r.order.previous));
    assert_int_equal(read_message(&back, &third), JOURNAL_NEXT); /* which tells the writer */
    assert_string_equal(back.writer, "a");
}

static void a_kept_hash_that_is_none_is_refused(void **state)
{
    struct journal_order o;

    assert_false(journal_order_init(&o, 2, 1, ""));
    assert_false(journal_order_init(&o, 2, 1, "sha256:12"));
    assert_false(journal_order_init(&o, 2, 1, "md5:0000000000000000000000000000000000000000000000000000000000000000"));
}

/* ---- twice ---- */

static void what_is_there_twice_counts_once(void **state)
{
    struct read r = two_read();
    char why[256];

    assert_int_equal(judge(&r.order, &r.second, why), JOURNAL_REPEATED);
    assert_int_equal(judge(&r.order, &r.first, why), JOURNAL_REPEATED);
    assert_int_equal(judge(&r.order, &r.begins, why), JOURNAL_REPEATED);
}

static void a_number_that_comes_again_with_other_content_is_foreign(void **state)
{
    struct read r = two_read();
    struct message other = document(&r.before_second, "another two");

    expect_foreign(&r.order, &other, "is number 2 again, with other content");
}

/* ---- late ---- */

static void documents_of_a_writer_who_was_replaced_are_passed_over(void **state)
{
    struct read r = two_read();
    struct message late = document(&r.order, "late"), late_beginning = beginning(&r.before_second, "c");
    struct message begins = beginning(&r.order, "b");
    char why[256];

    assert_int_equal(read_message(&r.order, &begins), JOURNAL_BEGINS);
    assert_int_equal(judge(&r.order, &late, why), JOURNAL_LATE);
    assert_int_equal(judge(&r.order, &late_beginning, why), JOURNAL_LATE);
    assert_int_equal(judge(&r.order, &r.begins, why), JOURNAL_LATE);
    assert_int_equal(judge(&r.order, &r.second, why), JOURNAL_LATE); /* a resend of the one before */
}

static void of_two_that_begin_the_same_term_the_first_has_it(void **state)
{
    struct journal_order o = nothing_read(), loser;
    struct message a = beginning(&o, "a"), b = beginning(&o, "b"), of_b;
    char why[256];

    loser = o;
    assert_int_equal(read_message(&loser, &b), JOURNAL_BEGINS); /* as if it had it */
    of_b = document(&loser, "of b");
    assert_int_equal(read_message(&o, &a), JOURNAL_BEGINS);
    assert_int_equal(judge(&o, &b, why), JOURNAL_LATE);
    assert_int_equal(judge(&o, &of_b, why), JOURNAL_LATE);
}

/* ---- somebody's hand ---- */

static void a_gap_is_foreign(void **state)
{
    struct read r = two_read();
    struct journal_order o = nothing_read();

    expect_foreign(&o, &r.first, "is of term 1, which did not begin: the term is 0");
    assert_int_equal(read_message(&o, &r.begins), JOURNAL_BEGINS);
    expect_foreign(&o, &r.second, "is number 2, and the one before it is 0");
}

static void a_term_that_is_left_out_is_foreign(void **state)
{
    struct read r = two_read();
    struct journal_order ahead = r.order, o = nothing_read();
    struct message begins;

    ahead.term = 7;
    begins = beginning(&ahead, "b");
    expect_foreign(&r.order, &begins, "begins term 8, and the one before it is 1");
    expect_foreign(&o, &begins, "begins term 8");
}

static void another_chain_is_foreign(void **state)
{
    struct read r = two_read();
    struct journal_order fork = r.order;
    struct message third;

    memset(fork.previous + strlen("sha256:"), 'f', DIGEST_HEX_LEN);
    third = document(&fork, "three");
    expect_foreign(&r.order, &third, "it names another hash");
}

static void what_is_no_document_is_foreign(void **state)
{
    static const struct {
        const char *body, *says;
    } cases[] = {
        {"", "format"},
        {"null", "format"},
        {"[]", "format"},
        {"{}", "format"},
        {"{\"format\":\"geminga/notary/journal/v2\"}", "format"},
        {"{\"format\":7}", "format"},
        {"{\"format\":\"geminga/notary/journal/v1\"}", "term"},
        {"{\"format\":\"geminga/notary/journal/v1\",\"term\":0}", "term"},
        {"{\"format\":\"geminga/notary/journal/v1\",\"term\":-1}", "term"},
        {"{\"format\":\"geminga/notary/journal/v1\",\"term\":1.5}", "term"},
        {"{\"format\":\"geminga/notary/journal/v1\",\"term\":1}", "writer"},
        {"{\"format\":\"geminga/notary/journal/v1\",\"term\":1,\"writer\":\"\"}", "writer"},
        {"{\"format\":\"geminga/notary/journal/v1\",\"term\":1,\"writer\":\"a\"}", "place"},
        {"{\"format\":\"geminga/notary/journal/v1\",\"term\":1,\"writer\":\"a\",\"begins\":false}", "place"},
        {"{\"format\":\"geminga/notary/journal/v1\",\"term\":1,\"writer\":\"a\",\"sequence\":1}", "place"},
        {"{\"format\":\"geminga/notary/journal/v1\",\"term\":1,\"writer\":\"a\",\"sequence\":1,\"previous\":\"x\"}",
         "place"},
        {"{\"format\":\"geminga/notary/journal/v1\",\"term\":1,\"writer\":\"a\",\"sequence\":1,\"previous\":"
         "\"sha256:0000000000000000000000000000000000000000000000000000000000000000\"}",
         "records"},
    };
    struct journal_order o = nothing_read();
    struct message m;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(m.body, sizeof m.body, "%s", cases[i].body);
        expect_foreign(&o, &m, cases[i].says);
    }
}

/* ---- writing ---- */

static void a_document_that_is_too_large_is_not_made(void **state)
{
    struct read r = two_read();
    json_t *document = journal_document(&r.order, json_pack("[s]", "ten"), 1000); /* as long as the second one */
    struct text text;

    text_init(&text, strlen(r.second.body));
    assert_int_equal(journal_encode(document, &text), OK);
    text_deinit(&text);
    text_init(&text, strlen(r.second.body) - 1);
    assert_int_equal(journal_encode(document, &text), ERR_TOO_LARGE);
    text_deinit(&text);
    json_decref(document);
}

/* ---- many writers ---- */

#define WRITERS  3
#define MESSAGES 200

static unsigned below(uint64_t *random, unsigned limit)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((*random >> 33) % limit);
}

struct topic {
    struct message messages[MESSAGES];
    size_t count;
};

/* A writer: how far it has read, and whether it thinks that it leads. */
struct writer {
    struct journal_order order;
    size_t read;
    const char *name;
    uint64_t documents; /* of its own that it has seen count */
};

static void writer_reads(struct writer *w, const struct topic *t)
{
    for (; w->read < t->count; w->read++) {
        enum journal_verdict verdict = read_message(&w->order, &t->messages[w->read]);
        assert_int_not_equal(verdict, JOURNAL_FOREIGN);
        if (verdict == JOURNAL_NEXT && strcmp(w->order.writer, w->name) == 0)
            w->documents++;
    }
}

/* A writer that has not read to the end writes what is late; one that has, writes what counts. */
static void writer_writes(struct writer *w, struct topic *t, uint64_t *random)
{
    bool leads = strcmp(w->order.writer, w->name) == 0;
    struct message *m = &t->messages[t->count++];

    if (t->count > 1 && below(random, 8) == 0)
        *m = t->messages[t->count - 2]; /* a resend */
    else
        *m = leads ? document(&w->order, w->name) : beginning(&w->order, w->name);
}

static void all_readers_make_the_same_of_what_several_leaders_wrote(void **state)
{
    static const char *const names[WRITERS] = {"a", "b", "c"};
    struct topic *t = calloc(1, sizeof *t);

    assert_non_null(t);
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct writer writers[WRITERS], reader = {.order = nothing_read(), .name = ""};
        uint64_t random = seed, documents = 0;
        t->count = 0;
        for (size_t i = 0; i < WRITERS; i++)
            writers[i] = (struct writer){.order = nothing_read(), .name = names[i]};
        while (t->count < MESSAGES) {
            struct writer *w = &writers[below(&random, WRITERS)];
            if (below(&random, 4) > 0)
                writer_reads(w, t);
            writer_writes(w, t, &random);
        }
        writer_reads(&reader, t);
        for (size_t i = 0; i < WRITERS; i++) {
            writer_reads(&writers[i], t);
            documents += writers[i].documents;
            assert_int_equal(writers[i].order.term, reader.order.term);
            assert_string_equal(writers[i].order.previous, reader.order.previous);
        }
        assert_int_equal(documents, reader.order.sequence); /* each was somebody's, once */
    }
    free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_follow_one_another_in_a_term),
        cmocka_unit_test(a_term_begins_where_the_one_before_it_ends),
        cmocka_unit_test(a_reader_that_comes_back_goes_on_with_what_it_kept),
        cmocka_unit_test(a_kept_hash_that_is_none_is_refused),
        cmocka_unit_test(what_is_there_twice_counts_once),
        cmocka_unit_test(a_number_that_comes_again_with_other_content_is_foreign),
        cmocka_unit_test(documents_of_a_writer_who_was_replaced_are_passed_over),
        cmocka_unit_test(of_two_that_begin_the_same_term_the_first_has_it),
        cmocka_unit_test(a_gap_is_foreign),
        cmocka_unit_test(a_term_that_is_left_out_is_foreign),
        cmocka_unit_test(another_chain_is_foreign),
        cmocka_unit_test(what_is_no_document_is_foreign),
        cmocka_unit_test(a_document_that_is_too_large_is_not_made),
        cmocka_unit_test(all_readers_make_the_same_of_what_several_leaders_wrote),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
