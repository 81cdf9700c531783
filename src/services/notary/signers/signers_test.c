/* SPDX-License-Identifier: Apache-2.0
 *
 * signers_test.c - key files, trusted keys, and a PKCS #11 token (SoftHSM, where it is installed) that is pulled out
 * behind the signer's back.  Vault: tests/interop/test_notary_vault.py.
 */
#include "base/base_test.h"

#include "services/notary/documents/pem.h"
#include "services/notary/files.h"
#include "services/notary/signers/signers.h"
#include <dlfcn.h>
#include <ftw.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT(text) ((char *)(uintptr_t)(text)) /* for settings, which own what they say and do not change it */

#define TOKEN  "notary token"
#define SO_PIN "87654321"
#define PIN    "1234"

static const char *const modules[] = {
    "/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm.so", NULL};

struct world {
    char directory[64];
    const char *module; /* NULL: there is no SoftHSM here */
    CK_FUNCTION_LIST *f;
    CK_SLOT_ID slot;
    struct signer_settings s;
};

/* ---- files ---- */

static const char *path_in(const struct world *w, const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", w->directory, name);
    return path;
}

static void write_text(const struct world *w, const char *name, const char *text)
{
    assert_int_equal(file_write_whole(path_in(w, name), bytes_of_text(text)), OK);
}

static void write_key(const struct world *w, const char *name, EVP_PKEY *key, const EVP_CIPHER *cipher, bool old_form)
{
    BIO *bio = BIO_new_file(path_in(w, name), "w");

    assert_non_null(bio);
    if (old_form)
        assert_int_equal(PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    else
        assert_int_equal(
            PEM_write_bio_PKCS8PrivateKey(bio, key, cipher, cipher ? "secret" : NULL, cipher ? 6 : 0, NULL, NULL), 1);
    BIO_free(bio);
}

static void write_public(const struct world *w, const char *name, const struct public_key *key)
{
    struct text pem;

    text_init(&pem, 10000);
    public_key_to_pem(key, &pem);
    write_text(w, name, pem.data);
    text_deinit(&pem);
}

static struct signer *opened(struct world *w)
{
    struct signer *signer;
    char why[400];

    if (signer_open(&signer, &w->s, NULL, why, sizeof why) != OK)
        fail_msg("%s", why);
    return signer;
}

static void signs(struct signer *signer, enum key_kind kind)
{
    struct bytes message = bytes_of_text("a message");
    struct signed_by by;
    char why[400];

    if (signer_sign(signer, message, &by, 5000, why, sizeof why) != OK)
        fail_msg("%s", why);
    assert_int_equal(by.key.kind, kind);
    assert_true(public_key_verifies(&by.key, message, &by.signature));
    assert_false(public_key_verifies(&by.key, bytes_of_text("another"), &by.signature));
}

static void a_key_file_of_either_kind_signs(void **state)
{
    static const struct {
        const char *type, *curve;
        enum key_kind kind;
    } cases[] = {{"ED25519", NULL, KEY_ED25519}, {"EC", "P-256", KEY_ECDSA_P256}};
    struct world *w = *state;

    w->s.kind = TEXT("file");
    for (size_t i = 0; i < 2; i++) {
        EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, cases[i].type, cases[i].curve);
        write_key(w, "signer.key", key, NULL, false);
        w->s.key_file = TEXT(path_in(w, "signer.key"));
        struct signer *signer = opened(w);
        assert_true(signer->ops->instant);
        signs(signer, cases[i].kind);
        signer_close(signer);
        EVP_PKEY_free(key);
    }
}

static void a_file_that_is_no_such_key_is_refused_with_advice(void **state)
{
    struct world *w = *state;
    EVP_PKEY *p256 = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), *p384 = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
    struct signer *signer;
    char why[400];

    write_key(w, "encrypted.key", p256, EVP_aes_128_cbc(), false);
    assert_int_equal(file_signer_open(&signer, path_in(w, "encrypted.key"), why, sizeof why), ERR_INVALID);
    assert_non_null(strstr(why, "it is encrypted"));
    write_key(w, "old.key", p256, NULL, true);
    assert_int_equal(file_signer_open(&signer, path_in(w, "old.key"), why, sizeof why), ERR_INVALID);
    assert_non_null(strstr(why, "openssl pkcs8 -topk8"));
    write_key(w, "p384.key", p384, NULL, false);
    assert_int_equal(file_signer_open(&signer, path_in(w, "p384.key"), why, sizeof why), ERR_UNSUPPORTED);
    write_text(w, "no.key", "hello");
    assert_int_equal(file_signer_open(&signer, path_in(w, "no.key"), why, sizeof why), ERR_INVALID);
    assert_non_null(strstr(why, "openssl genpkey"));
    assert_int_equal(file_signer_open(&signer, "/nowhere/at/all", why, sizeof why), ERR_IO);
    EVP_PKEY_free(p256);
    EVP_PKEY_free(p384);
}

