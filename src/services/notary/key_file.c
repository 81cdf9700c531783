/* SPDX-License-Identifier: Apache-2.0
 *
 * key_file.c - the file is written under another name, synced and renamed, so that it is whole or absent.
 *
 * Bytes that held the private key are cleansed before their memory goes back.
 */
#include "services/notary/key_file.h"

#include "base/list.h"
#include "services/notary/documents/pem.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#define PEM_MAX 1024

/* PrivateKeyInfo, version 0, algorithm 1.3.101.112, OCTET STRING of an OCTET STRING of 32 bytes. */
static const uint8_t pkcs8_prefix[] = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                                       0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};
#define PKCS8_LEN (sizeof pkcs8_prefix + KEY_FILE_SEED_LEN)

static const char pem_label[] = "PRIVATE KEY";

struct key_file {
    struct signer signer;
    EVP_PKEY *private_key;
    struct public_key public_key;
};

static const struct public_key *key_of(struct signer *signer)
{
    return &container_of(signer, struct key_file, signer)->public_key;
}

static enum err sign(struct signer *signer, struct bytes message, struct signed_by *out, int64_t timeout_ms, char *why,
                     size_t why_size)
{
    struct key_file *k = container_of(signer, struct key_file, signer);

    if (signature_make(&out->signature, k->private_key, &k->public_key, message) != OK)
        return err_because(ERR_NOMEM, why, why_size, "the key in " KEY_FILE_PRIVATE " cannot sign: out of memory");
    out->key = k->public_key;
    return OK;
}

static enum err check(struct signer *signer, char *why, size_t why_size)
{
    char log_id[DIGEST_HEX_SIZE];

    digest_hex(&key_of(signer)->log_id, log_id);
    snprintf(why, why_size, "signs with the log's own key, Ed25519, %.16s...", log_id);
    return OK;
}

static void nothing_to_close(struct signer *signer)
{
}

static const struct signer_ops ops = {
    .name = "file", .instant = true, .sign = sign, .check = check, .key = key_of, .close = nothing_to_close};

static enum err key_file_new(struct key_file **out, const uint8_t seed[KEY_FILE_SEED_LEN])
{
    struct key_file *k = calloc(1, sizeof *k);
    uint8_t raw[PUBLIC_KEY_RAW_LEN];
    size_t len = sizeof raw;

    if (!k)
        return ERR_NOMEM;
    k->signer.ops = &ops;
    k->private_key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, KEY_FILE_SEED_LEN);
    if (!k->private_key || EVP_PKEY_get_raw_public_key(k->private_key, raw, &len) != 1) {
        key_file_close(k);
        return ERR_NOMEM;
    }
    public_key_from_raw(&k->public_key, raw);
    *out = k;
    return OK;
}

/* Whole small files. */
static enum err read_file(struct disk *disk, const char *path, char *to, size_t size, size_t *len)
{
    struct file *file;
    enum err err = disk_open(disk, path, DISK_READ, &file);

    if (err != OK)
        return err;
    err = file_read(file, 0, to, size, len);
    file_close(file);
    return err;
}

static enum err write_file(struct disk *disk, const char *path, unsigned flags, struct bytes content)
{
    struct file *file;
    enum err err;

    if ((err = disk_open(disk, path, DISK_WRITE | DISK_CREATE | flags, &file)) != OK)
        return err;
    if ((err = file_truncate(file, 0)) == OK && (err = file_write(file, 0, &content, 1)) == OK)
        err = file_sync(file);
    file_close(file);
    return err;
}

/* Written aside, then put in its place: at any moment the file is the old one, the new one, or absent. */
static enum err replace_file(struct disk *disk, const char *path, const char *aside, unsigned flags,
                             struct bytes content)
{
    enum err err = disk->ops->unlink(disk, aside); /* of an earlier start that did not get far */

