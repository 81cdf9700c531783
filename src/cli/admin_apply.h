/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_apply.h - `geminga admin apply`, `export` and `doctor`: a whole set-up declared in files (admin_declared.h),
 * written down, and looked over.  With any Pulsar broker, over HTTP.
 */
#ifndef CLI_ADMIN_APPLY_H
#define CLI_ADMIN_APPLY_H

#include "cli/admin_call.h"

/* Shows what differs, one line for each change, then makes the changes in that order; the first that is refused ends
 * it.  A second time there is nothing to change. */
int admin_apply_run(struct admin_call *call);
int admin_export_run(struct admin_call *call);
int admin_doctor_run(struct admin_call *call);

/* Asks without saying anything; *status is HTTP's, *json what came, or NULL.  An exit status: the broker cannot be
 * reached, which is said. */
MUST_USE int admin_probe(struct admin_call *call, const char *method, const char *path, const json_t *body, int *status,
                         json_t **json, char *reason, size_t reason_size);

#endif
