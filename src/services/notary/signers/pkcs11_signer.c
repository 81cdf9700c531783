/* SPDX-License-Identifier: Apache-2.0
 *
 * pkcs11_signer.c - signatures by a key in a PKCS #11 token: an HSM, a smart card, SoftHSM.
 *
 * The module is a shared object of the token's maker, loaded at the first use and never unloaded (some do not survive
 * that).  A session does one operation at a time, so there is a pool of them; logging in counts for all.  When the
 * token says that a session, the login or the key's handle is gone (pulled out, restarted, another program's doing),
 * everything is opened again, once for each signature.  A PIN that was refused is not shown again before it changes: a
 * token locks itself after a few wrong ones.
 *
 * A module may hang; there is no way to call it with a deadline.  It holds up its own lane only.
 *
 * Mechanisms: CKM_EDDSA over the message; CKM_ECDSA over its SHA-256, whose two numbers become DER here.
 */
#include "services/notary/signers/signers.h"

#include "base/list.h"
#include "base/secret.h"
#include "base/text.h"
#include "services/runtime/secret_source.h"
#include "sys/deadline.h"
#include <assert.h>
#include <dlfcn.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SESSIONS_MAX 64
#define SLOTS_MAX    64
#define RAW_LEN      64 /* of a signature of either kind, as tokens give it */
#define POINT_MAX    128

struct pkcs11_signer {
    struct signer signer;
    const struct signer_settings *s;
    CK_FUNCTION_LIST *f; /* NULL: the module is not loaded yet */

    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t freed;
    bool open; /* logged in, the key found */
    unsigned generation;
    CK_SLOT_ID slot;
    CK_OBJECT_HANDLE private_key;
    struct public_key public_key;
    CK_SESSION_HANDLE idle[SESSIONS_MAX];
    size_t idle_count, session_count;
    bool pin_refused;
    struct digest refused_pin;
};

/* ---- what the token's answers mean ---- */

static const struct {
    CK_RV rv;
    enum err err; /* ERR_CLOSED: to be opened again */
    const char *text;
} meanings[] = {
    {CKR_PIN_INCORRECT, ERR_DENIED, "the PIN is wrong"},
    {CKR_PIN_INVALID, ERR_DENIED, "the PIN is wrong"},
    {CKR_PIN_LEN_RANGE, ERR_DENIED, "the PIN is too short or too long"},
    {CKR_PIN_LOCKED, ERR_DENIED, "the PIN is locked"},
    {CKR_PIN_EXPIRED, ERR_DENIED, "the PIN has expired"},
    {CKR_USER_PIN_NOT_INITIALIZED, ERR_DENIED, "the token has no PIN yet"},
    {CKR_KEY_FUNCTION_NOT_PERMITTED, ERR_DENIED, "the key may not sign"},
    {CKR_MECHANISM_INVALID, ERR_UNSUPPORTED, "the token does not sign this way"},
    {CKR_KEY_TYPE_INCONSISTENT, ERR_UNSUPPORTED, "the key does not sign this way"},
    {CKR_HOST_MEMORY, ERR_AGAIN, "out of memory"},
    {CKR_DEVICE_MEMORY, ERR_AGAIN, "the token is out of memory"},
    {CKR_SESSION_COUNT, ERR_AGAIN, "the token has too many sessions"},
    {CKR_TOKEN_NOT_PRESENT, ERR_CLOSED, "the token is not there"},
    {CKR_TOKEN_NOT_RECOGNIZED, ERR_CLOSED, "the token is not recognized"},
    {CKR_DEVICE_REMOVED, ERR_CLOSED, "the token was removed"},
    {CKR_DEVICE_ERROR, ERR_CLOSED, "the token has a fault"},
    {CKR_SLOT_ID_INVALID, ERR_CLOSED, "the token's slot is gone"},
    {CKR_SESSION_CLOSED, ERR_CLOSED, "the session was closed"},
    {CKR_SESSION_HANDLE_INVALID, ERR_CLOSED, "the session is gone"},
    {CKR_OBJECT_HANDLE_INVALID, ERR_CLOSED, "the key's handle is gone"},
    {CKR_KEY_HANDLE_INVALID, ERR_CLOSED, "the key's handle is gone"},
    {CKR_USER_NOT_LOGGED_IN, ERR_CLOSED, "the login is gone"},
    {CKR_CRYPTOKI_NOT_INITIALIZED, ERR_CLOSED, "the module was shut down"},
    {CKR_GENERAL_ERROR, ERR_CLOSED, "the token cannot go on"},
    {CKR_FUNCTION_FAILED, ERR_CLOSED, "the token could not do it"},
};

