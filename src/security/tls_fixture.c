/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_fixture.c - see tls_fixture.h.
 */
#include "security/tls_fixture.h"

#include "security/x509_make.h"

#include <assert.h>
#include <dirent.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DAY_S     86400
#define HOSTS_MAX 8

struct tls_fixture_issuer {
    struct x509_pair pair;
};

static void must(bool good)
{
    if (!good)
        abort(); /* also where asserts are off */
}

/* ---- one certificate ---- */

/* "DNS:localhost,IP:127.0.0.1" in `text`, which is cut up, as x509_make has it. */
static void hosts_of(char *text, const char *hosts[HOSTS_MAX + 1])
{
    char *rest = text;
    size_t n = 0;

    for (const char *one; (one = strsep(&rest, ",")) && n < HOSTS_MAX;)
        hosts[n++] = strchr(one, ':') + 1;
    hosts[n] = NULL;
}

/* With names it is a server's, and else a client's. */
static struct x509_pair pair_make(const struct tls_fixture_issuer *issuer, const struct tls_fixture_wish *wish,
                                  bool authority)
{
    const bool dated = wish->from_days != 0 || wish->to_days != 0;
    const int64_t now_s = (int64_t)time(NULL);
    const char *hosts[HOSTS_MAX + 1];
    char names[200];
    struct x509_pair made;

    (void)snprintf(names, sizeof names, "%s", wish->names ? wish->names : "");
    if (wish->names)
        hosts_of(names, hosts);
    must(x509_make(&made,
                   &(struct x509_wish){.use = authority     ? X509_USE_AUTHORITY
                                              : wish->names ? X509_USE_SERVER
                                                            : X509_USE_CLIENT,
                                       .organization = "Geminga tests",
                                       .common_name = wish->common_name,
                                       .hosts = wish->names ? hosts : NULL,
                                       .begins_s = now_s + (dated ? wish->from_days : -1) * DAY_S,
                                       .expires_s = now_s + (dated ? wish->to_days : 1) * DAY_S},
                   issuer ? &issuer->pair : NULL) == OK);
    return made;
}

static struct tls_fixture_issuer *issuer_make(const char *name, const struct tls_fixture_issuer *by)
{
    const struct tls_fixture_wish wish = {.common_name = name};
    struct tls_fixture_issuer *issuer = calloc(1, sizeof *issuer);

    must(issuer != NULL);
    issuer->pair = pair_make(by, &wish, true);
    return issuer;
}

static void issuer_free(struct tls_fixture_issuer *issuer)
{
    if (issuer)
        x509_pair_deinit(&issuer->pair);
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
    struct x509_pair made = pair_make(issuer, wish, false);

    path_of(f, name, ".pem", path);
    certificates_write(path, made.certificate, after);
    path_of(f, name, ".key.pem", path);
    key_write(path, made.key, NULL);
    if (encrypted)
        key_write(encrypted, made.key, "secret");
    x509_pair_deinit(&made);
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
    certificates_write(f->ca, f->issuer->pair.certificate, NULL);
    certificates_write(f->stranger_ca, f->strange->pair.certificate, NULL);
    issue(f, f->issuer, "server", &server, NULL, f->encrypted_key);
    issue(f, f->issuer, "client", &client, NULL, NULL);
    issue(f, f->issuer, "expired", &expired, NULL, NULL);
    issue(f, f->issuer, "elsewhere", &elsewhere, NULL, NULL);
    issue(f, f->strange, "stranger", &client, NULL, NULL);
    struct tls_fixture_issuer *between = issuer_make("Test intermediate", f->issuer);
    issue(f, between, "chained", &server, between->pair.certificate, NULL);
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
