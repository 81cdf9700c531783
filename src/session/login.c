/* SPDX-License-Identifier: Apache-2.0
 *
 * login.c - see login.h.
 */
#include "session/login.h"

#include "broker/audit.h"
#include "broker/authenticator.h"
#include "session/session_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROLE_MAX 4096 /* of one that a proxy names */
/* What a WebSocket proxy of Pulsar names that speaks for nobody else. */
#define NOBODY_BEHIND "__websocket_dummy_original_principle"
#define REFRESH_DATA  "PulsarAuthRefresh"

struct login {
    struct session *session;
    struct authentication_op op;             /* one at a time */
    char method[CREDENTIALS_METHOD_MAX + 1]; /* as CONNECT has it, and AUTH_CHALLENGE repeats it */
    bool provided;                           /* there is a provider: not just the anonymous role */
    bool refreshes;                          /* the client answers AUTH_CHALLENGE */
    bool proxy_version;                      /* CONNECT has one */
    bool nobody_behind;                      /* a proxy that speaks for itself */

    /* Of the client behind a proxy, when it has to show who it is. */
    bool original;          /* it has, or will have to */
    bool original_provided; /* there is a provider for it */
    char original_method[CREDENTIALS_METHOD_MAX + 1];
    char *original_data; /* until it has been checked; wiped */
    size_t original_len;

    int64_t expires_s; /* 0: never */
    bool challenged;   /* AUTH_CHALLENGE is not answered yet */
    struct timer check;
};

static struct login *login_of(struct authentication_op *op)
{
    return container_of(op, struct login, op);
}

static struct authenticator *authenticator_of(const struct session *s)
{
    return s->server->options.authenticator;
}

static void original_wipe(struct login *l)
{
    if (l->original_data)
        explicit_bzero(l->original_data, l->original_len);
    free(l->original_data);
    l->original_data = NULL;
}

static void data_wipe(const ProtobufCBinaryData *data)
{
    if (data->len > 0)
        explicit_bzero(data->data, data->len);
}

void login_stop(struct session *s)
{
    if (!s->login)
        return;
    authentication_op_cancel(&s->login->op);
    timer_stop(&s->login->check);
    original_wipe(s->login);
}

void login_free(struct session *s)
{
    login_stop(s);
    free(s->login);
    s->login = NULL;
}

/* ---- refusing ---- */

#define REQUEST_OF_CONNECT UINT64_MAX /* Pulsar's -1 */

static void end_with(struct session *s, Wire__ServerError code, const char *text)
{
    session_send_error(s, REQUEST_OF_CONNECT, code, text);
    session_finish(s);
}

static void note(struct session *s, const char *why)
{
    const struct audit_event event = {
        .who = {.role = s->who.role, .original = s->who.original},
        .peer = s->peer,
        .via = "binary",
        .action = bytes_of_text(s->state == SESSION_HANDSHAKE ? "CONNECT" : "AUTH_RESPONSE"),
        .refusal = why,
    };

    audit_note(s->server->options.audit, &event);
}

/* The peer is told no more than Pulsar tells it; the authenticator has logged it. */
static void refuse_credentials(struct session *s, const char *why)
{
    note(s, why);
    end_with(s, WIRE__SERVER_ERROR__AuthenticationError, "Failed to authenticate");
}

static void refuse_roles(struct session *s, const char *why, const char *text)
{
    log_warn(s->server->log, "session", "%s: refused: role %.200s, for %.200s: %s", s->peer, s->who.role,
             s->who.original ? s->who.original : "nobody else", why);
    note(s, why);
    end_with(s, WIRE__SERVER_ERROR__AuthorizationError, text);
}

/* True: it was not for lack of credentials that fit, and they may fit another time. */
static bool could_not_check(struct session *s, enum err err)
{
    if (err == OK || err == ERR_DENIED)
        return false;
    end_with(s, WIRE__SERVER_ERROR__ServiceNotReady, "Too many are being authenticated, come back later");
    return true;
}

/* ---- asking ---- */

static void check(struct login *l, const char *method, struct bytes data, const char *certificate,
                  void (*done)(struct authentication_op *op, enum err err))
{
    struct session *s = l->session;
    const struct credentials c = {.method = method, .data = data, .certificate_name = certificate};

    l->op.done = done;
    s->authenticating = true;
    authenticator_check(authenticator_of(s), &l->op, &c, s->peer);
}

/* Takes what was found; the connection is read again at the end of this turn. */
static struct identity answer_take(struct login *l)
{
    struct identity identity = l->op.identity;

    l->op.identity = (struct identity){0};
    l->session->authenticating = false;
    session_resume(l->session);
    return identity;
}

/* ---- refreshing ---- */

