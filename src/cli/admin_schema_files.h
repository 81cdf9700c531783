/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_schema_files.h - `geminga admin schemas test-compatibility`: may a schema in a file follow those in others?
 *
 * Asks no broker: the answer is the broker's own (schema/), about files.
 */
#ifndef CLI_ADMIN_SCHEMA_FILES_H
#define CLI_ADMIN_SCHEMA_FILES_H

#include <stddef.h>
#include <stdio.h>

struct schema_files {
    const char *strategy;        /* a name: "FULL" */
    const char *type;            /* of files that do not say it: "AVRO" */
    const char *new_file;        /* see schema/posted.h for what is in a file */
    const char *const *existing; /* the oldest first; version 0 is the first */
    size_t count;
};

/* An exit status.  0: it may, and `out` says so; 1: it may not, and `out` has the sentence that says why; or a file
 * cannot be read, or is no schema, or a name is none, which `errors` says. */
int schema_files_test(const struct schema_files *files, FILE *out, FILE *errors);

#endif
