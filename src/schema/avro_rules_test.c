/* SPDX-License-Identifier: Apache-2.0
 *
 * avro_rules_test.c - the rules of Avro's schema resolution, each as pairs of schemas: from the specification's
 * section, and the situations in which Java's library is tested.
 */
#include "schema/schema_test.h"

#include <stdio.h>

struct rule {
    const char *says;
    const char *reader, *writer;
    const char *refused; /* the rule that it breaks; NULL: it reads */
    const char *path;
};

#define N                            "\"null\""
#define I                            "\"int\""
#define L                            "\"long\""
#define F                            "\"float\""
#define D                            "\"double\""
#define S                            "\"string\""
#define B                            "\"bytes\""
#define BOOL                         "\"boolean\""
#define REC_N(name, fields)          "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[" fields "]}"
#define REC(fields)                  REC_N("R", fields)
#define FIELD(name, type)            "{\"name\":\"" name "\",\"type\":" type "}"
#define FIELD_D(name, type, initial) "{\"name\":\"" name "\",\"type\":" type ",\"default\":" initial "}"
#define FIELD_A(name, type, alias)   "{\"name\":\"" name "\",\"type\":" type ",\"aliases\":[\"" alias "\"]}"
#define FIELD_AD(name, type, alias, init)                                                                              \
    "{\"name\":\"" name "\",\"type\":" type ",\"aliases\":[\"" alias "\"],\"default\":" init "}"
#define ENUM(name, symbols) "{\"type\":\"enum\",\"name\":\"" name "\",\"symbols\":[" symbols "]}"
#define ENUM_D(name, symbols, initial)                                                                                 \
    "{\"type\":\"enum\",\"name\":\"" name "\",\"symbols\":[" symbols "],\"default\":\"" initial "\"}"
#define FIXED(name, size) "{\"type\":\"fixed\",\"name\":\"" name "\",\"size\":" size "}"
#define ARRAY(items)      "{\"type\":\"array\",\"items\":" items "}"
#define MAP(values)       "{\"type\":\"map\",\"values\":" values "}"
#define DECIMAL(p, s)     "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":" p ",\"scale\":" s "}"
#define LIST(name, value, next)                                                                                        \
    "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[" FIELD("head", value) "," FIELD("tail", next) "]}"

static const struct rule primitives[] = {
    {"an int is an int", I, I, NULL, NULL},
    {"a null is a null", N, N, NULL, NULL},
    {"an int becomes a long", L, I, NULL, NULL},
    {"an int becomes a float", F, I, NULL, NULL},
    {"an int becomes a double", D, I, NULL, NULL},
    {"a long becomes a float", F, L, NULL, NULL},
    {"a long becomes a double", D, L, NULL, NULL},
    {"a float becomes a double", D, F, NULL, NULL},
    {"a string becomes bytes", B, S, NULL, NULL},
    {"bytes become a string", S, B, NULL, NULL},
    {"a long is no int", I, L, "TYPE_MISMATCH", ""},
    {"a float is no int", I, F, "TYPE_MISMATCH", ""},
    {"a float is no long", L, F, "TYPE_MISMATCH", ""},
    {"a double is no float", F, D, "TYPE_MISMATCH", ""},
    {"a double is no long", L, D, "TYPE_MISMATCH", ""},
    {"a boolean is no int", I, BOOL, "TYPE_MISMATCH", ""},
    {"an int is no boolean", BOOL, I, "TYPE_MISMATCH", ""},
    {"an int is no null", N, I, "TYPE_MISMATCH", ""},
    {"a null is no int", I, N, "TYPE_MISMATCH", ""},
    {"a double is no string", S, D, "TYPE_MISMATCH", ""},
    {"an int is no bytes", B, I, "TYPE_MISMATCH", ""},
    {"a type written as an object is the same", "{\"type\":\"long\"}", I, NULL, NULL},
    {"an array is no map", MAP(I), ARRAY(I), "TYPE_MISMATCH", ""},
    {"an array is no int", I, ARRAY(I), "TYPE_MISMATCH", ""},
    {"a record is no map", MAP(I), REC(FIELD("a", I)), "TYPE_MISMATCH", ""},
    {"an enum is no string", S, ENUM("E", "\"A\""), "TYPE_MISMATCH", ""},
    {"a string is no enum", ENUM("E", "\"A\""), S, "TYPE_MISMATCH", ""},
    {"a fixed is no bytes", B, FIXED("X", "4"), "TYPE_MISMATCH", ""},
    {"bytes are no fixed", FIXED("X", "4"), B, "TYPE_MISMATCH", ""},
};

