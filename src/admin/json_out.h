/* SPDX-License-Identifier: Apache-2.0
 *
 * json_out.h - JSON written straight into a text: no tree, no memory but the text's.
 *
 * Commas are put by themselves.  `key` is NULL inside an array and at the top.  Ends are the caller's to match
 * (asserted by depth). May call: base/.
 */
#ifndef ADMIN_JSON_OUT_H
#define ADMIN_JSON_OUT_H

#include "base/text.h"

struct json {
    struct text *out;
    int depth;
    bool comma; /* a value stands before the next one */
};

static inline struct json json_to(struct text *out)
{
    return (struct json){.out = out};
}

void json_object_begin(struct json *j, const char *key);
void json_object_end(struct json *j);
void json_array_begin(struct json *j, const char *key);
void json_array_end(struct json *j);

void json_text(struct json *j, const char *key, const char *value); /* NULL: the member is left out */
void json_bytes(struct json *j, const char *key, struct bytes value);
void json_uint(struct json *j, const char *key, uint64_t value);
void json_int(struct json *j, const char *key, int64_t value);
void json_double(struct json *j, const char *key, double value); /* not a number, or infinite: 0 */
void json_bool(struct json *j, const char *key, bool value);
/* A key from outside, for objects whose keys are names; a value follows. */
void json_key(struct json *j, struct bytes key);
/* ISO 8601 in UTC with milliseconds, of ms since 1970; 0 leaves the member out. */
void json_time(struct json *j, const char *key, int64_t ms);

#endif
