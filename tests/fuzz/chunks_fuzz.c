/* SPDX-License-Identifier: Apache-2.0
 *
 * chunks_fuzz.c - a request's body in chunks: read in one piece, and in pieces of as many bytes as the first byte says,
 * it is the same body.
 */
#include "fuzz.h"

#include "http/http_chunks.h"

#include <string.h>

struct body {
    uint8_t *bytes;
    size_t len, taken; /* taken: of the input, up to the end of the body */
    enum chunks_result result;
};

static struct body read_in_pieces(const uint8_t *data, size_t size, size_t piece)
{
    struct body b = {.bytes = malloc(size + 1), .result = CHUNKS_MORE};
    struct chunks chunks = {0};

    HOLDS(b.bytes != NULL);
    while (b.taken < size && b.result == CHUNKS_MORE) {
        const size_t part = piece < size - b.taken ? piece : size - b.taken;
        struct bytes in = bytes_of(data + b.taken, part), out;
        while (in.len > 0 && b.result == CHUNKS_MORE) {
            const size_t before = in.len;
            b.result = chunks_take(&chunks, &in, &out);
            HOLDS(in.len < before || out.len > 0 || b.result != CHUNKS_MORE);
            if (b.result == CHUNKS_BAD)
                break;
            HOLDS(b.len + out.len <= size);
            if (out.len > 0)
                memcpy(b.bytes + b.len, out.data, out.len);
            b.len += out.len;
        }
        b.taken += part - in.len;
    }
    return b;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct body whole = read_in_pieces(data + 1, size - 1, size),
                pieces = read_in_pieces(data + 1, size - 1, 1u + data[0]);

    HOLDS(whole.result == pieces.result);
    HOLDS(whole.len == pieces.len && memcmp(whole.bytes, pieces.bytes, whole.len) == 0);
    HOLDS(whole.result != CHUNKS_END || whole.taken == pieces.taken);
    free(whole.bytes);
    free(pieces.bytes);
    return 0;
}
