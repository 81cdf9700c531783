/* SPDX-License-Identifier: Apache-2.0
 *
 * artifacts.c - one artifact after the other: where it is, whether that may be asked, its bytes through a hash.
 */
#include "services/notary/artifacts/artifacts.h"

#include "base/commas.h"
#include "base/secret.h"
#include "services/notary/artifacts/address.h"
#include "services/notary/artifacts/artifact_uri.h"
#include "services/notary/documents/digest.h"
#include "services/runtime/http.h"
#include "services/runtime/secret_source.h"
#include "sys/beneath.h"
#include "sys/deadline.h"
#include <assert.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define CHUNK     (64u << 10)
#define URL_MAX   (ARTIFACT_PATH_MAX + 512)
#define SHOWN_MAX 120 /* bytes of a uri in a message */

struct artifacts {
    const struct artifacts_settings *settings;
    bool enabled[ARTIFACT_SCHEMES];
};

/* One artifact on its way through the hash. */
struct fetch {
    const struct artifacts *artifacts;
    const char *uri;
    struct artifact_uri at;
    const struct deadline *deadline;
    bool any_address;
    EVP_MD_CTX *hash;
    uint64_t bytes;
    char *why;
    size_t why_size;
};

static enum err fail(const struct fetch *f, enum err err, const char *what)
{
    (void)snprintf(f->why, f->why_size, "%s", what);
    return err;
}

/* ---- settings ---- */

/* "models-*", "*" or a whole name; "*.example.com" as well, when `suffixes` are meant. */
static bool pattern_has(struct bytes pattern, const char *name, bool suffixes)
{
    size_t len = strlen(name);

    if (suffixes && pattern.len > 1 && pattern.data[0] == '*')
        return len >= pattern.len &&
               strncasecmp(name + len - (pattern.len - 1), (const char *)pattern.data + 1, pattern.len - 1) == 0;
    if (pattern.data[pattern.len - 1] == '*')
        return len >= pattern.len - 1 && strncasecmp(name, (const char *)pattern.data, pattern.len - 1) == 0;
    return len == pattern.len && strncasecmp(name, (const char *)pattern.data, len) == 0;
}

/* *whole: it is named by its whole name. */
static bool list_has(const char *list, const char *name, bool suffixes, bool *whole)
{
    struct bytes pattern;
    bool has = false;

    *whole = false;
    while (commas_next(&list, &pattern)) {
        if (!pattern_has(pattern, name, suffixes))
            continue;
        has = true;
        *whole = *whole || !memchr(pattern.data, '*', pattern.len);
    }
    return has;
}

static enum err read_schemes(struct artifacts *a, char *why, size_t why_size)
{
    const char *list = a->settings->schemes;
    struct bytes name;
    char own[16];

    while (commas_next(&list, &name)) {
        enum artifact_scheme scheme = ARTIFACT_SCHEMES;
        if (name.len < sizeof own) {
            memcpy(own, name.data, name.len);
            own[name.len] = '\0';
            scheme = artifact_scheme_of(own);
        }
        if (scheme == ARTIFACT_SCHEMES) {
            (void)snprintf(why, why_size, "notary.artifacts.schemes has \"%.*s\", which is not file, http, https or s3",
                           (int)(name.len > 40 ? 40 : name.len), (const char *)name.data);
            return ERR_INVALID;
        }
        a->enabled[scheme] = true;
    }
    return OK;
}

static enum err check_roots(const struct artifacts *a, char *why, size_t why_size)
{
    const char *list = a->settings->roots;
    struct bytes root = {0};
    bool any = false;

    for (; commas_next(&list, &root); any = true)
        if (root.data[0] != '/' || root.len >= ARTIFACT_PATH_MAX) {
            (void)snprintf(why, why_size, "notary.artifacts.roots must have whole paths, such as /srv/models");
            return ERR_INVALID;
        }
    if (any || !a->enabled[ARTIFACT_FILE])
        return OK;
    (void)snprintf(why, why_size, "notary.artifacts.schemes has file, and notary.artifacts.roots no directory");
    return ERR_INVALID;
}

static enum err check_s3(const struct artifacts *a, char *why, size_t why_size)
{
    const struct artifacts_settings *s = a->settings;
    struct artifact_uri endpoint;
    char problem[100];

