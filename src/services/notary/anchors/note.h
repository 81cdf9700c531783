/* SPDX-License-Identifier: Apache-2.0
 *
 * note.h - the signed checkpoint of somebody else's log: C2SP's signed note, under any key that we know a kind of.
 *
 *     ORIGIN \n  SIZE \n  base64(ROOT) \n  further lines...  \n  — NAME base64(KEYID || SIGNATURE) \n ...
 *
 * Others spell theirs as they like (Rekor's origin has spaces in it, witnesses sign it as well), so this reads
 * leniently: what counts is that the key signed the text which size and root were read from.  Pure.
 */
#ifndef SERVICES_NOTARY_ANCHORS_NOTE_H
#define SERVICES_NOTARY_ANCHORS_NOTE_H

#include "services/notary/documents/checkpoint.h"

#define NOTE_BYTES_MAX (16u << 10)

/* False: it is no such note, or none of its signatures is the key's. */
bool note_verify(struct bytes note, const struct public_key *key, struct checkpoint *out);

#endif
