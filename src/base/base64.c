/* SPDX-License-Identifier: Apache-2.0
 *
 * base64.c - three bytes to four digits and back.
 */
#include "base/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct text *out, struct bytes bytes)
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
        text_add_bytes(out, bytes_of(quad, sizeof quad));
    }
}

static int digit(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* One quad of `digits` digits (2 to 4) and padding; false when a digit is not one, or its unused bits are set. */
static bool quad_decode(const uint8_t *quad, size_t digits, uint8_t to[3])
{
    uint32_t v = 0;

    for (size_t i = 0; i < 4; i++) {
        int d = i < digits ? digit(quad[i]) : 0;
        if (d < 0)
            return false;
        v = v << 6 | (uint32_t)d;
    }
    to[0] = (uint8_t)(v >> 16);
    to[1] = (uint8_t)(v >> 8);
    to[2] = (uint8_t)v;
    return (digits > 2 || to[1] == 0) && (digits > 3 || to[2] == 0);
}

enum err base64_decode(struct bytes text, uint8_t *to, size_t size, size_t *len)
{
    size_t padding = 0, total;

    if (text.len % 4 != 0)
        return ERR_INVALID;
    while (padding < 2 && padding < text.len && text.data[text.len - 1 - padding] == '=')
        padding++;
    total = text.len / 4 * 3 - padding;
    if (total > size)
        return ERR_TOO_LARGE;
    for (size_t in = 0, out = 0; in < text.len; in += 4, out += 3) {
        bool last = in + 4 == text.len;
        uint8_t three[3];
        if (!quad_decode(text.data + in, last ? 4 - padding : 4, three))
            return ERR_INVALID;
        memcpy(to + out, three, last ? 3 - padding : 3);
    }
    *len = total;
    return OK;
}
