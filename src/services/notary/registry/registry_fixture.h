/* SPDX-License-Identifier: Apache-2.0
 *
 * registry_fixture.h - for the registry's tests: documents as a leader makes them, signed with the fixture's key.
 */
#ifndef SERVICES_NOTARY_REGISTRY_FIXTURE_H
#define SERVICES_NOTARY_REGISTRY_FIXTURE_H

#include "services/notary/fixture.h"
#include "services/notary/registry/registry.h"
#include <ftw.h>
#include <inttypes.h>

#define FIXTURE_ORIGIN "geminga:test/0123"
#define FIXTURE_EVENT  "sha256:" FIXTURE_HASH

/* The leader's side: it knows the log only by the registry. */
struct registry_fixture {
    struct fixture_signer signer;
    struct registry *registry;
    const char *directory; /* NULL: in memory */
    char message[600];
};

static inline enum err registry_fixture_open(struct registry_fixture *f)
{
    struct registry_options options = {
        .directory = f->directory, .origin = FIXTURE_ORIGIN, .key = &f->signer.public_key};

    return registry_open(&f->registry, &options, f->message, sizeof f->message);
}

static inline void registry_fixture_close(struct registry_fixture *f)
{
    registry_close(f->registry);
    f->registry = NULL;
}

static int fixture_remove_one(const char *path, const struct stat *stat, int kind, struct FTW *at)
{
    return remove(path);
}

