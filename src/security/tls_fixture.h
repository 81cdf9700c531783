/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_fixture.h - certificates for tests: an authority, and whom it speaks for, in files of a directory of their own.
 *
 * For tests only; what fails asserts.  Keys are on a curve (P-256), so that making them takes no time.
 */
#ifndef SECURITY_TLS_FIXTURE_H
#define SECURITY_TLS_FIXTURE_H

#include <stdint.h>

struct tls_fixture_issuer;

struct tls_fixture {
    char directory[64];
    char ca[96];                                 /* who the others are trusted by */
    char server[96], server_key[96];             /* CN localhost; localhost, server, 127.0.0.1, ::1 */
    char client[96], client_key[96];             /* CN client-role */
    char expired[96], expired_key[96];           /* as server, until yesterday */
    char elsewhere[96], elsewhere_key[96];       /* as server, of elsewhere.example */
    char stranger_ca[96];                        /* another authority, of the same name */
    char stranger[96], stranger_key[96];         /* as client, by that one: CN client-role */
    char chained[96], chained_key[96];           /* as server, by an intermediate, which follows in the file */
    char encrypted_key[96];                      /* the server's, with a password */
    struct tls_fixture_issuer *issuer, *strange; /* the two authorities, for more of their like */
};

void tls_fixture_make(struct tls_fixture *f);
void tls_fixture_remove(struct tls_fixture *f); /* with the directory and the files named above or made below */

struct tls_fixture_wish {
    const char *common_name;
    const char *names;          /* as OpenSSL has them: "DNS:localhost,IP:127.0.0.1"; NULL: none */
    int64_t from_days, to_days; /* from now; 0, 0: from yesterday until tomorrow */
};
/* NAME.pem and NAME.key.pem in the directory, by this issuer, instead of those that are there. */
void tls_fixture_issue(const struct tls_fixture *f, const struct tls_fixture_issuer *issuer, const char *name,
                       const struct tls_fixture_wish *wish);

#endif
