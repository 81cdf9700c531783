/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_doctor.h - what the files of `geminga admin doctor` share: its findings.
 */
#ifndef CLI_ADMIN_DOCTOR_H
#define CLI_ADMIN_DOCTOR_H

#include "cli/admin_call.h"

enum finding { FINE, WARNING, FAILURE };

struct doctor {
    struct admin_call *call;
    json_t *findings; /* for -o json */
    unsigned warnings, failures;
};

/* A line: what was found, and what to do about it. */
void doctor_say(struct doctor *d, enum finding finding, const char *format, ...) PRINTF_LIKE(3, 4);

/* The body as text, for free(); NULL: no answer, or a refusal, which is said as a failure of `what`, unless that is
 * NULL. */
char *doctor_ask(struct doctor *d, const char *path, const char *what);

/* Who may reach the broker, and what they may do then: from its configuration, the permissions of public/default, the
 * token that we were let in with, and the files that the configuration names, where they are on this machine. */
void doctor_look_at_security(struct doctor *d);

#endif
