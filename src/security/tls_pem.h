/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_pem.h - certificates and keys out of PEM files.
 *
 * Internal to security/.  Files are read whole, up to TLS_FILE_MAX; what was read of a key is wiped.  An error names
 * the file.  May call: base/, libcrypto.
 */
#ifndef SECURITY_TLS_PEM_H
#define SECURITY_TLS_PEM_H

#include "base/bytes.h"
#include "base/err.h"
#include <openssl/x509.h>
#include <stdbool.h>

#define TLS_FILE_MAX (4u * 1024 * 1024) /* a trust file of a whole system is some 200 KiB */

/* `what` is for the message: "the certificate".  `bytes` are the caller's, to be given back to tls_file_free. */
MUST_USE enum err tls_file_read(const char *path, const char *what, struct bytes *out, bool *others_read, char *message,
                                size_t message_size);
void tls_file_free(struct bytes bytes); /* wiped first */

/* The first certificate of the file, and those after it.  At least one. */
MUST_USE enum err tls_chain_read(const char *path, X509 **leaf, STACK_OF(X509) * *rest, char *message,
                                 size_t message_size);
/* `message` holds a warning on OK, or nothing. */
MUST_USE enum err tls_key_read(const char *path, EVP_PKEY **out, char *message, size_t message_size);
/* All certificates of the file: at least one. */
MUST_USE enum err tls_trust_read(const char *path, STACK_OF(X509) * *out, char *message, size_t message_size);

#endif
