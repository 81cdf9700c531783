/* SPDX-License-Identifier: Apache-2.0
 *
 * avro_resolve.h - can one schema read whatever was written with another?
 *
 * Avro's schema resolution, judged for all data at once.  Where the specification leaves it open, as Pulsar's broker
 * does with Avro's Java library:
 *   - names of records matter only to choose among a union's (Pulsar's clients name a record after their class);
 *   - a record of a union is chosen by its full name, else by its structure, among those the one of the same simple
 * name;
 *   - of what else a union has, the same kind goes before a promotion.
 * Stricter than that library, as the specification says, for what it lets pass fails when a message is read:
 *   - an enum whose reader lacks a symbol of the writer's needs a default symbol (MISSING_ENUM_SYMBOLS);
 *   - decimals have the same precision and scale (DECIMAL_MISMATCH).
 * More generous than it: a default of a union may be of any of its branches (as in Avro 1.12; Python writes such).
 *
 * Bounded in depth, in pairs of records (PAIRS_MAX) and in steps; beyond, the answer is no (TOO_COMPLEX).
 */
#ifndef SCHEMA_AVRO_RESOLVE_H
#define SCHEMA_AVRO_RESOLVE_H

#include "schema/avro.h"

#define AVRO_RESOLVE_DEPTH_MAX 512
#define AVRO_RESOLVE_WORK_MAX  2000000 /* types, symbols, branches, members of defaults looked at */
#define AVRO_REFUSAL_MAX       400

/* A schema and what sentences call it: "the new schema", "version 3". */
struct avro_side {
    const struct avro_schema *schema;
    const char *called;
};

struct avro_refusal {
    const char *rule; /* static */
    char path[SCHEMA_PATH_MAX];
    char text[AVRO_REFUSAL_MAX]; /* no capital, no full stop; may hold what the schemas say: to be cleaned */
};

/* ERR_NOT_ALLOWED: no, and *refusal says why; ERR_NOMEM. */
MUST_USE enum err avro_resolve(struct avro_side reader, struct avro_side writer, struct avro_refusal *refusal);

#endif
