/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_verdict.c - for test_schema_rules.py: pairs of Avro schemas on standard input, a reader's on one line and a
 * writer's on the next; for each pair a line on standard output, "reads" or the rule that is broken.
 */
#include "schema/schema.h"

#include <stdio.h>
#include <stdlib.h>

static struct schema_info info_of(const char *line, ssize_t len)
{
    return (struct schema_info){.type = SCHEMA_JSON, .data = bytes_of(line, (size_t)len)};
}

static void judge(const struct schema_info *reader, const struct schema_info *writer)
{
    struct schema_version before = {.info = *writer};
    struct schema_why why = {.rule = ""};
    enum err err = schema_compatible(reader, &before, 1, SCHEMA_BACKWARD, &why);

    puts(err == OK ? "reads" : err == ERR_NOT_ALLOWED ? why.rule : err_text(err));
    fflush(stdout);
}

int main(void)
{
    char *reader = NULL, *writer = NULL;
    size_t reader_size = 0, writer_size = 0;
    ssize_t reader_len, writer_len;

    while ((reader_len = getline(&reader, &reader_size, stdin)) > 0 &&
           (writer_len = getline(&writer, &writer_size, stdin)) > 0) {
        struct schema_info r = info_of(reader, reader_len), w = info_of(writer, writer_len);

        judge(&r, &w);
    }
    free(reader);
    free(writer);
    return 0;
}