    if (!a->enabled[ARTIFACT_S3])
        return OK;
    if (artifact_uri_parse(&endpoint, s->s3_endpoint, problem, sizeof problem) != OK ||
        (endpoint.scheme != ARTIFACT_HTTP && endpoint.scheme != ARTIFACT_HTTPS) || strpbrk(s->s3_endpoint, "?#")) {
        (void)snprintf(why, why_size, "notary.artifacts.s3_endpoint must be http://HOST or https://HOST");
        return ERR_INVALID;
    }
    if (!s->s3_access_key == !s->s3_secret_key)
        return OK;
    (void)snprintf(why, why_size, "notary.artifacts.s3_access_key and s3_secret_key go together");
    return ERR_INVALID;
}

enum err artifacts_new(struct artifacts **out, const struct artifacts_settings *s, char *why, size_t why_size)
{
    struct artifacts *a = calloc(1, sizeof *a);
    enum err err;

    (void)snprintf(why, why_size, "%s", err_text(ERR_NOMEM));
    if (!a)
        return ERR_NOMEM;
    a->settings = s;
    if ((err = read_schemes(a, why, why_size)) != OK || (err = check_roots(a, why, why_size)) != OK ||
        (err = check_s3(a, why, why_size)) != OK) {
        artifacts_free(a);
        return err;
    }
    *out = a;
    return OK;
}

void artifacts_free(struct artifacts *a)
{
    free(a);
}

/* ---- bytes ---- */

static bool take(void *ctx, struct bytes piece)
{
    struct fetch *f = ctx;

    f->bytes += piece.len;
    return EVP_DigestUpdate(f->hash, piece.data, piece.len) == 1;
}

/* Below which root, and the path from there on; NULL: below none. */
static const char *below_root(const char *roots, const char *path, char root[ARTIFACT_PATH_MAX])
{
    struct bytes name;

    while (commas_next(&roots, &name)) {
        while (name.len > 1 && name.data[name.len - 1] == '/')
            name.len--;
        size_t len = name.len == 1 ? 0 : name.len; /* "/" itself */
        if (strncmp(path, (const char *)name.data, len) != 0 || path[len] != '/')
            continue;
        memcpy(root, name.data, name.len);
        root[name.len] = '\0';
        return path + len + strspn(path + len, "/");
    }
    return NULL;
}

static enum err read_file(struct fetch *f, int fd)
{
    uint64_t bytes_max = (uint64_t)f->artifacts->settings->bytes_max;
    uint8_t *chunk = malloc(CHUNK);
    enum err err = chunk ? OK : ERR_NOMEM;
    size_t len = 1;

    while (err == OK && len > 0) {
        if (deadline_left(f->deadline) == 0)
            err = fail(f, ERR_TIMEOUT, "it takes too long to read");
        else if ((err = beneath_read(fd, chunk, CHUNK, &len)) != OK)
            err = fail(f, err, "it cannot be read");
        else if (len > bytes_max - f->bytes)
            err = fail(f, ERR_TOO_LARGE, "it is larger than notary.artifacts.bytes_max");
        else if (len > 0 && !take(f, bytes_of(chunk, len)))
            err = fail(f, ERR_NOMEM, "there is no memory to hash it");
    }
    free(chunk);
    return err;
}

static enum err fetch_file(struct fetch *f)
{
    char root[ARTIFACT_PATH_MAX];
    const char *rest = below_root(f->artifacts->settings->roots, f->at.path, root);
    enum err err;
    int fd;

    if (!rest)
        return fail(f, ERR_DENIED, "it is not below one of notary.artifacts.roots");
    switch (err = beneath_open(root, rest, &fd)) {
    case OK:
        break;
    case ERR_NOT_FOUND:
        return fail(f, ERR_AGAIN, "there is no such file");
    case ERR_DENIED:
        return fail(f, err, "it may not be read, or a link leads out of the root");
    case ERR_INVALID:
        return fail(f, err, "it is no plain file");
    default:
        return fail(f, err, "it cannot be opened");
    }
    err = read_file(f, fd);
    beneath_close(fd);
    return err;
}

static bool may_connect(void *ctx, const struct sockaddr *address)
{
    const struct fetch *f = ctx;

    return f->any_address || address_is_public(address);
}

static enum err judge_status(const struct fetch *f, long status)
{
    char text[100];

    if (status == 200)
        return OK;
    (void)snprintf(text, sizeof text, "the server answers %ld%s", status,
                   status == 404                   ? ": it is not there"
                   : status >= 300 && status < 400 ? ": redirects are not followed"
                                                   : "");
    if (status == 404 || status == 408 || status == 425 || status == 429 || status >= 500)
        return fail(f, ERR_AGAIN, text);
    return fail(f, status == 401 || status == 403 ? ERR_DENIED : ERR_INVALID, text);
}

static enum err fetch_url(struct fetch *f, struct http_call *call)
{
    const struct artifacts_settings *s = f->artifacts->settings;
    int64_t left = deadline_left(f->deadline);
    struct http_reply reply;
    enum err err;

