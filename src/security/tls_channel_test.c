/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_channel_test.c - two channels, and between them nothing but bytes.
 */
#include "base/base_test.h"
#include "security/tls_channel.h"
#include "security/tls_fixture.h"

#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

static struct tls_fixture fixture;

static int make(void **state)
{
    tls_fixture_make(&fixture);
    return 0;
}

static int clean(void **state)
{
    tls_fixture_remove(&fixture);
    return 0;
}

/* One end: what it sent and nobody read yet is in `way`. */
struct end {
    struct tls_channel *channel;
    enum err err; /* of the handshake */
    uint8_t *fed;
};

struct pair {
    struct tls_settings server_settings, client_settings;
    const char *host;
    size_t step; /* bytes that arrive at a time */
    struct end server, client;
};

static void pair_init(struct pair *p)
{
    *p = (struct pair){
        .server_settings = {.side = TLS_SERVER, .certificate_file = fixture.server, .key_file = fixture.server_key},
        .client_settings = {.side = TLS_CLIENT, .trust_file = fixture.ca, .verify_host = true},
        .host = "localhost",
        .step = SIZE_MAX,
    };
}

static void end_begin(struct end *e, const struct tls_settings *settings, const char *host)
{
    struct tls_context *context;
    char message[600];

    if (tls_context_new(&context, settings, message, sizeof message) != OK)
        fail_msg("%s", message);
    assert_int_equal(tls_channel_new(&e->channel, context, host), OK);
    tls_context_unref(context); /* the channel goes on without it */
    e->err = ERR_AGAIN;
}

static void end_shake(struct end *e)
{
    if (e->err == ERR_AGAIN)
        e->err = tls_channel_handshake(e->channel);
}

/* What one end has for the other arrives there, a few bytes at a time. */
static bool carry(struct end *from, struct end *to, size_t step)
{
    size_t len;
    uint8_t *bytes = tls_channel_take(from->channel, &len);

    for (size_t at = 0; at < len && to->err == ERR_AGAIN; at += step) {
        tls_channel_feed(to->channel, bytes_of(bytes + at, step < len - at ? step : len - at));
        end_shake(to);
        if (step > len - at)
            break;
    }
    free(bytes);
    return len > 0;
}

static void pair_shake(struct pair *p)
{
    end_begin(&p->server, &p->server_settings, NULL);
    end_begin(&p->client, &p->client_settings, p->host);
    end_shake(&p->client);
    while (carry(&p->client, &p->server, p->step) || carry(&p->server, &p->client, p->step))
        ;
}

static void pair_deinit(struct pair *p)
{
    tls_channel_free(p->server.channel);
    tls_channel_free(p->client.channel);
}

/* Everything that `from` has to say is read by `to`. */
static enum err receive(struct end *from, struct end *to, uint8_t *plain, size_t size, size_t *got)
{
    size_t len;
    uint8_t *bytes = tls_channel_take(from->channel, &len);

    tls_channel_feed(to->channel, bytes_of(bytes, len));
    const enum err err = tls_channel_read(to->channel, plain, size, got);
    assert_int_equal(tls_channel_unread(to->channel).len, 0);
    free(bytes);
    return err;
}

static void write_text(struct end *e, const char *text)
{
    assert_int_equal(tls_channel_write(e->channel, bytes_of_text(text)), OK);
}

static void expect_text(struct end *from, struct end *to, const char *text)
{
    uint8_t plain[100];
    size_t got = 0;

    assert_int_equal(receive(from, to, plain, sizeof plain, &got), OK);
    assert_int_equal(got, strlen(text));
    assert_memory_equal(plain, text, got);
}

/* The handshake fails at this end, with these words. */
static void expect_failure(const struct end *e, enum err expected, const char *words)
{
    assert_int_equal(e->err, expected);
    if (!strstr(tls_channel_reason(e->channel), words))
        fail_msg("`%s` does not say `%s`", tls_channel_reason(e->channel), words);
}

