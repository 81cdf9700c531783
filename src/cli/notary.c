/* SPDX-License-Identifier: Apache-2.0
 *
 * notary.c - `geminga notary`: a program of its own, in services/notary.
 */
#include "cli/cli.h"
#include "services/notary/notary_service.h"

const struct verb notary_verb = {
    .name = "notary",
    .text = "Notarizes deployment events, and verifies receipts.",
    .main = notary_main,
};
