/* SPDX-License-Identifier: Apache-2.0
 *
 * init.c - `geminga init`: a directory with all that a broker and its first clients need.
 *
 *     geminga.toml             the broker's configuration                         (all of it with or without --secure)
 *     client.conf              the administrator's, for `geminga admin`, `geminga client` and Pulsar's own tools
 *
 * and with --secure:
 *
 *     app.conf                 the same for an application
 *     tls/ca.pem               whom all trust: the authority of this directory
 *     tls/server.pem           the broker's certificate;    tls/server.key.pem  its key
 *     tls/admin.pem            the administrator's, for who would rather show a certificate than a token
 *     tls/admin.key.pem        its key, RSA: the Java client reads no other
 *     tokens/admin.jwt, ...    who has them, is these roles
 *     tokens/public.key        verifies tokens: all that the broker needs of them
 *     private/ca.key.pem       signs certificates;          private/token.key  signs tokens: to be moved away
 *
 * A pair for tokens, and no secret: who reads what the broker has can verify tokens, and make none.
 *
 * Works without a network and without a broker; nothing that is secret is printed.
 */
#include "base/secret.h"
#include "base/text.h"
#include "cli/broker_config.h"
#include "cli/cli.h"
#include "cli/init_place.h"
#include "cli/init_toml.h"
#include "cli/relative_time.h"
#include "security/token.h"
#include "security/x509_make.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define DAY_S           86400
#define CLOCK_S         3600 /* certificates begin so long ago: clocks differ */
#define AUTHORITY_YEARS 10
#define HOSTS_MAX       32
#define HOST_NAME_MAX_  256
#define TEXT_MAX        (64u * 1024)
#define ROLE_MAX        200
#define ADMIN           "admin"
#define TOKEN_ALGORITHM JWS_ES256

struct init_config {
    bool secure, renew;
    char **hosts;
    char *role, *expiry;
    int64_t port, http_port;
};

#define AT(member) .offset = offsetof(struct init_config, member)

static const struct option init_options[] = {
    {.key = "init.secure",
     .flag = "--secure",
     .type = OPTION_BOOL,
     .fallback = "false",
     AT(secure),
     .text =
         "With keys, certificates and tokens of its own; TLS, authentication, authorization and the audit log are on, "
         "and ports without TLS are closed."},
    {.key = "init.hosts",
     .flag = "--host",
     .type = OPTION_TEXTS,
     AT(hosts),
     .text =
         "A name or an address at which clients reach the broker; may be said again.  The first is what they are told. "
         "Always in the certificate: localhost, 127.0.0.1, ::1 and this machine's name."},
    {.key = "init.role",
     .flag = "--role",
     .type = OPTION_TEXT,
     .fallback = "app",
     AT(role),
     .text = "Who the application is, for which a token is made."},
    {.key = "init.expiry",
     .flag = "-e|--expiry-time",
     .type = OPTION_TEXT,
     .fallback = "1y",
     AT(expiry),
     .text = "How long tokens and certificates are good: 90d, 1y."},
    {.key = "init.port",
     .flag = "--port",
     .type = OPTION_INTEGER,
     .fallback = "0",
     .max = 65535,
     AT(port),
     .text = "The port of Pulsar's protocol; by default 6651 with TLS, 6650 without."},
    {.key = "init.http_port",
     .flag = "--http-port",
     .type = OPTION_INTEGER,
     .fallback = "0",
     .max = 65535,
     AT(http_port),
     .text = "The port of HTTP; by default 8443 with TLS, 8080 without."},
    {.key = "init.renew",
     .flag = "--renew-certificate",
     .type = OPTION_BOOL,
     .fallback = "false",
     AT(renew),
     .text = "Of a directory that is there already: the same certificates for another year."},
};

/* One run. */
struct init {
    const struct invocation *inv;
    const struct init_config *config;
    struct init_place place;
    int64_t now_s, span_s;
    char machine[HOST_NAME_MAX_];
    const char *hosts[HOSTS_MAX + 1]; /* all that are in the certificate */
    const char *host;                 /* where clients are sent */
    struct x509_pair authority;
    struct jws_key *token_key;
};

