/* SPDX-License-Identifier: Apache-2.0
 *
 * configuration.h - options that were changed while the broker runs, over HTTP.
 *
 * The options are the process's (struct admin_configuration, admin.h); what was changed is kept as documents
 * "configuration/NAME", and holds again after the next start, over the file, the environment and the flags.
 */
#ifndef ADMIN_CONFIGURATION_H
#define ADMIN_CONFIGURATION_H

#include "admin/core.h"

struct log;

/* Changes again what was changed in an earlier life.  One that cannot be is told in the log, and kept. */
void configuration_restore(const struct admin_core *core, struct log *log);

#endif
