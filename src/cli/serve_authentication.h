/* SPDX-License-Identifier: Apache-2.0
 *
 * serve_authentication.h - from the options of a broker to who may connect.
 */
#ifndef CLI_SERVE_AUTHENTICATION_H
#define CLI_SERVE_AUTHENTICATION_H

#include "cli/broker_config.h"
#include "cli/node.h"

/* Fills what of `o` is about authentication; its texts are the configuration's.  After o's log is known. */
void serve_authentication_fill(struct node_options *o, const struct broker_config *c);

#endif
