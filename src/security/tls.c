/* SPDX-License-Identifier: Apache-2.0
 *
 * tls.c - see tls.h.
 */
#include "security/tls.h"

#include "base/text.h"
#include "security/tls_pem.h"
#include <arpa/inet.h>
#include <assert.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Forward secrecy and authenticated encryption: what every client of Pulsar's of these years speaks. */
#define CIPHERS_12 "ECDHE+AESGCM:ECDHE+CHACHA20"
#define GROUPS     "X25519:P-256:P-384"
#define LIST_MAX   4096u       /* bytes of a list of ciphers */
#define LEVEL      2           /* OpenSSL's: keys of 112 bits and more */
#define HOST_MAX   255         /* bytes of a name, as TLS has it */
#define CHAIN_MAX  (32 * 1024) /* bytes of the certificates that a peer may send */

static enum err no_memory(char *message, size_t message_size)
{
    (void)snprintf(message, message_size, "%s", err_text(ERR_NOMEM));
    return ERR_NOMEM;
}

/* ---- protocols ---- */

/* The next name of a list; an empty one at its end. */
static struct bytes list_next(const char **at, const char *between)
{
    *at += strspn(*at, between);
    const size_t len = strcspn(*at, between);
    const struct bytes name = bytes_of(*at, len);

    *at += len;
    return name;
}

static enum err protocols_set(SSL_CTX *ctx, const char *list, char *message, size_t message_size)
{
    bool v12 = !text_given(list), v13 = v12;

    for (struct bytes name; list && (name = list_next(&list, ", ")).len > 0;) {
        if (bytes_equal(name, bytes_of_text("TLSv1.2"))) {
            v12 = true;
        } else if (bytes_equal(name, bytes_of_text("TLSv1.3"))) {
            v13 = true;
        } else {
            (void)snprintf(message, message_size, "TLS: the protocols are TLSv1.2 and TLSv1.3, not `%.*s`",
                           (int)(name.len < 64 ? name.len : 64), (const char *)name.data);
            return ERR_INVALID;
        }
    }
    if (!v12 && !v13) {
        (void)snprintf(message, message_size, "TLS: the list of protocols names none");
        return ERR_INVALID;
    }
    if (SSL_CTX_set_min_proto_version(ctx, v12 ? TLS1_2_VERSION : TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(ctx, v13 ? TLS1_3_VERSION : TLS1_2_VERSION) != 1)
        return no_memory(message, message_size);
    return OK;
}

/* ---- ciphers ---- */

struct cipher_lists {
    char v12[LIST_MAX], v13[LIST_MAX]; /* with colons, as OpenSSL wants them */
};

/* OpenSSL's name of the cipher, and whether it is one of TLS 1.3; NULL: it is none that we have, or a weak one. */
static const char *cipher_find(SSL *ssl, struct bytes name, bool *v13)
{
    STACK_OF(SSL_CIPHER) *all = SSL_get_ciphers(ssl);

    for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
        const SSL_CIPHER *cipher = sk_SSL_CIPHER_value(all, i);
        const char *standard = SSL_CIPHER_standard_name(cipher);
        if (!bytes_equal(name, bytes_of_text(SSL_CIPHER_get_name(cipher))) &&
            !(standard && bytes_equal(name, bytes_of_text(standard))))
            continue;
        *v13 = strcmp(SSL_CIPHER_get_version(cipher), "TLSv1.3") == 0;
        return SSL_CIPHER_get_name(cipher);
    }
    return NULL;
}

static bool list_add(char list[LIST_MAX], const char *name)
{
    const size_t len = strlen(list);

    return (size_t)snprintf(list + len, LIST_MAX - len, "%s%s", len > 0 ? ":" : "", name) < LIST_MAX - len;
}

static enum err ciphers_sort(SSL *ssl, const char *list, struct cipher_lists *out, char *message, size_t message_size)
{
    for (struct bytes name; (name = list_next(&list, ", :")).len > 0;) {
        bool v13 = false;
        const char *known = cipher_find(ssl, name, &v13);
        if (!known || !list_add(v13 ? out->v13 : out->v12, known)) {
            (void)snprintf(message, message_size, "TLS: `%.*s` is %s", (int)(name.len < 100 ? name.len : 100),
                           (const char *)name.data, known ? "one cipher too many" : "no cipher that is used here");
            return ERR_INVALID;
        }
    }
    return OK;
}