static void challenge(struct login *l)
{
    struct session *s = l->session;
    Wire__CommandAuthChallenge challenge = WIRE__COMMAND_AUTH_CHALLENGE__INIT;
    Wire__AuthData data = WIRE__AUTH_DATA__INIT;
    char version[128];

    (void)snprintf(version, sizeof version, "Pulsar Server geminga/%s", s->server->options.version);
    data.auth_method_name = l->method;
    data.has_auth_data = true;
    data.auth_data = (ProtobufCBinaryData){.data = (uint8_t *)wire_text(REFRESH_DATA), .len = sizeof REFRESH_DATA - 1};
    challenge.server_version = version;
    challenge.challenge = &data;
    challenge.has_protocol_version = true;
    challenge.protocol_version = s->protocol;
    l->challenged = true;
    session_send(s, WIRE__BASE_COMMAND__TYPE__AUTH_CHALLENGE, &challenge);
    log_info(s->server->log, "session", "%s: the credentials of role %.200s have expired: asked for others", s->peer,
             s->who.role);
}

static void check_again_later(struct login *l)
{
    if (l->expires_s != 0)
        timer_start_ms(&l->check, (uint64_t)authenticator_refresh_check_s(authenticator_of(l->session)) * 1000);
}

static void check_due(struct timer *timer)
{
    struct login *l = container_of(timer, struct login, check);
    struct session *s = l->session;

    if (l->expires_s >= loop_wall_ms(s->server->loop) / 1000)
        check_again_later(l);
    else if (s->who.original && !l->original_provided)
        session_close(s, "its credentials have expired, and a proxy that does not forward them speaks for the client");
    else if (!l->refreshes)
        session_close(s, "its credentials have expired, and the client does not refresh them");
    else if (l->challenged)
        session_close(s, "its credentials have expired, and no others came");
    else {
        challenge(l);
        check_again_later(l);
    }
}

static void refreshed(struct authentication_op *op, enum err err)
{
    struct login *l = login_of(op);
    struct session *s = l->session;
    const char *before = l->original_provided ? s->who.original : s->who.role;
    struct identity identity = answer_take(l);

    if (could_not_check(s, err))
        return;
    if (err != OK) {
        refuse_credentials(s, op->verdict.why);
    } else if (strcmp(identity.role, before) != 0) {
        note(s, "other credentials are of another role");
        session_close(s, "its credentials are now of role %.100s, and were of %.100s", identity.role, before);
    } else {
        l->expires_s = identity.expires_s;
        timer_stop(&l->check);
        check_again_later(l);
        log_info(s->server->log, "session", "%s: new credentials of role %.200s", s->peer, before);
    }
    identity_deinit(&identity);
}

void login_response(struct session *s, const Wire__CommandAuthResponse *response)
{
    struct login *l = s->login;
    const Wire__AuthData *data = response->response;

    if (!data || !data->has_auth_data || !data->auth_method_name) {
        session_close(s, "AUTH_RESPONSE has no credentials");
        return;
    }
    l->challenged = false;
    if (!l->provided)
        refuse_credentials(s, "nobody looks at the credentials of the anonymous role");
    else if (l->original_provided)
        check(l, l->original_method, bytes_of(data->auth_data.data, data->auth_data.len), NULL, refreshed);
    else
        check(l, l->method, bytes_of(data->auth_data.data, data->auth_data.len), conn_certificate_name(s->conn),
              refreshed);
    data_wipe(&data->auth_data);
}

/* ---- the beginning ---- */

static bool is_proxy(const struct session *s, const char *role)
{
    return authenticator_is_proxy(authenticator_of(s), role);
}

static bool blank(const char *text)
{
    return !text || text[strspn(text, " \t\r\n")] == '\0';
}

/* NULL: who is there and for whom it speaks go together.  A proxy always speaks for somebody, who is none itself;
 * others never do. */
static const char *roles_wrong(const struct session *s)
{
    const bool alone = blank(s->who.original);

    if (s->login->nobody_behind)
        return NULL;
    if (!is_proxy(s, s->who.role))
        return alone ? NULL : "only a proxy speaks for others, and this role is not one of proxyRoles";
    if (alone)
        return "a proxy must say for whom it speaks";
    return is_proxy(s, s->who.original) ? "it speaks for a proxy" : NULL;
}

static void logged_in(struct login *l, const char *method)
{
    struct session *s = l->session;
    const char *wrong;

    if (s->server->options.authorization) { /* as in Pulsar: roles mean something only then */
        if ((wrong = roles_wrong(s)) != NULL) {
            refuse_roles(s, wrong, "Invalid roles.");
            return;
        }
        if (l->proxy_version && !is_proxy(s, s->who.role)) {
            refuse_roles(s, "only a proxy has a proxy's version",
                         "Must not set proxyVersion without connecting as a ProxyRole.");
            return;
        }
    }
    log_info(s->server->log, "session", "%s: connected as role %.200s%s%.200s, by %s; client %s", s->peer, s->who.role,
             s->who.original ? ", for " : "", s->who.original ? s->who.original : "", method, s->client_version);
    check_again_later(l);
    session_connected(s);
}

