/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_verbs.h - the verbs behind `geminga notary`: one function each, taking what follows the verb.
 *
 * Each returns the exit status, everything said.
 */
#ifndef SERVICES_NOTARY_NOTARY_VERBS_H
#define SERVICES_NOTARY_NOTARY_VERBS_H

#include "base/err.h"
#include "services/notary/settings.h"

enum notary_exit { NOTARY_EXIT_OK = 0, NOTARY_EXIT_FAILED = 1, NOTARY_EXIT_USAGE = 2, NOTARY_EXIT_PENDING = 3 };

/* A row of the table in notary_main.c; help and completions are made of it. */
struct notary_verb {
    const char *name;
    const char *arguments;              /* for the usage line: "RECEIPT --event FILE" */
    const char *text;                   /* one sentence */
    const char *help;                   /* more lines for its --help, or NULL */
    void (*describe)(struct text *out); /* appends the rest, from a table of its own; or NULL */
    const char *flags;                  /* for completions: "--event|--public-key"; or NULL */
    int (*run)(int argc, char **argv);
};
const struct notary_verb *notary_verbs(size_t *count);

int notary_verb_run(int argc, char **argv);
int notary_verb_verify(int argc, char **argv);
int notary_verb_verify_anchor(int argc, char **argv);
int notary_verb_evidence(int argc, char **argv);
int notary_verb_key(int argc, char **argv);
int notary_verb_demo(int argc, char **argv);
int notary_verb_config(int argc, char **argv);
int notary_verb_log(int argc, char **argv);
int notary_verb_send(int argc, char **argv);

int notary_verb_list(int argc, char **argv);
int notary_verb_show(int argc, char **argv);
int notary_verb_approve(int argc, char **argv);
int notary_verb_reject(int argc, char **argv);
int notary_verb_cancel(int argc, char **argv);
int notary_verb_retry(int argc, char **argv);
int notary_verb_export(int argc, char **argv);
int notary_verb_approver_key(int argc, char **argv);

/* Append the flags of these. */
void notary_list_help(struct text *out);
void notary_show_help(struct text *out);
void notary_decide_help(struct text *out);
void notary_export_help(struct text *out);
void notary_approver_key_help(struct text *out);

/* Appends the flags of `send`. */
void notary_send_help(struct text *out);

/* "geminga notary NAME: ..." and its usage line on standard error; returns NOTARY_EXIT_USAGE. */
int notary_verb_misused(const char *name, const char *format, ...) PRINTF_LIKE(2, 3);

/* Appends a file that the user named; false, said, when it cannot be read. */
bool notary_read_named(const char *path, struct text *to);

/* "geminga notary: ..." on standard error: one line, made visible (visible.h). */
void notary_complain(const char *format, ...) PRINTF_LIKE(1, 2);

/* Takes "--name VALUE" or "--name=VALUE" out of argv: the last one given, or NULL.  False, said, without a value. */
bool notary_take_flag(int *argc, char **argv, const char *name, const char **value);

/* Takes "--name", which has no value, out of argv: whether it was there. */
bool notary_take_word(int *argc, char **argv, const char *name);

/* Fills the settings: defaults, --config FILE (or config/pulsar.toml where that is there), the environment, the flags,
 * which are taken out of argv.  An exit status; notary_settings_deinit after any. */
int notary_configure(struct notary_settings *settings, struct options sets[NOTARY_TABLES], int *argc, char **argv);

#endif
