/* SPDX-License-Identifier: Apache-2.0
 *
 * decision.c - claims first, since they say whose key it must be; nothing of them counts before the signature holds.
 */
#include "services/notary/documents/decision.h"

#include "security/jws.h"
#include "services/notary/documents/event.h"
#include "services/notary/documents/receipt.h"
#include <stdarg.h>
#include <stdio.h>

#define JTI_MAX     128
#define SUBJECT_MAX 1024
#define IAT_MAX     253402300799LL /* the end of the year 9999 */

/* ---- reading ---- */

static PRINTF_LIKE(3, 4) enum err refuse(char *why, size_t why_size, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(why, why_size, format, args);
    va_end(args);
    return ERR_INVALID;
}

/* Without control characters but line ends and tabs. */
static bool is_plain(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)text[i] < 0x20 && text[i] != '\n' && text[i] != '\t')
            return false;
    return true;
}

bool decision_comment_fits(const char *comment)
{
    const size_t len = strlen(comment);

    return len <= DECISION_COMMENT_MAX && is_plain(comment, len);
}

/* A plain text; `fallback` when it may be absent and is.  NULL: it is no such text. */
static const char *text_member(const json_t *claims, const char *name, size_t max, const char *fallback)
{
    const json_t *value = json_object_get(claims, name);
    const char *text = json_string_value(value);
    size_t len = json_string_length(value);

    if (!value)
        return fallback;
    return text && len <= max && (len > 0 || fallback) && is_plain(text, len) ? text : NULL;
}

/* APPROVER_METHODS: it is none. */
static enum approver_method method_of(const char *method)
{
    static const char *const names[APPROVER_METHODS] = {"key", "token", "mtls"};
    unsigned i = 0;

    while (i < APPROVER_METHODS && (!method || strcmp(method, names[i]) != 0))
        i++;
    return (enum approver_method)i;
}

static enum err read_texts(struct decision *d, char *why, size_t size)
{
    static const char must[] = "the decision's %s is not a text of 1 to %d bytes";
    struct digest hash;

    d->method = text_member(d->claims, "method", 16, NULL);
    d->approver = text_member(d->claims, "approver", APPROVER_NAME_MAX, NULL);
    d->comment = text_member(d->claims, "comment", DECISION_COMMENT_MAX, "");
    d->subject = text_member(d->claims, "subject", SUBJECT_MAX, "");
    d->event_id = text_member(d->claims, "event_id", EVENT_ID_MAX, NULL);
    d->event_hash = text_member(d->claims, "event_hash", RECEIPT_HASH_SIZE, NULL);
    if (!d->event_id)
        return refuse(why, size, must, "event_id", EVENT_ID_MAX);
    if (!d->approver)
        return refuse(why, size, must, "approver", APPROVER_NAME_MAX);
    if (!text_member(d->claims, "jti", JTI_MAX, NULL))
        return refuse(why, size, must, "jti", JTI_MAX);
    if (!d->comment)
        return refuse(why, size, "the decision's comment is not a text of at most %d bytes", DECISION_COMMENT_MAX);
    if (!d->subject)
        return refuse(why, size, "the decision's subject is not a text of at most %d bytes", SUBJECT_MAX);
    if (!receipt_hash_read(d->event_hash, &hash))
        return refuse(why, size, "the decision's event_hash is not \"sha256:\" and 64 lower-case digits");
    if (method_of(d->method) == APPROVER_METHODS)
        return refuse(why, size, "the decision's method is not key, token or mtls");
    return OK;
}

static enum err read_claims(struct decision *d, char *why, size_t size)
{
    const json_t *iat = json_object_get(d->claims, "iat");
    enum err err = read_texts(d, why, size);

