/* SPDX-License-Identifier: Apache-2.0
 *
 * decision_test.c - a decision counts when the key of whom it names signed it, and never otherwise.
 */
#include "base/base_test.h"

#include "base/base64.h"
#include "security/jws.h"
#include "services/notary/documents/decision.h"
#include "services/notary/documents/pem.h"
#include "services/notary/files.h"
#include "services/notary/fixture.h"
#include <unistd.h>

#define HASH "sha256:" FIXTURE_HASH

struct world {
    struct fixture_signer log;
    struct jws_key *lead, *old_key, *boss; /* Ed25519, P-256, P-256 */
    struct approvers *approvers;
    char directory[64];
};

static void path_in(const struct world *w, const char *name, char *to, size_t size)
{
    snprintf(to, size, "%s/%s", w->directory, name);
}

static void public_pem(const struct jws_key *key, struct text *out)
{
    struct bytes der;

    assert_int_equal(jws_key_public_bytes(key, &der), OK);
    pem_encode("PUBLIC KEY", der, out);
    jws_bytes_free(der);
}

static void write_in(const struct world *w, const char *name, const struct text *content)
{
    char path[128];

    path_in(w, name, path, sizeof path);
    assert_int_equal(file_write_whole(path, bytes_of(content->data, content->len)), OK);
}

/* The approvers' file: lead with two keys, one of them in a file; boss with one, an operator, who may
 * show a certificate, too; ghost with none. */
static void write_approvers(const struct world *w)
{
    struct text pem, toml;

    text_init(&pem, 10000);
    public_pem(w->lead, &pem);
    write_in(w, "lead.pub", &pem);
    text_deinit(&pem);
    text_init(&toml, 10000);
    text_add(&toml, "[approver.\"lead@x\"]\npublic_key = [\"lead.pub\", \"\"\"\n");
    public_pem(w->old_key, &toml);
    text_add(&toml, "\"\"\"]\n[approver.\"boss@x\"]\noperator = true\nmethods = [\"tls\", \"key\"]\n"
                    "public_key = \"\"\"\n");
    public_pem(w->boss, &toml);
    text_add(&toml, "\"\"\"\n[approver.ghost]\n");
    write_in(w, "approvers.toml", &toml);
    text_deinit(&toml);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    char path[128], message[400];

    strcpy(w->directory, "/tmp/geminga-decision-XXXXXX");
    assert_non_null(mkdtemp(w->directory));
    fixture_signer_init(&w->log, 7);
    assert_int_equal(jws_key_make(&w->lead, JWS_EDDSA), OK);
    assert_int_equal(jws_key_make(&w->old_key, JWS_ES256), OK);
    assert_int_equal(jws_key_make(&w->boss, JWS_ES256), OK);
    write_approvers(w);
    path_in(w, "approvers.toml", path, sizeof path);
    assert_int_equal(approvers_read(&w->approvers, path, message, sizeof message), OK);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    static const char *const names[] = {"lead.pub", "approvers.toml", "bad.toml"};
    struct world *w = *state;
    char path[128];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        path_in(w, names[i], path, sizeof path);
        unlink(path);
    }
    rmdir(w->directory);
    approvers_free(w->approvers);
    jws_key_free(w->lead);
    jws_key_free(w->old_key);
    jws_key_free(w->boss);
    fixture_signer_deinit(&w->log);
    free(w);
    return 0;
}

#define CLAIMS                                                                                                         \
    "{\"event_id\":\"e-1\",\"event_hash\":\"" HASH "\",\"decision\":\"approve\",\"approver\":\"%s\","                  \
    "\"comment\":\"looks good\",\"iat\":1705318500,\"method\":\"%s\",\"jti\":\"0123\"}"

static char *signed_claims(const struct jws_key *key, const char *type, const char *claims)
{
    json_t *header = json_pack("{s:s}", "typ", type);
    struct text text;

    text_init(&text, 100000);
    assert_int_equal(jws_sign(key, jws_key_algorithm(key), header, bytes_of_text(claims), &text), OK);
    json_decref(header);
    return text_take(&text);
}

