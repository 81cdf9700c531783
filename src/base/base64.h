/* SPDX-License-Identifier: Apache-2.0
 *
 * base64.h - bytes as text of 64 digits (RFC 4648): with the standard alphabet and padding, or with the one for URLs
 * and without; one text for one run of bytes.
 *
 * The decoders refuse whatever the encoders do not write, unused bits in the last digit included: otherwise a flipped
 * bit in a signature could pass unseen.  Pure.
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/text.h"

/* Appends the encoding. */
void base64_encode(struct text *out, struct bytes bytes);
void base64url_encode(struct text *out, struct bytes bytes);

/* Writes at most `size` bytes and their number.  ERR_INVALID: not ours; ERR_TOO_LARGE: more than `size` bytes. */
MUST_USE enum err base64_decode(struct bytes text, uint8_t *to, size_t size, size_t *len);
MUST_USE enum err base64url_decode(struct bytes text, uint8_t *to, size_t size, size_t *len);

#endif