static enum err meaning(CK_RV rv, const char *doing, char *why, size_t size)
{
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (meanings[i].rv == rv)
            return err_because(meanings[i].err, why, size, "PKCS #11, %s: %s", doing, meanings[i].text);
    return rv == CKR_OK ? OK : err_because(ERR_IO, why, size, "PKCS #11, %s: error 0x%lx", doing, rv);
}

/* ---- the module ---- */

static enum err load(struct pkcs11_signer *p, char *why, size_t size)
{
    CK_C_GetFunctionList get;
    void *module;

    if (p->f)
        return OK;
    if (!(module = dlopen(p->s->pkcs11_module, RTLD_NOW | RTLD_LOCAL)))
        return err_because(ERR_INVALID, why, size, "cannot load the PKCS #11 module: %s", dlerror());
    *(void **)&get = dlsym(module, "C_GetFunctionList");
    if (!get || get(&p->f) != CKR_OK || !p->f) {
        p->f = NULL;
        dlclose(module);
        return err_because(ERR_INVALID, why, size, "%s is no PKCS #11 module", p->s->pkcs11_module);
    }
    return OK;
}

static enum err initialize(struct pkcs11_signer *p, char *why, size_t size)
{
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
    CK_RV rv = p->f->C_Initialize(&args);

    return rv == CKR_CRYPTOKI_ALREADY_INITIALIZED ? OK : meaning(rv, "starting the module", why, size);
}

/* ---- the token ---- */

/* Labels are padded with spaces. */
static bool label_is(const CK_UTF8CHAR label[32], const char *wanted)
{
    size_t len = strlen(wanted);

    if (len > 32 || memcmp(label, wanted, len) != 0)
        return false;
    for (size_t i = len; i < 32; i++)
        if (label[i] != ' ')
            return false;
    return true;
}

static enum err find_slot(struct pkcs11_signer *p, char *why, size_t size)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;
    CK_TOKEN_INFO info;
    CK_RV rv = p->f->C_GetSlotList(CK_TRUE, slots, &count);

    if (rv != CKR_OK)
        return meaning(rv, "looking for tokens", why, size);
    for (CK_ULONG i = 0; i < count; i++) {
        if (p->f->C_GetTokenInfo(slots[i], &info) != CKR_OK || !label_is(info.label, p->s->pkcs11_token))
            continue;
        p->slot = slots[i];
        return OK;
    }
    return err_because(ERR_AGAIN, why, size, "there is no PKCS #11 token \"%.40s\" (of %lu)", p->s->pkcs11_token,
                       count);
}

static enum err session_new(struct pkcs11_signer *p, CK_SESSION_HANDLE *out, char *why, size_t size)
{
    return meaning(p->f->C_OpenSession(p->slot, CKF_SERIAL_SESSION, NULL, NULL, out), "opening a session", why, size);
}

/* Under the lock.  A PIN that was refused is not tried a second time. */
static enum err login(struct pkcs11_signer *p, CK_SESSION_HANDLE session, char *why, size_t size)
{
    char *pin;
    struct digest d;
    CK_RV rv;
    enum err err = secret_source_read(p->s->pkcs11_pin, "the PIN", &pin, why, size);

    if (err != OK)
        return err == ERR_NOT_FOUND ? ERR_DENIED : err;
    d = digest_of(bytes_of_text(pin));
    if (p->pin_refused && digest_equal(&d, &p->refused_pin)) {
        secret_free(pin);
        return err_because(ERR_DENIED, why, size, "PKCS #11: the token refused this PIN before; it is not tried again");
    }
    rv = p->f->C_Login(session, CKU_USER, (CK_UTF8CHAR *)pin, strlen(pin));
    secret_free(pin);
    err = rv == CKR_USER_ALREADY_LOGGED_IN ? OK : meaning(rv, "logging in", why, size);
    p->pin_refused = err == ERR_DENIED;
    p->refused_pin = d;
    return err;
}

