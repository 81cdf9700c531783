/* SPDX-License-Identifier: Apache-2.0
 *
 * note.c - the text, its three first lines, and the signature lines tried one after the other.
 *
 * The four bytes that name the key are not looked at: each kind of log computes them its own way, and a signature is
 * the key's or it is not.
 */
#include "services/notary/anchors/note.h"

#include "base/base64.h"

#define KEY_ID_LEN     4
#define SIGNATURES_MAX 32
#define DASH           "\xe2\x80\x94 " /* em dash, space */

static bool next_line(struct bytes *rest, struct bytes *line)
{
    const uint8_t *end = rest->len ? memchr(rest->data, '\n', rest->len) : NULL;

    if (!end)
        return false;
    *line = bytes_of(rest->data, (size_t)(end - rest->data));
    *rest = bytes_of(end + 1, rest->len - line->len - 1);
    return true;
}

static bool read_size(struct bytes line, uint64_t *out)
{
    uint64_t n = 0;

    if (line.len == 0 || line.len > 19)
        return false;
    for (size_t i = 0; i < line.len; i++) {
        if (line.data[i] < '0' || line.data[i] > '9')
            return false;
        n = n * 10 + (uint64_t)(line.data[i] - '0');
    }
    *out = n;
    return true;
}

static bool read_text(struct bytes text, struct checkpoint *out)
{
    struct bytes origin, size, root;
    size_t len;

    return next_line(&text, &origin) && origin.len > 0 && next_line(&text, &size) && read_size(size, &out->size) &&
           next_line(&text, &root) && base64_decode(root, out->root.bytes, DIGEST_LEN, &len) == OK && len == DIGEST_LEN;
}

/* A line "— NAME base64". */
static bool signed_by(struct bytes line, struct bytes text, const struct public_key *key)
{
    uint8_t bytes[KEY_ID_LEN + SIGNATURE_MAX];
    struct signature signature;
    const uint8_t *space;
    size_t len;

    if (line.len < sizeof DASH || memcmp(line.data, DASH, sizeof DASH - 1) != 0)
        return false;
    space = memrchr(line.data, ' ', line.len);
    line = bytes_of(space + 1, (size_t)(line.data + line.len - space - 1));
    return base64_decode(line, bytes, sizeof bytes, &len) == OK && len > KEY_ID_LEN &&
           signature_from_bytes(&signature, bytes_of(bytes + KEY_ID_LEN, len - KEY_ID_LEN)) &&
           public_key_verifies(key, text, &signature);
}

bool note_verify(struct bytes note, const struct public_key *key, struct checkpoint *out)
{
    const uint8_t *gap = note.len > 0 && note.len <= NOTE_BYTES_MAX ? memmem(note.data, note.len, "\n\n", 2) : NULL;
    struct bytes text, rest, line;
    struct checkpoint c;

    if (!gap)
        return false;
    text = bytes_of(note.data, (size_t)(gap + 1 - note.data));
    rest = bytes_of(gap + 2, note.len - text.len - 1);
    if (!read_text(text, &c))
        return false;
    for (int i = 0; i < SIGNATURES_MAX && next_line(&rest, &line); i++)
        if (signed_by(line, text, key)) {
            *out = c;
            return true;
        }
    return false;
}
