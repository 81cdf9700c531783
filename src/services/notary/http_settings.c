/* SPDX-License-Identifier: Apache-2.0
 *
 * http_settings.c - the two tables, and what goes together.
 */
#include "services/notary/http_settings.h"

#include "base/text.h"
#include <arpa/inet.h>
#include <stdio.h>

#define AT(member)        .offset = offsetof(struct notary_http_settings, member)
#define APPROVALS(member) .offset = offsetof(struct notary_approvals_settings, member)

static const struct option http_rows[] = {
    {.key = "notary.http.enabled",
     .env = "GEMINGA_NOTARY_HTTP_ENABLED",
     .type = OPTION_BOOL,
     .fallback = "false",
     AT(enabled),
     .text = "Whether `geminga notary` serves HTTP: health, metrics, the log, workflows and decisions about them."},
    {.key = "notary.http.bind",
     .env = "GEMINGA_NOTARY_HTTP_BIND",
     .type = OPTION_TEXT,
     .fallback = "127.0.0.1",
     AT(bind),
     .text = "The address that it listens on; 0.0.0.0 is all of them."},
    {.key = "notary.http.port",
     .env = "GEMINGA_NOTARY_HTTP_PORT",
     .flag = "--http-port",
     .type = OPTION_INTEGER,
     .fallback = "8081",
     .min = 0,
     .max = 65535,
     AT(port),
     .text = "Where; 0: the kernel chooses."},
    {.key = "notary.http.public_url",
     .env = "GEMINGA_NOTARY_HTTP_PUBLIC_URL",
     .type = OPTION_TEXT,
     .fallback = "http://localhost:8081",
     AT(public_url),
     .text = "How people reach it: links in notifications begin so."},
    {.key = "notary.http.tls_cert_path",
     .env = "GEMINGA_NOTARY_HTTP_TLS_CERT_PATH",
     .type = OPTION_TEXT,
     AT(tls_cert_path),
     .text = "The server's certificate and those behind it (PEM); given, the port speaks TLS and nothing else."},
    {.key = "notary.http.tls_key_path",
     .env = "GEMINGA_NOTARY_HTTP_TLS_KEY_PATH",
     .type = OPTION_TEXT,
     AT(tls_key_path),
     .text = "Its private key (PEM)."},
    {.key = "notary.http.tls_client_ca_path",
     .env = "GEMINGA_NOTARY_HTTP_TLS_CLIENT_CA_PATH",
     .type = OPTION_TEXT,
     AT(tls_client_ca_path),
     .text = "Whose client certificates are believed (PEM): who shows one is the common name in it."},
    {.key = "notary.http.token_secret_key",
     .env = "GEMINGA_NOTARY_HTTP_TOKEN_SECRET_KEY",
     .type = OPTION_TEXT,
     .secret = true,
     AT(token_secret_key),
     .text = "Whose tokens are believed: a shared secret, file:///PATH or data:;base64,DIGITS."},
    {.key = "notary.http.token_public_key",
     .env = "GEMINGA_NOTARY_HTTP_TOKEN_PUBLIC_KEY",
     .type = OPTION_TEXT,
     AT(token_public_key),
     .text = "The same with a public key (DER), file:///PATH or data:;base64,DIGITS."},
    {.key = "notary.http.token_audience",
     .env = "GEMINGA_NOTARY_HTTP_TOKEN_AUDIENCE",
     .type = OPTION_TEXT,
     AT(token_audience),
     .text = "Whom tokens must be for (claim aud); without, it is not asked."},
};
const struct option_table notary_http_options = OPTION_TABLE(http_rows);

static const struct option approvals_rows[] = {
    {.key = "notary.approvals.topic",
     .env = "GEMINGA_NOTARY_APPROVALS_TOPIC",
     .type = OPTION_TEXT,
     .fallback = "afdp.notary.approvals",
     APPROVALS(topic),
     .text = "The topic of signed decisions about workflows."},
    {.key = "notary.approvals.approvers_file",
     .env = "GEMINGA_NOTARY_APPROVERS_FILE",
     .type = OPTION_TEXT,
     APPROVALS(approvers_file),
     .text = "Who decides with which key of his own, and who may cancel and retry any workflow (TOML)."},
    {.key = "notary.approvals.token_lifetime_max",
     .env = "GEMINGA_NOTARY_APPROVALS_TOKEN_LIFETIME_MAX",
     .type = OPTION_DURATION,
     .fallback = "24h",
     .min = 0,
     .max = INT64_C(366) * 24 * 3600 * 1000,
     APPROVALS(token_lifetime_max_ms),
     .text = "A token that decides expires (exp), at most so long from now; 0: it need not."},
};
const struct option_table notary_approvals_options = OPTION_TABLE(approvals_rows);

/* An address of 127.0.0.0/8: not a name that begins so. */
static bool is_loopback(const char *bind)
{
    struct in_addr address;

    return inet_pton(AF_INET, bind, &address) == 1 && ntohl(address.s_addr) >> 24 == IN_LOOPBACKNET;
}

bool notary_http_authenticates(const struct notary_http_settings *s)
{
    return text_given(s->token_secret_key) || text_given(s->token_public_key) || text_given(s->tls_client_ca_path);
}

bool notary_http_decides(const struct notary_http_settings *s)
{
    return is_loopback(s->bind) || notary_http_authenticates(s);
}

enum err notary_http_settings_check(const struct notary_http_settings *s, char *message, size_t message_size)
{
    const char *why = NULL;

    if (text_given(s->tls_cert_path) != text_given(s->tls_key_path))
        why = "notary.http.tls_cert_path and notary.http.tls_key_path: give both or neither";
    else if (text_given(s->tls_client_ca_path) && !text_given(s->tls_cert_path))
        why = "notary.http.tls_client_ca_path needs notary.http.tls_cert_path: certificates are shown over TLS only";
    else if (text_given(s->token_secret_key) && text_given(s->token_public_key))
        why = "notary.http.token_secret_key or notary.http.token_public_key: give one of them";
    else if (text_given(s->token_audience) && !text_given(s->token_secret_key) && !text_given(s->token_public_key))
        why = "notary.http.token_audience needs a key of tokens";
    if (!why)
        return OK;
    snprintf(message, message_size, "%s", why);
    return ERR_INVALID;
}