/* ---- what all steps need ---- */

static int place_failed(const struct init *i)
{
    cli_error(i->inv, "%s", i->place.message);
    return CLI_FAILED;
}

static int made_none(const struct init *i, const char *what, enum err err)
{
    cli_error(i->inv, "cannot make %s: %s", what, err_text(err));
    return CLI_FAILED;
}

/* Writes the text, and wipes it. */
static int text_put(struct init *i, const char *name, struct text *text)
{
    const bool whole = !text_failed(text);
    const enum err err = whole ? init_place_file(&i->place, name, bytes_of(text->data, text->len)) : ERR_NOMEM;

    if (text->data)
        secret_wipe(text->data, text->len);
    text_deinit(text);
    if (!whole)
        return made_none(i, name, ERR_NOMEM);
    return err == OK ? CLI_OK : place_failed(i);
}

static int directories_make(struct init *i, const char *const *names)
{
    for (; *names; names++) {
        if (init_place_directory(&i->place, *names) != OK)
            return place_failed(i);
    }
    return CLI_OK;
}

static bool hosts_add(struct init *i, const char *host)
{
    size_t n = 0;

    while (i->hosts[n] && strcmp(i->hosts[n], host) != 0)
        n++;
    if (n < HOSTS_MAX)
        i->hosts[n] = host;
    return n < HOSTS_MAX;
}

static int hosts_fill(struct init *i)
{
    static const char *const always[] = {"localhost", "127.0.0.1", "::1"};
    char *const *given = i->config->hosts;

    i->host = given && *given ? *given : "localhost";
    for (; given && *given; given++) {
        if (!x509_host_is_valid(*given))
            return cli_usage_error(i->inv, "--host: `%s` is neither a name nor an address", *given);
        if (!hosts_add(i, *given))
            return cli_usage_error(i->inv, "--host can be said %d times at most", HOSTS_MAX - 4);
    }
    for (size_t n = 0; n < sizeof always / sizeof always[0]; n++)
        (void)hosts_add(i, always[n]);
    if (gethostname(i->machine, sizeof i->machine - 1) == 0 && x509_host_is_valid(i->machine))
        (void)hosts_add(i, i->machine);
    return CLI_OK;
}

/* A host as it stands in a URL. */
static const char *url_host(const struct init *i, char to[HOST_NAME_MAX_ + 2])
{
    (void)snprintf(to, HOST_NAME_MAX_ + 2, strchr(i->host, ':') ? "[%s]" : "%s", i->host);
    return to;
}

static int port_of(const struct init *i)
{
    return i->config->port > 0 ? (int)i->config->port : i->config->secure ? 6651 : 6650;
}

static int http_port_of(const struct init *i)
{
    return i->config->http_port > 0 ? (int)i->config->http_port : i->config->secure ? 8443 : 8080;
}

/* ---- certificates ---- */

/* The certificate and its key, each in its file. */
static int pair_put(struct init *i, const struct x509_pair *p, const char *name, const char *key_name)
{
    struct text certificate, key;
    int status;

    text_init(&certificate, TEXT_MAX);
    text_init(&key, TEXT_MAX);
    if (x509_certificate_write(p->certificate, &certificate) != OK || x509_key_write(p->key, &key) != OK)
        status = made_none(i, name, ERR_NOMEM);
    else if ((status = text_put(i, name, &certificate)) == CLI_OK)
        status = text_put(i, key_name, &key);
    if (key.data)
        secret_wipe(key.data, key.len);
    text_deinit(&certificate);
    text_deinit(&key);
    return status;
}

static int certificate_make(struct init *i, const struct x509_wish *wish, const char *name, const char *key_name)
{
    struct x509_pair p;
    const enum err err = x509_make(&p, wish, &i->authority);
    int status;

    if (err != OK)
        return made_none(i, name, err);
    status = pair_put(i, &p, name, key_name);
    x509_pair_deinit(&p);
    return status;
}

