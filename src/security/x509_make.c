/* SPDX-License-Identifier: Apache-2.0
 *
 * x509_make.c - see x509_make.h.
 */
#include "security/x509_make.h"

#include <assert.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#define CURVE           "P-256"
#define RSA_BITS        2048u
#define COMMON_NAME_MAX 64 /* RFC 5280, upper bounds */
#define HOST_MAX        253
#define PEM_MAX         (64 * 1024)

void x509_pair_deinit(struct x509_pair *p)
{
    X509_free(p->certificate);
    EVP_PKEY_free(p->key);
    *p = (struct x509_pair){0};
}

/* ---- names of hosts ---- */

static ASN1_OCTET_STRING *address_of(const char *host)
{
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(host);

    if (!address)
        ERR_clear_error();
    return address;
}

bool x509_host_is_valid(const char *host)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
    ASN1_OCTET_STRING *address = address_of(host);
    const char *name = strncmp(host, "*.", 2) == 0 ? host + 2 : host;
    const size_t len = strlen(name);

    ASN1_OCTET_STRING_free(address);
    return address ||
           (len > 0 && len <= HOST_MAX && strspn(name, letters) == len && name[0] != '.' && !strstr(name, ".."));
}

static bool host_add(GENERAL_NAMES *names, const char *host)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_OCTET_STRING *address = address_of(host);
    ASN1_IA5STRING *text = address ? NULL : ASN1_IA5STRING_new();

    if (!name || (!address && (!text || ASN1_STRING_set(text, host, -1) != 1))) {
        GENERAL_NAME_free(name);
        ASN1_OCTET_STRING_free(address);
        ASN1_IA5STRING_free(text);
        return false;
    }
    GENERAL_NAME_set0_value(name, address ? GEN_IPADD : GEN_DNS, address ? (void *)address : (void *)text);
    if (sk_GENERAL_NAME_push(names, name) > 0)
        return true;
    GENERAL_NAME_free(name);
    return false;
}

static bool hosts_add(X509 *x, const char *const *hosts)
{
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    bool done = names != NULL;

    for (; done && *hosts; hosts++)
        done = host_add(names, *hosts);
    done = done && X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1;
    GENERAL_NAMES_free(names);
    return done;
}

/* ---- what it is for ---- */

static bool extension_add(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;

    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    const bool done = e && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return done;
}

static bool use_add(X509 *x, X509 *issuer, enum x509_use use)
{
    static const struct {
        const char *constraints, *key_usage, *extended;
    } uses[] = {
        [X509_USE_AUTHORITY] = {"critical,CA:TRUE", "critical,keyCertSign,cRLSign", NULL},
        [X509_USE_SERVER] = {"critical,CA:FALSE", "critical,digitalSignature", "serverAuth"},
        [X509_USE_CLIENT] = {"critical,CA:FALSE", "critical,digitalSignature", "clientAuth"},
    };

    return extension_add(x, issuer, NID_basic_constraints, uses[use].constraints) &&
           extension_add(x, issuer, NID_key_usage, uses[use].key_usage) &&
           (!uses[use].extended || extension_add(x, issuer, NID_ext_key_usage, uses[use].extended)) &&
           extension_add(x, issuer, NID_subject_key_identifier, "hash") &&
           (issuer == x || extension_add(x, issuer, NID_authority_key_identifier, "keyid:always"));
}

/* ---- the rest of it ---- */

static bool name_fill(X509_NAME *name, const struct x509_wish *wish)
{
    const unsigned char *organization = (const unsigned char *)wish->organization,
                        *common_name = (const unsigned char *)wish->common_name;

    return (!organization || X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, organization, -1, -1, 0) == 1) &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, common_name, -1, -1, 0) == 1;
}

/* A serial number of its own, and its time. */
static bool date(X509 *x, int64_t begins_s, int64_t expires_s)
{
    uint64_t serial;

    return RAND_bytes((unsigned char *)&serial, sizeof serial) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), (serial >> 1) | 1) == 1 &&
           ASN1_TIME_adj(X509_getm_notBefore(x), (time_t)begins_s, 0, 0) &&
           ASN1_TIME_adj(X509_getm_notAfter(x), (time_t)expires_s, 0, 0);
}