    if (err != OK && err != ERR_NOT_FOUND)
        return err;
    if ((err = write_file(disk, aside, flags | DISK_EXCLUSIVE, content)) != OK)
        return err;
    if ((err = disk->ops->rename(disk, aside, path)) != OK)
        return err;
    return disk->ops->sync_dir(disk, ".");
}

/* Derived from the private key, so it is made again whenever it is missing. */
static enum err write_public(struct disk *disk, const struct public_key *key)
{
    struct text pem;
    struct file *file;
    enum err err = disk_open(disk, KEY_FILE_PUBLIC, DISK_READ, &file);

    if (err == OK) {
        file_close(file);
        return OK;
    }
    text_init(&pem, PEM_MAX);
    public_key_to_pem(key, &pem);
    err = text_failed(&pem)
              ? ERR_NOMEM
              : replace_file(disk, KEY_FILE_PUBLIC, KEY_FILE_PUBLIC ".new", 0, bytes_of(pem.data, pem.len));
    text_deinit(&pem);
    return err;
}

static enum err open_with_seed(struct key_file **out, struct disk *disk, const uint8_t seed[KEY_FILE_SEED_LEN])
{
    struct key_file *k = NULL;
    enum err err;

    if ((err = key_file_new(&k, seed)) != OK)
        return err;
    if ((err = write_public(disk, &k->public_key)) != OK) {
        key_file_close(k);
        return err;
    }
    *out = k;
    return OK;
}

enum err key_file_adopt(struct key_file **out, struct disk *disk, struct bytes pem)
{
    uint8_t der[PEM_MAX];
    size_t len;
    enum err err = pem_decode(pem_label, pem, der, sizeof der, &len);

    if (err != OK || len != PKCS8_LEN || memcmp(der, pkcs8_prefix, sizeof pkcs8_prefix) != 0)
        err = ERR_INVALID;
    else
        err = open_with_seed(out, disk, der + sizeof pkcs8_prefix);
    OPENSSL_cleanse(der, sizeof der);
    return err;
}

enum err key_file_open(struct key_file **out, struct disk *disk)
{
    char pem[PEM_MAX];
    size_t len;
    enum err err = read_file(disk, KEY_FILE_PRIVATE, pem, sizeof pem, &len);

    if (err == OK)
        err = key_file_adopt(out, disk, bytes_of(pem, len));
    OPENSSL_cleanse(pem, sizeof pem);
    return err;
}

enum err key_file_create(struct key_file **out, struct disk *disk, const uint8_t seed[KEY_FILE_SEED_LEN])
{
    uint8_t der[PKCS8_LEN];
    struct text pem;
    struct file *file;
    enum err err = disk_open(disk, KEY_FILE_PRIVATE, DISK_READ, &file);

    if (err == OK) {
        file_close(file);
        return ERR_EXISTS;
    }
    if (err != ERR_NOT_FOUND)
        return err;
    memcpy(der, pkcs8_prefix, sizeof pkcs8_prefix);
    memcpy(der + sizeof pkcs8_prefix, seed, KEY_FILE_SEED_LEN);
    text_init(&pem, PEM_MAX);
    pem_encode(pem_label, bytes_of(der, sizeof der), &pem);
    err = text_failed(&pem) ? ERR_NOMEM
                            : replace_file(disk, KEY_FILE_PRIVATE, KEY_FILE_PRIVATE ".new", DISK_PRIVATE,
                                           bytes_of(pem.data, pem.len));
    OPENSSL_cleanse(der, sizeof der);
    if (pem.data)
        OPENSSL_cleanse(pem.data, pem.len);
    text_deinit(&pem);
    return err == OK ? open_with_seed(out, disk, seed) : err;
}

struct signer *key_file_signer(struct key_file *k)
{
    return &k->signer;
}

void key_file_close(struct key_file *k)
{
    if (!k)
        return;
    EVP_PKEY_free(k->private_key);
    free(k);
}
