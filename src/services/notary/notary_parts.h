/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_parts.h - what a notary works with, made as the settings say: filter, approvers, handlers, artifacts, notices,
 * and the lanes that calls of them run on.
 *
 * May call: base/, the core, the adapters.
 */
#ifndef SERVICES_NOTARY_NOTARY_PARTS_H
#define SERVICES_NOTARY_NOTARY_PARTS_H

#include "services/notary/notary.h"
#include "services/notary/settings.h"

struct notary_parts {
    struct filter *filter;
    struct approvers_source *approvers;
    struct handlers *handlers;
    struct artifacts *artifacts;
    struct notices *notices;
    struct conductor *conductor;
    struct lanes *lanes;
    unsigned lane_of[NOTARY_LANES];
};

/* `wake` is called from any thread when a call has come back.  The sentence for the user is in `message`, or it is as
 * it was, where the error's name says it all.  notary_parts_close after any result. */
MUST_USE enum err notary_parts_open(struct notary_parts *p, const struct notary_settings *settings, struct log *log,
                                    void (*wake)(void *ctx), void *ctx, uint64_t seed, char *message, size_t message_size);

/* Ends the lanes: calls that are under way are waited for.  While the notary is still there. */
void notary_parts_stop(struct notary_parts *p);
/* After the notary. */
void notary_parts_close(struct notary_parts *p);

/* Puts them into the options. */
void notary_parts_use(struct notary_parts *p, const struct notary_settings *settings, struct notary_options *options);

#endif
