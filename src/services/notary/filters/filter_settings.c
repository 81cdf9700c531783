/* SPDX-License-Identifier: Apache-2.0
 *
 * filter_settings.c - the options of the notary's own filter.
 */
#include "services/notary/filters/filter.h"

#define AT(member) .offset = offsetof(struct filter_settings, member)

static const char *const priorities[] = {"low", "normal", "medium", "high", "critical", NULL};
static const char *const answers[] = {"none", "skipped", NULL};

static const struct option rows[] = {
    {.group = "Which events are notarized",
     .key = "notary.filter.types",
     .env = "GEMINGA_NOTARY_FILTER_TYPES",
     .type = OPTION_TEXT,
     .fallback = "",
     AT(types),
     .text = "Types with commas, as model_deployment, ai.model.deployment or model_*; empty: all."},
    {.key = "notary.filter.sources",
     .env = "GEMINGA_NOTARY_FILTER_SOURCES",
     .type = OPTION_TEXT,
     .fallback = "",
     AT(sources),
     .text = "Sources with commas, as production-pipeline or production-*; empty: all."},
    {.key = "notary.filter.minimum_priority",
     .env = "GEMINGA_NOTARY_FILTER_MINIMUM_PRIORITY",
     .type = OPTION_CHOICE,
     .fallback = "low",
     .choices = priorities,
     AT(minimum_priority),
     .text = "Events below it are passed over; one without a priority is normal."},
    {.key = "notary.filter.expression",
     .env = "GEMINGA_NOTARY_FILTER_EXPRESSION",
     .type = OPTION_TEXT,
     .fallback = "",
     AT(expression),
     .text = "A condition on fields, as event.metadata.model_accuracy >= 0.9; empty: none."},
    {.key = "notary.filter.answer",
     .env = "GEMINGA_NOTARY_FILTER_ANSWER",
     .type = OPTION_CHOICE,
     .fallback = "none",
     .choices = answers,
     AT(answer),
     .text = "What an event that is passed over is answered: nothing, or a status `skipped`."},
};

const struct option_table filter_options = OPTION_TABLE(rows);
