/* SPDX-License-Identifier: Apache-2.0
 *
 * avro_names.h - names in an Avro schema: which are allowed, and how they become full.
 *
 * Used by the parser only.  Pure; allocates nothing.
 */
#ifndef SCHEMA_AVRO_NAMES_H
#define SCHEMA_AVRO_NAMES_H

#include "schema/avro.h"

/* False: no primitive is called that. */
bool avro_primitive_of_name(enum avro_kind *out, const char *name);
/* One name without dots: a letter or '_', then letters, digits, '_'. */
bool avro_name_is_valid(const char *name);
const char *avro_simple_name(const char *full);
/* What stands before the last dot of a full name; nothing: it is in no namespace. */
struct bytes avro_namespace_of(const char *full);

/* `name` as it stands in the text, inside `space`, into `to` of AVRO_NAME_MAX + 1.  With a dot it is full already.
 * False: it is too long. */
bool avro_full_name(char *to, const char *name, struct bytes space);

#endif
