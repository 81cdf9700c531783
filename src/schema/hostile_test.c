/* SPDX-License-Identifier: Apache-2.0
 *
 * hostile_test.c - schemas that are made to hurt: deep, wide, recursive, exponential.  Each is answered soon: a test
 * here that takes long is a failure, which the time limit of the test run makes one.
 */
#include "base/text.h"
#include "schema/avro.h"
#include "schema/schema_test.h"

#define ROOM ((size_t)4 * 1024 * 1024)

static enum err check(struct text *t, struct schema_why *why)
{
    struct schema_info info = {.type = SCHEMA_AVRO};

    assert_false(text_failed(t));
    info.data = bytes_of(t->data, t->len);
    return schema_check(&info, why);
}

static enum err judge(struct text *reader, struct text *writer, struct schema_why *why)
{
    struct schema_info info = {.type = SCHEMA_JSON, .data = bytes_of(reader->data, reader->len)};
    struct schema_version has = {.info = {.type = SCHEMA_JSON, .data = bytes_of(writer->data, writer->len)}};

    return schema_compatible(&info, &has, 1, SCHEMA_BACKWARD, why);
}

static void a_hundred_thousand_arrays_in_one_another_are_refused(void **state)
{
    struct schema_why why;
    struct text t;

    text_init(&t, ROOM);
    for (int i = 0; i < 100000; i++)
        text_add(&t, "[");
    assert_int_equal(check(&t, &why), ERR_INVALID);
    text_deinit(&t);
}

static void types_too_deep_inside_one_another_are_refused_and_the_bound_is_said(void **state)
{
    struct schema_why why;
    struct text t;

    for (int depth = AVRO_DEPTH_MAX - 1; depth <= AVRO_DEPTH_MAX; depth++) {
        text_init(&t, ROOM);
        for (int i = 0; i < depth; i++)
            text_add(&t, "{\"type\":\"array\",\"items\":");
        text_add(&t, "\"int\"");
        for (int i = 0; i < depth; i++)
            text_add(&t, "}");
        assert_int_equal(check(&t, &why), depth < AVRO_DEPTH_MAX ? OK : ERR_INVALID);
        text_deinit(&t);
    }
    assert_non_null(strstr(why.sentence, "128"));
}

static void a_union_in_a_union_is_refused(void **state)
{
    struct schema_why why;
    struct text t;

    text_init(&t, ROOM);
    text_add(&t, "{\"type\":\"array\",\"items\":[\"int\",[\"null\",\"string\"]]}");
    assert_int_equal(check(&t, &why), ERR_INVALID);
    assert_string_equal(why.sentence, "A union stands directly in a union.");
    text_deinit(&t);
}

static void a_schema_of_too_many_bytes_types_or_branches_is_refused(void **state)
{
    struct schema_why why;
    struct text t;

    text_init(&t, ROOM);
    for (size_t i = 0; i <= SCHEMA_BYTES_MAX; i++)
        text_add(&t, " ");
    assert_int_equal(check(&t, &why), ERR_INVALID);
    text_deinit(&t);

    text_init(&t, ROOM);
    text_add(&t, "{\"type\":\"array\",\"items\":[");
    for (int i = 0; i <= AVRO_BRANCHES_MAX; i++)
        text_printf(&t, "%s{\"type\":\"fixed\",\"name\":\"f%d\",\"size\":1}", i ? "," : "", i);
    text_add(&t, "]}");
    assert_int_equal(check(&t, &why), ERR_INVALID);
    assert_non_null(strstr(why.sentence, "512"));
    text_deinit(&t);
}

static void aliases_in_a_long_namespace_do_not_eat_the_memory(void **state)
{
    struct schema_why why;
    struct text t;

    text_init(&t, ROOM);
    text_add(&t, "{\"type\":\"record\",\"name\":\"r\",\"namespace\":\"");
    for (int i = 0; i < 450; i++)
        text_add(&t, "n");
    text_add(&t, "\",\"fields\":[");
    for (int i = 0; i < 900; i++) {
        text_printf(&t,
                    "%s{\"name\":\"f%d\",\"type\":{\"type\":\"fixed\",\"size\":1,\"name\":\"x%d\",\"aliases\":[\"a\"",
                    i ? "," : "", i, i);
        for (int a = 1; a < AVRO_ALIASES_MAX; a++)
            text_add(&t, ",\"a\"");
        text_add(&t, "]}}");
    }
    text_add(&t, "]}");
    assert_int_equal(check(&t, &why), ERR_INVALID);
    assert_non_null(strstr(why.sentence, "bytes of memory"));
    text_deinit(&t);
}

