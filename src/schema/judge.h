/* SPDX-License-Identifier: Apache-2.0
 *
 * judge.h - one schema against one other: the judgement of each type.
 *
 * schema.c chooses who is judged against whom.  A `subject` is read once, however many it is judged against.
 * May call: this room's parsers.
 */
#ifndef SCHEMA_JUDGE_H
#define SCHEMA_JUDGE_H

#include "schema/avro.h"

/* A definition, read: Avro's, or Jackson's old form (then `avro` is NULL). */
struct definition {
    struct avro_schema *avro;
    bool is_old_form;
};

struct subject {
    struct schema_info info;
    const char *called; /* "the new schema", "version 3" */
    const char *part;   /* "key", "value"; "": the whole */
    struct definition definition;
};

/* Is the definition well-formed?  Type by type, without bounds of its own; KEY_VALUE is not for here.
 * ERR_INVALID: `why`; ERR_NOMEM. */
MUST_USE enum err judge_definition(const struct schema_info *info, struct schema_why *why);

/* Reads the definition, if its type has one.  Then subject_close.  ERR_INVALID: `why`; ERR_NOMEM. */
MUST_USE enum err subject_open(struct subject *s, struct schema_info info, const char *called, const char *part,
                               struct schema_why *why);
void subject_close(struct subject *s);

/* Both are of one type, which is not KEY_VALUE, and differ; neither ALWAYS_... strategy is asked here.
 * ERR_NOT_ALLOWED: `why`, but for its version; ERR_NOMEM. */
MUST_USE enum err judge(const struct subject *candidate, const struct subject *existing, enum schema_strategy strategy,
                        struct schema_why *why);

/* Of one type, one that Avro's parser reads (AVRO, JSON, PROTOBUF): the same when parsed?  ERR_NOMEM. */
MUST_USE enum err judge_same(const struct subject *a, const struct subject *b, bool *same);

#endif