    if (left == 0)
        return fail(f, ERR_TIMEOUT, "the time for this event's artifacts is over");
    call->timeout_ms = left;
    call->answer_max = (size_t)s->bytes_max;
    call->trust_certs = s->trust_certs;
    call->take = take;
    call->may_connect = may_connect;
    call->ctx = f;
    err = http_perform(call, &reply, f->why, f->why_size);
    if (err == OK)
        err = judge_status(f, reply.status);
    http_reply_deinit(&reply);
    return err;
}

static enum err fetch_http(struct fetch *f)
{
    struct http_call call = {.url = f->uri};

    if (!list_has(f->artifacts->settings->hosts, f->at.host, true, &f->any_address))
        return fail(f, ERR_DENIED, "its host is not among notary.artifacts.hosts");
    return fetch_url(f, &call);
}

/* The hash of no bytes; what a request has for a body is signed, too. */
#define NO_PAYLOAD "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* What a signed request needs; all of it secret. */
struct s3_identity {
    char *secret, *token;
    char *user;   /* ACCESS:SECRET */
    char *header; /* of the token */
};

/* A file that is not there may be put there: so that is tried again. */
static enum err read_secret(const struct fetch *f, const char *setting, const char *what, char **out)
{
    if (!setting || !*setting)
        return OK;
    return secret_source_read(setting, what, out, f->why, f->why_size) == OK ? OK : ERR_AGAIN;
}

static enum err s3_identity_read(struct s3_identity *id, const struct fetch *f)
{
    const struct artifacts_settings *s = f->artifacts->settings;
    enum err err;

    if (!s->s3_access_key)
        return OK;
    if ((err = read_secret(f, s->s3_secret_key, "the secret key of S3", &id->secret)) != OK ||
        (err = read_secret(f, s->s3_session_token, "the session token of S3", &id->token)) != OK)
        return err;
    if (asprintf(&id->user, "%s:%s", s->s3_access_key, id->secret ? id->secret : "") < 0 ||
        (id->token && asprintf(&id->header, "x-amz-security-token: %s", id->token) < 0))
        return fail(f, ERR_NOMEM, err_text(ERR_NOMEM));
    return OK;
}

static void s3_identity_deinit(struct s3_identity *id)
{
    secret_free(id->secret);
    secret_free(id->token);
    secret_free(id->user);
    secret_free(id->header);
}

static enum err fetch_s3_as(struct fetch *f, const struct s3_identity *id)
{
    const struct artifacts_settings *s = f->artifacts->settings;
    const char *headers[] = {NO_PAYLOAD, id->header, NULL};
    char url[URL_MAX], sigv4[100];
    size_t len = strlen(s->s3_endpoint);
    struct http_call call = {.url = url, .headers = headers, .user = id->user, .sigv4 = id->user ? sigv4 : NULL};

    while (len > 0 && s->s3_endpoint[len - 1] == '/')
        len--;
    if (snprintf(url, sizeof url, "%.*s/%s%s", (int)len, s->s3_endpoint, f->at.host, f->at.path) >= (int)sizeof url ||
        snprintf(sigv4, sizeof sigv4, "aws:amz:%s:s3", s->s3_region) >= (int)sizeof sigv4)
        return fail(f, ERR_INVALID, "its uri, the endpoint or the region is too long");
    return fetch_url(f, &call);
}

static enum err fetch_s3(struct fetch *f)
{
    struct s3_identity id = {0};
    enum err err;
    bool whole;

    if (!list_has(f->artifacts->settings->s3_buckets, f->at.host, false, &whole))
        return fail(f, ERR_DENIED, "its bucket is not among notary.artifacts.s3_buckets");
    f->any_address = true; /* the endpoint is the operator's choice */
    if ((err = s3_identity_read(&id, f)) == OK)
        err = fetch_s3_as(f, &id);
    s3_identity_deinit(&id);
    return err;
}

/* ---- an artifact ---- */

static enum err fetch_bytes(struct fetch *f)
{
    switch (f->at.scheme) {
    case ARTIFACT_FILE:
        return fetch_file(f);
    case ARTIFACT_S3:
        return fetch_s3(f);
    default:
        return fetch_http(f);
    }
}

static enum err fetch_digest(struct fetch *f, struct digest *digest)
{
    unsigned len = 0;
    enum err err;

