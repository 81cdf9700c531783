/* SPDX-License-Identifier: Apache-2.0
 *
 * completion.h - what could stand on a command line next, from the tables of verbs and options, and from a broker.
 *
 * For shells: each candidate is a line, the word and, behind a tab, what it is.  A broker is asked for topics,
 * namespaces and tenants; one that does not answer at once, or with more than a shell could show, has none.
 */
#ifndef CLI_COMPLETION_H
#define CLI_COMPLETION_H

#include "base/text.h"
#include "cli/cli.h"

struct completion {
    const char *begun; /* what is there of the word: candidates begin so */
    const char *url;   /* the broker's HTTP */
    struct text *out;
};

/* What could be the last of the words, after verbs of these: verbs, flags, values of flags, topics. */
void completion_words(struct completion *c, const struct verb *const *verbs, int argc, char *const *argv);

/* One word, if it begins so. */
void completion_add(struct completion *c, const char *word, const char *text);
/* Several, as tables write them: "-t|--time". */
void completion_add_all(struct completion *c, const char *words, const char *text);

/* Names that the broker has.  A topic may be written short, or with its namespace, or in full; a partitioned one is one
 * name.  What ends with "/" goes on. */
void completion_topics(struct completion *c);
void completion_namespaces(struct completion *c);
void completion_tenants(struct completion *c);

/* Of `geminga admin`; admin_completion.c. */
void admin_complete(struct completion *c, int argc, char *const *argv);

#endif
