/* SPDX-License-Identifier: Apache-2.0
 *
 * errors.h - the one table from the broker's refusals to the protocol's ServerError.
 */
#ifndef SESSION_ERRORS_H
#define SESSION_ERRORS_H

#include "broker/refusal.h"
#include "pulsar.pb-c.h"

Wire__ServerError server_error(enum err err, enum about about);

#endif
