/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_pem.c - see tls_pem.h.
 */
#include "security/tls_pem.h"

#include <assert.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- files ---- */

static enum err file_err(int number)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
        return ERR_DENIED;
    default:
        return ERR_IO;
    }
}

/* `file` is open.  One byte more is asked for than may be there: a file may grow while it is read. */
static enum err file_take(FILE *file, size_t size, struct bytes *out)
{
    uint8_t *data = malloc(size + 1);

    if (!data)
        return ERR_NOMEM;
    const size_t got = fread(data, 1, size + 1, file);
    if (ferror(file) || got > size) {
        tls_file_free(bytes_of(data, got));
        return ferror(file) ? ERR_IO : ERR_AGAIN;
    }
    *out = bytes_of(data, got);
    return OK;
}

enum err tls_file_read(const char *path, const char *what, struct bytes *out, bool *others_read, char *message,
                       size_t message_size)
{
    struct stat about;
    enum err err = OK;
    FILE *file = fopen(path, "rbe");

    if (!file || fstat(fileno(file), &about) != 0) {
        err = file_err(errno);
        (void)snprintf(message, message_size, "%s: cannot open %s: %s", path, what, strerror(errno));
    } else if (!S_ISREG(about.st_mode) || about.st_size > TLS_FILE_MAX) {
        err = ERR_INVALID;
        (void)snprintf(message, message_size, "%s: %s: not a file, or one of more than %u KiB", path, what, TLS_FILE_MAX / 1024);
    } else if ((err = file_take(file, (size_t)about.st_size, out)) != OK) {
        (void)snprintf(message, message_size, "%s: cannot read %s: %s", path, what, err_text(err));
    } else {
        *others_read = (about.st_mode & S_IROTH) != 0;
    }
    if (file)
        (void)fclose(file);
    return err;
}

void tls_file_free(struct bytes bytes)
{
    OPENSSL_cleanse((uint8_t *)(uintptr_t)bytes.data, bytes.len);
    free((uint8_t *)(uintptr_t)bytes.data);
}

/* ---- PEM ---- */

struct secret {
    bool asked; /* for a password: the key is encrypted */
};

static int password(char *to, int size, int writing, void *ctx)
{
    struct secret *s = ctx;

    (void)to, (void)size, (void)writing;
    if (s)
        s->asked = true;
    return -1;
}

/* What was left in the queue when a file ended: nothing is wrong with that. */
static bool at_the_end(void)
{
    const unsigned long last = ERR_peek_last_error();

    return ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
}

/* All certificates in `pem`. */
static enum err certificates_decode(struct bytes pem, STACK_OF(X509) * *out)
{
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    STACK_OF(X509) *all = sk_X509_new_null();
    enum err err = bio && all ? OK : ERR_NOMEM;

    ERR_clear_error();
    while (err == OK) {
        X509 *one = PEM_read_bio_X509_AUX(bio, NULL, password, NULL);
        if (!one) {
            err = at_the_end() && sk_X509_num(all) > 0 ? OK : ERR_INVALID;
            break;
        }
        if (sk_X509_push(all, one) == 0) {
            X509_free(one);
            err = ERR_NOMEM;
        }
    }
    ERR_clear_error();
    BIO_free(bio);
    if (err != OK) {
        sk_X509_pop_free(all, X509_free);
        return err;
    }
    *out = all;
    return OK;
}

static enum err certificates_read(const char *path, const char *what, STACK_OF(X509) * *out, char *message,
                                  size_t message_size)
{
    struct bytes pem;
    bool others_read;
    enum err err = tls_file_read(path, what, &pem, &others_read, message, message_size);

    if (err != OK)
        return err;
    err = certificates_decode(pem, out);
    tls_file_free(pem);
    if (err == ERR_INVALID)
        (void)snprintf(message, message_size, "%s: %s: not certificates in PEM", path, what);
    else if (err != OK)
        (void)snprintf(message, message_size, "%s", err_text(err));
    return err;
}

enum err tls_trust_read(const char *path, STACK_OF(X509) * *out, char *message, size_t message_size)
{
    return certificates_read(path, "the trusted certificates", out, message, message_size);
}

enum err tls_chain_read(const char *path, X509 **leaf, STACK_OF(X509) * *rest, char *message, size_t message_size)
{
    enum err err = certificates_read(path, "the certificate", rest, message, message_size);

    if (err == OK)
        *leaf = sk_X509_shift(*rest);
    return err;
}

enum err tls_key_read(const char *path, EVP_PKEY **out, char *message, size_t message_size)
{
    struct secret secret = {.asked = false};
    bool others_read = false;
    struct bytes pem;
    enum err err = tls_file_read(path, "the key", &pem, &others_read, message, message_size);

    if (err != OK)
        return err;
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, password, &secret) : NULL;
    BIO_free(bio);
    tls_file_free(pem);
    ERR_clear_error();
    message[0] = '\0';
    if (key) {
        *out = key;
        if (others_read)
            (void)snprintf(message, message_size, "%s: the key can be read by everybody on this machine: chmod 600",
                           path);
        return OK;
    }
    if (secret.asked)
        (void)snprintf(message, message_size,
                       "%s: the key is encrypted: it must be without a password (openssl pkey -in FILE -out FILE)",
                       path);
    else
        (void)snprintf(message, message_size, "%s: not a private key in PEM", path);
    return ERR_INVALID;
}
