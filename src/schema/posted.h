/* SPDX-License-Identifier: Apache-2.0
 *
 * posted.h - a schema as people keep it in a file: as pulsar-admin uploads it, as it shows it, or its definition alone.
 *
 *     {"type": "AVRO", "schema": "TEXT", "properties": {"k": "v"}}      what is uploaded
 *     {"type": "AVRO", "schema": {...}, ...}    {"type": "AVRO", "data": "TEXT", ...}      what `schemas get` and REST
 * show
 *     {"type": "record", ...}      a definition; its type of schema is the caller's to say
 * An object that has a type of schema's name in "type" and a "schema" or "data" is of the first two kinds.
 * The definition of a KEY_VALUE is {"key": ..., "value": ...} (key_value.h).  Pure.  May call: base/, jansson.
 */
#ifndef SCHEMA_POSTED_H
#define SCHEMA_POSTED_H

#include "base/arena.h"
#include "schema/schema.h"

struct posted {
    struct schema_info info; /* borrowed from the arena */
    struct arena arena;      /* private */
};

/* `type` of what does not say it.  posted_deinit on OK only.  ERR_INVALID: `why`; ERR_NOMEM.
 * Whether the definition is well-formed is not looked at: schema_check. */
MUST_USE enum err posted_init(struct posted *p, struct bytes text, enum schema_type type, struct schema_why *why);
void posted_deinit(struct posted *p);

#endif