static void a_signature_by_a_key_that_is_not_trusted_is_refused(void **state)
{
    struct world *w = *state;
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    uint8_t raw[PUBLIC_KEY_RAW_LEN] = {0};
    size_t len = sizeof raw;
    struct public_key public;
    struct signed_by by;
    char why[400];

    write_key(w, "signer.key", key, NULL, false);
    w->s.kind = TEXT("file");
    w->s.key_file = TEXT(path_in(w, "signer.key"));
    public_key_from_raw(&public, raw);
    write_public(w, "trusted.pem", &public);
    w->s.trusted_keys = strdup(path_in(w, "trusted.pem"));
    struct signer *signer = opened(w);
    assert_int_equal(signer_sign(signer, bytes_of_text("x"), &by, 1000, why, sizeof why), ERR_DENIED);
    assert_non_null(strstr(why, "not one of notary.signer.trusted_keys"));
    assert_int_equal(signer_check(signer, why, sizeof why), ERR_DENIED);
    signer_close(signer);
    EVP_PKEY_get_raw_public_key(key, raw, &len);
    public_key_from_raw(&public, raw);
    write_public(w, "trusted.pem", &public);
    signer = opened(w);
    signs(signer, KEY_ED25519);
    signer_close(signer);
    EVP_PKEY_free(key);
}

/* ---- a token ---- */

static void generate(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, const uint8_t *curve,
                     size_t curve_len, const char *label)
{
    CK_BBOOL yes = CK_TRUE;
    CK_MECHANISM mechanism = {.mechanism = type};
    CK_ATTRIBUTE public[] = {{CKA_EC_PARAMS, (void *)(uintptr_t)curve, curve_len},
                             {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)},
                             {CKA_TOKEN, &yes, sizeof yes},
                             {CKA_VERIFY, &yes, sizeof yes}};
    CK_ATTRIBUTE private[] = {{CKA_LABEL, (void *)(uintptr_t)label, strlen(label)},
                              {CKA_TOKEN, &yes, sizeof yes},
                              {CKA_PRIVATE, &yes, sizeof yes},
                              {CKA_SENSITIVE, &yes, sizeof yes},
                              {CKA_SIGN, &yes, sizeof yes}};
    CK_OBJECT_HANDLE a, b;

    assert_int_equal(f->C_GenerateKeyPair(session, &mechanism, public, 4, private, 5, &a, &b), CKR_OK);
}

