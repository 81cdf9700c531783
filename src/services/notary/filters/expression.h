/* SPDX-License-Identifier: Apache-2.0
 *
 * expression.h - a condition on the fields of an event: text, parsed once into a bounded tree; then asked, purely.
 *
 *   condition  = term { "or" term }              term = factor { "and" factor }
 *   factor     = "not" factor | comparison
 *   comparison = value [ ("==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "contains" | "matches") value ]
 *   value      = path | number | "text" | 'text' | true | false | null | "[" [ value { "," value } ] "]" | "("
 * condition ")" path       = "event" { "." name | "[" (index | text) "]" }
 *
 * What is not there is null.  Numbers are compared by value, texts by their bytes; to compare the order of anything
 * else, or of two different kinds, is false.  `a in b`: the list b has an item equal to a.  `a contains b`: the text a
 * has the text b in it, the list a has the item, the object a has the member.  `a matches "..."`: the text a has a
 * match of the regular expression (PCRE2, compiled once, with limits).  A
 * value alone is true if it is the JSON value true.  A text may have \", \', \\, \n, \t; in others \ stands for itself,
 * so that
 * "\d+" is what it looks like.
 *
 * Invariant: at most EXPRESSION_NODES_MAX nodes, nested at most EXPRESSION_DEPTH_MAX deep.
 */
#ifndef SERVICES_NOTARY_FILTERS_EXPRESSION_H
#define SERVICES_NOTARY_FILTERS_EXPRESSION_H

#include "base/bytes.h"
#include "base/err.h"
#include <jansson.h>

#define EXPRESSION_BYTES_MAX 4096
#define EXPRESSION_NODES_MAX 256
#define EXPRESSION_DEPTH_MAX 32

struct expression;

/* ERR_INVALID: `why` says what and where: "at 12: ...", the first byte being 1.  ERR_NOMEM. */
MUST_USE enum err expression_parse(struct expression **out, struct bytes text, char *why, size_t why_size);
void expression_free(struct expression *e);

/* Any number of threads at a time.  Where it cannot be told, because a match took too long or memory was short, the
 * condition holds, whatever stands around that match: who sends an event shall not get past a handler by a text that a
 * pattern takes long for. */
bool expression_holds(const struct expression *e, const json_t *event);

#endif
