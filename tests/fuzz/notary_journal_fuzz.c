/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_journal_fuzz.c - any bytes as documents of the notary's journal: an array of arrays of records.
 *
 * What a leader adds by itself is added here as well, so that inputs come further than the first check: each document
 * follows on the one before, and a checkpoint whose note is "sign" is signed.  Whatever comes, a document is applied
 * whole or not at all, and what the registry has can be read back and proved.
 */
#include "fuzz.h"

#include "services/notary/journal/records.h"
#include "services/notary/registry/registry_fixture.h"

/* Puts signed notes where they are asked for. */
static void sign(struct registry_fixture *f, json_t *records)
{
    json_t *record;
    size_t i;

    json_array_foreach(records, i, record)
    {
        const char *note = json_string_value(json_object_get(record, "note"));
        if (note && strcmp(note, "sign") == 0) {
            json_t *checkpoint = fixture_checkpoint_of(f, records);
            json_object_update(record, checkpoint);
            json_decref(checkpoint);
        }
    }
}

static void look(const json_t *records)
{
    const json_t *record;
    size_t i;

    json_array_foreach(records, i, record)
    {
        enum record_kind kind = record_kind(record);
        if (kind < RECORD_KINDS)
            HOLDS(strcmp(record_kind_name(kind), json_string_value(json_object_get(record, "kind"))) == 0);
    }
}

static void apply(struct registry_fixture *f, json_t *records)
{
    struct registry_place before = registry_place(f->registry);
    uint64_t sequence = before.sequence, size = registry_log_size(f->registry);
    struct digest root = registry_log_root(f->registry), after;
    enum err err;

    look(records);
    if (json_is_array(records))
        sign(f, records);
    err = fixture_apply(f, json_incref(records));
    HOLDS(err == OK || err == ERR_CORRUPT);
    HOLDS((err == OK) == (f->message[0] == '\0'));
    HOLDS(registry_place(f->registry).sequence == sequence + (err == OK));
    after = registry_log_root(f->registry);
    if (err != OK)
        HOLDS(registry_log_size(f->registry) == size && digest_equal(&root, &after));
}

static bool visit(void *ctx, const char *event_id, const json_t *records)
{
    HOLDS(record_kind(json_array_get(records, 0)) == RECORD_OPENED);
    return true;
}

/* Every result has a proof to a root that was signed. */
static void read_back(struct registry_fixture *f)
{
    struct registry_result r;
    struct checkpoint c;
    struct signature s;

    HOLDS(registry_open_workflows(f->registry, visit, NULL) == OK);
    for (uint64_t n = 1; n <= registry_result_count(f->registry); n++) {
        struct digest leaf;
        HOLDS(registry_result_at(f->registry, n, &r) == OK);
        leaf = merkle_leaf(bytes_of(r.leaf.data, r.leaf.len));
        HOLDS(checkpoint_read(&c, &s, bytes_of(r.checkpoint.data, r.checkpoint.len), FIXTURE_ORIGIN,
                              &f->signer.public_key) == OK);
        HOLDS(merkle_inclusion_holds(&leaf, r.index, c.size, &r.proof, &c.root));
        registry_result_deinit(&r);
    }
    HOLDS(registry_result_at(f->registry, registry_result_count(f->registry) + 1, &r) == ERR_NOT_FOUND);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct registry_fixture f = {0};
    json_t *documents = json_loadb((const char *)data, size, JSON_ALLOW_NUL, NULL), *records;
    size_t i;

    if (!documents)
        return 0;
    fixture_signer_init(&f.signer, 7);
    HOLDS(registry_fixture_open(&f) == OK);
    json_array_foreach(documents, i, records) apply(&f, records);
    read_back(&f);
    registry_fixture_close(&f);
    fixture_signer_deinit(&f.signer);
    json_decref(documents);
    return 0;
}
