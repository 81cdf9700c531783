/* SPDX-License-Identifier: Apache-2.0
 *
 * cli.h - what the subcommands share: the table of verbs, help from it, options from file, environment and flags.
 *
 * A verb is a row: its name, its arguments, a sentence, an example, its tables of options and the function that runs
 * it.  Help and the refusal of unknown verbs and flags come from the rows.
 *
 * Exit status: 0 it did what it says; 1 it could not (the message says why); 2 it was asked wrongly.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/options.h"

enum cli_exit { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

#define VERB_TABLES_MAX 16

/* A verb's own table. */
#define VERB_TABLE(array) &(const struct option_table)OPTION_TABLE(array)

struct completion;
struct invocation;

struct verb {
    const char *name;
    const char *arguments;                              /* in the usage line: "TOPIC -m MESSAGE" */
    const char *text;                                   /* one sentence */
    const char *example;                                /* lines that can be pasted into a shell */
    const struct option_table *tables[VERB_TABLES_MAX]; /* its options; ends with NULL */
    const struct foreign_keys *foreign; /* what else files, the environment and flags may have, or NULL */
    bool short_config;                  /* -c is --config, as for Pulsar's launchers */
    const struct verb *const *verbs;    /* verbs of its own instead; ends with NULL */
    const struct option_table *leading; /* of options that its verbs have: they may come before these */
    bool on_topic;                      /* its first word is a topic, for completions */
    /* Instead of those from the tables: what could be the last of the words behind the verb. */
    void (*complete)(struct completion *c, int argc, char *const *argv);
    int (*run)(struct invocation *inv); /* returns an exit status */
    /* Instead of run: a program of its own, which is given its name and all that follows, and answers --help. */
    int (*main)(int argc, char **argv);
};

struct invocation {
    const struct verb *verb;
    char path[64]; /* "geminga client produce" */
    int argc;      /* what follows the verb's name; cli_configure takes the flags out */
    char **argv;
};

/* Finds the verb that the first word names, and runs it; does what --help asks. */
int cli_dispatch(const struct verb *const *verbs, struct invocation *inv);

/* The row of this name; NULL: none. */
const struct verb *cli_verb_find(const struct verb *const *verbs, const char *name);

/* "PATH: message" on standard error. */
void cli_error(const struct invocation *inv, const char *format, ...) PRINTF_LIKE(2, 3);
/* The same, and where help is; returns CLI_USAGE. */
int cli_usage_error(const struct invocation *inv, const char *format, ...) PRINTF_LIKE(2, 3);

/* Fills `values[i]` (zeroed) from the verb's i-th table: defaults, then the files that --config names, in their order,
 * then the environment, then the flags, which are taken out of argv.  What is left in argv and looks like a flag is
 * refused. CLI_OK, or the status to exit with, everything said.  `sets` has VERB_TABLES_MAX places, freed by
 * cli_deconfigure in either case. */
int cli_configure(struct invocation *inv, struct options *sets, void *const *values);
void cli_deconfigure(const struct invocation *inv, struct options *sets);

/* A whole file, to be freed; at most `max` bytes. */
MUST_USE enum err cli_file_read(const char *path, size_t max, struct bytes *out);

/* The program's verbs, in the order of the help; main.c. */
extern const struct verb *const cli_verbs[];

extern const struct verb up_verb;          /* up.c */
extern const struct verb standalone_verb;  /* standalone.c */
extern const struct verb init_verb;        /* init.c */
extern const struct verb admin_verb;       /* admin.c */
extern const struct verb client_verb;      /* client.c */
extern const struct verb perf_verb;        /* perf.c */
extern const struct verb notary_verb;      /* notary.c */
extern const struct verb store_verb;       /* store.c */
extern const struct verb config_verb;      /* config.c */
extern const struct verb tokens_verb;      /* tokens.c */
extern const struct verb completions_verb; /* completions.c */
extern const struct verb websocket_verb;   /* websocket.c */
extern const struct verb help_verb;        /* cli.c */

#endif