static int certificates_make(struct init *i)
{
    const int64_t begins_s = i->now_s - CLOCK_S, expires_s = i->now_s + i->span_s;
    const struct x509_wish authority = {.use = X509_USE_AUTHORITY,
                                        .organization = "Geminga",
                                        .common_name = "Authority of this broker",
                                        .begins_s = begins_s,
                                        .expires_s = i->now_s + AUTHORITY_YEARS * 366ll * DAY_S},
                           server = {.use = X509_USE_SERVER,
                                     .common_name = "geminga",
                                     .hosts = i->hosts,
                                     .begins_s = begins_s,
                                     .expires_s = expires_s},
                           admin = {.use = X509_USE_CLIENT,
                                    .common_name = ADMIN,
                                    .begins_s = begins_s,
                                    .expires_s = expires_s,
                                    .rsa = true};
    const enum err err = x509_make(&i->authority, &authority, NULL);
    int status;

    if (err != OK)
        return made_none(i, "tls/ca.pem", err);
    if ((status = pair_put(i, &i->authority, "tls/ca.pem", "private/ca.key.pem")) == CLI_OK &&
        (status = certificate_make(i, &server, "tls/server.pem", "tls/server.key.pem")) == CLI_OK)
        status = certificate_make(i, &admin, "tls/admin.pem", "tls/admin.key.pem");
    return status;
}

/* ---- tokens ---- */

static int half_put(struct init *i, const char *name, enum err (*half)(const struct jws_key *key, struct bytes *out))
{
    struct bytes der;
    enum err err = half(i->token_key, &der);

    if (err != OK)
        return made_none(i, name, err);
    err = init_place_file(&i->place, name, der);
    jws_bytes_free(der);
    return err == OK ? CLI_OK : place_failed(i);
}

static int token_put(struct init *i, const char *role, const char *name)
{
    json_t *header = json_object();
    struct text token;
    enum err err = ERR_NOMEM;

    text_init(&token, JWS_TEXT_MAX);
    if (header)
        err = token_make(i->token_key, TOKEN_ALGORITHM, header, role, i->now_s + i->span_s, &token);
    json_decref(header);
    if (err == OK)
        return text_put(i, name, &token);
    text_deinit(&token);
    return made_none(i, name, err);
}

static int tokens_make(struct init *i)
{
    const enum err err = jws_key_make(&i->token_key, TOKEN_ALGORITHM);
    int status;

    if (err != OK)
        return made_none(i, "private/token.key", err);
    if ((status = half_put(i, "private/token.key", jws_key_private_bytes)) == CLI_OK &&
        (status = half_put(i, "tokens/public.key", jws_key_public_bytes)) == CLI_OK &&
        (status = token_put(i, ADMIN, "tokens/" ADMIN ".jwt")) == CLI_OK)
        status = token_put(i, i->config->role, "tokens/app.jwt");
    return status;
}

/* ---- configurations ---- */

struct setting_values {
    char data[PATH_MAX], certificate[PATH_MAX], key[PATH_MAX], trust[PATH_MAX], public_path[PATH_MAX];
    char public_key[PATH_MAX + 16], port[12], http_port[12];
};

static void values_fill(const struct init *i, struct setting_values *v)
{
    (void)init_place_path(&i->place, "data", v->data);
    (void)init_place_path(&i->place, "tls/server.pem", v->certificate);
    (void)init_place_path(&i->place, "tls/server.key.pem", v->key);
    (void)init_place_path(&i->place, "tls/ca.pem", v->trust);
    (void)snprintf(v->public_key, sizeof v->public_key, "file://%s",
                   init_place_path(&i->place, "tokens/public.key", v->public_path));
    (void)snprintf(v->port, sizeof v->port, "%d", port_of(i));
    (void)snprintf(v->http_port, sizeof v->http_port, "%d", http_port_of(i));
}