static bool fill(X509 *x, const struct x509_wish *wish, EVP_PKEY *key, X509 *issuer)
{
    return X509_set_version(x, X509_VERSION_3) == 1 && date(x, wish->begins_s, wish->expires_s) &&
           X509_set_pubkey(x, key) == 1 && name_fill(X509_get_subject_name(x), wish) &&
           X509_set_issuer_name(x, X509_get_subject_name(issuer)) == 1 && use_add(x, issuer, wish->use) &&
           (!wish->hosts || hosts_add(x, wish->hosts));
}

static bool wish_is_valid(const struct x509_wish *wish)
{
    const char *const *host = wish->hosts;
    const size_t len = strlen(wish->common_name);

    while (host && *host && x509_host_is_valid(*host))
        host++;
    return len > 0 && len <= COMMON_NAME_MAX && (!host || !*host);
}

enum err x509_make(struct x509_pair *out, const struct x509_wish *wish, const struct x509_pair *issuer)
{
    struct x509_pair p = {0};

    if (!wish_is_valid(wish))
        return ERR_INVALID;
    p.key = wish->rsa ? EVP_RSA_gen(RSA_BITS) : EVP_EC_gen(CURVE);
    p.certificate = X509_new();
    if (!p.key || !p.certificate || !fill(p.certificate, wish, p.key, issuer ? issuer->certificate : p.certificate) ||
        X509_sign(p.certificate, issuer ? issuer->key : p.key, EVP_sha256()) <= 0) {
        ERR_clear_error();
        x509_pair_deinit(&p);
        return ERR_NOMEM;
    }
    *out = p;
    return OK;
}

enum err x509_renew(X509 **out, const X509 *old, const struct x509_pair *issuer, int64_t begins_s, int64_t expires_s)
{
    X509 *renewed;

    if (X509_check_private_key(issuer->certificate, issuer->key) != 1 ||
        X509_check_issued(issuer->certificate, (X509 *)(uintptr_t)old) != X509_V_OK) {
        ERR_clear_error();
        return ERR_INVALID;
    }
    renewed = X509_dup(old);
    if (!renewed || !date(renewed, begins_s, expires_s) || X509_sign(renewed, issuer->key, EVP_sha256()) <= 0) {
        ERR_clear_error();
        X509_free(renewed);
        return ERR_NOMEM;
    }
    *out = renewed;
    return OK;
}

/* ---- as text ---- */

/* What is in the memory; which is wiped when it goes. */
static enum err take_out(BIO *memory, bool written, struct text *out)
{
    char *data = NULL;
    const long len = written ? BIO_get_mem_data(memory, &data) : 0;

    if (len > 0)
        text_add_bytes(out, bytes_of(data, (size_t)len));
    ERR_clear_error();
    BIO_free(memory);
    return len > 0 && !text_failed(out) ? OK : ERR_NOMEM;
}

enum err x509_certificate_write(const X509 *certificate, struct text *out)
{
    BIO *memory = BIO_new(BIO_s_mem());

    return take_out(memory, memory && PEM_write_bio_X509(memory, certificate) == 1, out);
}

enum err x509_key_write(const EVP_PKEY *key, struct text *out)
{
    BIO *memory = BIO_new(BIO_s_secmem());

    return take_out(memory, memory && PEM_write_bio_PKCS8PrivateKey(memory, key, NULL, NULL, 0, NULL, NULL) == 1, out);
}

static BIO *memory_of(struct bytes pem)
{
    return pem.len <= PEM_MAX ? BIO_new_mem_buf(pem.data, (int)pem.len) : NULL;
}

/* Keys with a password are not for us: nobody is asked. */
static int no_password(char *to, int size, int writes, void *ctx)
{
    return -1;
}

enum err x509_certificate_read(struct bytes pem, X509 **out)
{
    BIO *memory = memory_of(pem);
    X509 *x = memory ? PEM_read_bio_X509(memory, NULL, no_password, NULL) : NULL;

    ERR_clear_error();
    BIO_free(memory);
    *out = x ? x : *out;
    return x ? OK : ERR_INVALID;
}

enum err x509_key_read(struct bytes pem, EVP_PKEY **out)
{
    BIO *memory = memory_of(pem);
    EVP_PKEY *key = memory ? PEM_read_bio_PrivateKey(memory, NULL, no_password, NULL) : NULL;

    ERR_clear_error();
    BIO_free(memory);
    *out = key ? key : *out;
    return key ? OK : ERR_INVALID;
}
