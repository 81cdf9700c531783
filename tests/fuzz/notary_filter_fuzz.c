/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_filter_fuzz.c - an expression, a line end, an event: refused with its place, or asked, the same way twice.
 */
#include "fuzz.h"

#include "services/notary/filters/expression.h"
#include "services/notary/handlers/handler_answer.h"

/* What a custom handler says is read with the same distrust. */
static void check_answer(struct bytes text)
{
    struct handler_answer answer;
    struct text written;
    char why[300];

    if (handler_answer_parse(&answer, text, why, sizeof why) != OK)
        return;
    text_init(&written, 1u << 20);
    HOLDS(handler_answer_write(&answer, "fuzz", &written) == OK);
    text_deinit(&written);
    handler_answer_deinit(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t len = end ? (size_t)(end - data) : size;
    struct bytes rest = bytes_of(data + len + (end != NULL), size - len - (end != NULL));
    json_t *event = rest.len > 0 ? json_loadb((const char *)rest.data, rest.len, JSON_DECODE_ANY, NULL) : NULL;
    struct expression *e = NULL;
    char why[300] = "";
    enum err err = expression_parse(&e, bytes_of(data, len), why, sizeof why);

    HOLDS(err == OK || (err == ERR_INVALID && why[0]));
    if (err == OK && event)
        HOLDS(expression_holds(e, event) == expression_holds(e, event));
    expression_free(e);
    json_decref(event);
    check_answer(rest);
    return 0;
}
