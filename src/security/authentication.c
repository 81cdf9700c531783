/* SPDX-License-Identifier: Apache-2.0
 *
 * authentication.c - see authentication.h.
 */
#include "security/authentication.h"

#include "base/base64.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define BASIC_MAX (HTPASSWD_NAME_MAX + 1 + HTPASSWD_PASSWORD_MAX)

struct authentication {
    atomic_uint refs;
    struct authentication_settings settings; /* whose texts are ours */
};

static const struct {
    const char *method, *name;
} providers[PROVIDERS] = {
    [PROVIDER_TOKEN] = {"token", "AuthenticationProviderToken"},
    [PROVIDER_BASIC] = {"basic", "AuthenticationProviderBasic"},
    [PROVIDER_TLS] = {"tls", "AuthenticationProviderTls"},
};

const char *provider_method(enum provider provider)
{
    return providers[provider].method;
}

const char *provider_name(enum provider provider)
{
    return providers[provider].name;
}

bool provider_find(enum provider *out, struct bytes name)
{
    static const char package[] = "org.apache.pulsar.broker.authentication.";
    const size_t len = sizeof package - 1;

    if (name.len > len && memcmp(name.data, package, len) == 0)
        name = bytes_of(name.data + len, name.len - len);
    for (enum provider p = 0; p < PROVIDERS; p++) {
        if (bytes_equal(name, bytes_of_text(providers[p].method)) ||
            bytes_equal(name, bytes_of_text(providers[p].name))) {
            *out = p;
            return true;
        }
    }
    return false;
}

const char *refused_reason(enum provider provider, enum refused refused)
{
    switch (refused) {
    case REFUSED_DATA:
        return "INVALID_AUTH_DATA";
    case REFUSED_TOKEN:
    case REFUSED_EXPIRED:
        return "INVALID_TOKEN";
    case REFUSED_AUDIENCE:
        return "INVALID_AUDIENCES";
    case REFUSED_CERTIFICATE:
        return provider == PROVIDER_TLS ? "INVALID_CERTS" : "UNKNOWN";
    case REFUSED_METHOD:
    case REFUSED_KINDS:
        break;
    }
    return "UNKNOWN";
}

void identity_deinit(struct identity *identity)
{
    free(identity->role);
    *identity = (struct identity){0};
}

/* ---- life ---- */

static enum err copy(const char **text)
{
    if (!*text || !**text) {
        *text = NULL;
        return OK;
    }
    return (*text = strdup(*text)) ? OK : ERR_NOMEM;
}

static void texts_free(struct authentication_settings *s)
{
    const char *const texts[] = {s->anonymous_role, s->role_claim, s->audience_claim, s->audience};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free((char *)(uintptr_t)texts[i]);
}

static enum err texts_copy(struct authentication_settings *s)
{
    const char **const texts[] = {&s->anonymous_role, &s->role_claim, &s->audience_claim, &s->audience};
    enum err err = OK;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (err != OK)
            *texts[i] = NULL;
        else
            err = copy(texts[i]);
    }
    return err;
}

static bool settings_have(const struct authentication_settings *s, enum provider provider)
{
    for (size_t i = 0; i < s->provider_count; i++) {
        if (s->providers[i] == provider)
            return true;
    }
    return false;
}

enum err authentication_new(struct authentication **out, const struct authentication_settings *settings)
{
    assert(settings->provider_count <= PROVIDERS);
    assert(settings->token_key || !settings_have(settings, PROVIDER_TOKEN));
    assert(settings->passwords || !settings_have(settings, PROVIDER_BASIC));
    assert(!settings->audience_claim == !settings->audience);
    struct authentication *a = calloc(1, sizeof *a);
    if (!a)
        return ERR_NOMEM;
    a->settings = *settings;
    if (texts_copy(&a->settings) != OK) {
        texts_free(&a->settings);
        free(a);
        return ERR_NOMEM;
    }
    atomic_init(&a->refs, 1);
    *out = a;
    return OK;
}

struct authentication *authentication_ref(struct authentication *a)
{
    (void)atomic_fetch_add_explicit(&a->refs, 1, memory_order_relaxed);
    return a;
}

