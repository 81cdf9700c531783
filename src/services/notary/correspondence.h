/* SPDX-License-Identifier: Apache-2.0
 *
 * correspondence.h - what any program does that wants something notarized: send an event, wait for what is said about
 * it.
 *
 * An ordinary client, for `geminga notary send` and `demo`.  The readers stand at the end of their topics before the
 * event is sent, so that no answer can be missed, and leave no subscription behind.  Says on standard error what fails.
 * Blocks.  May call: base/, sys/ (clocks), the client library.
 */
#ifndef SERVICES_NOTARY_CORRESPONDENCE_H
#define SERVICES_NOTARY_CORRESPONDENCE_H

#include "base/log.h"
#include "base/text.h"
#include "services/notary/settings.h"
#include "sys/loop.h"
#include <pulsar/c/client.h>

enum correspondence_topic { LETTER_RESULT, LETTER_ERROR, LETTER_STATUS, LETTER_EVENT, LETTER_KINDS };
#define LETTER_ANSWERS LETTER_EVENT /* the kinds that come back */

struct correspondence {
    const struct pulsar_settings *settings;
    struct uv_sys *sys;
    struct log log;
    struct text topics[LETTER_KINDS];
    pulsar_client_t *client;
    pulsar_reader_t *readers[LETTER_ANSWERS];
};

/* Connects, and begins to read.  False, said; correspondence_close after any result. */
bool correspondence_open(struct correspondence *c, const struct pulsar_settings *settings, bool wants_answers);
void correspondence_close(struct correspondence *c);

struct loop *correspondence_clocks(const struct correspondence *c);

/* False, said. */
bool correspondence_send(struct correspondence *c, struct bytes event);

/* The next that is said about the event: its kind, and its bytes in `letter`, which is emptied before.  LETTER_KINDS:
 * nothing more until `deadline_ns` (of the monotonic clock). */
enum correspondence_topic correspondence_next(struct correspondence *c, const char *event_id, uint64_t deadline_ns,
                                              struct text *letter);

#endif