/* Of those that the defaults allow, the named ones. */
static enum err ciphers_narrow(SSL_CTX *ctx, const char *list, char *message, size_t message_size)
{
    struct cipher_lists lists = {0};
    SSL *ssl = SSL_new(ctx);

    if (!ssl)
        return no_memory(message, message_size);
    enum err err = ciphers_sort(ssl, list, &lists, message, message_size);
    SSL_free(ssl);
    if (err != OK)
        return err;
    if ((lists.v12[0] && SSL_CTX_set_cipher_list(ctx, lists.v12) != 1) ||
        (lists.v13[0] && SSL_CTX_set_ciphersuites(ctx, lists.v13) != 1))
        return no_memory(message, message_size);
    return OK;
}

static enum err ciphers_set(SSL_CTX *ctx, const char *list, char *message, size_t message_size)
{
    char groups[] = GROUPS; /* a macro of OpenSSL's casts const away */

    SSL_CTX_set_security_level(ctx, LEVEL);
    if (SSL_CTX_set_cipher_list(ctx, CIPHERS_12) != 1 || SSL_CTX_set1_groups_list(ctx, groups) != 1)
        return no_memory(message, message_size);
    return text_given(list) ? ciphers_narrow(ctx, list, message, message_size) : OK;
}

/* ---- who we are ---- */

static enum err identity_use(SSL_CTX *ctx, const struct tls_settings *s, X509 *leaf, STACK_OF(X509) * rest,
                             EVP_PKEY *key, char *message, size_t message_size)
{
    if (X509_check_private_key(leaf, key) != 1) {
        (void)snprintf(message, message_size, "%s is not the key of the certificate %s", s->key_file,
                       s->certificate_file);
        return ERR_INVALID;
    }
    if (SSL_CTX_use_cert_and_key(ctx, leaf, key, rest, 1) == 1)
        return OK;
    char why[200];
    tls_error_text(NULL, why, sizeof why);
    (void)snprintf(message, message_size, "%s: the certificate cannot be used: %s", s->certificate_file, why);
    return ERR_INVALID;
}

static enum err identity_set(SSL_CTX *ctx, const struct tls_settings *s, char *message, size_t message_size)
{
    X509 *leaf = NULL;
    STACK_OF(X509) *rest = NULL;
    EVP_PKEY *key = NULL;
    char warning[512] = "";
    enum err err;

    if (!text_given(s->certificate_file) && !text_given(s->key_file) && s->side == TLS_CLIENT)
        return OK;
    if (!text_given(s->certificate_file) || !text_given(s->key_file)) {
        (void)snprintf(message, message_size, "TLS: there is no %s: a certificate and its key are wanted",
                       text_given(s->key_file) ? "certificate" : "key");
        return ERR_INVALID;
    }
    if ((err = tls_chain_read(s->certificate_file, &leaf, &rest, message, message_size)) != OK)
        goto out;
    if ((err = tls_key_read(s->key_file, &key, message, message_size)) != OK)
        goto out;
    (void)snprintf(warning, sizeof warning, "%s", message);
    if ((err = identity_use(ctx, s, leaf, rest, key, message, message_size)) != OK)
        goto out;
    (void)snprintf(message, message_size, "%s", warning);
out:
    X509_free(leaf);
    sk_X509_pop_free(rest, X509_free);
    EVP_PKEY_free(key);
    return err;
}

/* ---- whom we believe ---- */

static enum err trust_add(SSL_CTX *ctx, const struct tls_settings *s, STACK_OF(X509) * trusted)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    const bool asks = s->side == TLS_SERVER && s->client_certificates != TLS_CERTIFICATE_NONE;

    for (int i = 0; i < sk_X509_num(trusted); i++) {
        X509 *one = sk_X509_value(trusted, i);
        if (X509_STORE_add_cert(store, one) != 1 || (asks && SSL_CTX_add_client_CA(ctx, one) != 1))
            return ERR_NOMEM;
    }
    return OK;
}