static int broker_file_put(struct init *i, const char *head, const struct init_setting *settings, size_t count)
{
    const char *unknown;
    struct text out;

    text_init(&out, TEXT_MAX);
    text_add(&out, head);
    if (!init_toml_write(&broker_option_table, settings, count, &out, &unknown) && unknown) {
        text_deinit(&out);
        cli_error(i->inv, "this build has no %s", unknown);
        return CLI_FAILED;
    }
    return text_put(i, "geminga.toml", &out);
}

static int secure_file_put(struct init *i)
{
    struct setting_values v;

    values_fill(i, &v);
    const struct init_setting settings[] = {
        {"data", v.data},
        {"brokerServicePort", "-1"},
        {"brokerServicePortTls", v.port},
        {"webServicePort", "-1"},
        {"webServicePortTls", v.http_port},
        {"tlsCertificateFilePath", v.certificate},
        {"tlsKeyFilePath", v.key},
        {"tlsTrustCertsFilePath", v.trust},
        {"authenticationEnabled", "true"},
        {"authenticationProviders", "org.apache.pulsar.broker.authentication.AuthenticationProviderToken,"
                                    "org.apache.pulsar.broker.authentication.AuthenticationProviderTls"},
        {"tokenPublicKey", v.public_key},
        {"tokenPublicAlg", jws_algorithm_info(TOKEN_ALGORITHM)->name},
        {"authorizationEnabled", "true"},
        {"superUserRoles", ADMIN},
        {"authenticateMetricsEndpoint", "true"},
        {"auditEnabled", "true"},
        {"advertisedAddress", i->host}, /* last: only where one was given */
    };
    const size_t count = sizeof settings / sizeof settings[0];

    return broker_file_put(
        i,
        "# Made by `geminga init --secure`.  docs/security.md tells what each thing is for; `geminga "
        "config show\n# --effective -c THIS_FILE` shows all that holds.\n",
        settings, i->config->hosts ? count : count - 1);
}

static int plain_file_put(struct init *i)
{
    struct setting_values v;

    values_fill(i, &v);
    const struct init_setting settings[] = {
        {"data", v.data},
        {"bindAddress", i->config->hosts ? "0.0.0.0" : "127.0.0.1"},
        {"brokerServicePort", v.port},
        {"webServicePort", v.http_port},
        {"advertisedAddress", i->host},
    };

    return broker_file_put(
        i,
        "# Made by `geminga init`.  Whoever reaches these ports may do everything: `geminga init "
        "--secure` makes a\n# broker that asks who is there.  `geminga config keys` tells all that can "
        "be set.\n",
        settings, sizeof settings / sizeof settings[0]);
}

/* As Pulsar's tools read it. */
static int client_file_put(struct init *i, const char *name, const char *token)
{
    char host[HOST_NAME_MAX_ + 2], path[PATH_MAX];
    const char *end = i->config->secure ? "s" : "", *ssl = i->config->secure ? "+ssl" : "";
    struct text out;

    text_init(&out, TEXT_MAX);
    text_printf(&out, "webServiceUrl=http%s://%s:%d\nbrokerServiceUrl=pulsar%s://%s:%d\n", end, url_host(i, host),
                http_port_of(i), ssl, url_host(i, host), port_of(i));
    if (token) {
        text_printf(&out, "authPlugin=org.apache.pulsar.client.impl.auth.AuthenticationToken\nauthParams=file://%s\n",
                    init_place_path(&i->place, token, path));
        text_printf(&out,
                    "tlsTrustCertsFilePath=%s\ntlsEnableHostnameVerification=true\ntlsAllowInsecureConnection=false\n",
                    init_place_path(&i->place, "tls/ca.pem", path));
    }
    return text_put(i, name, &out);
}

/* ---- what is next ---- */