static char *signed_by_key(const struct jws_key *key, const char *approver)
{
    char claims[1000];

    snprintf(claims, sizeof claims, CLAIMS, approver, "key");
    return signed_claims(key, DECISION_TYPE, claims);
}

static enum err read_back(struct world *w, const char *statement, char *why, size_t size)
{
    struct decision d;
    enum err err = decision_read(&d, bytes_of_text(statement), w->approvers, &w->log.public_key, why, size);

    decision_deinit(&d);
    return err;
}

static void an_approver_decides_with_each_of_their_keys(void **state)
{
    struct world *w = *state;
    const struct jws_key *keys[] = {w->lead, w->old_key};
    struct decision d;
    char why[300];

    for (size_t i = 0; i < 2; i++) {
        char *statement = signed_by_key(keys[i], "lead@x");
        assert_int_equal(decision_read(&d, bytes_of_text(statement), w->approvers, &w->log.public_key, why, sizeof why),
                         OK);
        assert_int_equal(d.kind, DECISION_APPROVE);
        assert_string_equal(d.event_id, "e-1");
        assert_string_equal(d.event_hash, HASH);
        assert_string_equal(d.approver, "lead@x");
        assert_string_equal(d.comment, "looks good");
        assert_string_equal(d.statement.data, statement);
        assert_int_equal(d.at_ms, 1705318500000);
        decision_deinit(&d);
        free(statement);
    }
}

static void nobody_decides_in_the_name_of_another(void **state)
{
    struct world *w = *state;
    char *statement = signed_by_key(w->boss, "lead@x"), why[300];

    assert_int_equal(read_back(w, statement, why, sizeof why), ERR_DENIED);
    assert_non_null(strstr(why, "not signed by lead@x"));
    free(statement);
    statement = signed_by_key(w->boss, "stranger@x");
    assert_int_equal(read_back(w, statement, why, sizeof why), ERR_DENIED);
    assert_string_equal(why, "no key of stranger@x is known here");
    free(statement);
    statement = signed_by_key(w->boss, "ghost");
    assert_int_equal(read_back(w, statement, why, sizeof why), ERR_DENIED);
    free(statement);
}

static void the_notary_signs_for_whom_it_has_seen_a_token_of(void **state)
{
    struct world *w = *state;
    struct decision_facts facts = {.kind = DECISION_APPROVE,
                                   .event_id = "e-1",
                                   .event_hash = HASH,
                                   .approver = "ghost",
                                   .method = "token",
                                   .subject = "ghost",
                                   .jti = "1",
                                   .at_ms = 1705318500000};
    struct text text;
    char why[300], claims[1000], *statement;

    text_init(&text, DECISION_BYTES_MAX);
    assert_int_equal(decision_make(&facts, &w->log.signer, &text), OK);
    assert_int_equal(read_back(w, text.data, why, sizeof why), OK);
    text_deinit(&text);
    snprintf(claims, sizeof claims, CLAIMS, "ghost", "token"); /* a key's own, claiming to be a token's */
    statement = signed_claims(w->lead, DECISION_TYPE, claims);
    assert_int_equal(read_back(w, statement, why, sizeof why), ERR_DENIED);
    assert_non_null(strstr(why, "not signed by the notary"));
    free(statement);
    facts.method = "key"; /* and the notary, claiming to be the key */
    text_init(&text, DECISION_BYTES_MAX);
    assert_int_equal(decision_make(&facts, &w->log.signer, &text), OK);
    assert_int_equal(read_back(w, text.data, why, sizeof why), ERR_DENIED);
    text_deinit(&text);
}

/* Whether a statement that the notary signed for somebody who showed something counts. */
static bool counts_by(struct world *w, const char *approver, const char *method, char *why, size_t size)
{
    const struct decision_facts facts = {.kind = DECISION_APPROVE,
                                         .event_id = "e-1",
                                         .event_hash = HASH,
                                         .approver = approver,
                                         .method = method,
                                         .subject = approver,
                                         .jti = "1",
                                         .at_ms = 1705318500000};
    struct text text;
    enum err err;

    text_init(&text, DECISION_BYTES_MAX);
    assert_int_equal(decision_make(&facts, &w->log.signer, &text), OK);
    err = read_back(w, text.data, why, size);
    text_deinit(&text);
    assert_true(err == OK || err == ERR_DENIED);
    return err == OK;
}

