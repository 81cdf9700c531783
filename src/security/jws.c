/* SPDX-License-Identifier: Apache-2.0
 *
 * jws.c - a signed text.
 */
#include "security/jws.h"

#include "base/base64.h"
#include <assert.h>
#include <stdlib.h>

/* What lies between the dots, still encoded. */
struct parts {
    struct bytes header, payload, signature;
    struct bytes input; /* what is signed: the first two and the dot between */
};

static bool parts_split(struct bytes text, struct parts *p)
{
    const uint8_t *end = text.data + text.len;
    const uint8_t *first = text.len > 0 && text.len <= JWS_TEXT_MAX ? memchr(text.data, '.', text.len) : NULL;
    const uint8_t *second = first ? memchr(first + 1, '.', (size_t)(end - first - 1)) : NULL;

    if (!second)
        return false;
    p->header = bytes_of(text.data, (size_t)(first - text.data));
    p->payload = bytes_of(first + 1, (size_t)(second - first - 1));
    p->signature = bytes_of(second + 1, (size_t)(end - second - 1)); /* a third dot is no digit */
    p->input = bytes_of(text.data, (size_t)(second - text.data));
    return true;
}

/* To be freed. */
static enum err part_decode(struct bytes part, struct bytes *out)
{
    uint8_t *to = malloc(part.len + 1);
    size_t len;

    if (!to)
        return ERR_NOMEM;
    if (base64url_decode(part, to, part.len, &len) != OK) {
        free(to);
        return ERR_INVALID;
    }
    *out = bytes_of(to, len);
    return OK;
}

static void bytes_free(struct bytes bytes)
{
    free((void *)(uintptr_t)bytes.data);
}

void jws_deinit(struct jws *jws)
{
    json_decref(jws->header);
    bytes_free(jws->payload);
    *jws = (struct jws){0};
}

static enum err header_parse(struct bytes part, json_t **out)
{
    struct bytes text;
    enum err err = part_decode(part, &text);

    if (err != OK)
        return err;
    *out = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
    bytes_free(text);
    if (json_is_object(*out))
        return OK;
    json_decref(*out);
    *out = NULL;
    return ERR_INVALID;
}

enum err jws_parse(struct bytes text, struct jws *out, const char **why)
{
    struct jws jws = {0};
    struct parts parts;

    *why = "it is not three parts with dots between";
    if (!parts_split(text, &parts))
        return ERR_INVALID;
    enum err err = header_parse(parts.header, &jws.header);
    *why = "its header is not a JSON object in base64 for URLs";
    if (err == OK && (err = part_decode(parts.payload, &jws.payload)) != OK)
        *why = "its payload is not base64 for URLs";
    if (err != OK) {
        jws_deinit(&jws);
        return err;
    }
    *out = jws;
    return OK;
}

static enum err signature_check(const struct jws_key *key, const json_t *header, struct bytes text, const char **why)
{
    const char *name = json_string_value(json_object_get(header, "alg"));
    enum jws_algorithm algorithm;
    struct bytes signature;
    struct parts parts;

    *why = "its header asks for an extension that nobody here knows";
    if (json_object_get(header, "crit"))
        return ERR_DENIED;
    *why = "its algorithm is none that is accepted";
    if (!name || !jws_algorithm_find(bytes_of_text(name), &algorithm))
        return ERR_DENIED;
    *why = "its algorithm is not one for this key";
    if (!jws_key_fits(key, algorithm))
        return ERR_DENIED;
    *why = "its signature does not hold";
    bool split = parts_split(text, &parts);
    assert(split); /* it was parsed */
    enum err err = part_decode(parts.signature, &signature);
    if (err != OK)
        return err == ERR_NOMEM ? err : ERR_DENIED;
    err = jws_key_verify(key, algorithm, parts.input, signature);
    bytes_free(signature);
    return err;
}

enum err jws_verify(const struct jws_key *key, struct bytes text, struct jws *out, const char **why)
{
    struct jws jws;
    enum err err = jws_parse(text, &jws, why);

    if (err == OK && (err = signature_check(key, jws.header, text, why)) != OK)
        jws_deinit(&jws);
    if (err == OK)
        *out = jws;
    return err;
}

/* ---- signing ---- */

static enum err header_write(const json_t *header, enum jws_algorithm algorithm, struct text *out)
{
    json_t *whole = header ? json_copy((json_t *)(uintptr_t)header) : json_object();
    char *text = NULL;

    assert(!json_object_get(header, "alg"));
    if (whole && json_object_set_new(whole, "alg", json_string(jws_algorithm_info(algorithm)->name)) == 0)
        text = json_dumps(whole, JSON_COMPACT);
    json_decref(whole);
    if (!text)
        return ERR_NOMEM;
    base64url_encode(out, bytes_of_text(text));
    free(text);
    return OK;
}

enum err jws_sign(const struct jws_key *key, enum jws_algorithm algorithm, const json_t *header, struct bytes payload,
                  struct text *out)
{
    const size_t begin = out->len;
    struct text signature;
    enum err err = header_write(header, algorithm, out);

    if (err != OK)
        return err;
    text_add(out, ".");
    base64url_encode(out, payload);
    if (text_failed(out))
        return ERR_NOMEM;
    text_init(&signature, JWS_TEXT_MAX);
    err = jws_key_sign(key, algorithm, bytes_of(out->data + begin, out->len - begin), &signature);
    if (err == OK) {
        text_add(out, ".");
        base64url_encode(out, bytes_of(signature.data, signature.len));
    }
    text_deinit(&signature);
    return err == OK && text_failed(out) ? ERR_NOMEM : err;
}
