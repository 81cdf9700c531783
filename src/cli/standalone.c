/* SPDX-License-Identifier: Apache-2.0
 *
 * standalone.c - `geminga standalone`: a broker, alone.
 */
#include "cli/pulsar_keys.h"
#include "cli/serve.h"

static int standalone_run(struct invocation *inv)
{
    struct options sets[VERB_TABLES_MAX];
    struct broker_config config = {0};
    void *const values[VERB_TABLES_MAX] = {&config};
    struct log log;
    int status = cli_configure(inv, sets, values);

    if (status == CLI_OK && inv->argc > 0)
        status = cli_usage_error(inv, "what is `%s`?", inv->argv[0]);
    if (status == CLI_OK) {
        serve_log_init(&log, &config);
        serve_log_passed_over(&log, &sets[0]);
        status = serve(inv, &sets[0], &config, &log, NULL);
    }
    cli_deconfigure(inv, sets);
    return status;
}

const struct verb standalone_verb = {
    .name = "standalone",
    .arguments = "[--config FILE] [--data DIR] [--port N] [--http-port N] [-o json]",
    .text = "Runs a broker, until SIGTERM or Ctrl-C.",
    .example = "  geminga standalone --data /var/lib/geminga --port 6650 --http-port 8080\n",
    .tables = {&broker_option_table},
    .foreign = &pulsar_keys,
    .short_config = true,
    .run = standalone_run,
};
