/* SPDX-License-Identifier: Apache-2.0
 *
 * mail_message.c - header lines that are ASCII whatever the words are (RFC 2047), and a text in base64 if it is not.
 */
#include "services/notary/notices/mail_message.h"

#include "base/base64.h"
#include <time.h>

#define ADDRESS_MAX    254
#define WORD_BYTES_MAX 42 /* of an encoded word: 56 characters of base64, below the 75 of RFC 2047 */
#define LINE_BYTES     57 /* of a line of base64: 76 characters */

bool mail_address_is_valid(const char *address, const char **domain)
{
    static const char local[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.!#$%&'*+/=?^_`{|}~-";
    static const char host[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-";
    size_t len = strspn(address, local);

    if (len == 0 || address[0] == '-' || address[len] != '@' || strlen(address) > ADDRESS_MAX)
        return false;
    *domain = address + len + 1;
    return **domain && strspn(*domain, host) == strlen(*domain);
}

static bool is_plain(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e)
            return false;
    return true;
}

/* Whole characters of at most WORD_BYTES_MAX bytes. */
static size_t word_len(const char *text)
{
    size_t len = 0, next;

    while (text[len] && (next = utf8_sequence(bytes_of_text(text + len))) > 0 && len + next <= WORD_BYTES_MAX)
        len += next;
    return len ? len : 1;
}

static void add_subject(struct text *to, const char *title)
{
    text_add(to, "Subject:");
    if (is_plain(title) && strlen(title) < 900) {
        text_printf(to, " %s\r\n", title);
        return;
    }
    while (*title) {
        size_t len = word_len(title);
        text_add(to, " =?utf-8?B?");
        base64_encode(to, bytes_of(title, len));
        text_add(to, title[len] ? "?=\r\n" : "?=");
        title += len;
    }
    text_add(to, "\r\n");
}

static void add_date(struct text *to, int64_t at_ms)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm tm;

    if (gmtime_r(&seconds, &tm))
        text_printf(to, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
                    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void add_recipients(struct text *to, const char *const *recipients)
{
    for (size_t i = 0; recipients[i]; i++)
        text_printf(to, "%s%s", i == 0 ? "To: " : ",\r\n ", recipients[i]);
    text_add(to, "\r\n");
}

static void add_encoded(struct text *to, struct bytes text)
{
    text_add(to, "Content-Transfer-Encoding: base64\r\n\r\n");
    for (size_t at = 0; at < text.len; at += LINE_BYTES) {
        size_t len = text.len - at < LINE_BYTES ? text.len - at : LINE_BYTES;
        base64_encode(to, bytes_of(text.data + at, len));
        text_add(to, "\r\n");
    }
}

static void add_text(struct text *to, const struct notice *n)
{
    const char *link = n->link && *n->link ? n->link : NULL;
    struct text text;

    text_init(&text, 4096);
    text_printf(&text, "%s\r\n\r\n", n->text);
    if (link)
        text_printf(&text, "%s\r\n\r\n", link);
    text_printf(&text, "Workflow %s\r\n", n->workflow_id);
    if (text_failed(&text))
        to->failed = true;
    else if (is_plain(n->text) && is_plain(n->workflow_id) && (!link || is_plain(link)))
        text_printf(to, "Content-Transfer-Encoding: 7bit\r\n\r\n%s", text.data);
    else
        add_encoded(to, bytes_of(text.data, text.len));
    text_deinit(&text);
}

enum err mail_message(const struct notice *notice, const char *from, const char *const *recipients, struct text *to)
{
    char key[NOTICE_KEY_SIZE];
    const char *domain = "";
    enum err err = mail_address_is_valid(from, &domain) ? notice_key(notice, key) : ERR_INVALID;

    if (err != OK)
        return err;
    text_printf(to, "From: %s\r\n", from);
    add_recipients(to, recipients);
    add_subject(to, notice->title);
    add_date(to, notice->at_ms);
    text_printf(to, "Message-ID: <%s@%s>\r\n", key, domain);
    text_add(to, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n");
    add_text(to, notice);
    return text_failed(to) ? ERR_NOMEM : OK;
}
