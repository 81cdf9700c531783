/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_edge.c - one question to the notary's edges, with the settings of the environment, for tests in Python.
 *
 *     notary_edge artifacts EVENT     fetches and compares the artifacts of the event
 *     notary_edge handlers EVENT      asks the custom handlers
 *     notary_edge notice NOTICE       sends {"kind", "event_id", "workflow_id", "title", "text", "link", "at_ms",
 * "channel"}
 *
 * The first line is "ok", "ok VERDICT", or an error's text and why; the second what was found out.  (How the notary
 * goes on from there is tested with the notary.)
 */
#include "base/options.h"
#include "services/notary/artifacts/artifacts.h"
#include "services/notary/files.h"
#include "services/notary/handlers/handlers.h"
#include "services/notary/notices/notices.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_MS 60000

static const char *environment(const char *name, void *ctx)
{
    return getenv(name);
}

static bool configure(struct options *o, const struct option_table *table, void *values)
{
    char why[400] = "";

    if (options_init(o, table->rows, table->count, values) == OK &&
        options_env(o, environment, NULL, why, sizeof why) == OK)
        return true;
    printf("refused: %s\n", why);
    return false;
}

static void report(enum err err, const char *verdict, const char *why, const struct text *finding)
{
    if (err == OK)
        printf("ok%s%s\n%s\n", *verdict ? " " : "", verdict, finding && finding->data ? finding->data : "");
    else
        printf("%s: %s\n", err_text(err), why);
}

static int run_artifacts(struct bytes event, struct text *finding)
{
    struct artifacts_settings settings = {0};
    struct artifacts *a = NULL;
    struct options options;
    char why[600] = "";
    enum err err;

    if (!configure(&options, &artifacts_options, &settings))
        return 1;
    if ((err = artifacts_new(&a, &settings, why, sizeof why)) == OK)
        err = artifacts_check(a, event, finding, TIMEOUT_MS, why, sizeof why);
    report(err, "", why, finding);
    artifacts_free(a);
    options_deinit(&options);
    return 0;
}

static int run_handlers(struct bytes event, struct text *finding)
{
    struct handlers_settings settings = {0};
    struct handlers *h = NULL;
    enum handler_verdict verdict = HANDLER_ACCEPT;
    struct options options;
    char why[600] = "";
    enum err err;

    if (!configure(&options, &handlers_options, &settings))
        return 1;
    if ((err = handlers_new(&h, &settings, getenv("GEMINGA"), NULL, why, sizeof why)) == OK)
        err = handlers_run(h, event, finding, &verdict, TIMEOUT_MS, why, sizeof why);
    report(err, handler_verdict_name(verdict), why, finding);
    handlers_free(h);
    options_deinit(&options);
    return 0;
}

static const char *text_of(const json_t *json, const char *member)
{
    const char *text = json_string_value(json_object_get(json, member));

    return text ? text : "";
}

static enum err send_notice(struct notices *n, const json_t *json, char *why, size_t why_size)
{
    char *channel = json_dumps(json_object_get(json, "channel"), 0);
    const struct notice notice = {.kind = notice_kind_of(text_of(json, "kind")),
                                  .event_id = text_of(json, "event_id"),
                                  .workflow_id = text_of(json, "workflow_id"),
                                  .title = text_of(json, "title"),
                                  .text = text_of(json, "text"),
                                  .link = text_of(json, "link"),
                                  .at_ms = json_integer_value(json_object_get(json, "at_ms")),
                                  .channel = bytes_of_text(channel)};
    enum err err = notices_send(n, &notice, TIMEOUT_MS, why, why_size);

    free(channel);
    return err;
}

static int run_notice(struct bytes text)
{
    json_t *json = json_loadb((const char *)text.data, text.len, 0, NULL);
    struct notices_settings settings = {0};
    struct notices *n = NULL;
    struct options options;
    char why[600] = "";
    enum err err;

    if (!configure(&options, &notices_options, &settings))
        return 1;
    if ((err = notices_new(&n, &settings, why, sizeof why)) == OK)
        err = send_notice(n, json, why, sizeof why);
    report(err, "", why, NULL);
    notices_free(n);
    options_deinit(&options);
    json_decref(json);
    return 0;
}

int main(int argc, char **argv)
{
    struct text file, finding;
    struct bytes bytes;
    int status = 2;

    (void)signal(SIGPIPE, SIG_IGN);
    text_init(&file, 1u << 20);
    text_init(&finding, 1u << 20);
    if (argc != 3 || file_read_whole(argv[2], &file) != OK)
        return status;
    bytes = bytes_of(file.data, file.len);
    if (strcmp(argv[1], "artifacts") == 0)
        status = run_artifacts(bytes, &finding);
    else if (strcmp(argv[1], "handlers") == 0)
        status = run_handlers(bytes, &finding);
    else if (strcmp(argv[1], "notice") == 0)
        status = run_notice(bytes);
    text_deinit(&finding);
    text_deinit(&file);
    return status;
}
