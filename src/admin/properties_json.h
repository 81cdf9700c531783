/* SPDX-License-Identifier: Apache-2.0
 *
 * properties_json.h - the properties of topics and subscriptions, from JSON and to it.
 *
 * Pure; may call: base/, broker/properties.h, jansson.
 */
#ifndef ADMIN_PROPERTIES_JSON_H
#define ADMIN_PROPERTIES_JSON_H

#include "admin/json_out.h"
#include "broker/properties.h"

#include <stddef.h>

/* {"key":"value",...}; `key` is NULL at the top. */
void properties_write(struct json *j, const char *key, struct bytes encoded);

/* Adds those of `object` (a json_t) to *encoded, which lies in `to`, of PROPERTIES_BYTES_MAX; NULL or JSON's null has
 * none.  ERR_INVALID, ERR_TOO_LARGE: `reason` says it, and some may have been added. */
struct json_t;
struct call;
MUST_USE enum err properties_read(const struct json_t *object, struct bytes *encoded, uint8_t *to, char *reason,
                                  size_t reason_size);

/* The same of a request's body, which may be empty.  False: the call is finished.  In topic_properties.c. */
bool properties_of_body(struct call *call, struct bytes *encoded, uint8_t *to);

#endif
