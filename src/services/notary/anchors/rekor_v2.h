/* SPDX-License-Identifier: Apache-2.0
 *
 * rekor_v2.h - Rekor on tiles: an anchor, with the place of its tiles.
 *
 * An entry that it has already is proven out of the tiles (C2SP tlog-tiles): the answer to a second submission says
 * only where it is.
 */
#ifndef SERVICES_NOTARY_ANCHORS_REKOR_V2_H
#define SERVICES_NOTARY_ANCHORS_REKOR_V2_H

#include "services/notary/anchors/rekor_client.h"

/* The inclusion proof of entry `index` out of the tiles at `url`, for the newest checkpoint that the key signed there.
 * `note` gets that checkpoint.  ERR_AGAIN: it is not in the tiles yet. */
MUST_USE enum err rekor_tiles_prove(struct rekor_call *c, const char *url, const struct public_key *key, uint64_t index,
                                    struct text *note, struct merkle_proof *proof);

MUST_USE enum err rekor_v2_new(struct anchor **out, const char *url, const char *tiles_url, const char *trust_certs,
                               struct signer *log_key, const struct public_key *key);

#endif
