/* SPDX-License-Identifier: Apache-2.0
 *
 * authentication.h - who somebody is, by what they show: a token, a password, a certificate.
 *
 * A struct authentication is the providers that are switched on, with their keys.  It never changes: new keys make a
 * new one.  It decides as Pulsar's AuthenticationService does:
 *
 *     the binary protocol   the provider of the method decides alone; when there is none of that method, whoever it is
 *                           has the anonymous role, if there is one
 *     HTTP, method named    the provider of the method decides alone; when there is none, nobody gets in
 *     HTTP, none named      the first provider that is content; else the anonymous role, if there is one
 *
 * Pure; the time is given.  A password may take a second (htpasswd.h), all else less than a millisecond: for a worker.
 * Several threads may use one at once.  May call: base/, token.h, htpasswd.h.
 */
#ifndef SECURITY_AUTHENTICATION_H
#define SECURITY_AUTHENTICATION_H

#include "security/htpasswd.h"
#include "security/token.h"

#define CREDENTIALS_DATA_MAX   JWS_TEXT_MAX /* more is refused, unseen */
#define CREDENTIALS_METHOD_MAX 64u

/* What somebody shows; all of it borrowed. */
struct credentials {
    const char *method; /* as CONNECT or X-Pulsar-Auth-Method-Name has it: "token", "none", ""; NULL: nobody said */
    /* Of the binary protocol: the token, or NAME:PASSWORD.  Of HTTP: the value of Authorization, "Bearer TOKEN" or
     * "Basic BASE64", empty when it is not there. */
    struct bytes data;
    const char *certificate_name; /* the common name of the peer's certificate, which was verified; or NULL */
    bool http;
};

struct identity {
    char *role;         /* never empty */
    const char *method; /* static: "token", "basic", "tls", "anonymous" */
    int64_t expires_s;  /* since 1970; 0: never */
};
void identity_deinit(struct identity *identity); /* leaves it zeroed */

enum provider { PROVIDER_TOKEN, PROVIDER_BASIC, PROVIDER_TLS, PROVIDERS };

/* "token", "basic", "tls". */
const char *provider_method(enum provider provider);
/* "AuthenticationProviderToken", the name that Pulsar's metrics have. */
const char *provider_name(enum provider provider);
/* By that name, with or without Pulsar's package before it, or by the method; false: there is none. */
bool provider_find(enum provider *out, struct bytes name);

/* Why somebody was refused. */
enum refused {
    REFUSED_METHOD,   /* there is no provider, and no anonymous role */
    REFUSED_DATA,     /* nothing was shown, or not in the form that it should have */
    REFUSED_TOKEN,    /* a token that is not to be believed, or a password that is wrong */
    REFUSED_EXPIRED,  /* a token whose time is over */
    REFUSED_AUDIENCE, /* a token for somebody else */
    REFUSED_CERTIFICATE,
    REFUSED_KINDS
};
/* As Pulsar's metrics call it: "INVALID_TOKEN". */
const char *refused_reason(enum provider provider, enum refused refused);

struct verdict {
    enum provider provider; /* who decided; PROVIDERS: none did */
    enum refused refused;   /* when it was not OK */
    const char *why;        /* static, for the logs; the peer is told the same whatever it was */
};

struct authentication_settings {
    enum provider providers[PROVIDERS]; /* in the order in which they are asked */
    size_t provider_count;
    const char *anonymous_role; /* copied, as the other texts; NULL or empty: nobody is let in without credentials */

    struct jws_key *token_key;             /* of PROVIDER_TOKEN */
    const char *role_claim;                /* NULL: "sub" */
    const char *audience_claim, *audience; /* both or none */
    int64_t skew_s;

    struct htpasswd *passwords; /* of PROVIDER_BASIC */
};

struct authentication;

/* Takes over the key and the passwords on OK; one reference, the caller's.  What the providers need is there
 * (asserted). ERR_NOMEM. */
MUST_USE enum err authentication_new(struct authentication **out, const struct authentication_settings *settings);
struct authentication *authentication_ref(struct authentication *a);
void authentication_unref(struct authentication *a); /* NULL is fine; from any thread */

/* OK and who it is; or ERR_DENIED; ERR_NOMEM.  `verdict` is filled in any case. */
MUST_USE enum err authentication_check(const struct authentication *a, const struct credentials *c, int64_t now_s,
                                       struct identity *out, struct verdict *verdict);

/* There is a provider of this method. */
bool authentication_provides(const struct authentication *a, const char *method);
/* NULL: there is none. */
const char *authentication_anonymous(const struct authentication *a);
/* A password would be looked at, which takes long. */
bool authentication_is_slow(const struct authentication *a, const struct credentials *c);

#endif