void authentication_unref(struct authentication *a)
{
    if (!a || atomic_fetch_sub_explicit(&a->refs, 1, memory_order_acq_rel) > 1)
        return;
    texts_free(&a->settings);
    jws_key_free(a->settings.token_key);
    htpasswd_free(a->settings.passwords);
    free(a);
}

bool authentication_provides(const struct authentication *a, const char *method)
{
    for (size_t i = 0; i < a->settings.provider_count; i++) {
        if (strcmp(method, provider_method(a->settings.providers[i])) == 0)
            return true;
    }
    return false;
}

const char *authentication_anonymous(const struct authentication *a)
{
    return a->settings.anonymous_role;
}

/* ---- one check ---- */

struct check {
    const struct authentication_settings *settings;
    const struct credentials *credentials;
    int64_t now_s;
    struct identity *out;
    struct verdict *verdict;
};

static enum err refused(struct check *k, enum refused refused, const char *why)
{
    k->verdict->refused = refused;
    k->verdict->why = why;
    return ERR_DENIED;
}

static enum err no_memory(struct check *k)
{
    (void)refused(k, REFUSED_DATA, "no memory");
    return ERR_NOMEM;
}

/* What follows the scheme in a header of HTTP; or all of it, when it is not HTTP's.  False: another scheme. */
static bool after_scheme(const struct credentials *c, const char *scheme, bool exact, struct bytes *out)
{
    const size_t len = strlen(scheme);
    const char *text = (const char *)c->data.data;

    *out = c->data;
    if (!c->http)
        return true;
    if (c->data.len < len || (exact ? memcmp(text, scheme, len) : strncasecmp(text, scheme, len)) != 0)
        return false;
    *out = bytes_of(c->data.data + len, c->data.len - len);
    return true;
}

static bool blank(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] > ' ')
            return false;
    }
    return true;
}

static enum err accepted(struct check *k, enum provider provider, char *role, int64_t expires_s)
{
    *k->out = (struct identity){.role = role, .method = provider_method(provider), .expires_s = expires_s};
    return OK;
}

static enum refused token_refusal(const char *why)
{
    if (why == token_has_expired)
        return REFUSED_EXPIRED;
    return why == token_is_for_others ? REFUSED_AUDIENCE : REFUSED_TOKEN;
}

static enum err token_check(struct check *k)
{
    const struct authentication_settings *s = k->settings;
    const struct token_rules rules = {.now_s = k->now_s,
                                      .skew_s = s->skew_s,
                                      .role_claim = s->role_claim,
                                      .audience_claim = s->audience_claim,
                                      .audience = s->audience};
    struct bytes text;
    struct token token;
    const char *why = NULL;

    if (!after_scheme(k->credentials, "Bearer ", true, &text))
        return refused(k, REFUSED_DATA, "no token was shown");
    if (blank(text))
        return refused(k, REFUSED_DATA, "the token is empty");
    enum err err = token_verify(s->token_key, text, &rules, &token, &why);
    if (err == ERR_NOMEM)
        return no_memory(k);
    if (err != OK)
        return refused(k, token_refusal(why), why);
    char *role = token.role;
    token.role = NULL;
    const int64_t expires_s = token.expires_s;
    token_deinit(&token);
    if (role && *role)
        return accepted(k, PROVIDER_TOKEN, role, expires_s);
    free(role);
    return refused(k, REFUSED_TOKEN, "it names no role");
}

/* NAME:PASSWORD, the first colon parts them. */
static enum err password_check(struct check *k, struct bytes pair)
{
    const uint8_t *colon = pair.len > 0 ? memchr(pair.data, ':', pair.len) : NULL;

    if (!colon || colon == pair.data || colon + 1 == pair.data + pair.len)
        return refused(k, REFUSED_DATA, "not a name, a colon and a password");
    const struct bytes name = bytes_of(pair.data, (size_t)(colon - pair.data));
    const struct bytes password = bytes_of(colon + 1, pair.len - name.len - 1);
    enum err err = htpasswd_verify(k->settings->passwords, name, password);
    if (err == ERR_DENIED)
        return refused(k, REFUSED_TOKEN, "unknown user or wrong password");
    char *role = err == OK ? strndup((const char *)name.data, name.len) : NULL;
    return role ? accepted(k, PROVIDER_BASIC, role, 0) : no_memory(k);
}

