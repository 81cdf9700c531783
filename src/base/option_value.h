/* SPDX-License-Identifier: Apache-2.0
 *
 * option_value.h - one option's value: from text, and back.
 *
 * Internal to options.c and options_file.c.
 */
#ifndef BASE_OPTION_VALUE_H
#define BASE_OPTION_VALUE_H

#include "base/options.h"

struct text;

/* Parses `text` into the struct of values; a text that was there is freed.  On ERR_INVALID nothing changes and `reason`
 * says what the option expects. */
MUST_USE enum err option_value_set(const struct option *option, void *values, const char *text, char *reason,
                                   size_t reason_size);
/* As one would write it in our file; nothing when it is unset. */
void option_value_write(const struct option *option, const void *values, struct text *out);
/* Frees a text; leaves the option unset. */
void option_value_free(const struct option *option, void *values);

/* What stands for the value in the help: "N", "TIME". */
const char *option_value_name(const struct option *option);

/* Sets option `i` of `o` and notes where that came from.  The message begins with the origin. */
MUST_USE enum err options_assign(struct options *o, size_t i, const char *text, const char *origin, char *message,
                                 size_t message_size);
/* The option whose key or alias is `name`, in the chain: *o and *i are set. */
bool options_find(struct options **o, size_t *i, const char *name);
/* The message about one that is nowhere, with the nearest that is: that takes a while, so only when it is to be told.
 */
void options_unknown(const struct options *o, const char *name, const char *origin, char *message, size_t message_size);
/* Both. */
MUST_USE enum err options_lookup(struct options **o, size_t *i, const char *name, const char *origin, char *message,
                                 size_t message_size);

#endif
