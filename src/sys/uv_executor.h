/* SPDX-License-Identifier: Apache-2.0
 *
 * uv_executor.h - struct executor: a thread of its own that runs jobs one after the other.
 *
 * Internal to sys/.  Jobs wait, and end, in lists under the executor's lock; the loop is told by a posted task.
 * Order of locks: the executor's, then its loop's.
 */
#ifndef SYS_UV_EXECUTOR_H
#define SYS_UV_EXECUTOR_H

#include "sys/uv_loop.h"

MUST_USE enum err uv_executor_new(struct loop *loop, const char *name, size_t bound, struct executor **out);
MUST_USE enum err uv_executor_submit(struct executor *executor, struct work *work);
void uv_executor_free(struct executor *executor);

#endif
