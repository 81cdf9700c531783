/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_test.h - what the tests of this room share: schemas from texts, and verdicts.
 */
#ifndef SCHEMA_SCHEMA_TEST_H
#define SCHEMA_SCHEMA_TEST_H

#include "base/base_test.h"
#include "schema/schema.h"

static inline struct schema_info info_of(enum schema_type type, const char *text)
{
    return (struct schema_info){.type = type, .data = bytes_of_text(text)};
}

static inline struct schema_version version_of(int64_t version, enum schema_type type, const char *text)
{
    return (struct schema_version){.version = version, .info = info_of(type, text)};
}

/* Can data of `writer` be read with `reader`?  ERR_NOT_ALLOWED: *why. */
static inline enum err reads(const char *reader, const char *writer, struct schema_why *why)
{
    struct schema_info new = info_of(SCHEMA_AVRO, reader);
    struct schema_version old = version_of(0, SCHEMA_AVRO, writer);

    return schema_compatible(&new, &old, 1, SCHEMA_BACKWARD, why);
}

#endif