static const struct rule containers[] = {
    {"items are promoted", ARRAY(L), ARRAY(I), NULL, NULL},
    {"items that do not resolve", ARRAY(I), ARRAY(L), "TYPE_MISMATCH", "[]"},
    {"values are promoted", MAP(D), MAP(L), NULL, NULL},
    {"values that do not resolve", MAP(I), MAP(S), "TYPE_MISMATCH", "{}"},
    {"arrays of maps", ARRAY(MAP(I)), ARRAY(MAP(BOOL)), "TYPE_MISMATCH", "[]{}"},
};

static const struct rule names[] = {
    {"fixed of the same name and size", FIXED("X", "16"), FIXED("X", "16"), NULL, NULL},
    {"fixed of another size", FIXED("X", "16"), FIXED("X", "8"), "FIXED_SIZE_MISMATCH", ""},
    {"fixed of another name", FIXED("X", "16"), FIXED("Y", "16"), "NAME_MISMATCH", ""},
    {"a namespace does not make it another", FIXED("a.X", "4"), FIXED("b.X", "4"), NULL, NULL},
    {"an alias of the reader's leads to it", "{\"type\":\"fixed\",\"name\":\"X\",\"size\":2,\"aliases\":[\"Y\"]}",
     FIXED("Y", "2"), NULL, NULL},
    {"an alias of the writer's does not", FIXED("Y", "2"),
     "{\"type\":\"fixed\",\"name\":\"X\",\"size\":2,\"aliases\":[\"Y\"]}", "NAME_MISMATCH", ""},
    {"an alias is in the namespace of its type",
     "{\"type\":\"enum\",\"name\":\"n.E\",\"symbols\":[\"A\"],\"aliases\":[\"Old\"]}", ENUM("n.Old", "\"A\""), NULL,
     NULL},
    {"an enum of another name", ENUM("E", "\"A\""), ENUM("G", "\"A\""), "NAME_MISMATCH", ""},
    {"the name of a record that is no branch does not matter", REC_N("New", FIELD("a", I)), REC_N("Old", FIELD("a", I)),
     NULL, NULL},
};

static const struct rule enums[] = {
    {"the same symbols", ENUM("E", "\"A\",\"B\""), ENUM("E", "\"A\",\"B\""), NULL, NULL},
    {"in another order", ENUM("E", "\"B\",\"A\""), ENUM("E", "\"A\",\"B\""), NULL, NULL},
    {"the reader has more", ENUM("E", "\"A\",\"B\",\"C\""), ENUM("E", "\"A\",\"B\""), NULL, NULL},
    {"the writer has more", ENUM("E", "\"A\""), ENUM("E", "\"A\",\"B\""), "MISSING_ENUM_SYMBOLS", ""},
    {"but the reader has a default symbol", ENUM_D("E", "\"A\"", "A"), ENUM("E", "\"A\",\"B\""), NULL, NULL},
    {"a default symbol of the writer's does not help", ENUM("E", "\"A\""), ENUM_D("E", "\"A\",\"B\"", "A"),
     "MISSING_ENUM_SYMBOLS", ""},
    {"the default of the field is not the enum's", REC(FIELD_D("e", ENUM("E", "\"A\""), "\"A\"")),
     REC(FIELD("e", ENUM("E", "\"A\",\"B\""))), "MISSING_ENUM_SYMBOLS", "e"},
};