static enum err basic_check(struct check *k)
{
    uint8_t pair[BASIC_MAX];
    struct bytes text;
    size_t len = 0;

    if (!after_scheme(k->credentials, "Basic ", false, &text))
        return refused(k, REFUSED_DATA, "no name and password were shown");
    if (!k->credentials->http)
        return password_check(k, text);
    enum err err = base64_decode(text, pair, sizeof pair, &len);
    err = err == OK ? password_check(k, bytes_of(pair, len))
                    : refused(k, REFUSED_DATA, "what follows Basic is not base64, or too long");
    OPENSSL_cleanse(pair, sizeof pair);
    return err;
}

static enum err tls_check(struct check *k)
{
    const char *name = k->credentials->certificate_name;

    if (!name || !*name)
        return refused(k, REFUSED_CERTIFICATE, "no certificate with a common name was shown");
    char *role = strdup(name);
    return role ? accepted(k, PROVIDER_TLS, role, 0) : no_memory(k);
}

static enum err provider_check(struct check *k, enum provider provider)
{
    static enum err (*const checks[PROVIDERS])(struct check *) = {
        [PROVIDER_TOKEN] = token_check, [PROVIDER_BASIC] = basic_check, [PROVIDER_TLS] = tls_check};

    k->verdict->provider = provider;
    return checks[provider](k);
}

static enum err anonymous(struct check *k, const char *why)
{
    const char *role = k->settings->anonymous_role;

    k->verdict->provider = PROVIDERS;
    if (!role)
        return refused(k, REFUSED_METHOD, why);
    *k->out = (struct identity){.role = strdup(role), .method = "anonymous"};
    return k->out->role ? OK : no_memory(k);
}

/* Nobody said which: whoever is content first. */
static enum err any_check(struct check *k)
{
    for (size_t i = 0; i < k->settings->provider_count; i++) {
        enum err err = provider_check(k, k->settings->providers[i]);
        if (err != ERR_DENIED)
            return err;
    }
    const struct verdict last = *k->verdict;
    enum err err = anonymous(k, "nothing was shown that says who it is");
    if (err == ERR_DENIED && k->credentials->data.len > 0)
        *k->verdict = last;
    return err;
}

/* The one of the method; false: there is none. */
static bool provider_of(const struct authentication_settings *s, const char *method, enum provider *out)
{
    return method && provider_find(out, bytes_of_text(method)) && strcmp(provider_method(*out), method) == 0 &&
           settings_have(s, *out);
}

enum err authentication_check(const struct authentication *a, const struct credentials *c, int64_t now_s,
                              struct identity *out, struct verdict *verdict)
{
    struct check k = {.settings = &a->settings, .credentials = c, .now_s = now_s, .out = out, .verdict = verdict};
    enum provider provider;

    *verdict = (struct verdict){.provider = PROVIDERS, .why = "it is known"};
    if (c->data.len > CREDENTIALS_DATA_MAX)
        return refused(&k, REFUSED_DATA, "more was shown than anybody looks at");
    if (provider_of(k.settings, c->method, &provider))
        return provider_check(&k, provider);
    if (!c->http)
        return anonymous(&k, "no provider of this method, and no anonymous role");
    if (c->method)
        return refused(&k, REFUSED_METHOD, "no provider of this method");
    return any_check(&k);
}

bool authentication_is_slow(const struct authentication *a, const struct credentials *c)
{
    struct bytes text;
    enum provider provider = PROVIDERS;

    if (!settings_have(&a->settings, PROVIDER_BASIC) || c->data.len > CREDENTIALS_DATA_MAX)
        return false;
    if (c->method ? !provider_of(&a->settings, c->method, &provider) || provider != PROVIDER_BASIC : !c->http)
        return false;
    return after_scheme(c, "Basic ", false, &text);
}
