/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_doctor_security.c - see admin_doctor.h: what is open.
 *
 * The rules are a table over the broker's own options, by Pulsar's names.  An option that the broker does not know is
 * not set: so an Apache Pulsar is looked over as well.
 */
#include "cli/admin_doctor.h"

#include "base/commas.h"
#include "cli/address.h"
#include "cli/cli.h"
#include "security/jws.h"
#include "security/x509_make.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define DAY_S                86400
#define EXPIRES_SOON_S       (30 * DAY_S)
#define TOKEN_LONG_S         (400 * DAY_S)
#define TOKEN_RENEWED_S      (2 * DAY_S)
#define RSA_BITS_MIN         2048
#define FILE_BYTES_MAX       (256u * 1024)
#define OTHERS               (S_IRWXG | S_IRWXO)
#define AUTHORIZATION_BEARER "Bearer "

/* ---- the options ---- */

/* Values are texts; "" when it is not set. */
static const char *value_of(const json_t *values, const char *key)
{
    const char *text = json_string_value(json_object_get(values, key));

    return text ? text : "";
}

static bool is_on(const json_t *values, const char *key)
{
    return json_is_true(json_object_get(values, key)) || strcmp(value_of(values, key), "true") == 0;
}

static bool has_port(const json_t *values, const char *key)
{
    const char *port = value_of(values, key);

    return *port && strtol(port, NULL, 10) >= 0; /* 0: the kernel chooses */
}

static bool has_name(const json_t *values, const char *key, struct bytes wanted)
{
    const char *list = value_of(values, key);

    for (struct bytes name; commas_next(&list, &name);) {
        if (bytes_equal(name, wanted))
            return true;
    }
    return false;
}

static bool is_super(const json_t *values, struct bytes role)
{
    return has_name(values, "superUserRoles", role);
}

static bool is_reachable(const json_t *values)
{
    return address_is_reachable(value_of(values, "bindAddress"));
}

static bool authenticates(const json_t *values)
{
    return is_on(values, "authenticationEnabled");
}

/* ---- the rules ---- */

static bool nobody_is_asked(const json_t *v)
{
    return !authenticates(v);
}

static bool all_may_all(const json_t *v)
{
    return authenticates(v) && !is_on(v, "authorizationEnabled");
}

static bool anonymous_is_super(const json_t *v)
{
    const char *anonymous = value_of(v, "anonymousUserRole");

    return authenticates(v) && *anonymous && is_super(v, bytes_of_text(anonymous));
}

static bool anonymous_is_somebody(const json_t *v)
{
    return authenticates(v) && *value_of(v, "anonymousUserRole") && !anonymous_is_super(v);
}

static bool everybody_is_super(const json_t *v)
{
    return is_on(v, "authorizationEnabled") && is_super(v, bytes_of_text("*"));
}

static bool nobody_is_super(const json_t *v)
{
    return is_on(v, "authorizationEnabled") && !*value_of(v, "superUserRoles");
}

static bool proxy_is_super(const json_t *v)
{
    const char *list = value_of(v, "proxyRoles");

    for (struct bytes name; commas_next(&list, &name);) {
        if (is_super(v, name))
            return true;
    }
    return false;
}

static bool protocol_in_the_clear(const json_t *v)
{
    return authenticates(v) && is_reachable(v) && has_port(v, "brokerServicePort");
}

static bool http_in_the_clear(const json_t *v)
{
    return authenticates(v) && is_reachable(v) && has_port(v, "webServicePort");
}

static bool any_certificate_will_do(const json_t *v)
{
    return is_on(v, "tlsAllowInsecureConnection") || is_on(v, "brokerClientTlsAllowInsecureConnection");
}

static bool metrics_are_open(const json_t *v)
{
    return authenticates(v) && is_reachable(v) && json_object_get(v, "authenticateMetricsEndpoint") &&
           !is_on(v, "authenticateMetricsEndpoint");
}

static bool any_page_may_ask(const json_t *v)
{
    return has_name(v, "broker.http_trusted_sites", bytes_of_text("*"));
}

static bool is_not_in_its_sandbox(const json_t *v)
{
    return strcmp(value_of(v, "sandbox"), "off") == 0;
}

static bool keys_may_be_dumped(const json_t *v)
{
    return authenticates(v) && is_on(v, "core_dumps");
}

static bool nothing_is_written_down(const json_t *v)
{
    return authenticates(v) && json_object_get(v, "auditEnabled") && !is_on(v, "auditEnabled");
}