static void both_ends_understand_each_other(void **state)
{
    struct pair p;

    pair_init(&p);
    pair_shake(&p);
    assert_int_equal(p.server.err, OK);
    assert_int_equal(p.client.err, OK);
    assert_string_equal(tls_channel_protocol(p.server.channel), "TLSv1.3");
    write_text(&p.client, "hello");
    expect_text(&p.client, &p.server, "hello");
    write_text(&p.server, "welcome");
    expect_text(&p.server, &p.client, "welcome");
    pair_deinit(&p);
}

static void with_tls_1_2_likewise(void **state)
{
    struct pair p;

    pair_init(&p);
    p.client_settings.protocols = "TLSv1.2";
    pair_shake(&p);
    assert_int_equal(p.server.err, OK);
    assert_string_equal(tls_channel_protocol(p.server.channel), "TLSv1.2");
    write_text(&p.client, "hello");
    expect_text(&p.client, &p.server, "hello");
    pair_deinit(&p);
}

static void a_handshake_may_come_byte_by_byte(void **state)
{
    struct pair p;

    pair_init(&p);
    p.step = 1;
    pair_shake(&p);
    assert_int_equal(p.server.err, OK);
    assert_int_equal(p.client.err, OK);
    pair_deinit(&p);
}

static void no_protocol_in_common_is_a_failure(void **state)
{
    struct pair p;

    pair_init(&p);
    p.client_settings.protocols = "TLSv1.2";
    p.server_settings.protocols = "TLSv1.3";
    pair_shake(&p);
    expect_failure(&p.server, ERR_PROTOCOL, "unsupported protocol");
    pair_deinit(&p);
}

static void an_address_is_a_host_too(void **state)
{
    static const char *const hosts[] = {"127.0.0.1", "::1", "server"};

    for (size_t i = 0; i < 3; i++) {
        struct pair p;
        pair_init(&p);
        p.host = hosts[i];
        pair_shake(&p);
        assert_int_equal(p.client.err, OK);
        pair_deinit(&p);
    }
}

static void a_certificate_of_another_host_is_refused(void **state)
{
    static const char *const hosts[] = {"elsewhere.example", "127.0.0.2"};

    for (size_t i = 0; i < 2; i++) {
        struct pair p;
        pair_init(&p);
        p.host = hosts[i];
        pair_shake(&p);
        expect_failure(&p.client, ERR_DENIED, i == 0 ? "hostname mismatch" : "IP address mismatch");
        pair_deinit(&p);
    }
}

static void another_host_is_fine_when_nobody_asks(void **state)
{
    struct pair p;

    pair_init(&p);
    p.server_settings.certificate_file = fixture.elsewhere;
    p.server_settings.key_file = fixture.elsewhere_key;
    p.client_settings.verify_host = false;
    pair_shake(&p);
    assert_int_equal(p.client.err, OK);
    pair_deinit(&p);
}

static void a_host_that_is_to_be_verified_must_be_named(void **state)
{
    const struct tls_settings s = {.side = TLS_CLIENT, .trust_file = fixture.ca, .verify_host = true};
    struct tls_context *context;
    struct tls_channel *channel;
    char message[600];

    assert_int_equal(tls_context_new(&context, &s, message, sizeof message), OK);
    assert_int_equal(tls_channel_new(&channel, context, NULL), ERR_INVALID);
    tls_context_unref(context);
}

static void an_expired_certificate_is_refused(void **state)
{
    struct pair p;

    pair_init(&p);
    p.server_settings.certificate_file = fixture.expired;
    p.server_settings.key_file = fixture.expired_key;
    pair_shake(&p);
    expect_failure(&p.client, ERR_DENIED, "certificate has expired");
    expect_failure(&p.server, ERR_DENIED, "alert certificate expired");
    pair_deinit(&p);
}

static void an_authority_that_is_not_trusted_is_refused(void **state)
{
    struct pair p;

    pair_init(&p);
    p.client_settings.trust_file = fixture.stranger_ca;
    pair_shake(&p);
    expect_failure(&p.client, ERR_DENIED, "certificate verify failed");
    pair_deinit(&p);
}

