/* SPDX-License-Identifier: Apache-2.0
 *
 * evidence.c - the event in its wrapper.
 */
#include "services/notary/documents/evidence.h"

#include "services/notary/documents/canonical.h"

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

enum err evidence_build_with(const struct event *event, const json_t *evidence, struct text *out)
{
    json_t *package = json_copy((json_t *)(uintptr_t)evidence); /* shallow: nothing of it changes */
    enum err err = ERR_NOMEM;

    if (package && json_object_set(package, "event", event->json) == 0)
        err = canonical_json(package, out);
    json_decref(package);
    return err;
}