/* ---- the key ---- */

/* Exactly one object of these attributes. */
static enum err find_one(struct pkcs11_signer *p, CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes, CK_ULONG count,
                         const char *what, CK_OBJECT_HANDLE *out, char *why, size_t size)
{
    CK_OBJECT_HANDLE found[2];
    CK_ULONG n = 0;
    CK_RV rv = p->f->C_FindObjectsInit(session, attributes, count);

    if (rv != CKR_OK)
        return meaning(rv, "looking for the key", why, size);
    rv = p->f->C_FindObjects(session, found, 2, &n);
    p->f->C_FindObjectsFinal(session);
    if (rv != CKR_OK)
        return meaning(rv, "looking for the key", why, size);
    if (n != 1)
        return err_because(ERR_INVALID, why, size, "the PKCS #11 token has %s %s key with the label \"%.60s\"",
                           n ? "more than one" : "no", what, p->s->pkcs11_key);
    *out = found[0];
    return OK;
}

static enum err find_key(struct pkcs11_signer *p, CK_SESSION_HANDLE session, CK_OBJECT_CLASS class, const char *what,
                         CK_OBJECT_HANDLE *out, char *why, size_t size)
{
    CK_ATTRIBUTE attributes[] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_LABEL, p->s->pkcs11_key, strlen(p->s->pkcs11_key)},
    };

    return find_one(p, session, attributes, 2, what, out, why, size);
}

/* A point as tokens write it: DER's OCTET STRING, as the standard has it, or what should be in one. */
static enum err read_point(const uint8_t *point, size_t len, struct public_key *out)
{
    if (len >= 2 && point[0] == 0x04 && point[1] == len - 2 && len != 1 + PUBLIC_KEY_POINT_LEN)
        point += 2, len -= 2;
    if (len == PUBLIC_KEY_RAW_LEN) {
        public_key_from_raw(out, point);
        return OK;
    }
    if (len == 1 + PUBLIC_KEY_POINT_LEN && point[0] == 0x04)
        return public_key_from_point(out, point + 1);
    return ERR_UNSUPPORTED;
}

static enum err read_public(struct pkcs11_signer *p, CK_SESSION_HANDLE session, char *why, size_t size)
{
    uint8_t point[POINT_MAX];
    CK_ATTRIBUTE attribute = {CKA_EC_POINT, point, sizeof point};
    CK_OBJECT_HANDLE object;
    CK_RV rv;
    enum err err = find_key(p, session, CKO_PUBLIC_KEY, "public", &object, why, size);

    if (err != OK)
        return err;
    rv = p->f->C_GetAttributeValue(session, object, &attribute, 1);
    if (rv == CKR_OK && read_point(point, attribute.ulValueLen, &p->public_key) == OK)
        return OK;
    if (rv != CKR_OK && (err = meaning(rv, "reading the public key", why, size)) == ERR_CLOSED)
        return err;
    return err_because(ERR_UNSUPPORTED, why, size, "the PKCS #11 key \"%.60s\" is neither Ed25519 nor P-256",
                       p->s->pkcs11_key);
}

/* ---- opening, all of it under the lock ---- */

static enum err open_with(struct pkcs11_signer *p, CK_SESSION_HANDLE session, char *why, size_t size)
{
    enum err err;

    if ((err = login(p, session, why, size)) != OK)
        return err;
    if ((err = find_key(p, session, CKO_PRIVATE_KEY, "private", &p->private_key, why, size)) != OK)
        return err;
    return read_public(p, session, why, size);
}

static enum err open_token(struct pkcs11_signer *p, char *why, size_t size)
{
    CK_SESSION_HANDLE session;
    enum err err;

