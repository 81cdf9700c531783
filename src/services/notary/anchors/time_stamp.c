/* SPDX-License-Identifier: Apache-2.0
 *
 * time_stamp.c - libcrypto's time stamping functions, with the checks that depend on us around them.
 *
 * libcrypto's own check asks for an extended key usage of time stamping alone, compares imprint and nonce, and wants
 * the signer's certificate named in what is signed (ESSCertID).
 */
#include "services/notary/anchors/time_stamp.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ts.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <time.h>

#define CERTIFICATES_MAX 32

static TS_MSG_IMPRINT *imprint_new(const struct digest *digest)
{
    TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
    X509_ALGOR *algorithm = X509_ALGOR_new();
    uint8_t copy[DIGEST_LEN];

    memcpy(copy, digest->bytes, DIGEST_LEN);
    if (imprint && algorithm && X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_sha256), V_ASN1_NULL, NULL) == 1 &&
        TS_MSG_IMPRINT_set_algo(imprint, algorithm) == 1 && TS_MSG_IMPRINT_set_msg(imprint, copy, DIGEST_LEN) == 1) {
        X509_ALGOR_free(algorithm); /* copied */
        return imprint;
    }
    X509_ALGOR_free(algorithm);
    TS_MSG_IMPRINT_free(imprint);
    return NULL;
}

static ASN1_INTEGER *nonce_new(const uint8_t *nonce)
{
    ASN1_INTEGER *n = ASN1_INTEGER_new();

    if (n && ASN1_INTEGER_set_uint64(n, be64_get(nonce)) == 1)
        return n;
    ASN1_INTEGER_free(n);
    return NULL;
}

/* `nonce` NULL: without one. */
static TS_REQ *request_new(const struct digest *digest, const uint8_t *nonce)
{
    TS_REQ *request = TS_REQ_new();
    TS_MSG_IMPRINT *imprint = imprint_new(digest);
    ASN1_INTEGER *n = nonce ? nonce_new(nonce) : NULL;
    bool made = request && imprint && TS_REQ_set_version(request, 1) == 1 &&
                TS_REQ_set_msg_imprint(request, imprint) == 1 && (!nonce || (n && TS_REQ_set_nonce(request, n) == 1)) &&
                TS_REQ_set_cert_req(request, 1) == 1;

    ASN1_INTEGER_free(n); /* copied, both */
    TS_MSG_IMPRINT_free(imprint);
    if (made)
        return request;
    TS_REQ_free(request);
    return NULL;
}

enum err time_stamp_request(const struct digest *digest, const uint8_t nonce[TIME_STAMP_NONCE_LEN], struct text *out)
{
    TS_REQ *request = request_new(digest, nonce);
    uint8_t *der = NULL;
    int len = request ? i2d_TS_REQ(request, &der) : -1;

    TS_REQ_free(request);
    if (len > 0)
        text_add_bytes(out, bytes_of(der, (size_t)len));
    OPENSSL_free(der);
    ERR_clear_error();
    return len > 0 && !text_failed(out) ? OK : ERR_NOMEM;
}

/* ---- whom to trust ---- */

static int add_pem(X509_STORE *store, struct bytes pem)
{
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    X509 *cert;
    int count = 0;

    while (bio && count < CERTIFICATES_MAX && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        count += X509_STORE_add_cert(store, cert) == 1;
        X509_free(cert);
    }
    BIO_free(bio);
    return count;
}

/* The answer's own certificates: who has no list believes what it says of itself. */
static int add_own(X509_STORE *store, TS_RESP *response)
{
    PKCS7 *token = TS_RESP_get_token(response);
    STACK_OF(X509) *certs = token && PKCS7_type_is_signed(token) ? token->d.sign->cert : NULL;
    int count = 0;

    for (int i = 0; i < sk_X509_num(certs) && i < CERTIFICATES_MAX; i++)
        count += X509_STORE_add_cert(store, sk_X509_value(certs, i)) == 1;
    return count;
}

/* Checks certificates as of this moment; NULL: nothing to trust, or no memory. */
static X509_STORE *store_new(TS_RESP *response, struct bytes certs, int64_t time_s)
{
    X509_STORE *store = X509_STORE_new();

    if (!store)
        return NULL;
    X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), (time_t)time_s);
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    if ((certs.len > 0 ? add_pem(store, certs) : add_own(store, response)) > 0)
        return store;
    X509_STORE_free(store);
    return NULL;
}

/* ---- what the answer says ---- */

static bool read_time(const TS_TST_INFO *info, int64_t *out)
{
    struct tm tm;
    const ASN1_GENERALIZEDTIME *time = TS_TST_INFO_get_time(info);

    if (!time || ASN1_TIME_to_tm(time, &tm) != 1)
        return false;
    *out = timegm(&tm);
    return true;
}