static void an_insecure_client_takes_all(void **state)
{
    struct pair p;

    pair_init(&p);
    p.client_settings.trust_file = fixture.stranger_ca;
    p.client_settings.allow_insecure = true;
    p.host = "elsewhere.example";
    pair_shake(&p);
    assert_int_equal(p.client.err, OK);
    assert_null(tls_channel_certificate_name(p.client.channel));
    pair_deinit(&p);
}

static void a_chain_leads_to_who_is_trusted(void **state)
{
    struct pair p;

    pair_init(&p);
    p.server_settings.certificate_file = fixture.chained;
    p.server_settings.key_file = fixture.chained_key;
    pair_shake(&p);
    assert_int_equal(p.client.err, OK);
    pair_deinit(&p);
}

/* ---- certificates of clients ---- */

static void ask_clients(struct pair *p, enum tls_client_certificates how)
{
    pair_init(p);
    p->server_settings.client_certificates = how;
    p->server_settings.trust_file = fixture.ca;
}

static void show(struct pair *p, const char *certificate, const char *key)
{
    p->client_settings.certificate_file = certificate;
    p->client_settings.key_file = key;
}

static void a_client_is_known_by_its_certificate(void **state)
{
    static const char *const protocols[] = {"TLSv1.2", "TLSv1.3"};

    for (size_t i = 0; i < 2; i++) {
        struct pair p;
        ask_clients(&p, TLS_CERTIFICATE_REQUIRED);
        show(&p, fixture.client, fixture.client_key);
        p.client_settings.protocols = protocols[i];
        pair_shake(&p);
        assert_int_equal(p.server.err, OK);
        assert_string_equal(tls_channel_certificate_name(p.server.channel), "client-role");
        pair_deinit(&p);
    }
}

static void a_client_without_a_certificate_is_nobody(void **state)
{
    struct pair p;

    ask_clients(&p, TLS_CERTIFICATE_OPTIONAL);
    pair_shake(&p);
    assert_int_equal(p.server.err, OK);
    assert_null(tls_channel_certificate_name(p.server.channel));
    pair_deinit(&p);
}

static void a_certificate_that_nobody_asked_for_is_not_shown(void **state)
{
    struct pair p;

    pair_init(&p);
    show(&p, fixture.client, fixture.client_key);
    pair_shake(&p);
    assert_int_equal(p.server.err, OK);
    assert_null(tls_channel_certificate_name(p.server.channel));
    pair_deinit(&p);
}

static void a_required_certificate_that_is_missing_is_refused(void **state)
{
    struct pair p;

    ask_clients(&p, TLS_CERTIFICATE_REQUIRED);
    pair_shake(&p);
    expect_failure(&p.server, ERR_DENIED, "peer did not return a certificate");
    pair_deinit(&p);
}

static void a_client_hears_after_its_handshake_that_it_is_refused(void **state)
{
    struct pair p;
    uint8_t plain[10];
    size_t got;

    ask_clients(&p, TLS_CERTIFICATE_REQUIRED);
    end_begin(&p.server, &p.server_settings, NULL);
    end_begin(&p.client, &p.client_settings, p.host);
    end_shake(&p.client);
    carry(&p.client, &p.server, SIZE_MAX);
    carry(&p.server, &p.client, SIZE_MAX);
    assert_int_equal(p.client.err, OK);
    carry(&p.client, &p.server, SIZE_MAX);
    assert_int_equal(p.server.err, ERR_DENIED);
    assert_int_equal(receive(&p.server, &p.client, plain, sizeof plain, &got), ERR_DENIED);
    assert_non_null(strstr(tls_channel_reason(p.client.channel), "certificate required"));
    pair_deinit(&p);
}

static void a_strangers_certificate_is_refused_even_if_optional(void **state)
{
    struct pair p;

    ask_clients(&p, TLS_CERTIFICATE_OPTIONAL);
    show(&p, fixture.stranger, fixture.stranger_key);
    pair_shake(&p);
    expect_failure(&p.server, ERR_DENIED, "certificate verify failed");
    pair_deinit(&p);
}