/* A directory and all in it. */
static inline void fixture_remove(const char *directory)
{
    nftw(directory, fixture_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* {"kind":KIND, ...} from a text of the other members. */
static inline json_t *fixture_record(const char *kind, const char *members)
{
    char text[4096];
    json_t *record;

    snprintf(text, sizeof text, "{\"kind\":\"%s\"%s%s}", kind, *members ? "," : "", members);
    record = json_loads(text, 0, NULL);
    assert(record);
    return record;
}

static inline json_t *fixture_opened(const char *event_id)
{
    char members[1000];

    snprintf(
        members, sizeof members,
        "\"event_id\":\"%s\",\"workflow_id\":\"wf-%s\",\"workflow_type\":\"approval_sign\",\"event\":{\"event_id\":"
        "\"%s\",\"workflow_config\":{\"approvers\":[\"ann\",\"bob\"]}},\"event_hash\":\"" FIXTURE_EVENT
        "\",\"received_ms\":1000,\"deadline_ms\":61000,\"priority\":2,\"message_id\":\"1:2:-1:0\"",
        event_id, event_id, event_id);
    return fixture_record("opened", members);
}

static inline json_t *fixture_status(const char *event_id, const char *status)
{
    char members[600];

    snprintf(members, sizeof members,
             "\"event_id\":\"%s\",\"status\":\"%s\",\"message\":null,\"step\":\"approvals\",\"steps_done\":1,"
             "\"steps_total\":3,\"at_ms\":2000",
             event_id, status);
    return fixture_record("status", members);
}

static inline json_t *fixture_decision(const char *event_id, const char *approver, const char *verdict)
{
    char members[600];

    snprintf(members, sizeof members,
             "\"event_id\":\"%s\",\"approver\":\"%s\",\"verdict\":\"%s\",\"comment\":\"\",\"at_ms\":3000,\"method\":"
             "\"key\",\"statement\":\"e30.e30.AA\"",
             event_id, approver, verdict);
    return fixture_record("decision", members);
}

/* A leaf of the usual size, about its rest. */
static inline json_t *fixture_closed(const char *event_id, const char *outcome)
{
    char rest[600], leaf[1200], hex[DIGEST_HEX_SIZE];
    struct digest d;

    snprintf(rest, sizeof rest,
             "{\"error\":null,\"event_id\":\"%s\",\"metadata\":{\"artifacts_count\":1},\"processing_duration_ms\":12,"
             "\"success\":true,\"timestamp\":\"2026-11-22T00:00:00.000Z\",\"trace_id\":null,\"workflow_id\":\"wf-%s\","
             "\"workflow_type\":\"simple_sign\"}",
             event_id, event_id);
    d = digest_of(bytes_of_text(rest));
    digest_hex(&d, hex);
    snprintf(leaf, sizeof leaf,
             "{\"event_id\":\"%s\",\"receipt\":{\"evidence_package_hash\":\"" FIXTURE_EVENT
             "\",\"integrated_time\":1700000000,\"public_key_b64\":\"%044d\",\"rekor_log_id\":\"" FIXTURE_HASH
             "\",\"rekor_server_url\":\"geminga:test\",\"signature_b64\":\"%088d\"},\"result_hash\":\"sha256:%s\"}",
             event_id, 0, 0, hex);
    return json_pack("{s:s, s:s, s:s, s:[{s:s, s:s, s:s, s:s, s:s, s:n}]}", "kind", "closed", "leaf", leaf, "outcome",
                     outcome, "results", "event_id", event_id, "event_hash", FIXTURE_EVENT, "workflow_id", "wf-x",
                     "workflow_type", "simple_sign", "rest", rest, "path");
}

/* The checkpoint that belongs behind the `closed` records of an array. */
static inline json_t *fixture_checkpoint_of(struct registry_fixture *f, const json_t *records)
{
    size_t count = 0, i;
    struct bytes *leaves = calloc(json_array_size(records) + 1, sizeof *leaves);
    struct checkpoint c;
    struct signature signature;
    struct text note;
    json_t *record, *out;

    json_array_foreach(records, i, record)
    {
        json_t *leaf = json_object_get(record, "leaf");
        if (leaf)
            leaves[count++] = bytes_of(json_string_value(leaf), json_string_length(leaf));
    }
    c.size = registry_log_size(f->registry) + count;
    c.root = registry_root_with(f->registry, leaves, count);
    free(leaves);
    text_init(&note, 4000);
    checkpoint_body(&c, FIXTURE_ORIGIN, &note);
    if (signer_sign_now(&f->signer.signer, bytes_of(note.data, note.len), &signature) != OK)
        abort();
    text_deinit(&note);
    checkpoint_seal(&c, FIXTURE_ORIGIN, &f->signer.public_key, &signature, &note);
    out = json_pack("{s:s, s:I, s:s}", "kind", "checkpoint", "size", (json_int_t)c.size, "note", note.data);
    text_deinit(&note);
    return out;
}

/* Applies the records (stolen) as the next document. */
static inline enum err fixture_apply(struct registry_fixture *f, json_t *records)
{
    struct registry_place p = registry_place(f->registry);
    json_t *document = json_pack("{s:s, s:I, s:s, s:I, s:s, s:s, s:o}", "format", "geminga/notary/journal/v1", "term",
                                 (json_int_t)1, "writer", "test", "sequence", (json_int_t)p.sequence + 1, "previous",
                                 p.previous, "time", "2026-11-22T00:00:00.000Z", "records", records);
    char place[64], *body = json_dumps(document, JSON_COMPACT);
    enum err err;

    snprintf(place, sizeof place, "1:%" PRIu64, p.sequence + 1);
    err = registry_apply(f->registry, p.sequence + 1, document, bytes_of_text(body), place, f->message,
                         sizeof f->message);
    free(body);
    json_decref(document);
    return err;
}

/* One document that closes `count` events, named PREFIX-0 and so on, each with an entry of its own. */
static inline enum err fixture_close_many(struct registry_fixture *f, const char *prefix, size_t count)
{
    json_t *records = json_array();

    for (size_t i = 0; i < count; i++) {
        char id[100];
        snprintf(id, sizeof id, "%s-%zu", prefix, i);
        json_array_append_new(records, fixture_closed(id, "notarized"));
    }
    json_array_append_new(records, fixture_checkpoint_of(f, records));
    return fixture_apply(f, records);
}

#endif