static const struct rule records[] = {
    {"fields in another order", REC(FIELD("a", I) "," FIELD("b", S)), REC(FIELD("b", S) "," FIELD("a", I)), NULL, NULL},
    {"a field that the reader does not have is skipped", REC(FIELD("a", I)), REC(FIELD("a", I) "," FIELD("b", S)), NULL,
     NULL},
    {"a field that the writer does not have needs a default", REC(FIELD("a", I) "," FIELD("b", S)), REC(FIELD("a", I)),
     "READER_FIELD_MISSING_DEFAULT_VALUE", "b"},
    {"and with one it reads", REC(FIELD("a", I) "," FIELD_D("b", S, "\"\"")), REC(FIELD("a", I)), NULL, NULL},
    {"null is a default", REC(FIELD_D("b", "[" N "," S "]", "null")), REC(""), NULL, NULL},
    {"being nullable is no default", REC(FIELD("b", "[" N "," S "]")), REC(""), "READER_FIELD_MISSING_DEFAULT_VALUE",
     "b"},
    {"a default of a later branch will do", REC(FIELD_D("b", "[" N "," S "]", "\"x\"")), REC(""), NULL, NULL},
    {"a default that is none of its type", REC(FIELD_D("b", I, "\"x\"")), REC(""), "INVALID_DEFAULT_VALUE", "b"},
    {"does not matter where it is not needed", REC(FIELD_D("b", I, "\"x\"")), REC(FIELD("b", I)), NULL, NULL},
    {"a default beyond its type", REC(FIELD_D("b", I, "2147483648")), REC(""), "INVALID_DEFAULT_VALUE", "b"},
    {"fields are promoted", REC(FIELD("a", D)), REC(FIELD("a", I)), NULL, NULL},
    {"fields that do not resolve", REC(FIELD("a", I)), REC(FIELD("a", S)), "TYPE_MISMATCH", "a"},
    {"an alias of a field", REC(FIELD_A("a", I, "old")), REC(FIELD("old", I)), NULL, NULL},
    {"an alias does not change the type", REC(FIELD_A("a", I, "old")), REC(FIELD("old", S)), "TYPE_MISMATCH", "a"},
    {"an alias of the writer's does not count", REC(FIELD("a", I)), REC(FIELD_A("b", I, "a")),
     "READER_FIELD_MISSING_DEFAULT_VALUE", "a"},
    {"an alias that leads nowhere, and a default", REC(FIELD_AD("a", I, "old", "0")), REC(""), NULL, NULL},
    {"names that lead to two fields", REC(FIELD_A("a", I, "b")), REC(FIELD("a", I) "," FIELD("b", I)),
     "AMBIGUOUS_ALIAS", "a"},
    {"a field of a record in a record", REC(FIELD("in", REC_N("In", FIELD("x", I)))),
     REC(FIELD("in", REC_N("In", FIELD("x", S)))), "TYPE_MISMATCH", "in.x"},
    {"of the items of an array", REC(FIELD("in", ARRAY(REC_N("In", FIELD("x", I))))),
     REC(FIELD("in", ARRAY(REC_N("In", FIELD("y", I))))), "READER_FIELD_MISSING_DEFAULT_VALUE", "in[].x"},
    {"a default of a record takes the defaults of its fields",
     REC(FIELD_D("in", REC_N("In", FIELD_D("x", I, "1") "," FIELD("y", S)), "{\"y\":\"\"}")), REC(""), NULL, NULL},
    {"and lacks what has none", REC(FIELD_D("in", REC_N("In", FIELD("x", I)), "{}")), REC(""), "INVALID_DEFAULT_VALUE",
     "in"},
    {"an empty list is a default of an array", REC(FIELD_D("l", ARRAY(S), "[]")), REC(""), NULL, NULL},
    {"an object is a default of a map", REC(FIELD_D("m", MAP(I), "{\"k\":1}")), REC(""), NULL, NULL},
    {"a default of bytes", REC(FIELD_D("b", B, "\"\\u00ff\"")), REC(""), NULL, NULL},
    {"bytes have no character beyond", REC(FIELD_D("b", B, "\"\\u0100\"")), REC(""), "INVALID_DEFAULT_VALUE", "b"},
    {"a default of fixed has its size", REC(FIELD_D("f", FIXED("X", "2"), "\"\\u0001\\u00ff\"")), REC(""), NULL, NULL},
    {"and no other", REC(FIELD_D("f", FIXED("X", "2"), "\"\\u0001\"")), REC(""), "INVALID_DEFAULT_VALUE", "f"},
    {"a default of an enum is a symbol", REC(FIELD_D("e", ENUM("E", "\"A\""), "\"B\"")), REC(""),
     "INVALID_DEFAULT_VALUE", "e"},
    {"an int is a default of a double", REC(FIELD_D("d", D, "1")), REC(""), NULL, NULL},
    {"NaN is a default of a double", REC(FIELD_D("d", D, "\"NaN\"")), REC(""), NULL, NULL},
    {"a fraction is none of a long", REC(FIELD_D("l", L, "1.5")), REC(""), "INVALID_DEFAULT_VALUE", "l"},
};