static void an_insecure_server_lets_a_stranger_in_without_a_name(void **state)
{
    struct pair p;

    ask_clients(&p, TLS_CERTIFICATE_REQUIRED);
    show(&p, fixture.stranger, fixture.stranger_key);
    p.server_settings.allow_insecure = true;
    pair_shake(&p);
    assert_int_equal(p.server.err, OK);
    assert_null(tls_channel_certificate_name(p.server.channel));
    pair_deinit(&p);
}

/* ---- bytes ---- */

static void many_records_come_by_one_read(void **state)
{
    static uint8_t sent[5 * TLS_RECORD_MAX], plain[sizeof sent];
    struct pair p;
    size_t got = 0;

    pair_init(&p);
    pair_shake(&p);
    assert_int_equal(RAND_bytes(sent, sizeof sent), 1);
    tls_channel_reserve(p.client.channel, sizeof sent);
    for (size_t at = 0; at < sizeof sent; at += TLS_RECORD_MAX)
        assert_int_equal(tls_channel_write(p.client.channel, bytes_of(sent + at, TLS_RECORD_MAX)), OK);
    assert_int_equal(receive(&p.client, &p.server, plain, sizeof plain, &got), OK);
    assert_int_equal(got, sizeof sent);
    assert_memory_equal(sent, plain, got);
    pair_deinit(&p);
}

static void bytes_that_are_not_read_yet_stay(void **state)
{
    uint8_t plain[100];
    struct pair p;
    size_t got = 0, len;

    pair_init(&p);
    pair_shake(&p);
    write_text(&p.client, "first");
    write_text(&p.client, "second");
    uint8_t *bytes = tls_channel_take(p.client.channel, &len);
    tls_channel_feed(p.server.channel, bytes_of(bytes, len));
    assert_int_equal(tls_channel_read(p.server.channel, plain, 3, &got), OK);
    assert_int_equal(got, 3);
    assert_true(tls_channel_unread(p.server.channel).len > 0);
    assert_int_equal(tls_channel_read(p.server.channel, plain, sizeof plain, &got), OK);
    assert_int_equal(got, 8);
    assert_memory_equal(plain, "stsecond", 8);
    assert_int_equal(tls_channel_read(p.server.channel, plain, sizeof plain, &got), ERR_AGAIN);
    free(bytes);
    pair_deinit(&p);
}

static void what_waits_to_be_taken_is_bounded(void **state)
{
    static const uint8_t plain[TLS_RECORD_MAX];
    struct pair p;
    int records = 0;

    pair_init(&p);
    pair_shake(&p);
    while (tls_channel_write(p.server.channel, bytes_of(plain, sizeof plain)) == OK)
        records++;
    assert_int_equal(records, TLS_OUT_MAX / TLS_RECORD_MAX - 1);
    assert_int_equal(tls_channel_write(p.server.channel, bytes_of(plain, sizeof plain)), ERR_FULL);
    assert_true(tls_channel_pending(p.server.channel) <= TLS_OUT_MAX);
    pair_deinit(&p);
}

static void the_end_is_told(void **state)
{
    struct pair p;
    uint8_t plain[10];
    size_t got;

    pair_init(&p);
    pair_shake(&p);
    write_text(&p.server, "bye");
    tls_channel_finish(p.server.channel);
    size_t len;
    uint8_t *bytes = tls_channel_take(p.server.channel, &len);
    tls_channel_feed(p.client.channel, bytes_of(bytes, len));
    assert_int_equal(tls_channel_read(p.client.channel, plain, sizeof plain, &got), OK);
    assert_int_equal(got, 3);
    assert_int_equal(tls_channel_read(p.client.channel, plain, sizeof plain, &got), ERR_CLOSED);
    assert_int_equal(tls_channel_read(p.client.channel, plain, sizeof plain, &got), ERR_CLOSED);
    free(bytes);
    pair_deinit(&p);
}

