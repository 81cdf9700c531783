/* SPDX-License-Identifier: Apache-2.0
 *
 * key_value.h - two schemas in one: of a message's key and of its value.
 *
 * Stored and on the wire, data is      | key length: be32 | key | value length: be32 | value |
 * where -1 is the length of none; types are the properties "key.schema.type" and "value.schema.type" (none: BYTES), and
 * "kv.encoding.type" is INLINE or SEPARATED, which concerns clients only.
 * In REST, data is     {"key": SCHEMA, "value": SCHEMA}     with "" for what has no definition.
 * Pure.  May call: base/, jansson.
 */
#ifndef SCHEMA_KEY_VALUE_H
#define SCHEMA_KEY_VALUE_H

#include "base/text.h"
#include "schema/schema.h"

struct key_value {
    struct schema_info key, value; /* borrowed from what was decoded; without properties */
};

/* ERR_INVALID: a length leads out of the data, bytes are left over, or a type has no name we know (`why`). */
MUST_USE enum err key_value_decode(const struct schema_info *info, struct key_value *out, struct schema_why *why);

/* Appends REST's form of a stored schema's data, to be asked of the text whether it failed.  A part that is no JSON is
 * written as a string.  ERR_INVALID: the data is not two parts; ERR_NOMEM. */
MUST_USE enum err key_value_to_json(struct bytes data, struct text *out);

/* The other way: *out is to be freed.  ERR_INVALID: no object with both members, or too long; ERR_NOMEM. */
MUST_USE enum err key_value_from_json(struct bytes json, uint8_t **out, size_t *len, struct schema_why *why);

#endif
