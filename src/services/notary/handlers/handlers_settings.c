/* SPDX-License-Identifier: Apache-2.0
 *
 * handlers_settings.c - the options of custom handlers.
 */
#include "services/notary/handlers/handlers.h"

#define AT(member) .offset = offsetof(struct handlers_settings, member)

static const struct option rows[] = {
    {.group = "Custom handlers",
     .key = "notary.handlers.file",
     .env = "GEMINGA_NOTARY_HANDLERS_FILE",
     .type = OPTION_TEXT,
     .fallback = "",
     AT(file),
     .text = "The list of custom handlers, in TOML; empty: there are none."},
    {.key = "notary.handlers.parallel",
     .env = "GEMINGA_NOTARY_HANDLERS_PARALLEL",
     .type = OPTION_INTEGER,
     .fallback = "4",
     .min = 1,
     .max = 64,
     AT(parallel),
     .text = "About how many events handlers are asked at once."},
};

const struct option_table handlers_options = OPTION_TABLE(rows);
