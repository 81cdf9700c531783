/* SPDX-License-Identifier: Apache-2.0
 *
 * handler_file.h - the list of custom handlers, as TOML: a [[handler]] for each, in the order in which they are asked.
 *
 *   name        letters, digits, - and _; once in the file
 *   kind        "shared_object": path, config, sandbox, readable (include/geminga/notary_handler.h);
 *               "command": command = ["/usr/bin/x", "argument"], a line of JSON in, a line of JSON out;
 *               "http": url, token (Authorization: Bearer), trust_certs: a POST of the event, its answer
 *   types, sources, minimum_priority, filter    which events it is asked about (filters/filter.h)
 *   timeout     of one answer                   memory, cpu    of a process of it; 0: no limit
 *   processes   how many events at once         events_per_process    before it is started anew
 *   retries     how often it is asked again at once when it fails
 *   environment = ["NAME"]    variables of ours that it may see; besides PATH and LANG it sees none
 *
 * Pure; may call: base/.
 */
#ifndef SERVICES_NOTARY_HANDLERS_HANDLER_FILE_H
#define SERVICES_NOTARY_HANDLERS_HANDLER_FILE_H

#include "base/options.h"

#define HANDLERS_MAX          16
#define HANDLER_PROCESSES_MAX 16
#define HANDLER_NAME_MAX      64

enum handler_kind { HANDLER_SHARED_OBJECT, HANDLER_COMMAND, HANDLER_HTTP };

struct handler_spec {
    char *name, *kind_name;
    enum handler_kind kind;
    char *path, *config;
    char *sandbox;   /* "true": no programs, and no files but these; "calls": no programs; "false" */
    char **readable; /* files and directories; ends with NULL, or NULL */
    char **command;  /* ends with NULL */
    char *url, *token, *trust_certs;
    char *types, *sources, *minimum_priority, *filter;
    int64_t timeout_ms, memory_max, cpu_ms, processes, events_per_process, retries;
    char **environment;     /* ends with NULL, or NULL */
    struct options options; /* private */
};

struct handler_file {
    struct handler_spec specs[HANDLERS_MAX];
    size_t count;
};

/* ERR_INVALID: `why` begins with the name and the line; ERR_NOMEM.  handler_file_deinit after any result; `out` must
 * stay where it is. */
MUST_USE enum err handler_file_read(struct handler_file *out, const char *name, struct bytes text, char *why,
                                    size_t why_size);
void handler_file_deinit(struct handler_file *f);

#endif
