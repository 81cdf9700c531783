/* SPDX-License-Identifier: Apache-2.0
 *
 * access.h - who we say we are and whom we believe, as options of all verbs that are clients of a broker.
 *
 * The keys are those of Pulsar's client.conf, the flags those of its tools, each with the spellings of all of them; the
 * environment is Pulsar's tools' and services'.
 */
#ifndef CLI_ACCESS_H
#define CLI_ACCESS_H

#include "base/options.h"
#include "services/runtime/access.h"

struct access_config {
    char *auth_plugin, *auth_params; /* as Pulsar's tools have it */
    char *auth_method, *auth_token;  /* as its services have it; where no plug-in is named */
    char *trust_certs, *certificate, *key;
    bool tls_enabled, allow_insecure, verify_hostname;
};

extern const char *const access_methods[];

/* The rows of a table for a struct with a struct access_config in it: ACCESS_ROWS(struct client_config, access). */
#define ACCESS_ROWS(owner, place)                                                                                      \
    {.key = "client.auth_plugin",                                                                                      \
     .alias = "authPlugin",                                                                                            \
     .env = "PULSAR_AUTH_PLUGIN",                                                                                      \
     .flag = "--auth-plugin|--auth_plugin",                                                                            \
     .type = OPTION_TEXT,                                                                                              \
     .offset = offsetof(owner, place.auth_plugin),                                                                     \
     .text = "How to say who we are: token, basic or tls, or Pulsar's classes of them."},                              \
        {.key = "client.auth_params",                                                                                  \
         .alias = "authParams",                                                                                        \
         .env = "PULSAR_AUTH_PARAMS",                                                                                  \
         .flag = "--auth-params",                                                                                      \
         .type = OPTION_TEXT,                                                                                          \
         .secret = true,                                                                                               \
         .offset = offsetof(owner, place.auth_params),                                                                 \
         .text = "The proof: file:///PATH, env:NAME or token:TEXT; userId:NAME,password:TEXT; "                        \
                 "tlsCertFile:PATH,tlsKeyFile:PATH."},                                                                 \
        {.key = "client.auth_method",                                                                                  \
         .env = "PULSAR_AUTH_METHOD",                                                                                  \
         .type = OPTION_CHOICE,                                                                                        \
         .fallback = "none",                                                                                           \
         .choices = access_methods,                                                                                    \
         .offset = offsetof(owner, place.auth_method),                                                                 \
         .text = "The same as Pulsar's services have it, where no plug-in is named; jwt is token."},                   \
        {.key = "client.auth_token",                                                                                   \
         .env = "PULSAR_AUTH_TOKEN",                                                                                   \
         .type = OPTION_TEXT,                                                                                          \
         .secret = true,                                                                                               \
         .offset = offsetof(owner, place.auth_token),                                                                  \
         .text = "The token of that method, or file:///PATH."},                                                        \
        {.key = "client.tls_enabled",                                                                                  \
         .env = "PULSAR_TLS_ENABLED",                                                                                  \
         .type = OPTION_BOOL,                                                                                          \
         .fallback = "false",                                                                                          \
         .offset = offsetof(owner, place.tls_enabled),                                                                 \
         .text = "A pulsar:// address is one with TLS, too; without, the address says it."},                           \
        {.key = "client.tls_trust_certs_file",                                                                         \
         .alias = "tlsTrustCertsFilePath",                                                                             \
         .env = "PULSAR_TLS_TRUST_CERTS_PATH",                                                                         \
         .flag = "--tls-trust-cert-path|--trust-cert-file|--tlsTrustCertsFilePath",                                    \
         .type = OPTION_TEXT,                                                                                          \
         .offset = offsetof(owner, place.trust_certs),                                                                 \
         .text = "Certificates to trust, a PEM file; by default the system's."},                                       \
        {.key = "client.tls_certificate_file",                                                                         \
         .alias = "tlsCertificateFilePath",                                                                            \
         .env = "PULSAR_TLS_CERT_PATH",                                                                                \
         .type = OPTION_TEXT,                                                                                          \
         .offset = offsetof(owner, place.certificate),                                                                 \
         .text = "Our own certificate, a PEM file."},                                                                  \
        {.key = "client.tls_key_file",                                                                                 \
         .alias = "tlsKeyFilePath",                                                                                    \
         .env = "PULSAR_TLS_KEY_PATH",                                                                                 \
         .type = OPTION_TEXT,                                                                                          \
         .offset = offsetof(owner, place.key),                                                                         \
         .text = "Its key, a PEM file."},                                                                              \
        {.key = "client.tls_allow_insecure",                                                                           \
         .alias = "tlsAllowInsecureConnection",                                                                        \
         .flag = "--tls-allow-insecure",                                                                               \
         .type = OPTION_BOOL,                                                                                          \
         .fallback = "false",                                                                                          \
         .offset = offsetof(owner, place.allow_insecure),                                                              \
         .text = "Any certificate will do: whoever is in between can read everything."},                               \
    {                                                                                                                  \
        .key = "client.tls_verify_hostname", .alias = "tlsEnableHostnameVerification",                                 \
        .flag = "--tls-enable-hostname-verification", .type = OPTION_BOOL, .fallback = "true",                         \
        .offset = offsetof(owner, place.verify_hostname),                                                              \
        .text = "The certificate must be that of the host we meant, as it must by default; with =false any host's "    \
                "will do."                                                                                             \
    }

/* All of it but the address, borrowed.  False: a sentence in `message` says what is missing. */
bool access_read(const struct access_config *config, struct pulsar_access *to, char *message, size_t message_size);

#endif
