/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_test.c - one allocation fails, the first, then the second, until none did: each question then is answered as
 * ever, or with ERR_NOMEM, never wrongly, and nothing leaks (the address sanitizer looks).
 *
 * The program is linked with --wrap for what this room and base/ allocate.  What jansson allocates is left out: 2.14
 * may lose a character of a name when that fails.
 */
#include "base/text.h"
#include "schema/key_value.h"
#include "schema/posted.h"
#include "schema/schema_test.h"

#include <stdlib.h>

#define MOST 5000 /* allocations of one question; a bound of the test */

/* Counted down; at zero the allocation fails.  Below: none does any more. */
static long fail_in;

static bool fails(void)
{
    return fail_in > 0 && --fail_in == 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

#define LIST(name, value)                                                                                              \
    "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[{\"name\":\"v\",\"type\":\"" value                         \
    "\"},{\"name\":\"kind\","                                                                                          \
    "\"type\":{\"type\":\"enum\",\"name\":\"K\",\"symbols\":[\"A\",\"B\"]}},{\"name\":\"next\",\"type\":[\"null\","    \
    "\"" name "\"]}]}"
#define OLD_FORM(id) "{\"type\":\"object\",\"id\":\"" id "\"}"
/* One file "f", with the message "M". */
#define DESCRIPTOR                                                                                                     \
    "{\"fileDescriptorSet\":\"CggKAWYiAwoBTQ==\",\"rootMessageTypeName\":\"M\",\"rootFileDescriptorName\":\"f\"}"

static enum err check(void)
{
    struct schema_info info = info_of(SCHEMA_AVRO, LIST("List", "int"));
    struct schema_why why;

    return schema_check(&info, &why);
}

static enum err judge(enum schema_type type, const char *new, const char *old)
{
    struct schema_info info = info_of(type, new);
    struct schema_version has = version_of(0, type, old);
    struct schema_why why;

    return schema_compatible(&info, &has, 1, SCHEMA_FULL_TRANSITIVE, &why);
}

static enum err judge_alike(void)
{
    return judge(SCHEMA_AVRO, LIST("List", "string"), LIST("List", "bytes"));
}

static enum err judge_others(void)
{
    return judge(SCHEMA_JSON, LIST("List", "int"), LIST("List", "long"));
}

static enum err judge_old_forms(void)
{
    return judge(SCHEMA_JSON, OLD_FORM("a"), OLD_FORM("b"));
}

static enum err judge_descriptors(void)
{
    return judge(SCHEMA_PROTOBUF_NATIVE, DESCRIPTOR " ", DESCRIPTOR);
}

static enum err find(void)
{
    struct schema_info info = info_of(SCHEMA_AVRO, LIST("List", "int") " ");
    struct schema_version has[] = {version_of(0, SCHEMA_AVRO, LIST("List", "long")),
                                   version_of(1, SCHEMA_AVRO, LIST("List", "int"))};
    size_t index = 9;
    enum err err = schema_find(&info, has, 2, &index);

    assert_true(err != OK || index == 1);
    return err;
}

static enum err find_none(void)
{
    struct schema_info info = info_of(SCHEMA_JSON, OLD_FORM("a"));
    struct schema_version has = version_of(0, SCHEMA_JSON, LIST("List", "long"));
    size_t index;

    return schema_find(&info, &has, 1, &index);
}

static enum err read_and_show_a_pair(void)
{
    static const char text[] =
        "{\"type\":\"KEY_VALUE\",\"schema\":\"{\\\"key\\\":\\\"int\\\",\\\"value\\\":{\\\"a\\\":1}}\","
        "\"properties\":{\"key.schema.type\":\"AVRO\",\"value.schema.type\":\"JSON\",\"n\":{\"x\":1}}}";
    struct schema_why why;
    struct posted p;
    struct text out;
    enum err err = posted_init(&p, bytes_of_text(text), SCHEMA_AVRO, &why);

    if (err != OK)
        return err;
    text_init(&out, 4096);
    err = key_value_to_json(p.info.data, &out);
    if (err == OK && text_failed(&out))
        err = ERR_NOMEM;
    if (err == OK)
        assert_string_equal(out.data, "{\"key\":\"int\",\"value\":{\"a\":1}}");
    text_deinit(&out);
    posted_deinit(&p);
    return err;
}

static void sweep(enum err (*question)(void), enum err answer)
{
    long n = 0;
    bool struck = true;

    while (struck) {
        enum err err;

        assert_true(++n < MOST);
        fail_in = n;
        err = question();
        struck = fail_in == 0;
        fail_in = 0;
        if (err != answer && !(struck && err == ERR_NOMEM))
            fail_msg("allocation %ld: %s", n, err_text(err));
    }
    assert_true(n > 1);
}

static void whatever_allocation_fails_no_answer_is_wrong(void **state)
{
    sweep(check, OK);
    sweep(judge_alike, OK);
    sweep(judge_others, ERR_NOT_ALLOWED);
    sweep(judge_old_forms, ERR_NOT_ALLOWED);
    sweep(judge_descriptors, OK);
    sweep(find, OK);
    sweep(find_none, ERR_NOT_FOUND);
    sweep(read_and_show_a_pair, OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_allocation_fails_no_answer_is_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