/* r0 has twice r1, which has twice r2, ...: 2^levels ways to the last. */
static void twice_each(struct text *t, int levels, const char *last)
{
    text_init(t, ROOM);
    text_add(t, "{\"type\":\"record\",\"name\":\"top\",\"fields\":[{\"name\":\"all\",\"type\":[\"null\"");
    for (int i = levels; i > 0; i--) {
        text_printf(t, ",{\"type\":\"record\",\"name\":\"r%d\",\"fields\":[", i);
        if (i == levels)
            text_printf(t, "{\"name\":\"v\",\"type\":\"%s\"}]}", last);
        else
            text_printf(t, "{\"name\":\"a\",\"type\":\"r%d\"},{\"name\":\"b\",\"type\":[\"null\",\"r%d\"]}]}", i + 1,
                        i + 1);
    }
    text_add(t, "]}]}");
}

static void exponentially_many_ways_are_gone_once(void **state)
{
    struct text ints, longs;
    struct schema_why why;

    twice_each(&ints, 60, "int");
    twice_each(&longs, 60, "long");
    assert_int_equal(judge(&longs, &ints, &why), OK);
    assert_int_equal(judge(&ints, &longs, &why), ERR_NOT_ALLOWED);
    text_deinit(&ints);
    text_deinit(&longs);
}

/* A circle of `count` records: each has the next, the last the first. */
static void circle(struct text *t, int count)
{
    text_init(t, ROOM);
    for (int i = 0; i < count; i++)
        text_printf(t, "{\"type\":\"record\",\"name\":\"c%d\",\"fields\":[{\"name\":\"next\",\"type\":[\"null\",", i);
    text_add(t, "\"c0\"");
    for (int i = 0; i < count; i++)
        text_add(t, "]}]}");
}

static void circles_of_different_lengths_meet_in_the_end_or_are_too_complex(void **state)
{
    struct text two, three, a, b;
    struct schema_why why;

    circle(&two, 2);
    circle(&three, 3);
    assert_int_equal(judge(&two, &three, &why), OK);
    circle(&a, 60);
    circle(&b, 61);
    assert_int_equal(judge(&a, &b, &why), ERR_NOT_ALLOWED);
    assert_string_equal(why.rule, "TOO_COMPLEX");
    text_deinit(&two);
    text_deinit(&three);
    text_deinit(&a);
    text_deinit(&b);
}

/* What is taken for good while it is being judged, and turns out bad, takes with it what rested on it: A's branch B
 * reads the writer's only if A does, and A does not. */
static void what_rested_on_a_mistake_is_judged_again(void **state)
{
    const char *writer =
        "{\"type\":\"record\",\"name\":\"W\",\"fields\":[{\"name\":\"x\",\"type\":{\"type\":\"record\","
        "\"name\":\"V\",\"fields\":[{\"name\":\"back\",\"type\":[\"null\",\"W\"]}]}},"
        "{\"name\":\"y\",\"type\":\"string\"},{\"name\":\"z\",\"type\":\"V\"}]}";
    const char *reader =
        "{\"type\":\"record\",\"name\":\"Top\",\"fields\":[{\"name\":\"z\",\"type\":{\"type\":\"record\","
        "\"name\":\"B\",\"fields\":[{\"name\":\"back\",\"type\":[\"null\",{\"type\":\"record\","
        "\"name\":\"A\",\"fields\":[{\"name\":\"x\",\"type\":\"B\"},{\"name\":\"y\",\"type\":\"int\"}]}]}]}}]}";
    struct schema_why why;

    assert_int_equal(reads(reader, writer, &why), ERR_NOT_ALLOWED);
}

static void a_large_enum_used_often_is_too_complex_and_not_slow(void **state)
{
    struct schema_why why;
    struct text t[2];

    for (int n = 0; n < 2; n++) {
        text_init(&t[n], ROOM);
        text_add(&t[n], "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"e\",\"type\":{\"type\":\"enum\","
                        "\"name\":\"E\",\"symbols\":[\"s\"");
        for (int i = 0; i < 20000; i++)
            text_printf(&t[n], ",\"s%d\"", i);
        text_add(&t[n], "]}}");
        for (int i = 0; i < 15000; i++)
            text_printf(&t[n], ",{\"name\":\"f%d\",\"type\":\"E\"}", i);
        text_printf(&t[n], "],\"doc\":\"%d\"}", n);
    }
    assert_int_equal(judge(&t[0], &t[1], &why), ERR_NOT_ALLOWED);
    assert_string_equal(why.rule, "TOO_COMPLEX");
    text_deinit(&t[0]);
    text_deinit(&t[1]);
}

