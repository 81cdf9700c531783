/* SPDX-License-Identifier: Apache-2.0
 *
 * schemas.h - which schemas a topic has, which may be added, and who may come with which, or without.
 *
 * A schema belongs to a name, "t/n/x": the partitions of a topic share it, and so do persistent://t/n/x and
 * non-persistent://t/n/x.  It may be there before the topic, and goes with the last of them (schemas_forget).  Its
 * versions are rows of the catalog (records.h draws them), and nothing beside them.
 *
 * Rules
 *  1. A version's number is the greatest so far and one more, from 0 on.  A deletion is a version too, without a
 * schema: the rows before it go, and their numbers are not given again.  Only a forced one forgets the numbers.
 *  2. What is there already is not added: the same schema is the same version, whoever brings it, in whatever layout.
 *  3. Nobody is told of a version before it is durable (schemas_settled).
 *  4. Whether one may follow others, or read them, is judged by the room schema/: here is only which question is asked.
 *
 * Rows live in memory: a version costs its bytes and about 250 more.  Bounds: SCHEMAS_BYTES_MAX, SCHEMAS_VERSIONS_MAX
 * and SCHEMAS_TOPIC_BYTES_MAX, and schema_bytes_max (broker.h) for the rows of all topics together; beyond them a
 * version is refused with ERR_TOO_LARGE.  A deletion never is: it makes room.
 *
 * Refusals are about ABOUT_SCHEMA: ERR_INVALID, it is not well-formed; ERR_NOT_ALLOWED, it does not fit to those that
 * there are, or none may be added, or one is wanted; ERR_TOO_LARGE; ERR_NOT_FOUND; or about the namespace,
 * ERR_NOT_FOUND. Core thread.  May call: store/, schema/, policies.h.
 */
#ifndef BROKER_SCHEMAS_H
#define BROKER_SCHEMAS_H

#include "broker/broker.h"
#include "broker/records.h"
#include "schema/schema.h"

#define SCHEMAS_BYTES_MAX       (256 * 1024)      /* data of one */
#define SCHEMAS_VERSIONS_MAX    1000              /* of one topic */
#define SCHEMAS_TOPIC_BYTES_MAX (4 * 1024 * 1024) /* data of all these */

/* A row; borrowed until the next change of the catalog. */
struct schema_row {
    uint64_t id;
    int64_t version;
    struct schema_record record;
};

/* Which version somebody has; id 0: none, it came without a schema. */
struct schema_choice {
    uint64_t id;
    int64_t version;
};

/* As the wire has it: 8 bytes, big endian; none for no version. */
#define SCHEMA_VERSION_BYTES 8
struct bytes schema_choice_encode(const struct schema_choice *c, uint8_t to[SCHEMA_VERSION_BYTES]);

/* ---- which there are ---- */

/* ERR_NOT_FOUND: it has none, or they were deleted. */
MUST_USE enum err schemas_newest(struct broker *b, const struct topic_name *topic, struct schema_row *out);
MUST_USE enum err schemas_version(struct broker *b, const struct topic_name *topic, int64_t version,
                                  struct schema_row *out);
/* Oldest first.  `each` returns false to stop, and changes nothing. */
void schemas_each(struct broker *b, const struct topic_name *topic,
                  bool (*each)(void *ctx, const struct schema_row *row), void *ctx);
/* The same and the deletion before them, if there was one: which rows there are. */
void schemas_each_row(struct broker *b, const struct topic_name *topic,
                      bool (*each)(void *ctx, const struct schema_row *row), void *ctx);
/* The one that says the same, by its bytes and type; ERR_NOT_FOUND. */
MUST_USE enum err schemas_exact(struct broker *b, const struct topic_name *topic, const struct schema_record *given,
                                struct schema_choice *out);

/* Of the policies: how a version must fit to those before it; and that who says no schema is refused. */
enum schema_strategy schemas_strategy(struct broker *b, const struct topic_name *topic);
bool schemas_enforced(struct broker *b, const struct topic_name *topic);

/* ---- who may come, with which ---- */

/* A producer's, NULL: it says none.  A new version is added, if the policies let clients do that. */
MUST_USE enum err schemas_of_producer(struct broker *b, const struct topic_name *topic,
                                      const struct schema_record *given, struct schema_choice *out,
                                      struct refusal *why);
/* A consumer's.  It is added where there is none yet, and nobody was there before who said none. */
struct topic;
MUST_USE enum err schemas_of_consumer(struct topic *t, const struct schema_record *given, struct schema_choice *out,
                                      struct refusal *why);
/* An administrator's: added, whatever is allowed to clients. */
MUST_USE enum err schemas_add(struct broker *b, const struct topic_name *topic, const struct schema_record *given,
                              struct schema_choice *out, struct refusal *why);
/* OK: it could be added, or is there. */
MUST_USE enum err schemas_judge(struct broker *b, const struct topic_name *topic, const struct schema_record *given,
                                struct refusal *why);

/* ---- deletion ---- */

/* *version: the deletion's own.  Forced: as if there never had been any; -1. */
MUST_USE enum err schemas_delete(struct broker *b, const struct topic_name *topic, struct bytes user, bool force,
                                 int64_t *version, struct refusal *why);
/* The topic is being deleted; one partition alone takes nothing with it, nor does one of two domains. */
void schemas_forget(struct broker *b, const struct topic_name *topic);
/* The namespace with this id is. */
void schemas_forget_all(struct broker *b, uint64_t namespace_);

/* ---- durability, and operations ---- */

/* It is durable, as far as is known; `op` (may be NULL) has waited since it chose it, or has not. */
bool schemas_settled(struct broker *b, const struct schema_choice *c, const struct broker_op *op);

/* Each is answered when what it tells is durable. */
struct schema_op {
    struct broker_op op;
    struct topic_name topic;
    const struct schema_record *given; /* NULL: none; lives until done */
    int64_t version;                   /* schema_get: -1 is the newest */
    bool force;
    struct schema_choice choice; /* what came of it */
    struct schema_row row;       /* schema_get: borrowed until `done` returns, or the catalog changes */
};

void schema_get(struct broker *b, struct schema_op *op);
/* The version that says the same as `given`, by its bytes; -1: there is none. */
void schema_exact(struct broker *b, struct schema_op *op);
/* As a producer of the topic would; ERR_NOT_FOUND about the topic, which must be there. */
void schema_obtain(struct broker *b, struct schema_op *op);
void schema_add(struct broker *b, struct schema_op *op);
void schema_delete(struct broker *b, struct schema_op *op); /* `version` is what schemas_delete says */

#endif
