/* SPDX-License-Identifier: Apache-2.0
 *
 * data_dir.c - opening in order, with a sentence for each way that it may fail.
 */
#include "services/notary/data_dir.h"

#include "services/notary/documents/checkpoint.h"
#include "services/notary/documents/receipt.h"
#include "services/notary/files.h"
#include "services/notary/key_file.h"
#include "sys/disk.h"
#include "sys/loop.h"
#include "sys/uv_sys.h"
#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LOCK_PATH     "notary.lock"
#define LOG_KEY_MAX   (64u << 10)
#define REGISTRY_PATH "registry.db"
#define OLD_LOG_PATH  "transparency.log" /* where logs were before there was a journal */

struct data_dir {
    const struct notary_own_settings *settings;
    const char *path;
    struct log *log;
    struct uv_sys *sys;
    struct key_file *key;
    struct registry *registry;
};

struct sys *data_dir_sys(struct data_dir *d)
{
    return uv_sys_get(d->sys);
}

struct signer *data_dir_log_key(struct data_dir *d)
{
    return key_file_signer(d->key);
}

struct registry *data_dir_registry(struct data_dir *d)
{
    return d->registry;
}

static bool is_there(struct data_dir *d, const char *name)
{
    struct file *file;

    if (disk_open(data_dir_sys(d)->disk, name, DISK_READ, &file) != OK)
        return false;
    file_close(file);
    return true;
}

static enum err lock(struct data_dir *d, char *message, size_t size)
{
    char holder[64], other[64] = "";
    struct disk *disk;
    enum err err = uv_sys_new(&d->sys, d->path);

    if (err != OK) {
        snprintf(message, size, "cannot use the data directory %s: %s", d->path, err_text(err));
        return err;
    }
    disk = data_dir_sys(d)->disk;
    snprintf(holder, sizeof holder, "geminga notary, process %d", (int)getpid());
    err = disk->ops->lock(disk, LOCK_PATH, holder, other, sizeof other);
    if (err == ERR_BUSY)
        snprintf(message, size, "the data directory %s is in use by %s", d->path, other);
    else if (err != OK)
        snprintf(message, size, "cannot lock the data directory %s: %s", d->path, err_text(err));
    return err;
}

/* A log of an earlier version has no journal: it is for people to decide how to go on. */
static enum err check_age(struct data_dir *d, char *message, size_t size)
{
    if (!is_there(d, OLD_LOG_PATH))
        return OK;
    snprintf(message, size,
             "%s has a " OLD_LOG_PATH
             " of an earlier version, whose log this one cannot go on with: keep it with its key "
             "for those who verify old receipts, and begin another log in another directory",
             d->path);
    return ERR_VERSION;
}

/* ---- the key ---- */

/* A log without its key could only be gone on with under another name: that is for people to decide. */
static enum err make_key(struct data_dir *d, char *message, size_t size)
{
    uint8_t seed[KEY_FILE_SEED_LEN];
    struct sys *sys = data_dir_sys(d);
    enum err err;

    if (is_there(d, REGISTRY_PATH)) {
        snprintf(message, size,
                 "%s has a transparency log and no " KEY_FILE_PRIVATE ": restore the key, or begin another log in "
                 "another directory",
                 d->path);
        return ERR_INVALID;
    }
    sys->loop->ops->entropy(sys->loop, seed, sizeof seed);
    err = key_file_create(&d->key, sys->disk, seed);
    OPENSSL_cleanse(seed, sizeof seed);
    if (err == OK)
        log_info(d->log, "notary",
                 "made a new Ed25519 key in %s/" KEY_FILE_PRIVATE "; other replicas need the same one", d->path);
    return err;
}

/* The key that all replicas have. */
static enum err adopt_key(struct data_dir *d, const char *path, char *message, size_t size)
{
    struct text pem;
    enum err err;

