/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint.c - read leniently, written again, and compared: that is how only one spelling passes.
 */
#include "services/notary/documents/checkpoint.h"

#include "base/base64.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define KEY_ID_LEN 4
#define DASH       "\xe2\x80\x94 " /* em dash, space */

bool checkpoint_origin_is_valid(struct bytes origin)
{
    if (origin.len == 0 || origin.len > CHECKPOINT_ORIGIN_MAX)
        return false;
    for (size_t i = 0; i < origin.len; i++)
        if (origin.data[i] <= 0x20 || origin.data[i] >= 0x7f || origin.data[i] == '+')
            return false;
    return true;
}

void checkpoint_body(const struct checkpoint *c, const char *origin, struct text *out)
{
    text_printf(out, "%s\n%" PRIu64 "\n", origin, c->size);
    base64_encode(out, bytes_of(c->root.bytes, DIGEST_LEN));
    text_add(out, "\n");
}

static void key_id(const char *origin, const struct public_key *key, uint8_t to[KEY_ID_LEN])
{
    static const uint8_t newline_and_ed25519[] = {0x0a, 0x01};
    struct bytes parts[] = {bytes_of_text(origin), bytes_of(newline_and_ed25519, 2), public_key_raw(key)};
    struct digest d = digest_of_parts(parts, 3);

    memcpy(to, d.bytes, KEY_ID_LEN);
}

void checkpoint_seal(const struct checkpoint *c, const char *origin, const struct public_key *key,
                     const struct signature *signature, struct text *out)
{
    uint8_t id_and_signature[KEY_ID_LEN + ED25519_LEN];

    assert(signature->len == ED25519_LEN);
    key_id(origin, key, id_and_signature);
    memcpy(id_and_signature + KEY_ID_LEN, signature->bytes, ED25519_LEN);
    checkpoint_body(c, origin, out);
    text_printf(out, "\n" DASH "%s ", origin);
    base64_encode(out, bytes_of(id_and_signature, sizeof id_and_signature));
    text_add(out, "\n");
}

/* Up to the next newline, which is passed over; false without one. */
static bool next_line(struct bytes *rest, struct bytes *line)
{
    const uint8_t *end = rest->len ? memchr(rest->data, '\n', rest->len) : NULL;

    if (!end)
        return false;
    *line = bytes_of(rest->data, (size_t)(end - rest->data));
    *rest = bytes_of(end + 1, rest->len - line->len - 1);
    return true;
}

/* The decimal of a line; nonsense gives some number, which is not written back as the same text. */
static uint64_t line_number(struct bytes line)
{
    uint64_t n = 0;

    for (size_t i = 0; i < line.len; i++)
        n = n * 10 + (uint8_t)(line.data[i] - '0');
    return n;
}

/* The pieces of a note that looks like one. */
static bool read_note(struct bytes note, struct checkpoint *c, struct signature *signature)
{
    struct bytes origin, size, root, empty, last;
    uint8_t id_and_signature[KEY_ID_LEN + ED25519_LEN];
    const uint8_t *space;
    size_t len;

    if (note.len > CHECKPOINT_BYTES_MAX || !next_line(&note, &origin) || !next_line(&note, &size) ||
        !next_line(&note, &root) || !next_line(&note, &empty) || !next_line(&note, &last))
        return false;
    if (base64_decode(root, c->root.bytes, DIGEST_LEN, &len) != OK || len != DIGEST_LEN)
        return false;
    space = last.len ? memrchr(last.data, ' ', last.len) : NULL;
    if (!space)
        return false;
    last = bytes_of(space + 1, last.len - (size_t)(space + 1 - last.data));
    if (base64_decode(last, id_and_signature, sizeof id_and_signature, &len) != OK || len != sizeof id_and_signature)
        return false;
    c->size = line_number(size);
    return signature_from_bytes(signature, bytes_of(id_and_signature + KEY_ID_LEN, ED25519_LEN));
}

enum err checkpoint_read(struct checkpoint *out, struct signature *signature, struct bytes note, const char *origin,
                         const struct public_key *key)
{
    struct checkpoint c;
    struct signature s;
    struct text again;
    enum err err = OK;

    if (key->kind != KEY_ED25519 || !read_note(note, &c, &s))
        return ERR_INVALID;
    text_init(&again, 2 * CHECKPOINT_BYTES_MAX);
    checkpoint_seal(&c, origin, key, &s, &again);
    if (text_failed(&again))
        err = ERR_NOMEM;
    else if (!bytes_equal(note, bytes_of(again.data, again.len)))
        err = ERR_INVALID;
    else
        *out = c, *signature = s;
    text_deinit(&again);
    return err;
}

bool checkpoint_is_signed(const struct checkpoint *c, const char *origin, const struct public_key *key,
                          const struct signature *signature)
{
    struct text body;
    bool holds;

    text_init(&body, 2 * CHECKPOINT_BYTES_MAX);
    checkpoint_body(c, origin, &body);
    holds = !text_failed(&body) && public_key_verifies(key, bytes_of(body.data, body.len), signature);
    text_deinit(&body);
    return holds;
}
