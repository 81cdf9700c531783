/* SPDX-License-Identifier: Apache-2.0
 *
 * json_text.h - JSON from bytes, and whether it was the text or the memory that was bad.
 *
 * May call: base/, jansson.
 */
#ifndef SCHEMA_JSON_TEXT_H
#define SCHEMA_JSON_TEXT_H

#include "base/bytes.h"
#include "base/err.h"

#include <jansson.h>

/* Any value, not only objects and lists.  *out is for json_decref.  ERR_INVALID: no JSON, `error` says where and what;
 * ERR_NOMEM. */
MUST_USE enum err json_text_read(json_t **out, struct bytes text, json_error_t *error);

#endif
