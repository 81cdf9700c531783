/* SPDX-License-Identifier: Apache-2.0
 *
 * json_text.c - see json_text.h.
 *
 * jansson says nothing at all of most allocations that fail: no text, no code.  (Of some within a string it says that
 * the text is bad there; nothing tells those apart.)
 */
#include "schema/json_text.h"

enum err json_text_read(json_t **out, struct bytes text, json_error_t *error)
{
    json_t *json;

    *error = (json_error_t){.line = 0};
    json = json_loadb(text.len > 0 ? (const char *)text.data : "", text.len, JSON_DECODE_ANY, error);
    if (!json)
        return error->text[0] == '\0' || json_error_code(error) == json_error_out_of_memory ? ERR_NOMEM : ERR_INVALID;
    *out = json;
    return OK;
}