static const struct {
    bool (*holds)(const json_t *values);
    enum finding finding;
    const char *text;
} rules[] = {
    {nobody_is_asked, WARNING,
     "whoever reaches its ports may do everything: authentication is off; `geminga init --secure DIR` makes a "
     "configuration with it, or set bindAddress=127.0.0.1"},
    {all_may_all, WARNING,
     "whoever is somebody may do everything: authorization is off; set authorizationEnabled=true and superUserRoles"},
    {anonymous_is_super, FAILURE,
     "whoever shows no credentials is a super user: take anonymousUserRole out of superUserRoles"},
    {anonymous_is_somebody, WARNING,
     "whoever shows no credentials is let in as anonymousUserRole: unset it, or grant that role nothing"},
    {everybody_is_super, FAILURE, "superUserRoles has `*`: name the roles that administer the broker"},
    {nobody_is_super, WARNING, "superUserRoles is empty: nobody can administer the broker; name a role"},
    {proxy_is_super, WARNING,
     "a role of proxyRoles is a super user: give proxies a role of their own, which may do nothing by itself"},
    {protocol_in_the_clear, WARNING,
     "credentials and messages cross the network in the clear: set brokerServicePortTls and close brokerServicePort"},
    {http_in_the_clear, WARNING,
     "credentials of HTTP cross the network in the clear: set webServicePortTls and close webServicePort"},
    {any_certificate_will_do, WARNING,
     "certificates are not verified: set tlsAllowInsecureConnection=false and tlsTrustCertsFilePath"},
    {metrics_are_open, WARNING,
     "whoever reaches it reads /metrics, with the names of all topics: set authenticateMetricsEndpoint=true"},
    {any_page_may_ask, WARNING,
     "pages of any site may change something here through a browser that reaches it: name the hosts in "
     "broker.http_trusted_sites"},
    {is_not_in_its_sandbox, WARNING, "the broker may make any system call, should it be broken into: sandbox = \"on\""},
    {keys_may_be_dumped, WARNING, "a crash may write keys into a core file: core_dumps = false"},
    {nothing_is_written_down, WARNING, "nobody will know who did what: set auditEnabled=true"},
};

static void look_at_options(struct doctor *d, const json_t *values)
{
    const unsigned before = d->warnings + d->failures;

    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (rules[i].holds(values))
            doctor_say(d, rules[i].finding, "%s", rules[i].text);
    }
    if (d->warnings + d->failures == before)
        doctor_say(d, FINE, "nothing in its configuration is open that should not be");
}

/* ---- permissions that everybody has ---- */

static void look_at_permissions(struct doctor *d)
{
    char *said = doctor_ask(d, "/admin/v2/namespaces/public/default/permissions", NULL);
    json_t *grants = said ? json_loads(said, 0, NULL) : NULL;

    if (json_object_get(grants, "*"))
        doctor_say(
            d, WARNING,
            "everybody may use public/default: `geminga admin namespaces revoke-permission public/default --role '*'`");
    json_decref(grants);
    free(said);
}

/* ---- our own token ---- */

/* A token for longer than TOKEN_RENEWED_S is made by hand, and wants to be made again in time; a shorter one is renewed
 * by something. */
static void look_at_expiry(struct doctor *d, const json_t *claims, int64_t now_s)
{
    const json_t *expires = json_object_get(claims, "exp"), *made = json_object_get(claims, "iat");
    const int64_t left_s = json_integer_value(expires) - now_s;
    const bool is_renewed =
        json_is_integer(made) && json_integer_value(expires) - json_integer_value(made) <= TOKEN_RENEWED_S;

    if (!json_is_integer(expires))
        doctor_say(
            d, WARNING,
            "the token we were let in with never expires: make one with `geminga tokens create --expiry-time 90d`");
    else if (left_s > TOKEN_LONG_S)
        doctor_say(d, WARNING, "the token we were let in with is good for %lld days: a lost one is, too",
                   (long long)(left_s / DAY_S));
    else if (left_s < EXPIRES_SOON_S && !is_renewed)
        doctor_say(d, WARNING, "the token we were let in with expires in %lld days: make another",
                   (long long)(left_s / DAY_S));
}