    if (p->open)
        return OK;
    if ((err = load(p, why, size)) != OK || (err = initialize(p, why, size)) != OK)
        return err;
    if ((err = find_slot(p, why, size)) != OK || (err = session_new(p, &session, why, size)) != OK)
        return err;
    if ((err = open_with(p, session, why, size)) != OK) {
        p->f->C_CloseSession(session);
        return err;
    }
    p->open = true;
    p->idle[p->idle_count++] = session;
    p->session_count++;
    return OK;
}

/* Forgets all of this generation; sessions that are out are dropped when they come back. */
static void close_token(struct pkcs11_signer *p)
{
    if (p->open)
        p->f->C_CloseAllSessions(p->slot);
    p->open = false;
    p->idle_count = p->session_count = 0;
    p->generation++;
    pthread_cond_broadcast(&p->freed);
}

/* ---- sessions ---- */

struct lease {
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE private_key;
    unsigned generation;
    struct public_key public_key;
};

static enum err wait_for_session(struct pkcs11_signer *p, const struct timespec *until, char *why, size_t size)
{
    if (pthread_cond_timedwait(&p->freed, &p->lock, until) == 0)
        return OK;
    return err_because(ERR_TIMEOUT, why, size, "PKCS #11: no session became free in time");
}

/* Under the lock: one that is idle, or a new one, or, when there are enough, the next that comes back. */
static enum err session_take(struct pkcs11_signer *p, const struct timespec *until, CK_SESSION_HANDLE *out, char *why,
                             size_t size)
{
    enum err err = OK;

    while (err == OK && (err = open_token(p, why, size)) == OK) {
        if (p->idle_count > 0) {
            *out = p->idle[--p->idle_count];
            return OK;
        }
        if (p->session_count < SESSIONS_MAX && (int64_t)p->session_count < p->s->parallel) {
            if ((err = session_new(p, out, why, size)) == OK)
                p->session_count++;
            return err;
        }
        err = wait_for_session(p, until, why, size);
    }
    return err;
}

static enum err lease_take(struct pkcs11_signer *p, const struct timespec *until, struct lease *out, char *why,
                           size_t size)
{
    enum err err;

    pthread_mutex_lock(&p->lock);
    err = session_take(p, until, &out->session, why, size);
    out->private_key = p->private_key;
    out->generation = p->generation;
    out->public_key = p->public_key;
    if (err == ERR_CLOSED)
        close_token(p);
    pthread_mutex_unlock(&p->lock);
    return err;
}

/* `err` is what the operation ended with. */
static void lease_give(struct pkcs11_signer *p, const struct lease *lease, enum err err)
{
    pthread_mutex_lock(&p->lock);
    if (lease->generation == p->generation && err == ERR_CLOSED) {
        close_token(p);
    } else if (lease->generation == p->generation) {
        p->idle[p->idle_count++] = lease->session;
        pthread_cond_signal(&p->freed);
    }
    pthread_mutex_unlock(&p->lock);
}

/* ---- signing ---- */

/* Two numbers of 32 bytes to DER. */
static bool der_from_numbers(const uint8_t raw[RAW_LEN], struct signature *out)
{
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, RAW_LEN / 2, NULL), *s = BN_bin2bn(raw + RAW_LEN / 2, RAW_LEN / 2, NULL);
    uint8_t *der = NULL;
    int len = 0;

    if (pair && r && s && ECDSA_SIG_set0(pair, r, s) == 1) {
        len = i2d_ECDSA_SIG(pair, &der);
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(pair);
    if (len > 0 && !signature_from_bytes(out, bytes_of(der, (size_t)len)))
        len = 0;
    OPENSSL_free(der);
    return len > 0;
}

/* `data` is the message, or its hash. */
static enum err sign_raw(struct pkcs11_signer *p, const struct lease *lease, CK_MECHANISM_TYPE type, struct bytes data,
                         uint8_t raw[RAW_LEN], char *why, size_t size)
{
    CK_MECHANISM mechanism = {.mechanism = type};
    CK_ULONG len = RAW_LEN;
    CK_RV rv = p->f->C_SignInit(lease->session, &mechanism, lease->private_key);

    if (rv == CKR_OK)
        rv = p->f->C_Sign(lease->session, (CK_BYTE *)(uintptr_t)data.data, data.len, raw, &len);
    if (rv == CKR_OK && len != RAW_LEN)
        return err_because(ERR_CORRUPT, why, size, "PKCS #11: a signature of %lu bytes", len);
    return meaning(rv, "signing", why, size);
}