static const struct rule unions[] = {
    {"the same union", "[" I "," S "]", "[" I "," S "]", NULL, NULL},
    {"in another order", "[" S "," I "]", "[" I "," S "]", NULL, NULL},
    {"the reader has more", "[" N "," I "," S "]", "[" I "," S "]", NULL, NULL},
    {"the writer has more", "[" I "]", "[" I "," S "]", "MISSING_UNION_BRANCH", ""},
    {"a field becomes nullable", REC(FIELD("a", "[" N "," S "]")), REC(FIELD("a", S)), NULL, NULL},
    {"a nullable field is no longer", REC(FIELD("a", S)), REC(FIELD("a", "[" N "," S "]")), "TYPE_MISMATCH", "a"},
    {"each branch of the writer's is read by what is no union", D, "[" I "," F "]", NULL, NULL},
    {"but not if one is not", F, "[" I "," D "]", "TYPE_MISMATCH", ""},
    {"a branch is reached by promotion", "[" N "," D "]", I, NULL, NULL},
    {"long, float and double are read as float and double", "[" F "," D "]", "[" I "," L "," F "," D "]", NULL, NULL},
    {"a double is not read by a float", "[" F "," L "]", "[" D "]", "MISSING_UNION_BRANCH", ""},
    {"strings are read by bytes in a union", "[" N "," B "]", "[" N "," S "]", NULL, NULL},
    {"the empty union is written by nobody", I, "[]", NULL, NULL},
    {"the empty union reads nothing", "[]", I, "MISSING_UNION_BRANCH", ""},
    {"a branch is chosen by its kind, and then has to resolve", "[" N "," ARRAY(I) "]", ARRAY(S), "TYPE_MISMATCH",
     "[]"},
    {"a record in a union by its full name", "[" REC_N("a.R", FIELD("x", I)) "," REC_N("b.R", FIELD("y", I)) "]",
     REC_N("b.R", FIELD("y", I) "," FIELD("z", I)), NULL, NULL},
    {"a record of that name has to resolve, however others are", "[" REC_N("A", FIELD("x", I)) "," REC_N("B", "") "]",
     REC_N("A", FIELD("y", I)), "READER_FIELD_MISSING_DEFAULT_VALUE", "x"},
    {"a record of another name by its structure", "[" N "," REC_N("New", FIELD("x", L)) "]",
     "[" N "," REC_N("Old", FIELD("x", I)) "]", NULL, NULL},
    {"no record has the structure", "[" N "," REC_N("New", FIELD("x", L)) "]", REC_N("Old", FIELD("y", I)),
     "MISSING_UNION_BRANCH", ""},
    {"an enum in a union by its name, without its namespace", "[" N "," ENUM("a.E", "\"A\"") "]", ENUM("b.E", "\"A\""),
     NULL, NULL},
    {"an enum of another name is no branch", "[" N "," ENUM("E", "\"A\"") "]", ENUM("G", "\"A\""),
     "MISSING_UNION_BRANCH", ""},
    {"an alias leads to a branch", "[" N ",{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"],\"aliases\":[\"G\"]}]",
     ENUM("G", "\"A\""), NULL, NULL},
};

