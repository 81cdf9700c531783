/* SPDX-License-Identifier: Apache-2.0
 *
 * authenticate.h - who makes a request: asked of the authenticator before anything else is done about it.
 *
 * What the request shows (call->request.credentials) becomes call->who, or the call ends with 401.  Some routes are
 * open: those by which machines see whether the process lives, and /metrics unless the configuration says otherwise.
 * All others want credentials, as Pulsar's AuthenticationFilter does below /admin, /lookup and /ws.
 *
 * A proxy (proxyRoles) names the client behind it in X-Original-Principal, and nobody else may.  Core thread.
 * May call: broker/authenticator.h.
 */
#ifndef ADMIN_AUTHENTICATE_H
#define ADMIN_AUTHENTICATE_H

#include "admin/call.h"

struct authenticator;

/* `next`, at once or later, when it is known who asks, or when nobody wants to know. */
void call_authenticate(struct call *call, void (*next)(struct call *call));

/* For which `original` the proven `role` may speak.  NULL: for this one (or, with none given, for itself). */
const char *original_refuse(const struct authenticator *a, const char *role, const char *original);

#endif