static enum err trust_set(SSL_CTX *ctx, const struct tls_settings *s, char *message, size_t message_size)
{
    STACK_OF(X509) * trusted;
    char unused[512];

    if (!text_given(s->trust_file))
        return s->side == TLS_SERVER || SSL_CTX_set_default_verify_paths(ctx) == 1 ? OK
                                                                                   : no_memory(message, message_size);
    enum err err = tls_trust_read(s->trust_file, &trusted, unused, sizeof unused);
    if (err != OK) {
        (void)snprintf(message, message_size, "%s", unused);
        return err;
    }
    err = trust_add(ctx, s, trusted);
    sk_X509_pop_free(trusted, X509_free);
    return err == OK ? OK : no_memory(message, message_size);
}

/* Whatever is shown will do.  What was wrong with it stays known: SSL_get_verify_result. */
static int believe_all(int holds, X509_STORE_CTX *about)
{
    (void)holds, (void)about;
    return 1;
}

static enum err verification_set(SSL_CTX *ctx, const struct tls_settings *s, char *message, size_t message_size)
{
    int mode = SSL_VERIFY_PEER;

    if (s->side == TLS_SERVER) {
        if (s->client_certificates == TLS_CERTIFICATE_NONE)
            mode = SSL_VERIFY_NONE;
        else if (s->client_certificates == TLS_CERTIFICATE_REQUIRED)
            mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
        if (mode != SSL_VERIFY_NONE && !text_given(s->trust_file) && !s->allow_insecure) {
            (void)snprintf(
                message, message_size,
                "TLS: certificates of clients are asked for, and there is no file of those that are trusted");
            return ERR_INVALID;
        }
    }
    SSL_CTX_set_verify(ctx, mode, s->allow_insecure ? believe_all : NULL);
    /* What is in the file is trusted itself, and not only what it leads to: an intermediate, or one certificate alone.
     */
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
    return trust_set(ctx, s, message, message_size);
}

/* ---- the whole ---- */

static void habits_set(SSL_CTX *ctx)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ctx, 0);
    /* An idle connection keeps no buffers of OpenSSL's. */
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_max_cert_list(ctx, CHAIN_MAX);
}

enum err tls_configure(SSL_CTX *ctx, const struct tls_settings *s, char *message, size_t message_size)
{
    enum err err;

    assert(message_size > 0);
    message[0] = '\0';
    ERR_clear_error();
    habits_set(ctx);
    if ((err = protocols_set(ctx, s->protocols, message, message_size)) == OK &&
        (err = ciphers_set(ctx, s->ciphers, message, message_size)) == OK &&
        (err = verification_set(ctx, s, message, message_size)) == OK)
        err = identity_set(ctx, s, message, message_size);
    ERR_clear_error();
    return err;
}

static bool is_address(const char *host)
{
    struct in6_addr unused;

    return inet_pton(AF_INET, host, &unused) == 1 || inet_pton(AF_INET6, host, &unused) == 1;
}

enum err tls_expect_host(SSL *ssl, const char *host, bool verify)
{
    const bool address = is_address(host);
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    char name[HOST_MAX + 1];

    if ((size_t)snprintf(name, sizeof name, "%s", host) >= sizeof name ||
        (!address && SSL_set_tlsext_host_name(ssl, name) != 1))
        return ERR_INVALID;
    if (!verify)
        return OK;
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    const int set = address ? X509_VERIFY_PARAM_set1_ip_asc(param, host) : X509_VERIFY_PARAM_set1_host(param, host, 0);
    return set == 1 ? OK : ERR_INVALID;
}