static void a_default_that_goes_in_circles_fits_nothing(void **state)
{
    const char *reader =
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"r\",\"type\":{\"type\":\"record\","
        "\"name\":\"C\",\"fields\":[{\"name\":\"c\",\"type\":\"C\",\"default\":{}}]},\"default\":{}}]}";
    struct schema_why why;

    assert_int_equal(reads(reader, "{\"type\":\"record\",\"name\":\"R\",\"fields\":[]}", &why), ERR_NOT_ALLOWED);
    assert_string_equal(why.rule, "INVALID_DEFAULT_VALUE");
}

static void what_a_schema_may_not_be_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "int",
        "7",
        "null",
        "{}",
        "{\"type\":7}",
        "\"nope\"",
        "{\"type\":\"record\",\"name\":\"R\"}",
        "{\"type\":\"record\",\"fields\":[]}",
        "{\"type\":\"record\",\"name\":\"1R\",\"fields\":[]}",
        "{\"type\":\"record\",\"name\":\"R-S\",\"fields\":[]}",
        "{\"type\":\"record\",\"name\":\"\",\"fields\":[]}",
        "{\"type\":\"record\",\"name\":\"string\",\"fields\":[]}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":{}}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[7]}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\"}]}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"type\":\"int\"}]}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a b\",\"type\":\"int\"}]}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\",\"order\":\"up\"}]}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\",\"aliases\":\"b\"}]}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":[]},{\"name\":\"a\",\"type\":[]}]}",
        "{\"type\":\"enum\",\"name\":\"E\"}",
        "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"A\"]}",
        "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A-B\"]}",
        "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[1]}",
        "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"],\"default\":\"B\"}",
        "{\"type\":\"fixed\",\"name\":\"F\"}",
        "{\"type\":\"fixed\",\"name\":\"F\",\"size\":-1}",
        "{\"type\":\"fixed\",\"name\":\"F\",\"size\":1.5}",
        "{\"type\":\"array\"}",
        "{\"type\":\"map\",\"items\":\"int\"}",
        "[\"int\",\"int\"]",
        "[\"int\",{\"type\":\"int\",\"logicalType\":\"date\"}]",
        "[{\"type\":\"fixed\",\"name\":\"F\",\"size\":1},\"F\"]",
        "[{\"type\":\"fixed\",\"name\":\"F\",\"size\":1},{\"type\":\"fixed\",\"name\":\"F\",\"size\":1}]",
    };
    struct schema_why why;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct schema_info info = info_of(SCHEMA_AVRO, bad[i]);

        if (schema_check(&info, &why) != ERR_INVALID)
            fail_msg("%s is taken for a schema", bad[i]);
    }
}

static void names_are_found_in_the_enclosing_namespace_or_in_none(void **state)
{
    static const char *const good[] = {
        "{\"type\":\"record\",\"name\":\"a.b.R\",\"fields\":[{\"name\":\"x\",\"type\":{\"type\":\"fixed\",\"name\":"
        "\"F\","
        "\"size\":1}},{\"name\":\"y\",\"type\":\"F\"},{\"name\":\"z\",\"type\":\"a.b.F\"},{\"name\":\"s\",\"type\":"
        "\"R\"}]}",
        "{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"n\",\"fields\":[{\"name\":\"x\",\"type\":{\"type\":"
        "\"fixed\","
        "\"name\":\"F\",\"namespace\":\"\",\"size\":1}},{\"name\":\"y\",\"type\":\"F\"}]}",
        "{\"type\":\"error\",\"name\":\"Oops\",\"fields\":[]}",
        "{\"type\":\"record\",\"name\":\"\xc3\x9c\",\"fields\":[]}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\",\"order\":\"IGNORE\"}]}",
    };
    struct schema_why why;

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct schema_info info = info_of(SCHEMA_AVRO, good[i]);

        if (schema_check(&info, &why) != OK)
            fail_msg("%s: %s", good[i], why.sentence);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hundred_thousand_arrays_in_one_another_are_refused),
        cmocka_unit_test(types_too_deep_inside_one_another_are_refused_and_the_bound_is_said),
        cmocka_unit_test(a_union_in_a_union_is_refused),
        cmocka_unit_test(a_schema_of_too_many_bytes_types_or_branches_is_refused),
        cmocka_unit_test(aliases_in_a_long_namespace_do_not_eat_the_memory),
        cmocka_unit_test(exponentially_many_ways_are_gone_once),
        cmocka_unit_test(circles_of_different_lengths_meet_in_the_end_or_are_too_complex),
        cmocka_unit_test(what_rested_on_a_mistake_is_judged_again),
        cmocka_unit_test(a_large_enum_used_often_is_too_complex_and_not_slow),
        cmocka_unit_test(a_default_that_goes_in_circles_fits_nothing),
        cmocka_unit_test(what_a_schema_may_not_be_is_refused),
        cmocka_unit_test(names_are_found_in_the_enclosing_namespace_or_in_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
