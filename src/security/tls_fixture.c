/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_fixture.c - see tls_fixture.h.
 */
#include "security/tls_fixture.h"

#include <assert.h>
#include <dirent.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY_S 86400

struct tls_fixture_issuer {
    X509 *certificate;
    EVP_PKEY *key;
};

static void must(bool good)
{
    if (!good)
        abort(); /* also where asserts are off */
}

/* ---- one certificate ---- */

static void extension_add(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;

    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    must(e != NULL);
    must(X509_add_ext(x, e, -1) == 1);
    X509_EXTENSION_free(e);
}

static void name_set(X509_NAME *name, const char *common_name)
{
    must(X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const uint8_t *)"Geminga tests", -1, -1, 0) == 1);
    must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)common_name, -1, -1, 0) == 1);
}

static X509 *certificate_make(EVP_PKEY *key, const struct tls_fixture_issuer *issuer,
                              const struct tls_fixture_wish *wish, bool authority)
{
    const bool dated = wish->from_days != 0 || wish->to_days != 0;
    X509 *x = X509_new();
    uint64_t serial;

    must(x && RAND_bytes((uint8_t *)&serial, sizeof serial) == 1);
    must(X509_set_version(x, X509_VERSION_3) == 1);
    must(ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1) == 1);
    X509_gmtime_adj(X509_getm_notBefore(x), (dated ? wish->from_days : -1) * DAY_S);
    X509_gmtime_adj(X509_getm_notAfter(x), (dated ? wish->to_days : 1) * DAY_S);
    must(X509_set_pubkey(x, key) == 1);
    name_set(X509_get_subject_name(x), wish->common_name);
    must(X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer->certificate : x)) == 1);
    X509 *by = issuer ? issuer->certificate : x;
    extension_add(x, by, NID_basic_constraints, authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (authority)
        extension_add(x, by, NID_key_usage, "critical,keyCertSign,cRLSign");
    if (wish->names)
        extension_add(x, by, NID_subject_alt_name, wish->names);
    must(X509_sign(x, issuer ? issuer->key : key, EVP_sha256()) > 0);
    return x;
}

static struct tls_fixture_issuer *issuer_make(const char *name, const struct tls_fixture_issuer *by)
{
    const struct tls_fixture_wish wish = {.common_name = name};
    struct tls_fixture_issuer *issuer = calloc(1, sizeof *issuer);

    must(issuer && (issuer->key = EVP_EC_gen("P-256")));
    issuer->certificate = certificate_make(issuer->key, by, &wish, true);
    return issuer;
}

static void issuer_free(struct tls_fixture_issuer *issuer)
{
    if (issuer) {
        X509_free(issuer->certificate);
        EVP_PKEY_free(issuer->key);
    }
    free(issuer);
}

/* ---- files ---- */

static void path_of(const struct tls_fixture *f, const char *name, const char *end, char path[96])
{
    must(snprintf(path, 96, "%.60s/%.24s%s", f->directory, name, end) < 96);
}

static void certificates_write(const char *path, X509 *first, X509 *second)
{
    FILE *file = fopen(path, "we");

    must(file && PEM_write_X509(file, first) == 1);
    must(!second || PEM_write_X509(file, second) == 1);
    must(fclose(file) == 0);
}

static void key_write(const char *path, EVP_PKEY *key, const char *password)
{
    FILE *file = fopen(path, "we");

    must(file && fchmod(fileno(file), 0600) == 0);
    must(PEM_write_PKCS8PrivateKey(file, key, password ? EVP_aes_256_cbc() : NULL, password,
                                   password ? (int)strlen(password) : 0, NULL, NULL) == 1);
    must(fclose(file) == 0);
}

static void issue(const struct tls_fixture *f, const struct tls_fixture_issuer *issuer, const char *name,
                  const struct tls_fixture_wish *wish, X509 *after, const char *encrypted)
{
    char path[96];
    EVP_PKEY *key = EVP_EC_gen("P-256");

    must(key != NULL);
    X509 *x = certificate_make(key, issuer, wish, false);
    path_of(f, name, ".pem", path);
    certificates_write(path, x, after);
    path_of(f, name, ".key.pem", path);
    key_write(path, key, NULL);
    if (encrypted)
        key_write(encrypted, key, "secret");
    X509_free(x);
    EVP_PKEY_free(key);
}

void tls_fixture_issue(const struct tls_fixture *f, const struct tls_fixture_issuer *issuer, const char *name,
                       const struct tls_fixture_wish *wish)
{
    issue(f, issuer, name, wish, NULL, NULL);
}

static void both_paths(const struct tls_fixture *f, const char *name, char certificate[96], char key[96])
{
    path_of(f, name, ".pem", certificate);
    path_of(f, name, ".key.pem", key);
}

static void paths_fill(struct tls_fixture *f)
{
    path_of(f, "ca", ".pem", f->ca);
    path_of(f, "stranger-ca", ".pem", f->stranger_ca);
    path_of(f, "encrypted", ".key.pem", f->encrypted_key);
    both_paths(f, "server", f->server, f->server_key);
    both_paths(f, "client", f->client, f->client_key);
    both_paths(f, "expired", f->expired, f->expired_key);
    both_paths(f, "elsewhere", f->elsewhere, f->elsewhere_key);
    both_paths(f, "stranger", f->stranger, f->stranger_key);
    both_paths(f, "chained", f->chained, f->chained_key);
}

void tls_fixture_make(struct tls_fixture *f)
{
    static const char here[] = "DNS:localhost,DNS:server,IP:127.0.0.1,IP:::1";
    const struct tls_fixture_wish server = {.common_name = "localhost", .names = here},
                                  client = {.common_name = "client-role"},
                                  expired = {.common_name = "localhost", .names = here, .from_days = -3, .to_days = -1},
                                  elsewhere = {.common_name = "elsewhere.example", .names = "DNS:elsewhere.example"};

    *f = (struct tls_fixture){.directory = "/tmp/geminga-tls-XXXXXX"};
    must(mkdtemp(f->directory) != NULL);
    paths_fill(f);
    f->issuer = issuer_make("Test authority", NULL);
    f->strange = issuer_make("Test authority", NULL);
    certificates_write(f->ca, f->issuer->certificate, NULL);
    certificates_write(f->stranger_ca, f->strange->certificate, NULL);
    issue(f, f->issuer, "server", &server, NULL, f->encrypted_key);
    issue(f, f->issuer, "client", &client, NULL, NULL);
    issue(f, f->issuer, "expired", &expired, NULL, NULL);
    issue(f, f->issuer, "elsewhere", &elsewhere, NULL, NULL);
    issue(f, f->strange, "stranger", &client, NULL, NULL);
    struct tls_fixture_issuer *between = issuer_make("Test intermediate", f->issuer);
    issue(f, between, "chained", &server, between->certificate, NULL);
    issuer_free(between);
}

void tls_fixture_remove(struct tls_fixture *f)
{
    DIR *directory = opendir(f->directory);
    char path[400];

    must(directory != NULL);
    for (const struct dirent *entry; (entry = readdir(directory));) {
        (void)snprintf(path, sizeof path, "%s/%s", f->directory, entry->d_name);
        if (entry->d_name[0] != '.')
            must(unlink(path) == 0);
    }
    (void)closedir(directory);
    must(rmdir(f->directory) == 0);
    issuer_free(f->issuer);
    issuer_free(f->strange);
}
