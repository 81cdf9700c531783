/* SPDX-License-Identifier: Apache-2.0
 *
 * faults.h - what is wrong with one event, all of it, each fault by the path of the member it is about.
 *
 * A list of sentences such as "artifact[0].hash_sha256 is required".  Bounded: after FAULTS_MAX they are counted
 * only.  Pure; may call: base/, jansson's values.
 */
#ifndef SERVICES_NOTARY_FAULTS_H
#define SERVICES_NOTARY_FAULTS_H

#include "base/err.h"
#include <jansson.h>

#define FAULTS_MAX     100
#define FAULT_TEXT_MAX 400 /* bytes; a longer sentence is cut */

struct faults {
    json_t *list; /* of strings, as NotaryError.details.validation_errors shows them */
    size_t count; /* all of them, listed or not */
};

MUST_USE enum err faults_init(struct faults *f);
void faults_deinit(struct faults *f);

/* A fault that cannot be listed for want of memory is still counted. */
void faults_add(struct faults *f, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
