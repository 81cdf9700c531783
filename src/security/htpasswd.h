/* SPDX-License-Identifier: Apache-2.0
 *
 * htpasswd.h - a file of names and hashed passwords, as Apache's htpasswd writes it.
 *
 *     NAME:HASH                one in a line; empty lines and lines that begin with # are passed over
 *     $apr1$SALT$DIGEST        MD5, 1,000 rounds (htpasswd -m)
 *     {SHA}BASE64              SHA-1 (htpasswd -s)
 *     $2y$ $2a$ $2b$           bcrypt (htpasswd -B)
 *     $5$ $6$                  SHA-256 and SHA-512, as in /etc/shadow
 *     thirteen characters      DES (htpasswd -d)
 *
 * Of a name that is there twice the last one counts, as in Pulsar.  What takes longer than about a second to verify is
 * refused when the file is read, so that one password cannot hold up those who wait behind it.
 *
 * Pure.  Verifying takes up to that second: not for a loop's thread.  Hashes are wiped when they are let go.  May call:
 * base/, libcrypto (MD5, SHA-1), libcrypt (crypt_rn: AddressSanitizer puts itself before crypt_r, and then is not followed by it).
 */
#ifndef SECURITY_HTPASSWD_H
#define SECURITY_HTPASSWD_H

#include "base/bytes.h"
#include "base/err.h"

#define HTPASSWD_FILE_MAX     (1u << 20)
#define HTPASSWD_NAME_MAX     255u /* as htpasswd has it */
#define HTPASSWD_PASSWORD_MAX 511u /* what libcrypt takes, without the NUL */

struct htpasswd;

/* ERR_INVALID: a line that is none of the above; then `message` is the end of a sentence that names it, and not what is
 * in it: "line 3 has a password that is not hashed in a way that is known".  ERR_NOMEM. */
MUST_USE enum err htpasswd_parse(struct htpasswd **out, struct bytes text, char *message, size_t message_size);
void htpasswd_free(struct htpasswd *h); /* NULL is fine */

size_t htpasswd_count(const struct htpasswd *h);

/* OK: there is such a name and this is its password.  ERR_DENIED: not so, and it took about as long to find out whether
 * the name is there or not.  ERR_NOMEM. */
MUST_USE enum err htpasswd_verify(const struct htpasswd *h, struct bytes name, struct bytes password);

#endif
