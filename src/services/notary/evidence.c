/* SPDX-License-Identifier: Apache-2.0
 *
 * evidence.c - the event in its wrapper.
 */
#include "services/notary/evidence.h"

#include "services/notary/canonical.h"

enum err evidence_build(const struct event *event, struct text *out)
{
    json_t *package = json_pack("{s:O, s:s}", "event", event->json, "format", "geminga/notary/evidence/v1");
    enum err err;

    if (!package)
        return ERR_NOMEM;
    err = canonical_json(package, out);
    json_decref(package);
    return err;
}
