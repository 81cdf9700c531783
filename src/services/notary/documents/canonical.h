/* SPDX-License-Identifier: Apache-2.0
 *
 * canonical.h - one text for one JSON value: the JSON Canonicalization Scheme, RFC 8785.
 *
 * No white space; members in the order of their names' UTF-16 code units; the fewest escapes; numbers as ECMAScript
 * prints a double.  What is hashed and signed is this text, so that whoever has the value can make the bytes again,
 * in any language.  Pure; may call: base/, jansson's values (no files, no locale).
 */
#ifndef SERVICES_NOTARY_CANONICAL_H
#define SERVICES_NOTARY_CANONICAL_H

#include "base/err.h"
#include "base/text.h"
#include <jansson.h>

#define CANONICAL_DEPTH_MAX   64
#define CANONICAL_NUMBER_SIZE 64

/* Integers beyond this many (2^53 - 1, either sign) are not the same number in every JSON implementation. */
#define CANONICAL_INTEGER_MAX 9007199254740991LL

/* Appends the canonical text of `value`, which stays as it is.  ERR_INVALID: nested deeper than CANONICAL_DEPTH_MAX, or
 * an integer beyond CANONICAL_INTEGER_MAX; ERR_NOMEM, also at the limit of `out`.  On an error `out` holds a part. */
MUST_USE enum err canonical_json(json_t *value, struct text *out);

/* Appends one string, quotes included; `s` is UTF-8. */
void canonical_string(struct bytes s, struct text *out);

/* As ECMAScript's Number::toString; `number` is finite (jansson holds no other). */
void canonical_number(double number, char to[CANONICAL_NUMBER_SIZE]);

#endif
