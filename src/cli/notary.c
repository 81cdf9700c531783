/* SPDX-License-Identifier: Apache-2.0
 *
 * notary.c - `geminga notary`: a program of its own, in services/notary.
 */
#include "cli/cli.h"
#include "cli/completion.h"
#include "services/notary/notary_service.h"
#include "services/notary/verbs/notary_verbs.h"

/* Verbs, and then their flags; files and event ids are not ours to find. */
static void complete(struct completion *c, int argc, char *const *argv)
{
    size_t count;
    const struct notary_verb *verbs = notary_verbs(&count);

    for (size_t i = 0; i < count; i++) {
        if (argc <= 1)
            completion_add(c, verbs[i].name, verbs[i].text);
        else if (verbs[i].flags && strcmp(argv[0], verbs[i].name) == 0)
            completion_add_all(c, verbs[i].flags, "");
    }
    completion_add(c, "--help", "tells what it does");
}

const struct verb notary_verb = {
    .name = "notary",
    .text = "Notarizes deployment events, and verifies receipts.",
    .main = notary_main,
    .complete = complete,
};
