/* SPDX-License-Identifier: Apache-2.0
 *
 * temporal_settings.c - the options of Temporal; most variables are those of its own programs.
 */
#include "services/notary/temporal/temporal.h"

#include "base/text.h"
#include <stdio.h>
#include <string.h>

#define AT(member) .offset = offsetof(struct temporal_settings, member)

static const struct option rows[] = {
    {.group = "Temporal",
     .key = "notary.temporal.address",
     .env = "TEMPORAL_ADDRESS",
     .type = OPTION_TEXT,
     .fallback = "127.0.0.1:7233",
     AT(address),
     .text = "Of Temporal's frontend, HOST:PORT; for notary.workflow.engine temporal."},
    {.key = "notary.temporal.namespace",
     .env = "TEMPORAL_NAMESPACE",
     .type = OPTION_TEXT,
     .fallback = "default",
     AT(namespace_name),
     .text = "The namespace, which must be there."},
    {.key = "notary.temporal.task_queue",
     .env = "GEMINGA_NOTARY_TEMPORAL_TASK_QUEUE",
     .type = OPTION_TEXT,
     .fallback = "afdp-notary",
     AT(task_queue),
     .text = "The task queue: one for each journal."},
    {.key = "notary.temporal.tls",
     .env = "TEMPORAL_TLS",
     .type = OPTION_BOOL,
     .fallback = "false",
     AT(tls),
     .text = "Whether the frontend is spoken to by TLS."},
    {.key = "notary.temporal.trust_certs",
     .env = "TEMPORAL_TLS_SERVER_CA_CERT_PATH",
     .type = OPTION_TEXT,
     AT(trust_certs),
     .text = "Whose certificates are believed; a file in PEM. By default the system's."},
    {.key = "notary.temporal.certificate",
     .env = "TEMPORAL_TLS_CLIENT_CERT_PATH",
     .type = OPTION_TEXT,
     AT(certificate),
     .text = "Our own certificate; a file in PEM."},
    {.key = "notary.temporal.key",
     .env = "TEMPORAL_TLS_CLIENT_KEY_PATH",
     .type = OPTION_TEXT,
     AT(key),
     .text = "Its key; a file in PEM."},
    {.key = "notary.temporal.api_key",
     .env = "TEMPORAL_API_KEY",
     .type = OPTION_TEXT,
     .secret = true,
     AT(api_key),
     .text = "A key that the frontend wants to see: its text, file:///PATH or env:NAME. Only by TLS."},
    {.key = "notary.temporal.timeout",
     .env = "GEMINGA_NOTARY_TEMPORAL_TIMEOUT",
     .type = OPTION_DURATION,
     .fallback = "10s",
     .min = 100,
     .max = 600000,
     AT(timeout_ms),
     .text = "How long one call may take."},
    {.key = "notary.temporal.poll",
     .env = "GEMINGA_NOTARY_TEMPORAL_POLL",
     .type = OPTION_DURATION,
     .fallback = "20s",
     .min = 3000,
     .max = 600000,
     AT(poll_ms),
     .text = "How long a call that waits for work waits."},
};

const struct option_table temporal_options = OPTION_TABLE(rows);

enum err temporal_settings_check(const struct temporal_settings *s, char *why, size_t why_size)
{
    if (!text_given(s->address) || strpbrk(s->address, "/@? ")) {
        snprintf(why, why_size, "notary.temporal.address must be HOST:PORT, and is \"%.100s\"", s->address ?: "");
        return ERR_INVALID;
    }
    if (!text_given(s->namespace_name) || !text_given(s->task_queue)) {
        snprintf(why, why_size, "notary.temporal.namespace and notary.temporal.task_queue cannot be empty");
        return ERR_INVALID;
    }
    if (text_given(s->api_key) && !s->tls) {
        snprintf(why, why_size, "notary.temporal.api_key is shown by TLS only: notary.temporal.tls");
        return ERR_INVALID;
    }
    if (text_given(s->certificate) != text_given(s->key)) {
        snprintf(why, why_size, "notary.temporal.certificate and notary.temporal.key come together");
        return ERR_INVALID;
    }
    return OK;
}