static void changed_bytes_are_found(void **state)
{
    struct pair p;
    uint8_t plain[10];
    size_t got, len;

    pair_init(&p);
    pair_shake(&p);
    write_text(&p.client, "hello");
    uint8_t *bytes = tls_channel_take(p.client.channel, &len);
    bytes[len - 1] ^= 1;
    tls_channel_feed(p.server.channel, bytes_of(bytes, len));
    assert_int_equal(tls_channel_read(p.server.channel, plain, sizeof plain, &got), ERR_PROTOCOL);
    assert_non_null(strstr(tls_channel_reason(p.server.channel), "bad record mac"));
    free(bytes);
    pair_deinit(&p);
}

static void plain_bytes_are_no_handshake(void **state)
{
    static const char *const texts[] = {"GET / HTTP/1.1\r\n\r\n", "\0\0\0\x15\0\0\0\x11\x08\x02 something else"};
    struct pair p;

    for (size_t i = 0; i < 2; i++) {
        pair_init(&p);
        end_begin(&p.server, &p.server_settings, NULL);
        tls_channel_feed(p.server.channel, bytes_of(texts[i], i == 0 ? 18 : 24));
        end_shake(&p.server);
        assert_int_equal(p.server.err, ERR_PROTOCOL);
        assert_true(strlen(tls_channel_reason(p.server.channel)) > 0);
        tls_channel_free(p.server.channel);
    }
}

/* Whatever comes is survived; most of it ends the handshake. */
static void noise_is_survived(void **state)
{
    uint8_t noise[300];

    for (int round = 0; round < 200; round++) {
        struct pair p;
        pair_init(&p);
        end_begin(&p.server, &p.server_settings, NULL);
        assert_int_equal(RAND_bytes(noise, sizeof noise), 1);
        noise[0] = 0x16, noise[1] = 3, noise[2] = 1;
        noise[3] = 0, noise[4] = (uint8_t)(round < 100 ? 200 : noise[4]);
        noise[5] = 1, noise[6] = 0, noise[7] = 0;
        tls_channel_feed(p.server.channel, bytes_of(noise, sizeof noise));
        end_shake(&p.server);
        assert_int_not_equal(p.server.err, OK);
        tls_channel_free(p.server.channel);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ends_understand_each_other),
        cmocka_unit_test(with_tls_1_2_likewise),
        cmocka_unit_test(a_handshake_may_come_byte_by_byte),
        cmocka_unit_test(no_protocol_in_common_is_a_failure),
        cmocka_unit_test(an_address_is_a_host_too),
        cmocka_unit_test(a_certificate_of_another_host_is_refused),
        cmocka_unit_test(another_host_is_fine_when_nobody_asks),
        cmocka_unit_test(a_host_that_is_to_be_verified_must_be_named),
        cmocka_unit_test(an_expired_certificate_is_refused),
        cmocka_unit_test(an_authority_that_is_not_trusted_is_refused),
        cmocka_unit_test(an_insecure_client_takes_all),
        cmocka_unit_test(a_chain_leads_to_who_is_trusted),
        cmocka_unit_test(a_client_is_known_by_its_certificate),
        cmocka_unit_test(a_client_without_a_certificate_is_nobody),
        cmocka_unit_test(a_certificate_that_nobody_asked_for_is_not_shown),
        cmocka_unit_test(a_required_certificate_that_is_missing_is_refused),
        cmocka_unit_test(a_client_hears_after_its_handshake_that_it_is_refused),
        cmocka_unit_test(a_strangers_certificate_is_refused_even_if_optional),
        cmocka_unit_test(an_insecure_server_lets_a_stranger_in_without_a_name),
        cmocka_unit_test(many_records_come_by_one_read),
        cmocka_unit_test(bytes_that_are_not_read_yet_stay),
        cmocka_unit_test(what_waits_to_be_taken_is_bounded),
        cmocka_unit_test(the_end_is_told),
        cmocka_unit_test(changed_bytes_are_found),
        cmocka_unit_test(plain_bytes_are_no_handshake),
        cmocka_unit_test(noise_is_survived),
    };
    return cmocka_run_group_tests(tests, make, clean);
}
