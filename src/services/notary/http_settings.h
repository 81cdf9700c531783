/* SPDX-License-Identifier: Apache-2.0
 *
 * http_settings.h - the options of the notary's HTTP port, notary.http.*: where it is, who may ask there; and of
 * decisions, notary.approvals.*.
 *
 * Pure.  May call: base/.
 */
#ifndef SERVICES_NOTARY_HTTP_SETTINGS_H
#define SERVICES_NOTARY_HTTP_SETTINGS_H

#include "base/options.h"

struct notary_http_settings {
    bool enabled;
    char *bind, *public_url;
    int64_t port;
    char *tls_cert_path, *tls_key_path, *tls_client_ca_path;
    char *token_secret_key, *token_public_key, *token_audience;
};
extern const struct option_table notary_http_options;

struct notary_approvals_settings {
    char *topic, *approvers_file;
    int64_t token_lifetime_max_ms; /* 0: tokens need not expire */
};
extern const struct option_table notary_approvals_options;

/* ERR_INVALID: `message` is the sentence for the user. */
MUST_USE enum err notary_http_settings_check(const struct notary_http_settings *s, char *message, size_t message_size);

/* Whether who asks can be known: by a token or a certificate. */
bool notary_http_authenticates(const struct notary_http_settings *s);

/* Whether decisions are taken: not from strangers, where others than this machine's can ask. */
bool notary_http_decides(const struct notary_http_settings *s);

#endif
