/* SPDX-License-Identifier: Apache-2.0
 *
 * notices.h - tells people what became of an event: Slack, mail, a web hook, a topic.
 *
 * The event names channels, the settings say what they are: {"slack": "#name"} is one of the configured incoming web
 * hooks, {"email": ["a@b.c"]} goes to addresses of allowed domains, {"webhook": "name"} to a configured
 * target, {"topic": "name"} to the one configured topic, whose message the notary publishes.  An event cannot make
 * the notary talk to anybody else.  Blocks; any thread, several at a time.  May call: base/, security/,
 * services/runtime/http.h, mail.h.  Secrets (every web hook's URL is one) are in no message.
 */
#ifndef SERVICES_NOTARY_NOTICES_NOTICES_H
#define SERVICES_NOTARY_NOTICES_NOTICES_H

#include "base/options.h"
#include "base/text.h"
#include "services/notary/notices/notice.h"

struct notices_settings {
    int64_t timeout_ms;
    char *trust_certs;
    char *slack_url, *slack_urls;
    char *smtp_url, *smtp_user, *smtp_password, *mail_from, *mail_domains;
    char *webhooks, *webhook_secrets;
    char *topic;
};

extern const struct option_table notices_options;

struct notices;

/* `s` must live as long.  ERR_INVALID: `why` says which option and what is wrong, without its secret; ERR_NOMEM. */
MUST_USE enum err notices_new(struct notices **out, const struct notices_settings *s, char *why, size_t why_size);
void notices_free(struct notices *n);

/* The topic's name if the channel is {"topic": ...} and it is the configured one; NULL otherwise.  Such a notice is not
 * for notices_send: the notary publishes notice_body (notice.h) there, with its results. */
const char *notices_topic(const struct notices *n, struct bytes channel);

/* ERR_AGAIN, ERR_TIMEOUT, ERR_IO, ERR_NOMEM: try again, the same notice is the same by its idempotency key.
 * ERR_INVALID, ERR_DENIED, ERR_NOT_FOUND (no such channel is configured), ERR_UNSUPPORTED: that does not help. */
MUST_USE enum err notices_send(struct notices *n, const struct notice *notice, int64_t timeout_ms, char *why,
                               size_t why_size);

#endif
