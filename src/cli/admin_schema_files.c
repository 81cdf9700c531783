/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_schema_files.c - see admin_schema_files.h.
 */
#include "cli/admin_schema_files.h"
#include "cli/cli.h"
#include "schema/posted.h"

#include <inttypes.h>
#include <stdlib.h>

#define FILE_BYTES_MAX (2 * SCHEMA_BYTES_MAX)

/* A question, as far as it has been read. */
struct question {
    enum schema_strategy strategy;
    enum schema_type type;
    struct posted new;
    struct posted *existing;
    struct schema_version *versions;
    size_t count; /* of `existing` that are read */
    bool has_new;
};

static bool read_names(const struct schema_files *files, struct question *q, FILE *errors)
{
    if (!schema_strategy_of_name(&q->strategy, bytes_of_text(files->strategy)) || q->strategy == SCHEMA_UNDEFINED) {
        fprintf(errors, "There is no strategy \"%s\".  There are:", files->strategy);
        for (enum schema_strategy s = SCHEMA_UNDEFINED + 1; s < SCHEMA_STRATEGIES; s++)
            fprintf(errors, " %s", schema_strategy_name(s));
        fprintf(errors, "\n");
        return false;
    }
    if (!schema_type_of_name(&q->type, bytes_of_text(files->type))) {
        fprintf(errors, "There is no type of schema \"%s\".\n", files->type);
        return false;
    }
    return true;
}

static enum err read_text(const char *path, enum schema_type type, struct posted *p, struct schema_why *why)
{
    struct bytes text = {0};
    enum err err = cli_file_read(path, FILE_BYTES_MAX, &text);

    if (err != OK)
        return err == ERR_INVALID ? ERR_IO : err;
    err = posted_init(p, text, type, why);
    free((void *)(uintptr_t)text.data);
    if (err == OK && (err = schema_check(&p->info, why)) != OK)
        posted_deinit(p);
    return err;
}

/* A file that holds a schema of its type; else it is said, and nothing is to be freed. */
static bool read_file(const char *path, enum schema_type type, struct posted *p, FILE *errors)
{
    struct schema_why why;
    enum err err = read_text(path, type, p, &why);

    if (err == ERR_INVALID)
        fprintf(errors, "%s: %s%s%s%s\n", path, *why.path ? "field \"" : "", why.path, *why.path ? "\": " : "",
                why.sentence);
    else if (err != OK)
        fprintf(errors, "%s: %s\n", path, err_text(err));
    return err == OK;
}

static bool read_files(const struct schema_files *files, struct question *q, FILE *errors)
{
    q->existing = calloc(files->count + 1, sizeof *q->existing);
    q->versions = calloc(files->count + 1, sizeof *q->versions);
    if (!q->existing || !q->versions) {
        fprintf(errors, "%s\n", err_text(ERR_NOMEM));
        return false;
    }
    q->has_new = read_file(files->new_file, q->type, &q->new, errors);
    if (!q->has_new)
        return false;
    for (; q->count < files->count; q->count++) {
        if (!read_file(files->existing[q->count], q->type, &q->existing[q->count], errors))
            return false;
        q->versions[q->count] =
            (struct schema_version){.version = (int64_t)q->count, .info = q->existing[q->count].info};
    }
    return true;
}

static void question_free(struct question *q)
{
    while (q->count > 0)
        posted_deinit(&q->existing[--q->count]);
    if (q->has_new)
        posted_deinit(&q->new);
    free(q->existing);
    free(q->versions);
}

static int answer(const struct schema_files *files, const struct question *q, FILE *out, FILE *errors)
{
    const char *strategy = schema_strategy_name(q->strategy);
    struct schema_why why;
    enum err err = schema_compatible(&q->new.info, q->versions, q->count, q->strategy, &why);

    if (err == OK) {
        fprintf(out, "Compatible: %s may follow %s (%s).\n", files->new_file,
                q->count > 0 ? files->existing[q->count - 1] : "nothing", strategy);
        return CLI_OK;
    }
    if (err == ERR_NOT_ALLOWED)
        fprintf(out, "%s  The new schema is %s, version %" PRId64 " is %s.\n", why.sentence, files->new_file,
                why.version, files->existing[why.version]);
    else
        fprintf(errors, "%s\n", err_text(err));
    return CLI_FAILED;
}

int schema_files_test(const struct schema_files *files, FILE *out, FILE *errors)
{
    struct question q = {0};
    int status = CLI_FAILED;

    if (read_names(files, &q, errors) && read_files(files, &q, errors))
        status = answer(files, &q, out, errors);
    question_free(&q);
    return status;
}