static void look_at_token(struct doctor *d, int64_t now_s)
{
    const char *shown = d->call->authorization, *why;
    struct jws jws;
    json_t *claims;

    if (!shown || strncmp(shown, AUTHORIZATION_BEARER, strlen(AUTHORIZATION_BEARER)) != 0 ||
        jws_parse(bytes_of_text(shown + strlen(AUTHORIZATION_BEARER)), &jws, &why) != OK)
        return;
    if ((claims = json_loadb((const char *)jws.payload.data, jws.payload.len, 0, NULL)))
        look_at_expiry(d, claims, now_s);
    json_decref(claims);
    jws_deinit(&jws);
}

/* ---- files, where they are on this machine ---- */

/* What names a file: PATH, file:PATH, file://PATH; NULL: it is another form, or a secret that is not shown. */
static const char *path_of(const char *value)
{
    if (strncmp(value, "file:", 5) == 0)
        value += strncmp(value, "file://", 7) == 0 ? 7 : 5;
    return *value == '/' ? value : NULL;
}

static void look_at_mode(struct doctor *d, const json_t *values, const char *key)
{
    const char *path = path_of(value_of(values, key));
    struct stat s;

    if (path && stat(path, &s) == 0 && (s.st_mode & OTHERS) != 0)
        doctor_say(d, FAILURE, "%s (%s) is open to others than its owner: chmod 600 %s", path, key, path);
}

/* NULL: it is not on this machine, or no certificate. */
static X509 *certificate_read(const char *path)
{
    X509 *certificate = NULL;
    struct bytes text;

    if (cli_file_read(path, FILE_BYTES_MAX, &text) != OK)
        return NULL;
    if (x509_certificate_read(text, &certificate) != OK)
        certificate = NULL;
    free((void *)(uintptr_t)text.data);
    return certificate;
}

static int days_left(const X509 *certificate, time_t now)
{
    ASN1_TIME *from = ASN1_TIME_set(NULL, now);
    int days = 0, seconds = 0;

    if (from)
        (void)ASN1_TIME_diff(&days, &seconds, from, X509_get0_notAfter(certificate));
    ASN1_TIME_free(from);
    return days;
}

static void look_at_dates(struct doctor *d, const char *path, const X509 *certificate, int64_t now_s)
{
    time_t now = (time_t)now_s, soon = (time_t)(now_s + EXPIRES_SOON_S);

    if (X509_cmp_time(X509_get0_notAfter(certificate), &now) < 0)
        doctor_say(d, FAILURE,
                   "the certificate %s has expired: `geminga init --renew-certificate DIR`, or a new one of yours",
                   path);
    else if (X509_cmp_time(X509_get0_notBefore(certificate), &now) > 0)
        doctor_say(d, FAILURE, "the certificate %s is not valid yet: look at the clock", path);
    else if (X509_cmp_time(X509_get0_notAfter(certificate), &soon) < 0)
        doctor_say(d, WARNING,
                   "the certificate %s expires in %d days: make a new one; the broker takes it while it runs", path,
                   days_left(certificate, now));
}

static void look_at_certificate(struct doctor *d, const char *path, int64_t now_s)
{
    X509 *certificate = path ? certificate_read(path) : NULL;
    const EVP_PKEY *key = certificate ? X509_get0_pubkey(certificate) : NULL;

    if (!certificate)
        return;
    look_at_dates(d, path, certificate, now_s);
    if (key && EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) < RSA_BITS_MIN)
        doctor_say(d, FAILURE, "the key of %s has %d bits: make one of %d", path, EVP_PKEY_get_bits(key), RSA_BITS_MIN);
    X509_free(certificate);
}

static void look_at_files(struct doctor *d, const json_t *values, int64_t now_s)
{
    static const char *const keys[] = {"tlsKeyFilePath", "basicAuthConf", "brokerClientKeyFilePath"};

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        look_at_mode(d, values, keys[i]);
    look_at_certificate(d, path_of(value_of(values, "tlsCertificateFilePath")), now_s);
    look_at_certificate(d, path_of(value_of(values, "tlsTrustCertsFilePath")), now_s);
}

void doctor_look_at_security(struct doctor *d)
{
    char *said = doctor_ask(d, "/admin/v2/brokers/configuration/runtime", NULL);
    json_t *values = said ? json_loads(said, 0, NULL) : NULL;
    const int64_t now_s = d->call->now_ms() / 1000;

    if (values) {
        look_at_options(d, values);
        look_at_files(d, values, now_s);
        if (is_on(values, "authorizationEnabled"))
            look_at_permissions(d);
    } else {
        doctor_say(d, WARNING, "its configuration cannot be looked at: that is for super users");
    }
    look_at_token(d, now_s);
    json_decref(values);
    free(said);
}
