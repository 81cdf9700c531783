/* SPDX-License-Identifier: Apache-2.0
 *
 * schema.h - what a schema is, whether it is well-formed, and whether it may follow others on a topic.
 *
 * Pure: bytes in, a verdict out.  The registry (broker/) keeps versions and asks here; so does the command line, on
 * files.  Judges by Pulsar's rules: records, JSON and Protobuf's Avro form by Avro resolution, Protobuf's own form by
 * its root message, keys and values each for themselves, anything else by its type.  What a schema says is from
 * outside: each judgement is bounded in depth, in names and in memory (avro.h), and what is beyond is refused with that
 * reason. May call: base/, jansson.  Nothing here keeps anything: any thread may ask.
 */
#ifndef SCHEMA_SCHEMA_H
#define SCHEMA_SCHEMA_H

#include "base/bytes.h"
#include "base/err.h"

#define SCHEMA_BYTES_MAX ((size_t)1024 * 1024) /* of one schema's data; beyond: ERR_INVALID with that reason */

/* Pulsar's numbers.  Those below zero never are on the wire, but for AUTO_CONSUME (see schema_type_of_wire). */
enum schema_type {
    SCHEMA_AUTO_PUBLISH = -4,
    SCHEMA_AUTO_CONSUME = -3,
    SCHEMA_AUTO = -2,
    SCHEMA_BYTES = -1,
    SCHEMA_NONE = 0,
    SCHEMA_STRING,
    SCHEMA_JSON,
    SCHEMA_PROTOBUF,
    SCHEMA_AVRO,
    SCHEMA_BOOLEAN,
    SCHEMA_INT8,
    SCHEMA_INT16,
    SCHEMA_INT32,
    SCHEMA_INT64,
    SCHEMA_FLOAT,
    SCHEMA_DOUBLE,
    SCHEMA_DATE,
    SCHEMA_TIME,
    SCHEMA_TIMESTAMP,
    SCHEMA_KEY_VALUE,
    SCHEMA_INSTANT,
    SCHEMA_LOCAL_DATE,
    SCHEMA_LOCAL_TIME,
    SCHEMA_LOCAL_DATE_TIME,
    SCHEMA_PROTOBUF_NATIVE, /* 20, the last that is stored */
};

/* As REST and pulsar-admin write it: "KEY_VALUE". */
const char *schema_type_name(enum schema_type type);
/* False: there is none of this name; *out is left alone.  Lower case will do. */
bool schema_type_of_name(enum schema_type *out, struct bytes name);
/* The number in a command's Schema.type, where AutoConsume is 21.  False: none. */
bool schema_type_of_wire(enum schema_type *out, int number);

enum schema_strategy {
    SCHEMA_UNDEFINED, /* inherit; no judgement is asked with it */
    SCHEMA_ALWAYS_INCOMPATIBLE,
    SCHEMA_ALWAYS_COMPATIBLE,
    SCHEMA_BACKWARD, /* the new one reads what the last one wrote */
    SCHEMA_FORWARD,  /* the last one reads what the new one writes */
    SCHEMA_FULL,     /* both */
    SCHEMA_BACKWARD_TRANSITIVE,
    SCHEMA_FORWARD_TRANSITIVE,
    SCHEMA_FULL_TRANSITIVE,
};
#define SCHEMA_STRATEGIES (SCHEMA_FULL_TRANSITIVE + 1)

const char *schema_strategy_name(enum schema_strategy strategy);
bool schema_strategy_of_name(enum schema_strategy *out, struct bytes name); /* case counts, as in Pulsar */
bool schema_strategy_is_transitive(enum schema_strategy strategy);

struct schema_property {
    struct bytes name, value;
};

/* Borrowed throughout. */
struct schema_info {
    enum schema_type type;
    struct bytes data;
    const struct schema_property *properties;
    size_t property_count;
};

/* {NULL, 0}: there is none of this name. */
struct bytes schema_info_property(const struct schema_info *info, const char *name);

/* One that a topic has. */
struct schema_version {
    int64_t version;
    struct schema_info info;
};

#define SCHEMA_SENTENCE_MAX 768 /* with the NUL */
#define SCHEMA_PATH_MAX     192
#define SCHEMA_RULE_MAX     48

/* Why not.  Texts are UTF-8 and cut at their bound, so that a hostile name costs nothing. */
struct schema_why {
    char sentence[SCHEMA_SENTENCE_MAX]; /* for people: names the field, the rule and both versions, where there are such
                                         */
    char path[SCHEMA_PATH_MAX];         /* "order.lines[].price"; "": the schema as a whole */
    char rule[SCHEMA_RULE_MAX];         /* for programs: "READER_FIELD_MISSING_DEFAULT_VALUE", "TYPE_MISMATCH" */
    int64_t version;                    /* the existing one that it is about; -1: none */
};

/* Well-formed?  ERR_INVALID: no, and `why` says why (Pulsar's InvalidSchemaData, REST's 422); ERR_NOMEM. */
MUST_USE enum err schema_check(const struct schema_info *info, struct schema_why *why);

/* May `candidate` be the next version after `existing` (oldest first; what was deleted is not among them)?  Judged
 * against the newest, or against all if the strategy is transitive; with none of them, yes.  ERR_NOT_ALLOWED: no, and
 * `why` says why; ERR_NOMEM.  Another type than the versions before is refused but by ALWAYS_COMPATIBLE. */
MUST_USE enum err schema_compatible(const struct schema_info *candidate, const struct schema_version *existing,
                                    size_t count, enum schema_strategy strategy, struct schema_why *why);

/* May a consumer with this schema read the topic?  The topic's strategy as Pulsar turns it for consumers: BACKWARD,
 * FORWARD, FULL and FORWARD_TRANSITIVE ask that it reads the newest; the others are judged against all.  With no
 * version the caller decides.  As schema_compatible. */
MUST_USE enum err schema_readable(const struct schema_info *consumer, const struct schema_version *existing,
                                  size_t count, enum schema_strategy strategy, struct schema_why *why);

/* Is it there already?  *index is of the oldest version that is the same: of the same type and, if Avro, JSON or
 * Protobuf, the same when parsed; others by their bytes.  ERR_NOT_FOUND; ERR_NOMEM. */
MUST_USE enum err schema_find(const struct schema_info *candidate, const struct schema_version *existing, size_t count,
                              size_t *index);
/* The same question of two. */
MUST_USE enum err schema_same(const struct schema_info *a, const struct schema_info *b, bool *same);

#endif
