/* SPDX-License-Identifier: Apache-2.0
 *
 * filter.h - which events somebody wants: by type, by source, from a priority on, by an expression on their fields.
 *
 * All of what is given must hold; what is not given holds for every event.  Parsed once; asking is pure, and any number
 * of threads may ask at a time.  Works on any JSON object, a valid event or not.  May call: base/, jansson's values.
 *
 *   types       names with commas: "ai.model.deployment" and "model_deployment" are the same; "model_*" is a prefix
 *   sources     names with commas; "production-*" is a prefix
 *   priority    low, normal (medium is the same; also what an event without one has), high, critical
 *   expression  filters/expression.h: event.metadata.model_accuracy >= 0.9 and event.actor.id matches "^jenkins-"
 */
#ifndef SERVICES_NOTARY_FILTERS_FILTER_H
#define SERVICES_NOTARY_FILTERS_FILTER_H

#include "base/options.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define FILTER_NAMES_MAX 100 /* of types, and of sources */

/* The notary's own filter.  Each handler may have one besides. */
struct filter_settings {
    char *types, *sources, *minimum_priority, *expression;
    char *answer; /* to an event that is not accepted: "none", or "skipped", a status */
};

extern const struct option_table filter_options;

/* NULL or empty: not given. */
struct filter_rules {
    const char *types, *sources, *minimum_priority, *expression;
};

struct filter;
struct event;

/* ERR_INVALID: `why` is the sentence for whoever wrote the rules, with the place in the expression; ERR_NOMEM. */
MUST_USE enum err filter_new(struct filter **out, const struct filter_rules *rules, char *why, size_t why_size);
void filter_free(struct filter *f);

/* NULL: every event.  False also for an event that is no JSON object. */
bool filter_accepts(const struct filter *f, const struct event *event);
bool filter_accepts_json(const struct filter *f, const json_t *event);

/* Why it is not accepted, in words without a capital and a full stop ("its type is not wanted"); NULL: it is. */
const char *filter_objection(const struct filter *f, const json_t *event);

/* 0 low, 1 normal and medium, 2 high, 3 critical; -1: no such priority.  NULL: normal. */
int filter_priority(const char *name);

#endif