    if (err != OK)
        return err;
    if (!decision_kind_find(json_string_value(json_object_get(d->claims, "decision")), &d->kind))
        return refuse(why, size, "the decision is not approve, reject, cancel or retry");
    if (!json_is_integer(iat) || json_integer_value(iat) < 0 || json_integer_value(iat) > IAT_MAX)
        return refuse(why, size, "the decision's iat is not a number of seconds since 1970");
    if (json_object_get(d->claims, "exp") || json_object_get(d->claims, "nbf"))
        return refuse(why, size, "the decision has exp or nbf: a decision neither lapses nor waits");
    d->at_ms = json_integer_value(iat) * 1000;
    return OK;
}

/* Takes the JWS apart and keeps its text. */
static enum err parse(struct decision *d, struct bytes statement, char *why, size_t size)
{
    const char *what, *type;
    struct jws jws;
    enum err err;

    if (statement.len > DECISION_BYTES_MAX)
        return refuse(why, size, "the statement is longer than %u bytes", DECISION_BYTES_MAX);
    if ((err = jws_parse(statement, &jws, &what)) != OK)
        return err == ERR_NOMEM ? err : refuse(why, size, "not a signed statement (JWS): %s", what);
    d->claims = json_loadb((const char *)jws.payload.data, jws.payload.len, JSON_REJECT_DUPLICATES, NULL);
    type = json_string_value(json_object_get(jws.header, "typ"));
    if (!type || strcmp(type, DECISION_TYPE) != 0)
        err = refuse(why, size, "the statement's typ is not " DECISION_TYPE);
    else if (!json_is_object(d->claims))
        err = refuse(why, size, "the statement's claims are not a JSON object");
    jws_deinit(&jws);
    text_add_bytes(&d->statement, statement);
    return err == OK && text_failed(&d->statement) ? ERR_NOMEM : err;
}

/* OK: this key signed it. */
static enum err try_key(const struct jws_key *key, struct bytes statement, const char **what)
{
    struct jws jws;
    enum err err = jws_verify(key, statement, &jws, what);

    if (err == OK)
        jws_deinit(&jws);
    return err;
}

static enum err check_approver(const struct decision *d, struct bytes statement, const struct approvers *approvers,
                               char *why, size_t size)
{
    const char *what = "";
    const struct jws_key *key;
    enum err err = ERR_DENIED;
    size_t i;

    for (i = 0; err == ERR_DENIED && (key = approvers_key(approvers, d->approver, i)); i++)
        err = try_key(key, statement, &what);
    if (err == OK || err == ERR_NOMEM)
        return err;
    if (i == 0)
        refuse(why, size, "no key of %s is known here", d->approver);
    else
        refuse(why, size, "the statement is not signed by %s: %s", d->approver, what);
    return ERR_DENIED;
}

static enum err check_log_key(struct bytes statement, const struct public_key *log_key, char *why, size_t size)
{
    const char *what = "";
    struct jws_key *key;
    enum err err = jws_key_from_public(&key, public_key_spki(log_key));

    if (err != OK)
        return ERR_NOMEM; /* it is a key, so that is what was short */
    err = try_key(key, statement, &what);
    jws_key_free(key);
    if (err == OK || err == ERR_NOMEM)
        return err;
    refuse(why, size, "the statement is not signed by the notary: %s", what);
    return ERR_DENIED;
}

enum err decision_read(struct decision *out, struct bytes statement, const struct approvers *approvers,
                       const struct public_key *log_key, char *why, size_t why_size)
{
    enum err err;

    memset(out, 0, sizeof *out);
    text_init(&out->statement, DECISION_BYTES_MAX);
    refuse(why, why_size, "out of memory");
    if ((err = parse(out, statement, why, why_size)) != OK || (err = read_claims(out, why, why_size)) != OK)
        return err;
    if (method_of(out->method) == APPROVER_KEY)
        return check_approver(out, statement, approvers, why, why_size);
    if ((err = check_log_key(statement, log_key, why, why_size)) != OK)
        return err;
    if (approvers_allow(approvers, out->approver, method_of(out->method)))
        return OK;
    refuse(why, why_size, DECISION_METHOD_REFUSED, out->approver, out->method);
    return ERR_DENIED;
}

void decision_deinit(struct decision *d)
{
    json_decref(d->claims);
    text_deinit(&d->statement);
}