    text_init(&pem, LOG_KEY_MAX);
    if ((err = file_read_whole(path, &pem)) != OK)
        snprintf(message, size, "cannot read notary.log.key_file %s: %s", path,
                 err == ERR_IO ? strerror(errno) : err_text(err));
    else if ((err = key_file_adopt(&d->key, data_dir_sys(d)->disk, bytes_of(pem.data, pem.len))) == ERR_INVALID)
        snprintf(message, size, "notary.log.key_file %s is not an Ed25519 private key (PEM, PKCS #8)", path);
    if (pem.data)
        OPENSSL_cleanse(pem.data, pem.len);
    text_deinit(&pem);
    return err;
}

static enum err open_key(struct data_dir *d, char *message, size_t size)
{
    const char *path = d->settings->log_key_file;
    enum err err;

    message[0] = '\0';
    if (path && *path)
        return adopt_key(d, path, message, size);
    err = key_file_open(&d->key, data_dir_sys(d)->disk);
    if (err == ERR_NOT_FOUND)
        err = make_key(d, message, size);
    if (err == ERR_INVALID && !message[0])
        snprintf(message, size, "%s/" KEY_FILE_PRIVATE " is not an Ed25519 private key (PEM, PKCS #8)", d->path);
    else if (err != OK && !message[0])
        snprintf(message, size, "cannot use %s/" KEY_FILE_PRIVATE ": %s", d->path, err_text(err));
    return err;
}

/* ---- the registry ---- */

static void tell_size(struct data_dir *d, uint64_t begin_ns)
{
    struct digest root = registry_log_root(d->registry);
    char hex[DIGEST_HEX_SIZE];

    digest_hex(&root, hex);
    log_info(d->log, "notary",
             "the registry has the journal up to document %" PRIu64 "; the transparency log has %" PRIu64
             " entries, root %s, checked in %" PRIu64 " ms",
             registry_place(d->registry).sequence, registry_log_size(d->registry), hex,
             (uint64_t)((loop_now_ns(data_dir_sys(d)->loop) - begin_ns) / NS_PER_MS));
}

static enum err open_registry(struct data_dir *d, char *message, size_t size)
{
    const struct public_key *key = signer_key(data_dir_log_key(d));
    uint64_t begin_ns = loop_now_ns(data_dir_sys(d)->loop);
    struct registry_options options = {.directory = d->path, .key = key, .log = d->log};
    struct text origin;
    char why[600] = "";
    enum err err;

    text_init(&origin, CHECKPOINT_ORIGIN_MAX);
    receipt_origin(d->settings->log_url, &key->log_id, &origin);
    options.origin = origin.data;
    err = text_failed(&origin) ? ERR_NOMEM : registry_open(&d->registry, &options, why, sizeof why);
    text_deinit(&origin);
    if (err == OK)
        tell_size(d, begin_ns);
    else
        snprintf(message, size, "%s/%s", d->path, why[0] ? why : err_text(err));
    return err;
}

/* ---- all of it ---- */

enum err data_dir_open(struct data_dir **out, const struct notary_own_settings *settings, struct log *log,
                       char *message, size_t message_size)
{
    struct data_dir *d = calloc(1, sizeof *d);
    enum err err;

    if (!d) {
        snprintf(message, message_size, "cannot start the notary: %s", err_text(ERR_NOMEM));
        return ERR_NOMEM;
    }
    d->settings = settings;
    d->path = settings->data_dir;
    d->log = log;
    if ((err = lock(d, message, message_size)) != OK || (err = check_age(d, message, message_size)) != OK ||
        (err = open_key(d, message, message_size)) != OK || (err = open_registry(d, message, message_size)) != OK) {
        data_dir_close(d);
        return err;
    }
    *out = d;
    return OK;
}

void data_dir_close(struct data_dir *d)
{
    if (!d)
        return;
    registry_close(d->registry);
    key_file_close(d->key);
    if (d->sys)
        uv_sys_free(d->sys);
    free(d);
}