/* A token with a key of each kind, and two keys of one name. */
static void make_token(struct world *w)
{
    static const uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    static const uint8_t ed25519[] = {0x06, 0x03, 0x2b, 0x65, 0x70};
    CK_UTF8CHAR label[32];
    CK_SESSION_HANDLE session;
    CK_SLOT_ID slots[4];
    CK_TOKEN_INFO info;
    CK_ULONG count = 1;

    memset(label, ' ', sizeof label);
    memcpy(label, TOKEN, sizeof TOKEN - 1);
    assert_int_equal(w->f->C_Initialize(NULL), CKR_OK);
    assert_int_equal(w->f->C_GetSlotList(CK_FALSE, &w->slot, &count), CKR_OK);
    assert_int_equal(w->f->C_InitToken(w->slot, (CK_UTF8CHAR *)(uintptr_t)SO_PIN, 8, label), CKR_OK);
    w->f->C_Finalize(NULL); /* SoftHSM gives the token a slot of its own at the next start */
    assert_int_equal(w->f->C_Initialize(NULL), CKR_OK);
    count = 4;
    assert_int_equal(w->f->C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
    for (CK_ULONG i = 0; i < count; i++)
        if (w->f->C_GetTokenInfo(slots[i], &info) == CKR_OK && memcmp(info.label, label, sizeof label) == 0)
            w->slot = slots[i];
    assert_int_equal(w->f->C_OpenSession(w->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session), CKR_OK);
    assert_int_equal(w->f->C_Login(session, CKU_SO, (CK_UTF8CHAR *)(uintptr_t)SO_PIN, 8), CKR_OK);
    assert_int_equal(w->f->C_InitPIN(session, (CK_UTF8CHAR *)(uintptr_t)PIN, 4), CKR_OK);
    w->f->C_Logout(session);
    assert_int_equal(w->f->C_Login(session, CKU_USER, (CK_UTF8CHAR *)(uintptr_t)PIN, 4), CKR_OK);
    generate(w->f, session, CKM_EC_KEY_PAIR_GEN, p256, sizeof p256, "p256");
    generate(w->f, session, CKM_EC_EDWARDS_KEY_PAIR_GEN, ed25519, sizeof ed25519, "ed25519");
    generate(w->f, session, CKM_EC_KEY_PAIR_GEN, p256, sizeof p256, "twins");
    generate(w->f, session, CKM_EC_KEY_PAIR_GEN, p256, sizeof p256, "twins");
    w->f->C_Finalize(NULL);
}

static void find_module(struct world *w)
{
    CK_C_GetFunctionList get;
    char text[300];

    for (size_t i = 0; modules[i] && !w->module; i++)
        if (access(modules[i], R_OK) == 0)
            w->module = modules[i];
    if (!w->module)
        return;
    mkdir(path_in(w, "tokens"), 0700);
    snprintf(text, sizeof text, "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n",
             path_in(w, "tokens"));
    write_text(w, "softhsm2.conf", text);
    setenv("SOFTHSM2_CONF", path_in(w, "softhsm2.conf"), 1);
    void *module = dlopen(w->module, RTLD_NOW);
    assert_non_null(module);
    *(void **)&get = dlsym(module, "C_GetFunctionList");
    assert_int_equal(get(&w->f), CKR_OK);
    make_token(w);
}

static void use_token(struct world *w, const char *key, const char *pin)
{
    if (!w->module)
        skip();
    w->s.kind = TEXT("pkcs11");
    w->s.pkcs11_module = TEXT(w->module);
    w->s.pkcs11_token = TEXT(TOKEN);
    w->s.pkcs11_key = TEXT(key);
    w->s.pkcs11_pin = TEXT(pin);
}

static void a_tokens_keys_of_either_kind_sign(void **state)
{
    struct world *w = *state;
    char why[400];

    use_token(w, "p256", PIN);
    struct signer *signer = opened(w);
    assert_false(signer->ops->instant);
    assert_int_equal(signer_check(signer, why, sizeof why), OK);
    assert_non_null(strstr(why, "PKCS #11 key \"p256\", ECDSA P-256"));
    for (int i = 0; i < 50; i++) /* numbers of 31 bytes come about */
        signs(signer, KEY_ECDSA_P256);
    signer_close(signer);
    use_token(w, "ed25519", PIN);
    signer = opened(w);
    signs(signer, KEY_ED25519);
    signer_close(signer);
}

static void a_session_that_is_lost_is_opened_again(void **state)
{
    struct world *w = *state;

    use_token(w, "p256", PIN);
    struct signer *signer = opened(w);
    signs(signer, KEY_ECDSA_P256);
    assert_int_equal(w->f->C_CloseAllSessions(w->slot), CKR_OK); /* the token was pulled out and put back */
    signs(signer, KEY_ECDSA_P256);
    assert_int_equal(w->f->C_Finalize(NULL), CKR_OK); /* its module was restarted */
    signs(signer, KEY_ECDSA_P256);
    signer_close(signer);
}

static void a_wrong_pin_is_shown_to_the_token_once_only(void **state)
{
    struct world *w = *state;
    struct signed_by by;
    char why[400], source[200];

    write_text(w, "pin", "9999\n");
    snprintf(source, sizeof source, "file://%s", path_in(w, "pin"));
    use_token(w, "p256", source);
    struct signer *signer = opened(w);
    assert_int_equal(signer_sign(signer, bytes_of_text("x"), &by, 1000, why, sizeof why), ERR_DENIED);
    assert_non_null(strstr(why, "the PIN is wrong"));
    assert_int_equal(signer_sign(signer, bytes_of_text("x"), &by, 1000, why, sizeof why), ERR_DENIED);
    assert_non_null(strstr(why, "it is not tried again"));
    assert_null(strstr(why, "9999"));
    write_text(w, "pin", PIN "\n");
    signs(signer, KEY_ECDSA_P256);
    signer_close(signer);
}

static void what_the_token_has_not_is_said(void **state)
{
    struct world *w = *state;
    struct signed_by by;
    char why[400];

    use_token(w, "nobody", PIN);
    struct signer *signer = opened(w);
    assert_int_equal(signer_sign(signer, bytes_of_text("x"), &by, 1000, why, sizeof why), ERR_INVALID);
    assert_non_null(strstr(why, "no private key with the label \"nobody\""));
    signer_close(signer);
    use_token(w, "twins", PIN);
    signer = opened(w);
    assert_int_equal(signer_sign(signer, bytes_of_text("x"), &by, 1000, why, sizeof why), ERR_INVALID);
    assert_non_null(strstr(why, "more than one"));
    signer_close(signer);
    use_token(w, "p256", PIN);
    w->s.pkcs11_token = TEXT("elsewhere");
    signer = opened(w);
    assert_int_equal(signer_sign(signer, bytes_of_text("x"), &by, 1000, why, sizeof why), ERR_AGAIN);
    assert_non_null(strstr(why, "no PKCS #11 token \"elsewhere\""));
    signer_close(signer);
    w->s.pkcs11_module = TEXT("/nowhere/module.so");
    signer = opened(w);
    assert_int_equal(signer_sign(signer, bytes_of_text("x"), &by, 1000, why, sizeof why), ERR_INVALID);
    signer_close(signer);
}

static void *sign_many(void *ctx)
{
    struct bytes message = bytes_of_text("m");
    struct signed_by by;
    char why[400];
    size_t good = 0;

    for (int i = 0; i < 40; i++)
        good += signer_sign(ctx, message, &by, 20000, why, sizeof why) == OK &&
                public_key_verifies(&by.key, message, &by.signature);
    return (void *)good;
}

static void more_threads_than_sessions_all_sign(void **state)
{
    struct world *w = *state;
    pthread_t threads[6];
    size_t good = 0;

    use_token(w, "p256", PIN);
    w->s.parallel = 2;
    struct signer *signer = opened(w);
    signs(signer, KEY_ECDSA_P256);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, sign_many, signer), 0);
    for (size_t i = 0; i < 6; i++) {
        void *result;
        pthread_join(threads[i], &result);
        good += (size_t)result;
    }
    assert_int_equal(good, 6 * 40);
    signer_close(signer);
}

