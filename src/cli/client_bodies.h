/* SPDX-License-Identifier: Apache-2.0
 *
 * client_bodies.h - what `geminga client produce` sends: texts and files, as they are or in the form of a schema.
 */
#ifndef CLI_CLIENT_BODIES_H
#define CLI_CLIENT_BODIES_H

#include "cli/cli.h"
#include "pulsar/c/producer_configuration.h"

struct bodies_config {
    char **messages, **files; /* each a list */
    char *separator;          /* of messages */
    char *schema;             /* "bytes", "string", "json:{...}", "avro:{...}" */
};

struct bodies {
    struct bytes *items; /* owned, each */
    size_t count;
    pulsar_schema_type schema_type;
    const char *definition; /* borrowed from the configuration; NULL: bytes, without a schema */
};

/* Reads, splits and encodes them all.  CLI_OK, or everything said.  bodies_free in either case. */
int bodies_gather(struct bodies *b, const struct invocation *inv, const struct bodies_config *config);
void bodies_free(struct bodies *b);

/* The schema, if there is one. */
void bodies_schema_set(const struct bodies *b, pulsar_producer_configuration_t *conf);

#endif