static void secure_tell(const struct init *i)
{
    const char *root = i->place.root;
    char until[32] = "";
    const time_t expires = (time_t)(i->now_s + i->span_s);
    struct tm tm;

    if (gmtime_r(&expires, &tm))
        (void)strftime(until, sizeof until, "%Y-%m-%d", &tm);
    (void)printf(
        "%s has a broker's configuration, keys, certificates and tokens, good until %s.  Next:\n"
        "  geminga standalone --config %s/geminga.toml\n"
        "  geminga admin --config %s/client.conf namespaces grant-permission public/default --role %s --actions "
        "produce,consume\n"
        "  geminga client --config %s/app.conf produce my-topic -m hello\n"
        "Move %s/private away: who has it makes tokens and certificates; the broker does not need it.\n",
        root, until, root, root, i->config->role, root, root);
}

static void plain_tell(const struct init *i)
{
    const char *root = i->place.root;

    (void)printf("%s has a broker's configuration; whoever reaches its ports may do everything.  Next:\n"
                 "  geminga standalone --config %s/geminga.toml\n"
                 "  geminga client --config %s/client.conf produce my-topic -m hello\n"
                 "  geminga admin --config %s/client.conf topics stats my-topic\n",
                 root, root, root, root);
}

/* ---- all of it ---- */

static int secure_make(struct init *i)
{
    static const char *const names[] = {"tls", "tokens", "private", "data", NULL};
    int status = directories_make(i, names);

    if (status == CLI_OK && (status = certificates_make(i)) == CLI_OK && (status = tokens_make(i)) == CLI_OK &&
        (status = secure_file_put(i)) == CLI_OK &&
        (status = client_file_put(i, "client.conf", "tokens/" ADMIN ".jwt")) == CLI_OK)
        status = client_file_put(i, "app.conf", "tokens/app.jwt");
    return status;
}

static int plain_make(struct init *i)
{
    int status = plain_file_put(i);

    return status == CLI_OK ? client_file_put(i, "client.conf", NULL) : status;
}

static int make(struct init *i, const char *directory)
{
    int status = hosts_fill(i);

    if (status != CLI_OK)
        return status;
    if (init_place_open(&i->place, directory) != OK)
        status = place_failed(i);
    else
        status = i->config->secure ? secure_make(i) : plain_make(i);
    init_place_close(&i->place, status == CLI_OK);
    if (status == CLI_OK)
        (i->config->secure ? secure_tell : plain_tell)(i);
    x509_pair_deinit(&i->authority);
    jws_key_free(i->token_key);
    return status;
}

/* ---- another year ---- */

static int pem_read(const struct init *i, const char *name, struct bytes *out)
{
    char path[PATH_MAX];
    const enum err err = cli_file_read(init_place_path(&i->place, name, path), TEXT_MAX, out);

    if (err == OK)
        return CLI_OK;
    cli_error(i->inv, "cannot read %s: %s%s", path, err_text(err),
              err == ERR_NOT_FOUND && strncmp(name, "private/", 8) == 0
                  ? " (bring the directory `private` back, for as long as this takes)"
                  : "");
    return CLI_FAILED;
}

static void pem_free(struct bytes pem)
{
    secret_wipe((void *)(uintptr_t)pem.data, pem.len);
    free((void *)(uintptr_t)pem.data);
}

static int certificate_read(const struct init *i, const char *name, X509 **out)
{
    struct bytes pem;
    int status = pem_read(i, name, &pem);

    if (status != CLI_OK)
        return status;
    if (x509_certificate_read(pem, out) != OK) {
        cli_error(i->inv, "%s/%s is no certificate", i->place.root, name);
        status = CLI_FAILED;
    }
    pem_free(pem);
    return status;
}

static int authority_read(struct init *i)
{
    struct bytes pem;
    int status = certificate_read(i, "tls/ca.pem", &i->authority.certificate);

    if (status != CLI_OK || (status = pem_read(i, "private/ca.key.pem", &pem)) != CLI_OK)
        return status;
    if (x509_key_read(pem, &i->authority.key) != OK) {
        cli_error(i->inv, "%s/private/ca.key.pem is no key", i->place.root);
        status = CLI_FAILED;
    }
    pem_free(pem);
    return status;
}

