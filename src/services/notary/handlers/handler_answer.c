/* SPDX-License-Identifier: Apache-2.0
 *
 * handler_answer.c - the answer becomes part of the evidence, so it must have a canonical form.
 */
#include "services/notary/handlers/handler_answer.h"

#include "services/notary/documents/canonical.h"
#include <stdio.h>

#define METADATA_DEPTH_MAX 16

static const char *const verdicts[] = {
    [HANDLER_ACCEPT] = "accept",
    [HANDLER_IGNORE] = "ignore",
    [HANDLER_REJECT] = "reject",
};

const char *handler_verdict_name(enum handler_verdict verdict)
{
    return verdicts[verdict];
}

static enum err refuse(char *why, size_t why_size, const char *what)
{
    (void)snprintf(why, why_size, "%s", what);
    return ERR_PROTOCOL;
}

static bool verdict_of(const char *name, enum handler_verdict *out)
{
    for (size_t i = 0; name && i < sizeof verdicts / sizeof *verdicts; i++)
        if (strcmp(verdicts[i], name) == 0) {
            *out = (enum handler_verdict)i;
            return true;
        }
    return false;
}

static void copy_reason(const char *from, char to[HANDLER_REASON_MAX + 1])
{
    size_t len = strlen(from);

    for (size_t i = 0; i <= len; i++)
        to[i] = (char)(i < len && ((unsigned char)from[i] < 0x20 || from[i] == 0x7f) ? ' ' : from[i]);
}

static bool is_shallow(const json_t *value, unsigned depth)
{
    const char *key;
    json_t *member;
    size_t i;

    if (!json_is_array(value) && !json_is_object(value))
        return true;
    if (depth == METADATA_DEPTH_MAX)
        return false;
    for (i = 0; i < json_array_size(value); i++)
        if (!is_shallow(json_array_get(value, i), depth + 1))
            return false;
    json_object_foreach((json_t *)(uintptr_t)value, key, member) if (!is_shallow(member, depth + 1)) return false;
    return true;
}

/* Whether it has a canonical text: integers that everybody reads the same. */
static enum err check_metadata(json_t *metadata, char *why, size_t why_size)
{
    struct text canonical;
    enum err err;

    if (!json_is_object(metadata) || !is_shallow(metadata, 0))
        return refuse(why, why_size, "answers with metadata that is no object, or nested too deep");
    text_init(&canonical, 8u * HANDLER_ANSWER_MAX);
    err = canonical_json(metadata, &canonical);
    text_deinit(&canonical);
    return err == ERR_INVALID ? refuse(why, why_size, "answers with a whole number beyond 2^53") : err;
}

static enum err read_members(struct handler_answer *out, const json_t *json, char *why, size_t why_size)
{
    const char *failed = json_string_value(json_object_get(json, "failed"));
    const json_t *reason = json_object_get(json, "reason");
    json_t *metadata = json_object_get(json, "metadata");
    enum err err;

    if (failed) {
        (void)snprintf(why, why_size, "could not decide: %.200s", failed);
        return ERR_IO;
    }
    if (!verdict_of(json_string_value(json_object_get(json, "verdict")), &out->verdict))
        return refuse(why, why_size, "answers without a verdict: accept, reject or ignore");
    if (reason && !json_is_null(reason) && (!json_is_string(reason) || json_string_length(reason) > HANDLER_REASON_MAX))
        return refuse(why, why_size, "answers with a reason that is no text, or too long");
    copy_reason(json_is_string(reason) ? json_string_value(reason) : "", out->reason);
    if (!metadata || json_is_null(metadata))
        return (out->metadata = json_object()) ? OK : ERR_NOMEM;
    if ((err = check_metadata(metadata, why, why_size)) == OK)
        out->metadata = json_incref(metadata);
    return err;
}

enum err handler_answer_parse(struct handler_answer *out, struct bytes text, char *why, size_t why_size)
{
    json_t *json = NULL;
    enum err err;

    if (text.len > HANDLER_ANSWER_MAX)
        return refuse(why, why_size, "answers with more than 64 KiB");
    *out = (struct handler_answer){0};
    (void)snprintf(why, why_size, "cannot be heard: %s", err_text(ERR_NOMEM));
    if (text.len > 0)
        json = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(json))
        err = refuse(why, why_size, "answers no JSON object");
    else
        err = read_members(out, json, why, why_size);
    json_decref(json);
    return err;
}

void handler_answer_deinit(struct handler_answer *a)
{
    json_decref(a->metadata);
    a->metadata = NULL;
}

enum err handler_answer_write(const struct handler_answer *a, const char *handler, struct text *to)
{
    json_t *json = json_pack("{ss ss ss sO}", "handler", handler, "verdict", verdicts[a->verdict], "reason", a->reason,
                             "metadata", a->metadata);
    enum err err = json ? canonical_json(json, to) : ERR_NOMEM;

    json_decref(json);
    return err;
}
