/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_rest.h - the notary's HTTP port: health, metrics, the transparency log, workflows, and decisions about them.
 *
 * Reads come from the replica's own registry (registry.h: a view, another thread's), so that any replica answers,
 * whether it leads or not.  A decision is checked against what the registry knows, becomes a signed statement
 * (decision.h: signed by who decides, or by the log's key in the name of who showed a token or a certificate) and goes
 * to the approvals topic; who leads takes it from there, checks it again and counts it.  So an answer of 202 means: it
 * is written, and will be judged.
 *
 * Decisions of people who are known by nothing are not taken: without keys of tokens or certificates only signed
 * statements are, and on other addresses than this machine's own none at all.  May call: base/, services/runtime, the
 * core, registry.h, approvals_writer.h.
 */
#ifndef SERVICES_NOTARY_NOTARY_REST_H
#define SERVICES_NOTARY_NOTARY_REST_H

#include "services/notary/notary_service.h"
#include "services/notary/ports.h"

struct notary_rest;

/* Serves what notary.http.* asks for; *out is NULL, and all is well, where notary.http.enabled is not.  `settings`,
 * `service` and `log` outlive it.  An error has its sentence in `message`. */
MUST_USE enum err notary_rest_start(struct notary_rest **out, const struct notary_settings *settings,
                                    struct notary_service *service, struct log *log, char *message,
                                    size_t message_size);

/* What its certificates are by the settings, which own the texts; and newer ones for the next connections, from any
 * thread, of a server that has TLS.  Takes a reference. */
struct tls_context;
struct tls_settings;
void notary_rest_tls(const struct notary_http_settings *s, struct tls_settings *out);
void notary_rest_replace_tls(struct notary_rest *r, struct tls_context *context);

/* Before notary_finish.  NULL is fine. */
void notary_rest_stop(struct notary_rest *r);

/* The routes, for the document and its test. */
struct rest_route;
const struct rest_route *notary_rest_routes(size_t *count);

#endif
