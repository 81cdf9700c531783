/* SPDX-License-Identifier: Apache-2.0
 *
 * signers.h - who signs the evidence: the log's own key, a key in a file, in a PKCS #11 token, or in Vault's transit
 * engine.
 *
 *     notary.signer.kind   log      the log's own key (key_file.h): nothing to set up
 *                          file     PEM, PKCS #8: Ed25519 or ECDSA P-256                          file_signer.c
 *                          pkcs11   an HSM or a smart card, through its module                    pkcs11*.c
 *                          vault    HashiCorp Vault or OpenBao, transit engine                    vault*.c
 *
 * The log's key and the signer's are two: the first says which log this is and stays for ever, the second may be
 * replaced at any time, since each receipt carries the key that signed it.
 *
 * Nobody is believed: each signature is checked here with the key that it is said to be of, and where
 * notary.signer.trusted_keys names a file, that key must be in it; so a service that lies, or was replaced, is found
 * out before a receipt is made.  All are thread-safe.  May call: base/, security/, services/runtime, libcrypto.
 */
#ifndef SERVICES_NOTARY_SIGNERS_SIGNERS_H
#define SERVICES_NOTARY_SIGNERS_SIGNERS_H

#include "base/options.h"
#include "services/notary/ports.h"

struct signer_settings {
    char *kind;
    char *key_file;     /* of file */
    char *trusted_keys; /* PEM, any number; "": any key */
    int64_t timeout_ms; /* of one signature */
    int64_t parallel;   /* how many at a time */
    char *pkcs11_module, *pkcs11_token, *pkcs11_key, *pkcs11_pin;
    char *vault_address, *vault_namespace, *vault_mount, *vault_key;
    char *vault_auth, *vault_token; /* how we log in, and the token where that is how */
    char *vault_auth_mount;         /* "": the method's name */
    char *vault_role, *vault_secret, *vault_jwt;
    char *vault_trust_certs, *vault_certificate, *vault_certificate_key;
};

extern const struct option_table signer_options;

/* What the settings name; they stay the caller's and must outlive it.  Kind log: *out is `log_key`, which must outlive
 * it too.  Nothing is called yet (signer_check does).  ERR_INVALID, ERR_UNSUPPORTED, ERR_NOT_FOUND, ERR_IO, ERR_NOMEM:
 * `why` is the sentence for the user. */
MUST_USE enum err signer_open(struct signer **out, const struct signer_settings *settings, struct signer *log_key,
                              char *why, size_t why_size);

/* The single ones, for signer_open and for tests. */
MUST_USE enum err file_signer_open(struct signer **out, const char *path, char *why, size_t why_size);
MUST_USE enum err pkcs11_signer_open(struct signer **out, const struct signer_settings *settings, char *why,
                                     size_t why_size);
MUST_USE enum err vault_signer_open(struct signer **out, const struct signer_settings *settings, char *why,
                                    size_t why_size);

#endif