static void read_serial(const TS_TST_INFO *info, struct time_stamp *out)
{
    BIGNUM *n = ASN1_INTEGER_to_BN(TS_TST_INFO_get_serial(info), NULL);
    char *hex = n ? BN_bn2hex(n) : NULL;

    (void)snprintf(out->serial, sizeof out->serial, "%s", hex ? hex : "");
    OPENSSL_free(hex);
    BN_free(n);
}

static void read_authority(TS_RESP *response, struct time_stamp *out)
{
    PKCS7 *token = TS_RESP_get_token(response);
    STACK_OF(X509) *signers = PKCS7_get0_signers(token, NULL, 0);
    X509 *cert = sk_X509_value(signers, 0);

    if (!cert || X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, out->authority,
                                           sizeof out->authority) < 0)
        (void)snprintf(out->authority, sizeof out->authority, "without a name");
    for (char *c = out->authority; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?'; /* it goes into a report */
    sk_X509_free(signers);
}

/* ---- the check ---- */

/* What is to be held is what a request for it would say. */
static TS_VERIFY_CTX *context_new(X509_STORE *store, const struct digest *digest, const uint8_t *nonce)
{
    TS_REQ *request = request_new(digest, nonce);
    TS_VERIFY_CTX *ctx = request ? TS_REQ_to_TS_VERIFY_CTX(request, NULL) : NULL;

    TS_REQ_free(request);
    if (!ctx)
        return NULL;
    TS_VERIFY_CTX_add_flags(ctx, (int)TS_VFY_SIGNATURE);
    X509_STORE_up_ref(store);
    TS_VERIFY_CTX_set_store(ctx, store);
    return ctx;
}

static enum err say(enum err err, char *why, size_t why_size, const char *text)
{
    (void)snprintf(why, why_size, "%s", text);
    ERR_clear_error();
    return err;
}

/* OpenSSL's last word about it. */
static enum err refuse(char *why, size_t why_size)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = ERR_reason_error_string(code);

    (void)snprintf(why, why_size, "the time stamp does not hold: %s", reason ? reason : "for no reason that is known");
    ERR_clear_error();
    return ERR_CORRUPT;
}

static enum err check_signed(TS_RESP *response, const struct digest *digest, const uint8_t *nonce, X509_STORE *store,
                             char *why, size_t why_size)
{
    TS_VERIFY_CTX *ctx = context_new(store, digest, nonce);
    int held;

    if (!ctx)
        return say(ERR_NOMEM, why, why_size, "there is no memory");
    held = TS_RESP_verify_response(ctx, response);
    TS_VERIFY_CTX_free(ctx);
    return held == 1 ? OK : refuse(why, why_size);
}

static enum err check_status(TS_RESP *response, char *why, size_t why_size)
{
    int64_t status = -1;

    if (ASN1_INTEGER_get_int64(&status, TS_STATUS_INFO_get0_status(TS_RESP_get_status_info(response))) != 1)
        return say(ERR_CORRUPT, why, why_size, "the answer has no status");
    if (status == TS_STATUS_GRANTED || status == TS_STATUS_GRANTED_WITH_MODS)
        return OK;
    if (status == TS_STATUS_WAITING)
        return say(ERR_AGAIN, why, why_size, "the authority says that the time stamp comes later");
    return say(ERR_NOT_ALLOWED, why, why_size, "the authority refuses the request");
}

static enum err check_response(TS_RESP *response, const struct digest *digest, const uint8_t *nonce, struct bytes certs,
                               struct time_stamp *out, char *why, size_t why_size)
{
    TS_TST_INFO *info = TS_RESP_get_tst_info(response);
    struct time_stamp stamp = {0};
    X509_STORE *store;
    enum err err;

    if ((err = check_status(response, why, why_size)) != OK)
        return err;
    if (!info || !read_time(info, &stamp.time_s))
        return say(ERR_CORRUPT, why, why_size, "the answer has no time stamp in it");
    if (!(store = store_new(response, certs, stamp.time_s)))
        return say(certs.len > 0 ? ERR_INVALID : ERR_CORRUPT, why, why_size, "there is no certificate to trust");
    err = check_signed(response, digest, nonce, store, why, why_size);
    X509_STORE_free(store);
    if (err != OK)
        return err;
    read_serial(info, &stamp);
    read_authority(response, &stamp);
    *out = stamp;
    return OK;
}

enum err time_stamp_check(struct bytes answer, const struct digest *digest, const uint8_t *nonce, struct bytes certs,
                          struct time_stamp *out, char *why, size_t why_size)
{
    const uint8_t *der = answer.data;
    TS_RESP *response = answer.len <= TIME_STAMP_MAX ? d2i_TS_RESP(NULL, &der, (long)answer.len) : NULL;
    enum err err;

    if (!response || der != answer.data + answer.len)
        err = say(ERR_CORRUPT, why, why_size, "the answer is not a TimeStampResp of RFC 3161");
    else
        err = check_response(response, digest, nonce, certs, out, why, why_size);
    TS_RESP_free(response);
    ERR_clear_error();
    return err;
}