static void who_has_a_key_is_not_spoken_for_by_token_or_certificate_unless_the_file_says_so(void **state)
{
    struct world *w = *state;
    char why[300];

    assert_false(counts_by(w, "lead@x", "token", why, sizeof why));
    assert_string_equal(why, "decisions of lead@x are not made by token: see `methods` in the approvers file");
    assert_false(counts_by(w, "lead@x", "mtls", why, sizeof why));
    assert_true(counts_by(w, "boss@x", "mtls", why, sizeof why));
    assert_false(counts_by(w, "boss@x", "token", why, sizeof why));
    assert_true(counts_by(w, "ghost", "token", why, sizeof why));
    assert_true(counts_by(w, "ghost", "mtls", why, sizeof why));
    assert_true(counts_by(w, "stranger@x", "token", why, sizeof why));
    char *statement = signed_by_key(w->boss, "boss@x");
    assert_int_equal(read_back(w, statement, why, sizeof why), OK);
    free(statement);
}

static void a_statement_with_any_bit_flipped_is_refused(void **state)
{
    struct world *w = *state;
    char *statement = signed_by_key(w->lead, "lead@x"), why[300];
    size_t len = strlen(statement);

    for (size_t bit = 0; bit < len * 8; bit++) {
        struct decision d;
        statement[bit / 8] ^= (char)(1 << bit % 8);
        enum err err = decision_read(&d, bytes_of(statement, len), w->approvers, &w->log.public_key, why, sizeof why);
        assert_true(err == ERR_INVALID || err == ERR_DENIED);
        decision_deinit(&d);
        statement[bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_int_equal(read_back(w, statement, why, sizeof why), OK);
    free(statement);
}

static void each_fault_of_the_claims_is_said(void **state)
{
#define BEFORE "{\"event_id\":\"e-1\",\"event_hash\":\"" HASH "\",\"approver\":\"lead@x\",\"jti\":\"1\""
    static const struct {
        const char *claims, *why;
    } cases[] = {
        {"[]", "not a JSON object"},
        {"{}", "event_id"},
        {"{\"event_id\":\"e\"}", "approver"},
        {"{\"event_id\":\"e\",\"approver\":\"a\"}", "jti"},
        {"{\"event_id\":\"e\",\"approver\":\"a\",\"jti\":\"1\"}", "event_hash"},
        {BEFORE "}", "method"},
        {BEFORE ",\"method\":\"post\"}", "method"},
        {BEFORE ",\"method\":\"key\",\"comment\":1}", "comment"},
        {BEFORE ",\"method\":\"key\",\"decision\":\"perhaps\"}", "approve, reject"},
        {BEFORE ",\"method\":\"key\",\"decision\":\"approve\"}", "iat"},
        {BEFORE ",\"method\":\"key\",\"decision\":\"approve\",\"iat\":-1}", "iat"},
        {BEFORE ",\"method\":\"key\",\"decision\":\"approve\",\"iat\":1,\"exp\":2}", "exp"},
        {BEFORE ",\"method\":\"key\",\"decision\":\"approve\",\"decision\":\"reject\",\"iat\":1}", "not a JSON object"},
    };
    struct world *w = *state;
    char why[300];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *statement = signed_claims(w->lead, DECISION_TYPE, cases[i].claims);
        assert_int_equal(read_back(w, statement, why, sizeof why), ERR_INVALID);
        if (!strstr(why, cases[i].why))
            fail_msg("%s: %s", cases[i].claims, why);
        free(statement);
    }
    char *statement = signed_claims(w->lead, "JWT", BEFORE ",\"method\":\"key\",\"decision\":\"approve\",\"iat\":1}");
    assert_int_equal(read_back(w, statement, why, sizeof why), ERR_INVALID);
    assert_non_null(strstr(why, "typ"));
    free(statement);
    assert_int_equal(read_back(w, "nonsense", why, sizeof why), ERR_INVALID);
    assert_int_equal(read_back(w, "", why, sizeof why), ERR_INVALID);
}

static void an_operator_is_who_the_file_says(void **state)
{
    struct world *w = *state;

    assert_true(approvers_is_operator(w->approvers, "boss@x"));
    assert_false(approvers_is_operator(w->approvers, "lead@x"));
    assert_false(approvers_is_operator(w->approvers, "nobody"));
    assert_true(approvers_has(w->approvers, "ghost"));
    assert_false(approvers_has(w->approvers, "nobody"));
    assert_false(approvers_has(NULL, "lead@x"));
}

static void an_approvers_file_with_a_fault_is_refused_with_its_line(void **state)
{
    static const struct {
        const char *toml, *why;
    } cases[] = {
        {"", "tables [approver."},
        {"x = 1", "tables [approver."},
        {"[approver]\nx = 1", ":2: write [approver."},
        {"[approver.a]\n\ncolour = 1", ":3: unknown key `colour`"},
        {"[approver.a]\noperator = 1", "true or false"},
        {"[approver.a]\npublic_key = 1", "text"},
        {"[approver.a]\npublic_key = \"nowhere.pub\"", "cannot read"},
        {"[approver.a]\npublic_key = \"-----BEGIN PUBLIC KEY-----\"", "not a public key in PEM"},
        {"[approver.a]\npublic_key = \"\"\"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\"\"\"",
         "not a key that can sign"},
        {"[approver.a]\nmethods = \"key\"", ":2: methods is a list"},
        {"[approver.a]\nmethods = []", ":2: methods is a list"},
        {"[approver.a]\nmethods = [\"key\", \"mail\"]", ":2: methods is a list"},
        {"\n[approver.a]\nmethods = [\"key\"]", ":2: a decides by key, and has no public_key"},
        {"[approver.a]\npublic_key = \"lead.pub\"\nmethods = [\"token\"]",
         ":1: a has a public_key that counts for nothing"},
        {"[approver.a\n", ":1: "},
        {"[approver.\"a\\u0000b\"]\n", ":1: write [approver."},
    };
    struct world *w = *state;
    struct approvers *a;
    char path[128], why[400];

    path_in(w, "bad.toml", path, sizeof path);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(file_write_whole(path, bytes_of_text(cases[i].toml)), OK);
        assert_int_equal(approvers_read(&a, path, why, sizeof why), ERR_INVALID);
        if (!strstr(why, cases[i].why))
            fail_msg("%s: %s", cases[i].toml, why);
    }
    assert_int_equal(approvers_read(&a, "/nowhere/at/all.toml", why, sizeof why), ERR_IO);
}

