/* SPDX-License-Identifier: Apache-2.0
 *
 * artifacts.h - what an event's artifacts are: fetched, hashed, and compared with the hash that the event claims.
 *
 * From file:///PATH (below configured roots only), http(s):// and s3://BUCKET/KEY, each only if its scheme is enabled;
 * an artifact that is not fetched is believed.  The bytes are hashed as they come and never kept.  Blocks; any thread,
 * several at a time.  May call: base/, sys/beneath.h, services/runtime/http.h.
 *
 * Whose addresses these are, the event's sender says: so a host must be among notary.artifacts.hosts, and one that is
 * not named there by its whole name must not have a private or a link-local address (asked of the address that is
 * connected to, so that a name that changes its mind does not help); redirects are not followed; no link leads out of a
 * root.
 */
#ifndef SERVICES_NOTARY_ARTIFACTS_ARTIFACTS_H
#define SERVICES_NOTARY_ARTIFACTS_ARTIFACTS_H

#include "base/options.h"
#include "base/text.h"
#include <jansson.h>

struct artifacts_settings {
    char *schemes; /* names with commas, empty: nothing is fetched */
    bool required; /* an artifact that cannot be fetched, for its uri or the want of one, is refused */
    char *roots, *hosts;
    int64_t bytes_max, timeout_ms, parallel;
    char *trust_certs;
    char *s3_endpoint, *s3_region, *s3_access_key, *s3_secret_key, *s3_session_token, *s3_buckets;
};

extern const struct option_table artifacts_options;

struct artifacts;

/* `s` must live as long.  ERR_INVALID: `why` says which option and what is wrong; ERR_NOMEM. */
MUST_USE enum err artifacts_new(struct artifacts **out, const struct artifacts_settings *s, char *why, size_t why_size);
void artifacts_free(struct artifacts *a);

/* Whether artifacts_check would do anything about this event: a workflow that need not wait
 * for it can end at once.  NULL: no. */
bool artifacts_wanted(const struct artifacts *a, const json_t *event);

/* Fetches those artifacts of the event (its JSON) that it should, one after the other, and adds to *finding
 * (initialized) a JSON array with an object for each: {"artifact": its index, "uri", "bytes", "sha256"}. ERR_CORRUPT:
 * one is not what the event says, `why` has both hashes: reject the workflow, do not retry.  ERR_DENIED, ERR_INVALID,
 * ERR_UNSUPPORTED, ERR_TOO_LARGE: it will not get better by itself either.  ERR_AGAIN (not there yet, or too busy),
 * ERR_TIMEOUT, ERR_IO, ERR_NOMEM: try again.  `why` names the artifact as the event's faults do: "artifact[0]
 * (s3://...): ...". */
MUST_USE enum err artifacts_check(struct artifacts *a, struct bytes event, struct text *finding, int64_t timeout_ms,
                                  char *why, size_t why_size);

#endif