/* ---- the world ---- */

static int make_world(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    strcpy(w->directory, "/tmp/geminga-signers-XXXXXX");
    assert_non_null(mkdtemp(w->directory));
    find_module(w);
    *state = w;
    return 0;
}

static int reset(void **state)
{
    struct world *w = *state;

    free(w->s.trusted_keys);
    w->s = (struct signer_settings){.timeout_ms = 5000, .parallel = 4};
    return 0;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    return remove(path);
}

static int drop_world(void **state)
{
    struct world *w = *state;

    nftw(w->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(w->s.trusted_keys);
    free(w);
    return 0;
}

/* For a run under the sanitizers, whose library has to see these: SoftHSM leaks the name of each Edwards curve that it
 * reads. */
#define SEEN __attribute__((visibility("default")))

SEEN const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libsofthsm2.so";
}

SEEN const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "fast_unwind_on_malloc=0"; /* or a leak's stack ends in libcrypto */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_key_file_of_either_kind_signs, reset),
        cmocka_unit_test_setup(a_file_that_is_no_such_key_is_refused_with_advice, reset),
        cmocka_unit_test_setup(a_signature_by_a_key_that_is_not_trusted_is_refused, reset),
        cmocka_unit_test_setup(a_tokens_keys_of_either_kind_sign, reset),
        cmocka_unit_test_setup(a_session_that_is_lost_is_opened_again, reset),
        cmocka_unit_test_setup(a_wrong_pin_is_shown_to_the_token_once_only, reset),
        cmocka_unit_test_setup(what_the_token_has_not_is_said, reset),
        cmocka_unit_test_setup(more_threads_than_sessions_all_sign, reset),
    };

    return cmocka_run_group_tests(tests, make_world, drop_world);
}
