/* SPDX-License-Identifier: Apache-2.0
 *
 * notice.h - what there is to tell of a workflow, in few words; and to whom the event wants it told.  Pure.
 *
 * May call: base/, the notary's digest and canonical JSON.
 */
#ifndef SERVICES_NOTARY_NOTICES_NOTICE_H
#define SERVICES_NOTARY_NOTICES_NOTICE_H

#include "base/text.h"
#include <jansson.h>
#include <stdbool.h>

#define NOTICE_CHANNELS_MAX 20  /* of one event; those beyond are told nothing */
#define NOTICE_TEXT_MAX     600 /* bytes of text; titles are shorter */
#define NOTICE_KEY_SIZE     33  /* of an idempotency key: 32 hexadecimal digits and a NUL */

enum notice_kind {
    NOTICE_STARTED,
    NOTICE_APPROVAL_REQUIRED,
    NOTICE_COMPLETED,
    NOTICE_REJECTED,
    NOTICE_EXPIRED,
    NOTICE_FAILED,
    NOTICE_CANCELLED,
    NOTICE_KINDS, /* also: no such kind */
};

/* "workflow_started", "approval_required", "workflow_completed", ... as events name them. */
const char *notice_kind_name(enum notice_kind kind);
enum notice_kind notice_kind_of(const char *name);

/* All but `channel` and `kind` from notice_make, or of the caller's making; borrowed. */
struct notice {
    enum notice_kind kind;
    const char *event_id, *workflow_id;
    const char *title, *text, *link; /* link: NULL or empty: none */
    int64_t at_ms;                   /* when it happened, since 1970; the same when it is sent again */
    struct bytes channel;            /* JSON of one of the event's channels: an object of one member */
};

/* Whether the event (valid) wants to have this told: notifications.enabled, and `kind` among notifications.events
 * (which, when absent, are all). */
bool notice_is_wanted(const json_t *event, enum notice_kind kind);
/* Its channels: a borrowed array, or NULL. */
const json_t *notice_channels(const json_t *event);

struct notice_words {
    char title[160], text[NOTICE_TEXT_MAX], link[512];
};

/* Words about the event: its type, model and version, who wants it, the approvers, `reason` (NULL: none).  The link is
 * PUBLIC_URL/v1/workflows/WORKFLOW_ID, or empty without a public_url.  No control character of the event's gets into
 * them. */
void notice_words(struct notice_words *to, enum notice_kind kind, const json_t *event, const char *workflow_id,
                  const char *reason, const char *public_url);

/* The same for the same kind, event and channel, for ever; different otherwise. */
MUST_USE enum err notice_key(const struct notice *notice, char to[NOTICE_KEY_SIZE]);

/* The JSON that a web hook and the topic get, canonical: {"event", "event_id", "workflow_id", "title", "text", "link",
 * "key"}. */
MUST_USE enum err notice_body(const struct notice *notice, struct text *to);

#endif