static const struct rule logical[] = {
    {"decimals alike", DECIMAL("9", "2"), DECIMAL("9", "2"), NULL, NULL},
    {"of another scale", DECIMAL("9", "2"), DECIMAL("9", "3"), "DECIMAL_MISMATCH", ""},
    {"of another precision", DECIMAL("9", "2"), DECIMAL("10", "2"), "DECIMAL_MISMATCH", ""},
    {"a decimal and plain bytes", DECIMAL("9", "2"), B, NULL, NULL},
    {"a decimal that is not valid is plain bytes", DECIMAL("2", "9"), DECIMAL("9", "2"), NULL, NULL},
    {"a time in other units is a long all the same", "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}",
     "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}", NULL, NULL},
    {"a date is read as a time", "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}",
     "{\"type\":\"int\",\"logicalType\":\"date\"}", NULL, NULL},
    {"a logical type that nobody knows is ignored", "{\"type\":\"string\",\"logicalType\":\"colour\"}", S, NULL, NULL},
    {"a logical type does not change what is read", "{\"type\":\"string\",\"logicalType\":\"uuid\"}", I,
     "TYPE_MISMATCH", ""},
};

static const struct rule recursion[] = {
    {"a list reads itself", LIST("List", I, "[" N ",\"List\"]"), LIST("List", I, "[" N ",\"List\"]"), NULL, NULL},
    {"a list of longs reads a list of ints", LIST("List", L, "[" N ",\"List\"]"), LIST("List", I, "[" N ",\"List\"]"),
     NULL, NULL},
    {"a list of ints does not read one of longs", LIST("List", I, "[" N ",\"List\"]"),
     LIST("List", L, "[" N ",\"List\"]"), "TYPE_MISMATCH", "head"},
    {"what fails behind the recursion", LIST("List", "[" N ",\"List\"]", I), LIST("List", "[" N ",\"List\"]", L),
     "TYPE_MISMATCH", "tail"},
};

static int failures_of(const struct rule *rules, size_t count)
{
    int failures = 0;

    for (size_t i = 0; i < count; i++) {
        const struct rule *r = &rules[i];
        struct schema_why why = {.rule = "", .path = ""};
        enum err err = reads(r->reader, r->writer, &why);
        bool right = err == (r->refused ? ERR_NOT_ALLOWED : OK);

        if (r->refused)
            right = right && strcmp(why.rule, r->refused) == 0 && strcmp(why.path, r->path) == 0;
        if (right)
            continue;
        printf("%s: %s, rule %s at \"%s\": %s\n", r->says, err_text(err), why.rule, why.path, why.sentence);
        failures++;
    }
    return failures;
}

#define ALL_HOLD(rules) assert_int_equal(failures_of(rules, sizeof(rules) / sizeof(rules)[0]), 0)

static void primitives_are_promoted_and_else_the_same(void **state)
{
    ALL_HOLD(primitives);
}

static void arrays_and_maps_resolve_by_what_is_in_them(void **state)
{
    ALL_HOLD(containers);
}

static void fixed_and_enums_go_by_their_names(void **state)
{
    ALL_HOLD(names);
}

static void enums_need_the_symbols_or_a_default(void **state)
{
    ALL_HOLD(enums);
}

static void records_resolve_field_by_field(void **state)
{
    ALL_HOLD(records);
}

static void unions_are_read_branch_by_branch(void **state)
{
    ALL_HOLD(unions);
}

static void logical_types_do_not_matter_but_for_decimals(void **state)
{
    ALL_HOLD(logical);
}

static void recursion_ends_with_the_right_answer(void **state)
{
    ALL_HOLD(recursion);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(primitives_are_promoted_and_else_the_same),
        cmocka_unit_test(arrays_and_maps_resolve_by_what_is_in_them),
        cmocka_unit_test(fixed_and_enums_go_by_their_names),
        cmocka_unit_test(enums_need_the_symbols_or_a_default),
        cmocka_unit_test(records_resolve_field_by_field),
        cmocka_unit_test(unions_are_read_branch_by_branch),
        cmocka_unit_test(logical_types_do_not_matter_but_for_decimals),
        cmocka_unit_test(recursion_ends_with_the_right_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
