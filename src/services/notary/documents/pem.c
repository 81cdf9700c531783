/* SPDX-License-Identifier: Apache-2.0
 *
 * pem.c - base64 in lines of 64.
 */
#include "services/notary/documents/pem.h"

#include "base/base64.h"
#include <stdio.h>

#define LINE_BYTES 48 /* 64 digits */
#define BODY_MAX   2048

void pem_encode(const char *label, struct bytes der, struct text *out)
{
    text_printf(out, "-----BEGIN %s-----\n", label);
    for (size_t at = 0; at < der.len; at += LINE_BYTES) {
        base64_encode(out, bytes_of(der.data + at, der.len - at < LINE_BYTES ? der.len - at : LINE_BYTES));
        text_add(out, "\n");
    }
    text_printf(out, "-----END %s-----\n", label);
}

/* What comes after the line, or NULL. */
static const uint8_t *after_line(struct bytes in, const char *word, const char *label)
{
    char line[80];
    int len = snprintf(line, sizeof line, "-----%s %s-----", word, label);
    const uint8_t *at = in.len ? memmem(in.data, in.len, line, (size_t)len) : NULL;

    return at ? at + len : NULL;
}

enum err pem_decode(const char *label, struct bytes pem, uint8_t *to, size_t size, size_t *len)
{
    const uint8_t *from = after_line(pem, "BEGIN", label);
    const uint8_t *end = from ? after_line(bytes_of(from, (size_t)(pem.data + pem.len - from)), "END", label) : NULL;
    char body[BODY_MAX];
    size_t body_len = 0;

    if (!end)
        return ERR_INVALID;
    for (; *from != '-'; from++) { /* the end line's first dash stops it at the latest */
        if (*from == '\n' || *from == '\r' || *from == ' ')
            continue;
        if (body_len == sizeof body)
            return ERR_TOO_LARGE;
        body[body_len++] = (char)*from;
    }
    return base64_decode(bytes_of(body, body_len), to, size, len);
}
