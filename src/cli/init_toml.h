/* SPDX-License-Identifier: Apache-2.0
 *
 * init_toml.h - a configuration file of a broker, from settings by Pulsar's names.
 *
 * Where a setting stands in geminga.toml, how its value is written and what it means comes from the table of options.
 * Pure.
 */
#ifndef CLI_INIT_TOML_H
#define CLI_INIT_TOML_H

#include "base/options.h"

struct text;

struct init_setting {
    const char *name; /* Pulsar's or, where it has none, ours */
    const char *value;
};

/* Appends them, each under its section with its meaning before it.  False: the table has no option of a name
 * (*unknown), or memory is short (NULL). */
bool init_toml_write(const struct option_table *table, const struct init_setting *settings, size_t count,
                     struct text *out, const char **unknown);

#endif