static int certificate_renew(struct init *i, const char *name)
{
    X509 *old = NULL, *renewed = NULL;
    struct text pem;
    int status = certificate_read(i, name, &old);

    if (status != CLI_OK)
        return status;
    text_init(&pem, TEXT_MAX);
    enum err err = x509_renew(&renewed, old, &i->authority, i->now_s - CLOCK_S, i->now_s + i->span_s);
    if (err == OK && (err = x509_certificate_write(renewed, &pem)) == OK) {
        if (init_place_replace(&i->place, name, bytes_of(pem.data, pem.len)) != OK)
            status = place_failed(i);
    } else if (err == ERR_INVALID) {
        cli_error(i->inv, "%s/%s is not by the authority in tls/ca.pem and private/ca.key.pem", i->place.root, name);
        status = CLI_FAILED;
    } else {
        status = made_none(i, name, err);
    }
    text_deinit(&pem);
    X509_free(renewed);
    X509_free(old);
    return status;
}

static int renew(struct init *i, const char *directory)
{
    int status = CLI_OK;

    if (init_place_find(&i->place, directory) != OK)
        return place_failed(i);
    if ((status = authority_read(i)) == CLI_OK && (status = certificate_renew(i, "tls/server.pem")) == CLI_OK)
        status = certificate_renew(i, "tls/admin.pem");
    if (status == CLI_OK)
        (void)printf(
            "Renewed the certificates in %s/tls; a broker that runs takes them by itself, or at once on SIGHUP.\n",
            i->place.root);
    x509_pair_deinit(&i->authority);
    return status;
}

/* ---- the verb ---- */

static int config_check(const struct invocation *inv, const struct init_config *c, int64_t *span_s)
{
    const size_t role_len = strlen(c->role);

    if (inv->argc != 1)
        return cli_usage_error(inv, inv->argc == 0 ? "which directory?" : "one directory, please");
    if (!relative_time_parse(c->expiry, span_s) || *span_s <= 0)
        return cli_usage_error(inv, "--expiry-time expects a time such as 90d or 1y, not `%s`", c->expiry);
    if (*span_s > AUTHORITY_YEARS * 365ll * DAY_S)
        return cli_usage_error(inv, "--expiry-time is at most %d years: the authority is good for no longer",
                               AUTHORITY_YEARS);
    if (role_len == 0 || role_len > ROLE_MAX || strcmp(c->role, ADMIN) == 0)
        return cli_usage_error(inv, "--role is a name of its own, of at most %d bytes, and not " ADMIN, ROLE_MAX);
    if (c->renew && (c->secure || c->hosts))
        return cli_usage_error(inv, "--renew-certificate stands without --secure and --host: hosts stay as they are");
    return CLI_OK;
}

static int init_run(struct invocation *inv)
{
    struct options sets[VERB_TABLES_MAX];
    struct init_config config = {0};
    void *const values[VERB_TABLES_MAX] = {&config};
    struct init *i = calloc(1, sizeof *i);
    int status = i ? cli_configure(inv, sets, values) : CLI_FAILED;

    if (!i) {
        cli_error(inv, "no memory");
        return CLI_FAILED;
    }
    *i = (struct init){.inv = inv, .config = &config, .now_s = (int64_t)time(NULL)};
    if (status == CLI_OK)
        status = config_check(inv, &config, &i->span_s);
    if (status == CLI_OK)
        status = config.renew ? renew(i, inv->argv[0]) : make(i, inv->argv[0]);
    cli_deconfigure(inv, sets);
    free(i);
    return status;
}

const struct verb init_verb = {
    .name = "init",
    .arguments = "[--secure] [--host NAME]... DIRECTORY",
    .text = "Makes a directory with a broker's configuration and, with --secure, its keys, certificates and tokens.",
    .example = "  geminga init --secure --host bus.example.org my-broker\n"
               "  geminga init --renew-certificate my-broker\n",
    .tables = {VERB_TABLE(init_options)},
    .run = init_run,
};