static void one_key_under_two_names_is_refused(void **state)
{
    struct world *w = *state;
    struct approvers *a;
    char path[128], why[400];
    struct text toml;

    text_init(&toml, 10000);
    text_add(&toml,
             "[approver.one]\npublic_key = \"lead.pub\"\n[approver.none]\n[approver.two]\npublic_key = \"\"\"\n");
    public_pem(w->lead, &toml);
    text_add(&toml, "\"\"\"\n");
    write_in(w, "bad.toml", &toml);
    text_deinit(&toml);
    path_in(w, "bad.toml", path, sizeof path);
    assert_int_equal(approvers_read(&a, path, why, sizeof why), ERR_INVALID);
    assert_non_null(strstr(why, ":4: one and two have the same key"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_approver_decides_with_each_of_their_keys),
        cmocka_unit_test(nobody_decides_in_the_name_of_another),
        cmocka_unit_test(the_notary_signs_for_whom_it_has_seen_a_token_of),
        cmocka_unit_test(who_has_a_key_is_not_spoken_for_by_token_or_certificate_unless_the_file_says_so),
        cmocka_unit_test(a_statement_with_any_bit_flipped_is_refused),
        cmocka_unit_test(each_fault_of_the_claims_is_said),
        cmocka_unit_test(an_operator_is_who_the_file_says),
        cmocka_unit_test(an_approvers_file_with_a_fault_is_refused_with_its_line),
        cmocka_unit_test(one_key_under_two_names_is_refused),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
