/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_call.h - one command of `geminga admin` being carried out: its words as values, the requests made of them, the
 * answers printed.
 *
 * Who asks the broker is a function handed down, so that all this is tested without a network.  Values and bodies are
 * JSON (jansson): what an option means is decided when it is read.
 *
 * Exit status: 0; 1 for all that goes wrong, as pulsar-admin's.
 */
#ifndef CLI_ADMIN_CALL_H
#define CLI_ADMIN_CALL_H

#include "base/err.h"
#include "base/text.h"
#include "cli/admin_table.h"
#include "cli/http_client.h"

#include <jansson.h>
#include <stdio.h>

#define ADMIN_FAILED      1
#define ADMIN_PATH_MAX    4096
#define ADMIN_MESSAGE_MAX 800

struct admin_request {
    const char *method;        /* "GET" */
    char path[ADMIN_PATH_MAX]; /* percent-encoded, with the query */
    char *body;                /* NULL: none */
    const char *type;          /* of the body; NULL: application/json */
};

/* Asks the broker.  Fills `answer`, whose texts http_answer_free frees; or says in `why` what went wrong. */
struct admin_asker {
    MUST_USE enum err (*ask)(struct admin_asker *asker, const struct admin_request *request, struct http_answer *answer,
                             char *why, size_t why_size);
};

enum admin_output { ADMIN_AS_PULSAR, ADMIN_AS_JSON, ADMIN_AS_TABLE };

struct admin_call {
    const struct admin_group *group;
    const struct admin_command *command;
    char *arguments[ADMIN_ARGUMENTS_MAX]; /* as given */
    char from_environment[1024];          /* the last of them, where a variable says it */
    json_t *values[ADMIN_OPTIONS_MAX];    /* of the command's options, in its order; NULL: not given, no fallback */
    bool given[ADMIN_OPTIONS_MAX];        /* on the command line */
    enum admin_output output;
    struct admin_asker *asker;
    const char *authorization; /* who we say we are, as HTTP has it; NULL: nobody */
    int64_t (*now_ms)(void);
    FILE *out, *errors;
    FILE *in; /* for questions; NULL: nobody is there to answer */
};

/* ---- words (admin_words.c) ---- */

/* Reads what follows the command's name.  An exit status, everything said. */
MUST_USE int admin_words_read(struct admin_call *call, int argc, char *const *argv);
void admin_call_free(struct admin_call *call);

/* The value of the option called `name`, which the command has; NULL: none. */
json_t *admin_value(const struct admin_call *call, const char *name);
/* The same, of a text; NULL: none. */
const char *admin_text(const struct admin_call *call, const char *name);
/* True when the option was given (a flag: is set). */
bool admin_given(const struct admin_call *call, const char *name);

/* Says it, and where help is; returns ADMIN_FAILED. */
int admin_refuse(struct admin_call *call, const char *format, ...) PRINTF_LIKE(2, 3);
/* Says it as pulsar-admin says what a broker refused: the reason twice; returns ADMIN_FAILED. */
int admin_fail(struct admin_call *call, const char *format, ...) PRINTF_LIKE(2, 3);

/* ---- names (admin_names.c) ---- */

struct admin_topic {
    char full[1100]; /* "persistent://tenant/namespace/topic" */
    char path[3400]; /* "persistent/tenant/namespace/topic", percent-encoded */
    char namespace_[520];
    bool persistent;
    int partition; /* "-partition-N"; -1: none */
};

/* ERR_INVALID: it is no topic; `why` says so. */
MUST_USE enum err admin_topic_read(struct admin_topic *topic, const char *name, char *why, size_t why_size);
bool admin_namespace_ok(const char *name);
/* Percent-encodes for a path or a query.  False: there is no room. */
bool admin_encode(const char *text, char *to, size_t size);
/* "10M" in bytes, "2024-01-02T03:04:05.678Z" in milliseconds. */
bool admin_size_read(const char *text, int64_t *bytes);
bool admin_date_read(const char *text, int64_t *ms);
/* "earliest", "latest" or LEDGER:ENTRY, as Pulsar's JSON has it; NULL: it is none. */
json_t *admin_message_id(const char *text);

/* ---- requests (admin_request.c) ---- */

/* The one request of a command with a method.  An exit status, everything said. */
MUST_USE int admin_request_make(struct admin_call *call, struct admin_request *request);
/* From a pattern, without options' queries and bodies: what `run` functions use.  `body` is taken; NULL: none. */
MUST_USE int admin_request_plain(struct admin_call *call, struct admin_request *request, const char *method,
                                 const char *pattern, json_t *body);
void admin_request_free(struct admin_request *request);

/* ---- carrying out (admin_call.c) ---- */

/* Everything after the words were read. */
MUST_USE int admin_call_run(struct admin_call *call);

/* Asks; the answer may be a refusal. */
MUST_USE int admin_send(struct admin_call *call, const struct admin_request *request, struct http_answer *answer);
/* Says what a refusal says; returns ADMIN_FAILED. */
int admin_refusal_print(struct admin_call *call, const struct http_answer *answer);
/* Asks; an answer that is no success is said and freed. */
MUST_USE int admin_ask(struct admin_call *call, const struct admin_request *request, struct http_answer *answer);
/* Makes a request from a pattern, asks, and wants JSON back (NULL in *json: there was none); `json` may be NULL. */
MUST_USE int admin_ask_json(struct admin_call *call, const char *method, const char *pattern, json_t *body,
                            json_t **json);
/* The one request of the command, asked; JSON as above. */
MUST_USE int admin_ask_row(struct admin_call *call, json_t **json);

/* ---- printing (admin_print.c) ---- */

/* Indents JSON as Jackson does: `"a" : 1`, `[ 1, 2 ]`.  `text` is well-formed JSON. */
void admin_print_indented(const char *text, FILE *out);
/* The same with another library's manner: `"a": 1`, each element on a line of its own, `indent` spaces. */
void admin_print_wide(const char *text, int indent, FILE *out);
void admin_print_json(const json_t *json, FILE *out);
void admin_print_lines(const json_t *list, FILE *out);
/* "key    value" lines, values as Java writes them; `what` as in admin_print. */
void admin_print_map(const json_t *map, const char *what, FILE *out);
void admin_print_table(const json_t *json, FILE *out);
/* As -o and the command's row say. */
MUST_USE int admin_print_answer(struct admin_call *call, const struct http_answer *answer);
/* The same for what was put together from several answers. */
void admin_print_value(struct admin_call *call, const json_t *json, enum admin_print print);

/* ---- help (admin_help.c) ---- */

void admin_help(FILE *out);
void admin_help_group(const struct admin_group *group, FILE *out);
void admin_help_command(const struct admin_group *group, const struct admin_command *command, FILE *out);

#endif
