/* SPDX-License-Identifier: Apache-2.0
 *
 * access.h - how a program of ours reaches Pulsar: where it is, who we say we are, whom we believe.
 *
 * The same few settings everywhere (client.conf, config/pulsar.toml, the broker's own clients), and one function that
 * makes the client library's configuration of them.  May call: base/, the client library's public headers.
 */
#ifndef SERVICES_RUNTIME_ACCESS_H
#define SERVICES_RUNTIME_ACCESS_H

#include "base/err.h"
#include <pulsar/c/client.h>
#include <stdbool.h>
#include <stddef.h>

/* Texts are borrowed; NULL or empty: not given.  All zero but the address is what a stranger without secrets is. */
struct pulsar_access {
    const char *service_url;        /* "pulsar://host:port", "pulsar+ssl://host:port" */
    const char *auth_plugin;        /* token, basic, tls, or Pulsar's classes of them */
    const char *auth_params;        /* as Pulsar's authParams; a token may be "file:///PATH" */
    const char *trust_certs;        /* a file; without: the system's */
    const char *certificate, *key;  /* our own, files; of the plug-in tls, too, where it has no parameters */
    bool any_certificate, any_host; /* what TLS shall not verify */
};

/* Pulsar's environment as services have it instead of a plug-in: `method` is none, jwt, token, basic or tls; jwt and
 * token have the token, basic has params.  Sets the plug-in, and with a token the parameters. */
void pulsar_access_method(struct pulsar_access *access, const char *method, const char *token);

/* The address as it is to be used: where TLS is wished for, pulsar:// becomes pulsar+ssl:// (the port stays as it is).
 * The caller's to free; NULL: no memory. */
char *pulsar_access_url(const char *url, bool tls);

/* The caller's to free with pulsar_client_configuration_free.  ERR_INVALID: `message` is a sentence for the user,
 * without secrets; ERR_NOMEM. */
MUST_USE enum err pulsar_access_configuration(const struct pulsar_access *access, pulsar_client_configuration_t **out,
                                              char *message, size_t message_size);

#endif
