/* SPDX-License-Identifier: Apache-2.0
 *
 * base64.c - three bytes to four digits and back.
 */
#include "base/base64.h"

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char for_urls[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode(struct text *out, struct bytes bytes, const char *alphabet, bool padded)
{
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t n = bytes.len - i < 3 ? bytes.len - i : 3;
        uint32_t v = (uint32_t)bytes.data[i] << 16;
        char quad[4];

        if (n > 1)
            v |= (uint32_t)bytes.data[i + 1] << 8;
        if (n > 2)
            v |= bytes.data[i + 2];
        quad[0] = alphabet[v >> 18];
        quad[1] = alphabet[(v >> 12) & 63];
        quad[2] = n > 1 ? alphabet[(v >> 6) & 63] : '=';
        quad[3] = n > 2 ? alphabet[v & 63] : '=';
        text_add_bytes(out, bytes_of(quad, padded ? sizeof quad : n + 1));
    }
}

void base64_encode(struct text *out, struct bytes bytes)
{
    encode(out, bytes, standard, true);
}

void base64url_encode(struct text *out, struct bytes bytes)
{
    encode(out, bytes, for_urls, false);
}

static int digit(uint8_t c, const char *alphabet)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == alphabet[62] ? 62 : c == alphabet[63] ? 63 : -1;
}

/* One quad of `digits` digits (2 to 4); false when a digit is not one, or its unused bits are set. */
static bool quad_decode(const uint8_t *quad, size_t digits, const char *alphabet, uint8_t to[3])
{
    uint32_t v = 0;

    for (size_t i = 0; i < 4; i++) {
        int d = i < digits ? digit(quad[i], alphabet) : 0;
        if (d < 0)
            return false;
        v = v << 6 | (uint32_t)d;
    }
    to[0] = (uint8_t)(v >> 16);
    to[1] = (uint8_t)(v >> 8);
    to[2] = (uint8_t)v;
    return (digits > 2 || to[1] == 0) && (digits > 3 || to[2] == 0);
}

/* Digits only. */
static enum err decode(struct bytes text, const char *alphabet, uint8_t *to, size_t size, size_t *len)
{
    const size_t rest = text.len % 4, total = text.len / 4 * 3 + (rest > 0 ? rest - 1 : 0);

    if (rest == 1)
        return ERR_INVALID;
    if (total > size)
        return ERR_TOO_LARGE;
    for (size_t in = 0, out = 0; in < text.len; in += 4, out += 3) {
        const size_t digits = text.len - in < 4 ? text.len - in : 4;
        uint8_t three[3];
        if (!quad_decode(text.data + in, digits, alphabet, three))
            return ERR_INVALID;
        memcpy(to + out, three, digits - 1);
    }
    *len = total;
    return OK;
}

enum err base64_decode(struct bytes text, uint8_t *to, size_t size, size_t *len)
{
    size_t padding = 0;

    if (text.len % 4 != 0)
        return ERR_INVALID;
    while (padding < 2 && padding < text.len && text.data[text.len - 1 - padding] == '=')
        padding++;
    return decode(bytes_of(text.data, text.len - padding), standard, to, size, len);
}

enum err base64url_decode(struct bytes text, uint8_t *to, size_t size, size_t *len)
{
    return decode(text, for_urls, to, size, len);
}