static void original_checked(struct authentication_op *op, enum err err)
{
    struct login *l = login_of(op);
    struct session *s = l->session;
    struct identity identity = answer_take(l);

    original_wipe(l);
    if (could_not_check(s, err))
        return;
    if (err != OK) {
        refuse_credentials(s, op->verdict.why);
        return;
    }
    s->who.original = identity.role;
    if (l->original_provided)
        l->expires_s = identity.expires_s;
    logged_in(l, identity.method);
}

static void own_checked(struct authentication_op *op, enum err err)
{
    struct login *l = login_of(op);
    struct session *s = l->session;
    struct identity identity = answer_take(l);

    if (could_not_check(s, err))
        return;
    if (err != OK) {
        refuse_credentials(s, op->verdict.why);
        return;
    }
    s->who.role = s->sink.role = identity.role;
    l->expires_s = identity.expires_s;
    if (l->original)
        check(l, l->original_method, bytes_of(l->original_data, l->original_len), NULL, original_checked);
    else
        logged_in(l, identity.method);
}

/* One that is longer than any that is known is none. */
static void method_copy(char to[CREDENTIALS_METHOD_MAX + 1], const char *method)
{
    (void)snprintf(to, CREDENTIALS_METHOD_MAX + 1, "%s", strlen(method) <= CREDENTIALS_METHOD_MAX ? method : "");
}

/* Old clients say it by a number. */
static const char *method_of(const Wire__CommandConnect *connect)
{
    if (connect->auth_method_name)
        return connect->auth_method_name;
    if (connect->has_auth_method && connect->auth_method == WIRE__AUTH_METHOD__AuthMethodYcaV1)
        return "ycav1";
    if (connect->has_auth_method && connect->auth_method == WIRE__AUTH_METHOD__AuthMethodAthens)
        return "athens";
    return "none";
}

/* What CONNECT says of the client behind a proxy.  ERR_TOO_LARGE, ERR_NOMEM. */
static enum err original_take(struct login *l, const Wire__CommandConnect *connect)
{
    struct session *s = l->session;
    const char *principal = connect->original_principal, *data = connect->original_auth_data;

    l->nobody_behind = principal && strcmp(principal, NOBODY_BEHIND) == 0;
    if (!principal || l->nobody_behind || !l->provided)
        return OK;
    if (!authenticator_checks_original(authenticator_of(s))) {
        if (strlen(principal) > ROLE_MAX)
            return ERR_TOO_LARGE;
        return (s->who.original = strdup(principal)) ? OK : ERR_NOMEM;
    }
    l->original = true;
    l->original_len = data ? strlen(data) : 0;
    if (l->original_len > CREDENTIALS_DATA_MAX)
        return ERR_TOO_LARGE;
    method_copy(l->original_method, connect->original_auth_method ? connect->original_auth_method : "none");
    l->original_provided = authentication_provides(authenticator_peek(authenticator_of(s)), l->original_method);
    l->original_data = strdup(data ? data : "");
    return l->original_data ? OK : ERR_NOMEM;
}

static void connect_wipe(const Wire__CommandConnect *connect)
{
    if (connect->has_auth_data)
        data_wipe(&connect->auth_data);
    if (connect->original_auth_data)
        explicit_bzero(connect->original_auth_data, strlen(connect->original_auth_data));
}

static void credentials_take(struct login *l, const Wire__CommandConnect *connect)
{
    struct session *s = l->session;

    method_copy(l->method, method_of(connect));
    l->provided = authentication_provides(authenticator_peek(authenticator_of(s)), l->method);
    l->refreshes = connect->feature_flags && connect->feature_flags->supports_auth_refresh;
    l->proxy_version = connect->proxy_version != NULL;
    if (original_take(l, connect) != OK)
        refuse_credentials(s, "it says too much of the client behind it");
    else
        check(l, l->method, bytes_of(connect->auth_data.data, connect->auth_data.len), conn_certificate_name(s->conn),
              own_checked);
}

void login_start(struct session *s, const Wire__CommandConnect *connect)
{
    assert(!s->login);
    struct login *l = calloc(1, sizeof *l);

    if (l) {
        l->session = s;
        timer_init(&l->check, s->server->loop, check_due);
        s->login = l;
        credentials_take(l, connect);
    } else {
        session_close(s, "no memory to find out who it is");
    }
    connect_wipe(connect);
}
