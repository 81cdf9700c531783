/* SPDX-License-Identifier: Apache-2.0
 *
 * htpasswd.c - see htpasswd.h.
 *
 * The text is copied, and entries point into the copy, sorted by name.  Somebody whose name is not there is verified
 * against an entry that their name chooses: the same one each time, so that neither one answer's time nor many tell
 * that the name is unknown.
 */
#include "security/htpasswd.h"

#include "base/base64.h"
#include "base/checksum.h"

#include <assert.h>
#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#define BCRYPT_COST_MAX   14      /* about a second */
#define SHA_ROUNDS_MAX    1000000 /* likewise */
#define APR1_SALT_MAX     8
#define APR1_DIGEST_CHARS 22
#define APR1_TEXT_MAX     (6 + APR1_SALT_MAX + 1 + APR1_DIGEST_CHARS + 1)

static const char digits[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

enum kind { KIND_APR1, KIND_SHA, KIND_CRYPT };

struct entry {
    const char *name, *hash; /* in the text */
    size_t at;               /* of the line, for those that are there twice */
    enum kind kind;
};

struct htpasswd {
    struct entry *entries; /* sorted by name */
    size_t count;
    char *text; /* with NULs for colons and ends of lines */
    size_t text_size;
};

void htpasswd_free(struct htpasswd *h)
{
    if (!h)
        return;
    if (h->text)
        OPENSSL_cleanse(h->text, h->text_size);
    free(h->text);
    free(h->entries);
    free(h);
}

size_t htpasswd_count(const struct htpasswd *h)
{
    return h->count;
}

/* ---- what a line may say ---- */

static bool all_digits64(const char *text, size_t len)
{
    return strspn(text, digits) >= len;
}

/* "$apr1$SALT$DIGEST"; *salt_len is that of SALT. */
static bool apr1_holds(const char *hash, size_t *salt_len)
{
    const char *salt = hash + 6, *end = strchr(salt, '$');

    if (!end || end == salt || end - salt > APR1_SALT_MAX)
        return false;
    *salt_len = (size_t)(end - salt);
    return strlen(end + 1) == APR1_DIGEST_CHARS && all_digits64(end + 1, APR1_DIGEST_CHARS);
}

static bool sha_holds(const char *hash)
{
    uint8_t digest[20];
    size_t len;

    return base64_decode(bytes_of_text(hash + 5), digest, sizeof digest, &len) == OK && len == sizeof digest;
}

/* "$2y$10$" and 53 digits. */
static bool bcrypt_holds(const char *hash)
{
    const size_t head = 7;

    if (strlen(hash) != head + 53 || !strchr("aby", hash[2]) || hash[3] != '$' || hash[6] != '$')
        return false;
    if (hash[4] < '0' || hash[4] > '1' || hash[5] < '0' || hash[5] > '9')
        return false;
    const int cost = (hash[4] - '0') * 10 + (hash[5] - '0');
    return cost >= 4 && cost <= BCRYPT_COST_MAX && all_digits64(hash + head, 53);
}

/* "$5$" or "$6$", perhaps "rounds=N$", SALT, "$", DIGEST. */
static bool sha_crypt_holds(const char *hash)
{
    static const char rounds[] = "rounds=";
    const char *at = hash + 3;

    if (strncmp(at, rounds, sizeof rounds - 1) == 0) {
        char *end;
        const unsigned long n = strtoul(at + sizeof rounds - 1, &end, 10);
        if (*end != '$' || n > SHA_ROUNDS_MAX || at[sizeof rounds - 1] < '1')
            return false;
        at = end + 1;
    }
    const char *end = strchr(at, '$');
    const size_t chars = hash[1] == '5' ? 43 : 86;
    return end && end - at <= 16 && strlen(end + 1) == chars && all_digits64(end + 1, chars);
}

/* False: none that is known, or one that takes too long. */
static bool kind_find(const char *hash, enum kind *out)
{
    size_t salt;

    *out = KIND_CRYPT;
    if (strncmp(hash, "$apr1$", 6) == 0) {
        *out = KIND_APR1;
        return apr1_holds(hash, &salt);
    }
    if (strncmp(hash, "{SHA}", 5) == 0) {
        *out = KIND_SHA;
        return sha_holds(hash);
    }
    if (strncmp(hash, "$2", 2) == 0)
        return bcrypt_holds(hash);
    if (strncmp(hash, "$5$", 3) == 0 || strncmp(hash, "$6$", 3) == 0)
        return sha_crypt_holds(hash);
    return strlen(hash) == 13 && all_digits64(hash, 13);
}

/* ---- reading the file ---- */

static int entry_compare(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    const int order = strcmp(x->name, y->name);

    if (order != 0)
        return order;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* Of those with one name the last. */
static void duplicates_drop(struct htpasswd *h)
{
    size_t kept = 0;

    for (size_t i = 0; i < h->count; i++) {
        if (i + 1 == h->count || strcmp(h->entries[i].name, h->entries[i + 1].name) != 0)
            h->entries[kept++] = h->entries[i];
    }
    h->count = kept;
}

/* NULL: it is an entry. */
static const char *line_parse(char *line, struct entry *out)
{
    char *colon = strchr(line, ':');

    if (!colon)
        return "has no colon";
    if (colon == line || (size_t)(colon - line) > HTPASSWD_NAME_MAX)
        return "has no name, or one that is too long";
    *colon = '\0';
    out->name = line;
    out->hash = colon + 1;
    return kind_find(out->hash, &out->kind) ? NULL
                                            : "has a password that is not hashed in a way that is known, or one "
                                              "that takes too long";
}

static size_t line_len(const char *at)
{
    return strcspn(at, "\n");
}

/* The spaces around it go. */
static char *line_trim(char *line, size_t len)
{
    while (len > 0 && strchr(" \t\r", line[len - 1]))
        len--;
    line[len] = '\0';
    return line + strspn(line, " \t");
}

static size_t lines_count(const char *text)
{
    size_t lines = 1;

    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

static enum err lines_parse(struct htpasswd *h, char *message, size_t message_size)
{
    size_t number = 0;

    for (char *at = h->text, *end = at + strlen(at); at < end;) {
        const size_t len = line_len(at);
        char *line = line_trim(at, len);
        const char *why = NULL;
        number++;
        at += len + 1;
        if (*line == '\0' || *line == '#')
            continue;
        if ((why = line_parse(line, &h->entries[h->count])) != NULL) {
            (void)snprintf(message, message_size, "line %zu %s", number, why);
            return ERR_INVALID;
        }
        h->entries[h->count++].at = number;
    }
    return OK;
}

enum err htpasswd_parse(struct htpasswd **out, struct bytes text, char *message, size_t message_size)
{
    if (text.len > HTPASSWD_FILE_MAX || (text.len > 0 && memchr(text.data, 0, text.len))) {
        (void)snprintf(message, message_size, "it is larger than %u bytes, or no text", HTPASSWD_FILE_MAX);
        return ERR_INVALID;
    }
    struct htpasswd *h = calloc(1, sizeof *h);
    if (!h)
        return ERR_NOMEM;
    h->text_size = text.len + 1;
    h->text = calloc(1, h->text_size);
    if (h->text && text.len > 0)
        memcpy(h->text, text.data, text.len);
    h->entries = h->text ? calloc(lines_count(h->text), sizeof *h->entries) : NULL;
    (void)snprintf(message, message_size, "there is no memory for it");
    enum err err = h->entries ? lines_parse(h, message, message_size) : ERR_NOMEM;
    if (err != OK) {
        htpasswd_free(h);
        return err;
    }
    qsort(h->entries, h->count, sizeof *h->entries, entry_compare);
    duplicates_drop(h);
    *out = h;
    return OK;
}

/* ---- MD5 as Apache's portable runtime does it ---- */

static bool feed(EVP_MD_CTX *ctx, const void *data, size_t len)
{
    return EVP_DigestUpdate(ctx, data, len) == 1;
}

/* The first digest: the password, the salt, and a digest of both, in a certain mixture. */
static bool apr1_begin(EVP_MD_CTX *ctx, const EVP_MD *md5, struct bytes password, struct bytes salt, uint8_t digest[16])
{
    bool ok = EVP_DigestInit_ex(ctx, md5, NULL) == 1 && feed(ctx, password.data, password.len) &&
              feed(ctx, salt.data, salt.len) && feed(ctx, password.data, password.len) &&
              EVP_DigestFinal_ex(ctx, digest, NULL) == 1;

    ok = ok && EVP_DigestInit_ex(ctx, md5, NULL) == 1 && feed(ctx, password.data, password.len) &&
         feed(ctx, "$apr1$", 6) && feed(ctx, salt.data, salt.len);
    for (size_t left = password.len; ok && left > 0; left -= left < 16 ? left : 16)
        ok = feed(ctx, digest, left < 16 ? left : 16);
    for (size_t bits = password.len; ok && bits > 0; bits >>= 1)
        ok = bits & 1 ? feed(ctx, "", 1) : feed(ctx, password.data, 1);
    return ok && EVP_DigestFinal_ex(ctx, digest, NULL) == 1;
}

static bool apr1_round(EVP_MD_CTX *ctx, const EVP_MD *md5, unsigned round, struct bytes password, struct bytes salt,
                       uint8_t digest[16])
{
    const struct bytes last = bytes_of(digest, 16);
    const struct bytes parts[4] = {round & 1 ? password : last, round % 3 ? salt : bytes_of("", 0),
                                   round % 7 ? password : bytes_of("", 0), round & 1 ? last : password};
    bool ok = EVP_DigestInit_ex(ctx, md5, NULL) == 1;

    for (size_t i = 0; i < 4 && ok; i++)
        ok = feed(ctx, parts[i].data, parts[i].len);
    return ok && EVP_DigestFinal_ex(ctx, digest, NULL) == 1;
}

static char *digits_put(char *to, unsigned value, unsigned count)
{
    for (; count > 0; count--, value >>= 6)
        *to++ = digits[value & 0x3f];
    return to;
}

/* The whole text that the password gives with the salt of `hash`; false: libcrypto cannot (no MD5), or no memory. */
static bool apr1_hash(const char *hash, size_t salt_len, struct bytes password, char out[APR1_TEXT_MAX])
{
    const struct bytes salt = bytes_of(hash + 6, salt_len);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const EVP_MD *md5 = EVP_md5();
    uint8_t d[16];
    bool ok = ctx && apr1_begin(ctx, md5, password, salt, d);

    for (unsigned round = 0; round < 1000 && ok; round++)
        ok = apr1_round(ctx, md5, round, password, salt, d);
    EVP_MD_CTX_free(ctx); /* wipes itself */
    if (!ok)
        return false;
    char *at = out + snprintf(out, APR1_TEXT_MAX, "$apr1$%.*s$", (int)salt_len, hash + 6);
    for (unsigned i = 0; i < 5; i++)
        at = digits_put(at, (unsigned)d[i] << 16 | (unsigned)d[i + 6] << 8 | d[i == 4 ? 5 : i + 12], 4);
    *digits_put(at, d[11], 2) = '\0';
    OPENSSL_cleanse(d, sizeof d);
    return true;
}

/* ---- verifying ---- */

/* Texts of equal length, the one that is known. */
static bool same(const char *known, const char *made)
{
    const size_t len = strlen(known);
    return strlen(made) == len && CRYPTO_memcmp(known, made, len) == 0;
}

static enum err apr1_verify(const char *hash, struct bytes password, bool *holds)
{
    char made[APR1_TEXT_MAX];
    size_t salt_len;

    if (!apr1_holds(hash, &salt_len) || !apr1_hash(hash, salt_len, password, made))
        return ERR_NOMEM;
    *holds = same(hash, made);
    OPENSSL_cleanse(made, sizeof made);
    return OK;
}

static enum err sha_verify(const char *hash, struct bytes password, bool *holds)
{
    uint8_t known[20], made[EVP_MAX_MD_SIZE];
    size_t len;

    if (base64_decode(bytes_of_text(hash + 5), known, sizeof known, &len) != OK ||
        EVP_Digest(password.data, password.len, made, NULL, EVP_sha1(), NULL) != 1)
        return ERR_NOMEM;
    *holds = CRYPTO_memcmp(known, made, sizeof known) == 0;
    OPENSSL_cleanse(made, sizeof made);
    return OK;
}

static enum err crypt_verify(const char *hash, struct bytes password, bool *holds)
{
    struct crypt_data *data = calloc(1, sizeof *data); /* 32 KiB */
    char text[HTPASSWD_PASSWORD_MAX + 1];

    if (!data)
        return ERR_NOMEM;
    memcpy(text, password.data, password.len);
    text[password.len] = '\0';
    const char *made = crypt_rn(text, hash, data, sizeof *data);
    *holds = made && same(hash, made);
    OPENSSL_cleanse(text, sizeof text);
    OPENSSL_cleanse(data, sizeof *data);
    free(data);
    return OK;
}

static enum err entry_verify(const struct entry *e, struct bytes password, bool *holds)
{
    switch (e->kind) {
    case KIND_APR1:
        return apr1_verify(e->hash, password, holds);
    case KIND_SHA:
        return sha_verify(e->hash, password, holds);
    case KIND_CRYPT:
        break;
    }
    return crypt_verify(e->hash, password, holds);
}

/* The entry of the name, or NULL. */
static const struct entry *entry_find(const struct htpasswd *h, struct bytes name)
{
    size_t low = 0, high = h->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = bytes_compare(bytes_of_text(h->entries[middle].name), name);
        if (order == 0)
            return &h->entries[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

enum err htpasswd_verify(const struct htpasswd *h, struct bytes name, struct bytes password)
{
    bool holds = false;

    if (name.len == 0 || password.len == 0 || password.len > HTPASSWD_PASSWORD_MAX ||
        memchr(password.data, 0, password.len) || h->count == 0)
        return ERR_DENIED;
    const struct entry *e = entry_find(h, name);
    const struct entry *at = e ? e : &h->entries[crc32c(0, name) % h->count];
    enum err err = entry_verify(at, password, &holds);
    if (err != OK)
        return err;
    return e && holds ? OK : ERR_DENIED;
}
