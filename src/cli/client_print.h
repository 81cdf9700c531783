/* SPDX-License-Identifier: Apache-2.0
 *
 * client_print.h - a received message as pulsar-client prints it.
 */
#ifndef CLI_CLIENT_PRINT_H
#define CLI_CLIENT_PRINT_H

#include "base/text.h"
#include "pulsar/c/message.h"
#include "pulsar/c/message_id.h"

struct print_options {
    bool hex, metadata;
};

/* Appends
 *     ----- got message -----
 *     publishTime:[1700000000000], eventTime:[0], key:[null], properties:[k=v], content:hello
 * and with `metadata` what else the message knows. */
void message_print(struct text *out, pulsar_message_t *message, const struct print_options *options);

/* Lines of an offset, sixteen bytes in hexadecimal, and their characters. */
void hex_print(struct text *out, struct bytes bytes);

#endif