static enum err sign_with(struct pkcs11_signer *p, const struct lease *lease, struct bytes message,
                          struct signature *out, char *why, size_t size)
{
    uint8_t raw[RAW_LEN];
    struct digest d;
    enum err err;

    if (lease->public_key.kind == KEY_ED25519) {
        err = sign_raw(p, lease, CKM_EDDSA, message, raw, why, size);
        return err == OK && !signature_from_bytes(out, bytes_of(raw, sizeof raw)) ? ERR_CORRUPT : err;
    }
    d = digest_of(message);
    err = sign_raw(p, lease, CKM_ECDSA, bytes_of(d.bytes, DIGEST_LEN), raw, why, size);
    if (err == OK && !der_from_numbers(raw, out))
        err = err_because(ERR_NOMEM, why, size, "out of memory");
    return err;
}

static enum err sign_once(struct pkcs11_signer *p, struct bytes message, const struct timespec *until,
                          struct signed_by *out, char *why, size_t size)
{
    struct lease lease;
    enum err err = lease_take(p, until, &lease, why, size);

    if (err != OK)
        return err;
    err = sign_with(p, &lease, message, &out->signature, why, size);
    lease_give(p, &lease, err);
    out->key = lease.public_key;
    return err;
}

static enum err sign(struct signer *signer, struct bytes message, struct signed_by *out, int64_t timeout_ms, char *why,
                     size_t why_size)
{
    struct pkcs11_signer *p = container_of(signer, struct pkcs11_signer, signer);
    struct timespec until = deadline_time(timeout_ms);
    enum err err = sign_once(p, message, &until, out, why, why_size);

    if (err == ERR_CLOSED)
        err = sign_once(p, message, &until, out, why, why_size);
    return err == ERR_CLOSED ? ERR_AGAIN : err;
}

static enum err check(struct signer *signer, char *why, size_t why_size)
{
    struct pkcs11_signer *p = container_of(signer, struct pkcs11_signer, signer);
    struct timespec until = deadline_time(p->s->timeout_ms);
    char log_id[DIGEST_HEX_SIZE];
    struct lease lease;
    enum err err = lease_take(p, &until, &lease, why, why_size);

    if (err != OK)
        return err == ERR_CLOSED ? ERR_AGAIN : err;
    lease_give(p, &lease, OK);
    digest_hex(&lease.public_key.log_id, log_id);
    snprintf(why, why_size, "signs with the PKCS #11 key \"%.60s\", %s, %.16s...", p->s->pkcs11_key,
             public_key_kind_name(lease.public_key.kind), log_id);
    return OK;
}

static void close_signer(struct signer *signer)
{
    struct pkcs11_signer *p = container_of(signer, struct pkcs11_signer, signer);

    close_token(p);
    if (p->f)
        p->f->C_Finalize(NULL);
    pthread_cond_destroy(&p->freed);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

static const struct signer_ops ops = {.name = "pkcs11", .sign = sign, .check = check, .close = close_signer};

static void locks_init(struct pkcs11_signer *p)
{
    pthread_mutex_init(&p->lock, NULL);
    deadline_cond_init(&p->freed);
}

enum err pkcs11_signer_open(struct signer **out, const struct signer_settings *settings, char *why, size_t why_size)
{
    struct pkcs11_signer *p;

    if (!text_given(settings->pkcs11_module) || !text_given(settings->pkcs11_token) ||
        !text_given(settings->pkcs11_key) || !text_given(settings->pkcs11_pin))
        return err_because(ERR_INVALID, why, why_size,
                           "a PKCS #11 signer needs notary.signer.pkcs11.module, .token, .key and .pin");
    if (!(p = calloc(1, sizeof *p)))
        return err_because(ERR_NOMEM, why, why_size, "out of memory");
    p->signer.ops = &ops;
    p->s = settings;
    locks_init(p);
    *out = &p->signer;
    return OK;
}
