/* SPDX-License-Identifier: Apache-2.0
 *
 * http_chunks.c - see http_chunks.h.
 */
#include "http/http_chunks.h"

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static enum chunks_result take_size(struct chunks *c, uint8_t byte)
{
    const int digit = hex_value(byte);

    if (digit >= 0) {
        if (c->left >> 56)
            return CHUNKS_BAD;
        c->left = c->left << 4 | (uint64_t)digit;
        return CHUNKS_MORE;
    }
    if (c->line == 1) /* there was no digit */
        return CHUNKS_BAD;
    if (byte == '\r')
        c->state = CHUNKS_SIZE_LF;
    else if (byte == ';' || byte == ' ' || byte == '\t')
        c->state = CHUNKS_EXTENSION;
    else
        return CHUNKS_BAD;
    return CHUNKS_MORE;
}

/* The empty line that ends the trailers begins with the line end of what is before it: of the last chunk's size. */
static enum chunks_result take_trailer(struct chunks *c, uint8_t byte)
{
    static const char end[] = "\r\n\r\n";

    if (byte == (uint8_t)end[c->ended])
        return ++c->ended == 4 ? CHUNKS_END : CHUNKS_MORE;
    if (byte == '\n' || c->ended == 1 || c->ended == 3) /* a line feed alone, or a carriage return alone */
        return CHUNKS_BAD;
    c->ended = byte == '\r';
    return CHUNKS_MORE;
}

static enum chunks_result take_byte(struct chunks *c, uint8_t byte)
{
    if (++c->line > CHUNKS_LINE_MAX)
        return CHUNKS_BAD;
    switch (c->state) {
    case CHUNKS_SIZE:
        return take_size(c, byte);
    case CHUNKS_EXTENSION:
        if (byte == '\r')
            c->state = CHUNKS_SIZE_LF;
        return byte == '\n' ? CHUNKS_BAD : CHUNKS_MORE;
    case CHUNKS_SIZE_LF:
        c->state = c->left > 0 ? CHUNKS_DATA : CHUNKS_TRAILER;
        c->ended = 2;
        c->line = 0;
        return byte == '\n' ? CHUNKS_MORE : CHUNKS_BAD;
    case CHUNKS_CR:
        c->state = CHUNKS_LF;
        return byte == '\r' ? CHUNKS_MORE : CHUNKS_BAD;
    case CHUNKS_LF:
        c->state = CHUNKS_SIZE;
        c->line = 0;
        return byte == '\n' ? CHUNKS_MORE : CHUNKS_BAD;
    default:
        return take_trailer(c, byte);
    }
}

enum chunks_result chunks_take(struct chunks *c, struct bytes *in, struct bytes *data)
{
    enum chunks_result result = CHUNKS_MORE;

    *data = bytes_of(in->data, 0);
    while (in->len > 0 && result == CHUNKS_MORE) {
        if (c->state == CHUNKS_DATA) {
            const size_t len = in->len < c->left ? in->len : (size_t)c->left;
            *data = bytes_of(in->data, len);
            *in = bytes_of(in->data + len, in->len - len);
            c->left -= len;
            if (c->left == 0) {
                c->state = CHUNKS_CR;
                c->line = 0;
            }
            return CHUNKS_MORE;
        }
        result = take_byte(c, *in->data);
        *in = bytes_of(in->data + 1, in->len - 1);
    }
    return result;
}
