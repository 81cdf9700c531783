/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_topics.h - what the groups topics, persistent and non-persistent share.
 */
#ifndef CLI_ADMIN_TOPICS_H
#define CLI_ADMIN_TOPICS_H

#include "cli/admin_call.h"

int admin_topics_list_run(struct admin_call *call);
int admin_topics_list_partitioned_run(struct admin_call *call);
int admin_topics_delete_run(struct admin_call *call);
int admin_topics_create_partitioned_run(struct admin_call *call);
int admin_topics_create_subscription_run(struct admin_call *call);
int admin_topics_expire_run(struct admin_call *call);
int admin_topics_analyze_run(struct admin_call *call);
int admin_topics_reset_run(struct admin_call *call);
int admin_topics_terminate_run(struct admin_call *call);
int admin_topics_status_run(struct admin_call *call);

#endif
