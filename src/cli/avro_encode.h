/* SPDX-License-Identifier: Apache-2.0
 *
 * avro_encode.h - a value in Avro's JSON encoding, to Avro's binary one.
 *
 * As the specification has it: every field of a record is there and no other; a value of a union is null, or an object
 * with the branch's name; bytes are a text of characters up to U+00FF.  Pure.
 */
#ifndef CLI_AVRO_ENCODE_H
#define CLI_AVRO_ENCODE_H

#include "base/text.h"
#include "schema/avro.h"

/* Appends the bytes.  ERR_INVALID: the value is not of this type, and `why` says what was expected where ("order.lines:
 * an array"); what was appended is of no use then.  ERR_NOMEM. */
MUST_USE enum err avro_encode(const struct avro_node *type, const json_t *value, struct text *out, char *why,
                              size_t why_size);

#endif
