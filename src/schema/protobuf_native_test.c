/* SPDX-License-Identifier: Apache-2.0
 *
 * protobuf_native_test.c - descriptors of files, made by hand from Protobuf's wire format.
 */
#include "base/base64.h"
#include "schema/protobuf_native.h"
#include "schema/schema_test.h"

struct writer {
    uint8_t bytes[512];
    size_t len;
};

static void put(struct writer *w, uint8_t number, struct bytes value)
{
    assert_true(value.len < 128);
    w->bytes[w->len++] = (uint8_t)(number << 3 | 2);
    w->bytes[w->len++] = (uint8_t)value.len;
    memcpy(w->bytes + w->len, value.data, value.len);
    w->len += value.len;
}

static struct bytes written(const struct writer *w)
{
    return bytes_of(w->bytes, w->len);
}

/* A message `name`, with one inside it (or NULL). */
static struct bytes message(struct writer *w, const char *name, const char *inner)
{
    struct writer nested = {0};

    put(w, 1, bytes_of_text(name));
    if (inner) {
        put(&nested, 1, bytes_of_text(inner));
        put(w, 3, written(&nested));
    }
    return written(w);
}

/* Two files: shop.proto, which imports money.proto; the first in the package "shop", with Order { Line {} }. */
static struct bytes shop(struct writer *set, bool with_import)
{
    struct writer order = {0}, money = {0}, file = {0}, imported = {0};

    put(&file, 1, bytes_of_text("shop.proto"));
    put(&file, 2, bytes_of_text("shop"));
    put(&file, 3, bytes_of_text("money.proto"));
    put(&file, 4, message(&order, "Order", "Line"));
    put(&imported, 1, bytes_of_text("money.proto"));
    put(&imported, 4, message(&money, "Money", NULL));
    put(set, 1, written(&file));
    if (with_import)
        put(set, 1, written(&imported));
    return written(set);
}

static void schema_of(struct text *to, struct bytes set, const char *file, const char *type)
{
    text_init(to, 4096);
    text_add(to, "{\"fileDescriptorSet\":\"");
    base64_encode(to, set);
    text_printf(to, "\",\"rootMessageTypeName\":\"%s\",\"rootFileDescriptorName\":\"%s\"}", type, file);
}

static enum err root(struct bytes set, const char *file, const char *type, char name[MESSAGE_NAME_MAX],
                     struct schema_why *why)
{
    struct text schema;
    enum err err;

    schema_of(&schema, set, file, type);
    err = protobuf_native_root(bytes_of(schema.data, schema.len), name, why);
    text_deinit(&schema);
    return err;
}

static void the_root_is_found_with_its_package_or_in_none(void **state)
{
    struct writer w = {0};
    struct bytes set = shop(&w, true);
    char name[MESSAGE_NAME_MAX] = "";
    struct schema_why why;

    assert_int_equal(root(set, "shop.proto", "shop.Order", name, &why), OK);
    assert_string_equal(name, "shop.Order");
    assert_int_equal(root(set, "shop.proto", "shop.Order.Line", name, &why), OK);
    assert_string_equal(name, "shop.Order.Line");
    assert_int_equal(root(set, "money.proto", "Money", name, &why), OK);
    assert_string_equal(name, "Money");
}

static void what_is_not_there_is_refused(void **state)
{
    struct writer w = {0}, without = {0};
    struct bytes set = shop(&w, true);
    char name[MESSAGE_NAME_MAX] = "";
    struct schema_why why;

    assert_int_equal(root(set, "other.proto", "shop.Order", name, &why), ERR_INVALID);
    assert_non_null(strstr(why.sentence, "other.proto"));
    assert_int_equal(root(set, "shop.proto", "shop.Invoice", name, &why), ERR_INVALID);
    assert_int_equal(root(set, "shop.proto", "shop.Order.Line.Word", name, &why), ERR_INVALID);
    assert_int_equal(root(set, "shop.proto", "", name, &why), ERR_INVALID);
    assert_int_equal(root(shop(&without, false), "shop.proto", "shop.Order", name, &why), ERR_INVALID);
    assert_non_null(strstr(why.sentence, "money.proto"));
}

static void a_set_that_is_cut_or_wrong_is_refused(void **state)
{
    static const char *const bad[] = {
        "", "{}", "[]", "{\"fileDescriptorSet\":\"*\",\"rootMessageTypeName\":\"a\",\"rootFileDescriptorName\":\"b\"}"};
    struct writer w = {0};
    struct bytes set = shop(&w, true);
    char name[MESSAGE_NAME_MAX] = "";
    struct schema_why why;

    for (size_t len = 0; len < set.len; len++)
        assert_int_equal(root(bytes_of(set.data, len), "shop.proto", "shop.Order", name, &why), ERR_INVALID);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(protobuf_native_root(bytes_of_text(bad[i]), name, &why), ERR_INVALID);
    assert_string_equal(name, "");
}

static void the_root_message_may_not_change_and_the_rest_may(void **state)
{
    struct writer w = {0}, more = {0}, other = {0};
    struct bytes set = shop(&w, true), larger = shop(&more, true);
    struct text old, new, elsewhere;
    struct schema_version has = {.version = 2};
    struct schema_info info;
    struct schema_why why;

    put(&other, 1, bytes_of_text("other.proto"));
    put(&more, 1, written(&other));
    larger = written(&more);
    schema_of(&old, set, "shop.proto", "shop.Order");
    schema_of(&new, larger, "shop.proto", "shop.Order");
    schema_of(&elsewhere, set, "shop.proto", "shop.Order.Line");
    has.info = info_of(SCHEMA_PROTOBUF_NATIVE, old.data);
    info = info_of(SCHEMA_PROTOBUF_NATIVE, new.data);
    assert_int_equal(schema_check(&info, &why), OK);
    assert_int_equal(schema_compatible(&info, &has, 1, SCHEMA_FULL, &why), OK);
    info = info_of(SCHEMA_PROTOBUF_NATIVE, elsewhere.data);
    assert_int_equal(schema_compatible(&info, &has, 1, SCHEMA_BACKWARD, &why), ERR_NOT_ALLOWED);
    assert_string_equal(why.sentence,
                        "Incompatible schema: the root message is \"shop.Order.Line\" in the new schema and "
                        "\"shop.Order\" in version 2, and may not change.");
    text_deinit(&old);
    text_deinit(&new);
    text_deinit(&elsewhere);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_root_is_found_with_its_package_or_in_none),
        cmocka_unit_test(what_is_not_there_is_refused),
        cmocka_unit_test(a_set_that_is_cut_or_wrong_is_refused),
        cmocka_unit_test(the_root_message_may_not_change_and_the_rest_may),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
