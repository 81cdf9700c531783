/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_event_fuzz.c - an event from anybody: refused with its faults, or packed, and the package is a fixed point.
 */
#include "fuzz.h"

#include "services/notary/documents/canonical.h"
#include "services/notary/documents/evidence.h"

/* The canonical text of what canonical text says is that text. */
static void check_package(const struct event *event)
{
    struct text package, again;
    json_t *json;

    text_init(&package, EVIDENCE_BYTES_MAX);
    text_init(&again, EVIDENCE_BYTES_MAX);
    HOLDS(evidence_build(event, &package) == OK);
    json = json_loadb(package.data, package.len, JSON_REJECT_DUPLICATES, NULL);
    HOLDS(json != NULL);
    HOLDS(canonical_json(json, &again) == OK);
    HOLDS(bytes_equal(bytes_of(package.data, package.len), bytes_of(again.data, again.len)));
    json_decref(json);
    text_deinit(&package);
    text_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct faults faults;
    struct event event;

    HOLDS(faults_init(&faults) == OK);
    if (event_parse(&event, bytes_of(data, size), &faults) == OK) {
        HOLDS(faults.count == 0);
        HOLDS(event.event_id && event.workflow_type && event.artifacts > 0);
        check_package(&event);
    } else {
        HOLDS(faults.count > 0);
        HOLDS(json_array_size(faults.list) == (faults.count < FAULTS_MAX ? faults.count : FAULTS_MAX));
    }
    event_deinit(&event);
    faults_deinit(&faults);
    return 0;
}
