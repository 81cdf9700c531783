/* SPDX-License-Identifier: Apache-2.0
 *
 * base64.h - the standard alphabet with padding (RFC 4648 section 4), one text for one run of bytes.
 *
 * The decoder refuses whatever the encoder does not write, unused bits in the last digit included: otherwise a
 * flipped bit in a receipt's signature could pass unseen.  Pure.
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/text.h"

/* Appends the encoding. */
void base64_encode(struct text *out, struct bytes bytes);

/* Writes at most `size` bytes and their number.  ERR_INVALID: not ours; ERR_TOO_LARGE: more than `size` bytes. */
MUST_USE enum err base64_decode(struct bytes text, uint8_t *to, size_t size, size_t *len);

#endif
