/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_decision_fuzz.c - a decision from anybody who may write to the approvals topic: refused with a reason, since
 * nobody has a key here; and what claims it has are texts.
 */
#include "fuzz.h"

#include "services/notary/documents/decision.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t raw[PUBLIC_KEY_RAW_LEN] = {1};
    struct public_key log_key;
    struct decision d;
    char why[300] = "";

    public_key_from_raw(&log_key, raw);
    enum err err = decision_read(&d, bytes_of(data, size), NULL, &log_key, why, sizeof why);
    HOLDS(err == ERR_INVALID || err == ERR_DENIED);
    HOLDS(why[0] != '\0');
    HOLDS(err != ERR_DENIED || (d.event_id && d.event_hash && d.approver && d.method && d.comment && d.subject));
    HOLDS(err != ERR_DENIED || d.kind < DECISION_KINDS);
    decision_deinit(&d);
    return 0;
}
