/* SPDX-License-Identifier: Apache-2.0
 *
 * port_client.h - the notary's HTTP port from the other side: for `geminga notary list`, `approve` and their like.
 *
 * Flags that these verbs share, one request and its JSON.  Says on standard error what fails.  Blocks.  May call:
 * base/, services/runtime/http.h.
 */
#ifndef SERVICES_NOTARY_PORT_CLIENT_H
#define SERVICES_NOTARY_PORT_CLIENT_H

#include "base/options.h"
#include "base/text.h"
#include <jansson.h>

struct port_flags {
    char *url, *token, *certificate, *key, *trust_certs, *output;
};
extern const struct option_table port_options;

/* The names of their flags, for completions. */
#define PORT_FLAGS "--url|--token|--cert|--key|--ca-cert|-o"

/* Fills `sets` (of `count` tables, whose values are zeroed) from the environment and from argv; what is left are words,
 * `words` of them, or it is said what verb `name` wants.  An exit status; port_flags_deinit after any. */
int port_flags_read(const char *name, struct options *sets, const struct option_table *const *tables,
                    void *const *values, size_t count, int words, int *argc, char **argv);
void port_flags_deinit(struct options *sets, size_t count);

/* Appends the tables' flags, for a verb's help. */
void port_flags_help(const struct option_table *const *tables, size_t count, struct text *out);

/* "json" was asked for: it is printed as it came. */
bool port_wants_json(const struct port_flags *f);
/* Otherwise: what is about to be printed for people, made visible (visible.h).  False, said, when memory is short. */
bool port_shows(const struct port_flags *f, json_t *json);

/* Appends "/v1/workflows/ID", escaped. */
void port_workflow_path(const char *event_id, struct text *out);
/* Appends one value of a query, escaped. */
void port_escape(const char *value, struct text *out);

/* Asks; `body` is JSON, or empty.  OK: *status is from 200 to 299, and what came is in `answer` (made with a limit).
 * Otherwise it was said why: ERR_NOT_FOUND (404), ERR_DENIED (401, 403), ERR_CLOSED (409), ERR_INVALID (400), ERR_AGAIN
 * (503), and what http.h says. */
MUST_USE enum err port_ask(const struct port_flags *f, const char *method, const char *path, const char *body,
                           long *status, struct text *answer);

/* The same, parsed: its own to json_decref; NULL otherwise, said. */
json_t *port_get(const struct port_flags *f, const char *path);

#endif
