/* SPDX-License-Identifier: Apache-2.0
 *
 * serve_audit.h - from the options of a broker to its audit log.
 */
#ifndef CLI_SERVE_AUDIT_H
#define CLI_SERVE_AUDIT_H

#include "cli/broker_config.h"
#include "cli/node.h"

struct disk;

/* Fills what of `o` is about the audit log, and opens its directory, made when absent; *disk, which outlives the node,
 * is NULL when there is no audit log.  On failure `message` is the whole sentence for the user. */
MUST_USE enum err serve_audit_open(struct disk **disk, struct node_options *o, const struct broker_config *c,
                                   char *message, size_t message_size);

#endif