char *tls_peer_name(SSL *ssl)
{
    const X509 *peer = SSL_get0_peer_certificate(ssl);
    uint8_t *text = NULL;
    char *name = NULL;

    if (!peer || SSL_get_verify_result(ssl) != X509_V_OK)
        return NULL;
    const X509_NAME *subject = X509_get_subject_name(peer);
    int at = -1;
    for (int next; (next = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;)
        at = next;
    if (at < 0)
        return NULL;
    const int len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (len > 0 && !memchr(text, '\0', (size_t)len))
        name = strndup((const char *)text, (size_t)len);
    OPENSSL_free(text);
    return name;
}

void tls_error_text(SSL *ssl, char *to, size_t size)
{
    const unsigned long last = ERR_peek_last_error();
    const char *reason = last ? ERR_reason_error_string(last) : NULL;
    const long verified = ssl ? SSL_get_verify_result(ssl) : X509_V_OK;

    if (!reason)
        reason = "the connection broke";
    if (verified != X509_V_OK)
        (void)snprintf(to, size, "%s: %s", reason, X509_verify_cert_error_string(verified));
    else
        (void)snprintf(to, size, "%s", reason);
    ERR_clear_error();
}

/* ---- a context ---- */

struct tls_context {
    SSL_CTX *ssl;
    enum tls_side side;
    bool verifies_host;
    int64_t expires_s;
    unsigned references;
};

static int64_t expiry_of(SSL_CTX *ctx)
{
    const X509 *leaf = SSL_CTX_get0_certificate(ctx);
    struct tm at;

    if (!leaf || ASN1_TIME_to_tm(X509_get0_notAfter(leaf), &at) != 1)
        return 0;
    return (int64_t)timegm(&at);
}

enum err tls_context_new(struct tls_context **out, const struct tls_settings *s, char *message, size_t message_size)
{
    struct tls_context *c = calloc(1, sizeof *c);

    if (!c)
        return no_memory(message, message_size);
    c->references = 1;
    c->side = s->side;
    c->verifies_host = s->side == TLS_CLIENT && s->verify_host && !s->allow_insecure;
    c->ssl = SSL_CTX_new(s->side == TLS_SERVER ? TLS_server_method() : TLS_client_method());
    enum err err = c->ssl ? tls_configure(c->ssl, s, message, message_size) : no_memory(message, message_size);
    if (err != OK) {
        tls_context_unref(c);
        return err;
    }
    c->expires_s = expiry_of(c->ssl);
    *out = c;
    return OK;
}

struct tls_context *tls_context_ref(struct tls_context *c)
{
    c->references++;
    return c;
}

void tls_context_unref(struct tls_context *c)
{
    if (!c || --c->references > 0)
        return;
    SSL_CTX_free(c->ssl);
    free(c);
}

enum tls_side tls_context_side(const struct tls_context *c)
{
    return c->side;
}

int64_t tls_context_expires_s(const struct tls_context *c)
{
    return c->expires_s;
}

SSL_CTX *tls_context_ssl(const struct tls_context *c)
{
    return c->ssl;
}

bool tls_context_verifies_host(const struct tls_context *c)
{
    return c->verifies_host;
}

/* ---- has anybody changed the files? ---- */

static void digest_file(EVP_MD_CTX *sum, const char *path)
{
    char unused[512];
    bool others_read;
    struct bytes all;
    enum err err =
        text_given(path) ? tls_file_read(path, "", &all, &others_read, unused, sizeof unused) : ERR_NOT_FOUND;
    const uint64_t head[2] = {(uint64_t)err, err == OK ? all.len : 0};

    EVP_DigestUpdate(sum, head, sizeof head);
    if (err != OK)
        return;
    EVP_DigestUpdate(sum, all.data, all.len);
    tls_file_free(all);
}

void tls_settings_digest(const struct tls_settings *s, uint8_t digest[TLS_DIGEST_BYTES])
{
    EVP_MD_CTX *sum = EVP_MD_CTX_new();

    memset(digest, 0, TLS_DIGEST_BYTES);
    if (sum && EVP_DigestInit_ex(sum, EVP_sha256(), NULL) == 1) {
        digest_file(sum, s->certificate_file);
        digest_file(sum, s->key_file);
        digest_file(sum, s->trust_file);
        EVP_DigestFinal_ex(sum, digest, NULL);
    }
    EVP_MD_CTX_free(sum);
}
