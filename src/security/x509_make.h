/* SPDX-License-Identifier: Apache-2.0
 *
 * x509_make.h - certificates: an authority of one's own, and those for whom it speaks.
 *
 * For `geminga init`, and for tests.  Keys on P-256 take no time; RSA is for those whose clients read nothing else
 * (the Java client's keys).  Certificates are signed with SHA-256, have random serial numbers, and say what they are
 * for: an authority signs certificates and nothing else, a server's is no client's.
 *
 * Pure, but for the randomness of keys, which is libcrypto's.  May call: base/, libcrypto.
 */
#ifndef SECURITY_X509_MAKE_H
#define SECURITY_X509_MAKE_H

#include "base/text.h"

#include <openssl/types.h>
#include <stdint.h>

enum x509_use { X509_USE_AUTHORITY, X509_USE_SERVER, X509_USE_CLIENT };

struct x509_wish {
    enum x509_use use;
    const char *organization;    /* NULL: none */
    const char *common_name;     /* UTF-8, up to 64 bytes */
    const char *const *hosts;    /* names and addresses, ends with NULL; NULL: none */
    int64_t begins_s, expires_s; /* since 1970 */
    bool rsa;
};

/* A certificate and its key. */
struct x509_pair {
    X509 *certificate;
    EVP_PKEY *key;
};
void x509_pair_deinit(struct x509_pair *p); /* leaves it zeroed */

/* By this issuer, an authority; NULL: by itself.  ERR_INVALID: a name that cannot stand there; ERR_NOMEM. */
MUST_USE enum err x509_make(struct x509_pair *out, const struct x509_wish *wish, const struct x509_pair *issuer);

/* The same certificate for another time: of the same name, hosts, use and key.  ERR_INVALID: it is not of this issuer,
 * or the issuer's key is another's. */
MUST_USE enum err x509_renew(X509 **out, const X509 *old, const struct x509_pair *issuer, int64_t begins_s,
                             int64_t expires_s);

/* For a certificate: is it a name or an address of a host?  "*.example.org" is a name, too. */
bool x509_host_is_valid(const char *host);

/* Both append; the key is PKCS8 without a password, and `out` is for the caller to wipe. */
MUST_USE enum err x509_certificate_write(const X509 *certificate, struct text *out);
MUST_USE enum err x509_key_write(const EVP_PKEY *key, struct text *out);
/* The first of a PEM text.  ERR_INVALID. */
MUST_USE enum err x509_certificate_read(struct bytes pem, X509 **out);
MUST_USE enum err x509_key_read(struct bytes pem, EVP_PKEY **out);

#endif
