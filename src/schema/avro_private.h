/* SPDX-License-Identifier: Apache-2.0
 *
 * avro_private.h - what the parsed schema owns.
 */
#ifndef SCHEMA_AVRO_PRIVATE_H
#define SCHEMA_AVRO_PRIVATE_H

#include "schema/avro.h"

struct avro_schema {
    struct arena arena;
    json_t *json; /* nodes borrow its texts and values */
    const struct avro_node *root;
    uint32_t nodes;
};

#endif
