/* SPDX-License-Identifier: Apache-2.0
 *
 * notary.c - `geminga notary`: its verbs, options and help are the service's own (services/notary/notary_main.c).
 */
#include "cli/cli.h"

#include "services/notary/notary_service.h"

static int notary_run(struct invocation *inv)
{
    return notary_main(inv->argc + 1, inv->argv - 1); /* argv[-1] is the verb's name */
}

const struct verb notary_verb = {
    .name = "notary",
    .arguments =
        "[verify RECEIPT --event FILE | evidence EVENT | demo] [--config FILE] [--data DIR] [--service-url URL]",
    .text = "Notarizes deployment events, or checks a receipt offline.",
    .example = "  geminga notary --config config/pulsar.toml\n"
               "  geminga notary demo --service-url pulsar://localhost:6650\n"
               "  geminga notary verify result.json --event event.json --public-key data/notary/notary.pub\n",
    .tables = {{pulsar_options, PULSAR_OPTIONS}, {notary_options, NOTARY_OPTIONS}},
    .run = notary_run,
};
