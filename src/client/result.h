/* SPDX-License-Identifier: Apache-2.0
 *
 * result.h - what the broker's and our own errors are called in the public API.
 *
 * One table for the broker's, one for ours.  Pure; may call: base/, the protocol's enums.
 */
#ifndef CLIENT_RESULT_H
#define CLIENT_RESULT_H

#include "base/err.h"
#include "pulsar.pb-c.h"
#include <pulsar/c/result.h>

pulsar_result client_result_of(Wire__ServerError error);
pulsar_result client_result_of_err(enum err err);

#endif
