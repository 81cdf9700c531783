/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_messages.h - messages that are looked at, as pulsar-admin prints them.
 */
#ifndef CLI_ADMIN_MESSAGES_H
#define CLI_ADMIN_MESSAGES_H

#include "base/bytes.h"
#include "cli/admin_call.h"

#define ADMIN_BETWEEN_MESSAGES "-------------------------------------------------------------------------\n\n"

int admin_peek_run(struct admin_call *call);
int admin_examine_run(struct admin_call *call);
int admin_message_by_id_run(struct admin_call *call);

/* Prints up to `max` messages of an entry.  How many were printed; -1: it is broken, said. */
int admin_entry_print(struct admin_call *call, const struct http_answer *answer, int max, bool redeliveries,
                      bool marker);
/* Sixteen bytes a line, in hexadecimal and as characters. */
void admin_hex_print(struct bytes data, FILE *out);

#endif