    f->hash = EVP_MD_CTX_new();
    if (!f->hash || EVP_DigestInit_ex(f->hash, EVP_sha256(), NULL) != 1)
        err = fail(f, ERR_NOMEM, "there is no memory to hash it");
    else if ((err = fetch_bytes(f)) == OK && EVP_DigestFinal_ex(f->hash, digest->bytes, &len) != 1)
        err = fail(f, ERR_NOMEM, "there is no memory to hash it");
    assert(err != OK || len == DIGEST_LEN);
    EVP_MD_CTX_free(f->hash);
    return err;
}

static enum err compare(const struct fetch *f, const char *hex, const char *claimed)
{
    char text[300];

    if (claimed && strcasecmp(hex, claimed) == 0)
        return OK;
    (void)snprintf(text, sizeof text, "its SHA-256 is %s, and the event says %.64s", hex,
                   claimed ? claimed : "nothing");
    return fail(f, ERR_CORRUPT, text);
}

static void add_finding(struct text *finding, size_t index, const struct fetch *f, const char *hex)
{
    text_printf(finding,
                "%s{\"artifact\":%zu,\"bytes\":%" PRIu64 ",\"sha256\":\"%s\",\"uri\":", finding->len > 1 ? "," : "",
                index, f->bytes, hex);
    text_add_json(finding, bytes_of_text(f->uri));
    text_add(finding, "}");
}

static const char *uri_of(const json_t *artifact)
{
    const char *uri = json_string_value(json_object_get(artifact, "uri"));

    return uri ? uri : "";
}

static bool is_enabled(const struct artifacts *a, const char *uri)
{
    enum artifact_scheme scheme = artifact_scheme_of(uri);

    return strchr(uri, ':') && scheme != ARTIFACT_SCHEMES && a->enabled[scheme];
}

static enum err check_one(struct fetch *f, const json_t *artifact, size_t index, struct text *finding)
{
    char hex[DIGEST_HEX_SIZE];
    struct digest digest;
    enum err err;

    if ((err = artifact_uri_parse(&f->at, f->uri, f->why, f->why_size)) != OK || (err = fetch_digest(f, &digest)) != OK)
        return err;
    digest_hex(&digest, hex);
    if ((err = compare(f, hex, json_string_value(json_object_get(artifact, "hash_sha256")))) == OK)
        add_finding(finding, index, f, hex);
    return err;
}

/* In front of what is wrong: which artifact it is.  A query may have a secret in it. */
static void name_artifact(char *why, size_t why_size, size_t index, const char *uri, const char *what)
{
    size_t len = strcspn(uri, "?#"), shown = len < SHOWN_MAX ? len : SHOWN_MAX;

    (void)snprintf(why, why_size, "artifact[%zu] (%.*s%s): %s", index, (int)shown, uri, uri[shown] ? "..." : "", what);
}

static enum err check_all(const struct artifacts *a, const json_t *list, struct text *finding,
                          const struct deadline *deadline, char *why, size_t why_size)
{
    char problem[400] = "";
    enum err err = OK;

    for (size_t i = 0; i < json_array_size(list) && err == OK; i++) {
        const json_t *artifact = json_array_get(list, i);
        struct fetch f = {
            .artifacts = a, .uri = uri_of(artifact), .deadline = deadline, .why = problem, .why_size = sizeof problem};
        if (is_enabled(a, f.uri))
            err = check_one(&f, artifact, i, finding);
        else if (a->settings->required)
            err =
                fail(&f, ERR_DENIED, "it has no uri of a scheme of notary.artifacts.schemes, and all must be fetched");
        if (err != OK)
            name_artifact(why, why_size, i, f.uri, problem);
    }
    return err;
}

bool artifacts_wanted(const struct artifacts *a, const json_t *event)
{
    const json_t *list = a ? json_object_get(event, "artifacts") : NULL;

    for (size_t i = 0; i < json_array_size(list); i++)
        if (a->settings->required || is_enabled(a, uri_of(json_array_get(list, i))))
            return true;
    return false;
}

enum err artifacts_check(struct artifacts *a, struct bytes event, struct text *finding, int64_t timeout_ms, char *why,
                         size_t why_size)
{
    struct deadline deadline = deadline_in(timeout_ms < a->settings->timeout_ms ? timeout_ms : a->settings->timeout_ms);
    json_t *json = json_loadb((const char *)event.data, event.len, JSON_REJECT_DUPLICATES, NULL);
    enum err err;

    (void)snprintf(why, why_size, "there is no memory for the event");
    if (!json)
        return ERR_NOMEM;
    text_add(finding, "[");
    err = check_all(a, json_object_get(json, "artifacts"), finding, &deadline, why, why_size);
    text_add(finding, "]");
    json_decref(json);
    return err == OK && text_failed(finding) ? ERR_NOMEM : err;
}
