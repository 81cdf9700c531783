/* SPDX-License-Identifier: Apache-2.0
 *
 * unavailable.c - what Pulsar has and this does not: refused in Pulsar's words for a broker where it is switched off.
 */
#include "admin/call.h"
#include "admin/handlers.h"

void functions_unavailable(struct call *call)
{
    call_reason(call, 409, "Pulsar Function Worker is not enabled, probably functionsWorkerEnabled is set to false");
}

void packages_unavailable(struct call *call)
{
    call_reason(call, 503, "Package Management Service is not enabled in the broker.");
}

void transactions_unavailable(struct call *call)
{
    call_reason(call, 503, "This Broker is not configured with transactionCoordinatorEnabled=true.");
}
