/* SPDX-License-Identifier: Apache-2.0
 *
 * mail_message.h - a notice as a mail: RFC 5322 header lines and text, with line ends as SMTP has them.  Pure.
 *
 * The same notice gives the same bytes, its Message-ID included, so that a repetition can be known.  May call: base/.
 */
#ifndef SERVICES_NOTARY_NOTICES_MAIL_MESSAGE_H
#define SERVICES_NOTARY_NOTICES_MAIL_MESSAGE_H

#include "services/notary/notices/notice.h"

/* `from` and the recipients are addresses that were checked; `recipients` ends with NULL.  ERR_INVALID: the notice's
 * channel; ERR_NOMEM. */
MUST_USE enum err mail_message(const struct notice *notice, const char *from, const char *const *recipients,
                               struct text *to);

/* "name@domain", of characters that need no quotes, at most 254 bytes; *domain is in it. */
bool mail_address_is_valid(const char *address, const char **domain);

#endif
