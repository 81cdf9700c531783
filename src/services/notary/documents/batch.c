/* SPDX-License-Identifier: Apache-2.0
 *
 * batch.c - two trees in memory: of evidence and artifacts, and of results.
 *
 * Only hashes are kept.  A tree is built once, when its leaves are all there: level L is the array of its complete
 * nodes, N >> L of them, so that a path is looked up and not calculated again.
 */
#include "services/notary/documents/batch.h"

#include "services/notary/documents/canonical.h"
#include "services/notary/documents/evidence.h"
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#define ARTIFACT_FORMAT    "geminga/notary/batch-artifact/v1"
#define ARTIFACT_BYTES_MAX EVIDENCE_BYTES_MAX
#define LEVELS             21 /* of BATCH_LEAVES_MAX leaves */

static_assert(BATCH_LEAVES_MAX <= 1u << (LEVELS - 1), "a level for each power of two");

/* A growing run of hashes. */
struct hashes {
    struct digest *list;
    size_t count, capacity;
};

struct tree {
    struct merkle_source source;
    uint64_t size;                 /* 0: not built yet */
    struct digest *levels[LEVELS]; /* levels[0] are the leaves */
};

struct batch {
    struct hashes events, artifacts, results; /* leaves; of `results` all that there will be, set one by one */
    size_t *artifacts_before;                 /* of each event: how many artifacts those before it have */
    size_t events_capacity, results_set;
    struct tree tree, result_tree;
    struct digest statement;
};

enum err notary_batch_new(struct batch **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? OK : ERR_NOMEM;
}

static void tree_free(struct tree *t)
{
    for (size_t i = 0; i < LEVELS; i++)
        free(t->levels[i]);
}

void notary_batch_free(struct batch *b)
{
    if (!b)
        return;
    free(b->events.list);
    free(b->artifacts.list);
    free(b->results.list);
    free(b->artifacts_before);
    tree_free(&b->tree);
    tree_free(&b->result_tree);
    free(b);
}

size_t batch_events(const struct batch *b)
{
    return b->events.count;
}

uint64_t batch_size(const struct batch *b)
{
    return b->events.count + b->artifacts.count;
}

/* ---- collecting ---- */

static enum err hashes_add(struct hashes *h, struct digest hash)
{
    size_t capacity = h->capacity ? h->capacity * 2 : 16;
    struct digest *list;

    if (h->count == h->capacity) {
        if (!(list = realloc(h->list, capacity * sizeof *list)))
            return ERR_NOMEM;
        h->list = list;
        h->capacity = capacity;
    }
    h->list[h->count++] = hash;
    return OK;
}

static enum err artifact_leaves(const struct event *event, struct digest *out)
{
    json_t *artifacts = json_object_get(event->json, "artifacts");
    struct text leaf;
    enum err err = OK;

    text_init(&leaf, ARTIFACT_BYTES_MAX);
    for (size_t i = 0; err == OK && i < event->artifacts; i++) {
        leaf.len = 0;
        if ((err = batch_artifact_leaf(event->event_id, json_array_get(artifacts, i), &leaf)) == OK)
            out[i] = merkle_leaf(bytes_of(leaf.data, leaf.len));
    }
    text_deinit(&leaf);
    return err;
}

enum err batch_leaves(const struct event *event, struct bytes package, struct digest *out)
{
    assert(event->artifacts == json_array_size(json_object_get(event->json, "artifacts")));
    out[0] = merkle_leaf(package);
    return artifact_leaves(event, out + 1);
}

static enum err reserve_event(struct batch *b)
{
    size_t capacity = b->events_capacity ? b->events_capacity * 2 : 16;
    size_t *before;

    if (b->events.count < b->events_capacity)
        return OK;
    if (!(before = realloc(b->artifacts_before, capacity * sizeof *before)))
        return ERR_NOMEM;
    b->artifacts_before = before;
    b->events_capacity = capacity;
    return OK;
}

static enum err add_leaves(struct batch *b, const struct digest *leaves, size_t artifacts)
{
    enum err err = hashes_add(&b->events, leaves[0]);

    for (size_t i = 0; err == OK && i < artifacts; i++)
        err = hashes_add(&b->artifacts, leaves[1 + i]);
    return err;
}

enum err batch_add_leaves(struct batch *b, const struct digest *leaves, size_t artifacts)
{
    size_t events = b->events.count, before = b->artifacts.count;
    enum err err;

    assert(b->tree.size == 0);
    if (events == BATCH_EVENTS_MAX || batch_size(b) + 1 + artifacts > BATCH_LEAVES_MAX)
        return ERR_TOO_LARGE;
    if ((err = reserve_event(b)) == OK && (err = add_leaves(b, leaves, artifacts)) == OK) {
        b->artifacts_before[events] = before;
        return OK;
    }
    b->events.count = events;
    b->artifacts.count = before;
    return err;
}

enum err batch_add(struct batch *b, const struct event *event, struct digest *evidence)
{
    struct digest *leaves = calloc(1 + event->artifacts, sizeof *leaves);
    struct text package;
    enum err err;

    text_init(&package, EVIDENCE_BYTES_MAX);
    err = leaves ? evidence_build(event, &package) : ERR_NOMEM;
    if (err == OK)
        err = batch_leaves(event, bytes_of(package.data, package.len), leaves);
    if (err == OK && (err = batch_add_leaves(b, leaves, event->artifacts)) == OK)
        *evidence = digest_of(bytes_of(package.data, package.len));
    text_deinit(&package);
    free(leaves);
    return err;
}

/* ---- trees ---- */

static enum err tree_node(struct merkle_source *source, unsigned level, uint64_t index, struct digest *out)
{
    const struct tree *t = (const struct tree *)source;

    assert(level < LEVELS);
    assert(index < t->size >> level);
    *out = t->levels[level][index];
    return OK;
}

/* Takes the leaves. */
static enum err tree_build(struct tree *t, struct digest *leaves, uint64_t size)
{
    t->source.node = tree_node;
    t->levels[0] = leaves;
    for (unsigned level = 1; size >> level > 0; level++) {
        free(t->levels[level]); /* of an attempt that memory was short for */
        if (!(t->levels[level] = malloc((size >> level) * sizeof(struct digest))))
            return ERR_NOMEM;
        for (uint64_t i = 0; i < size >> level; i++)
            t->levels[level][i] = merkle_node(&t->levels[level - 1][2 * i], &t->levels[level - 1][2 * i + 1]);
    }
    t->size = size;
    return OK;
}

static struct digest tree_root(struct tree *t)
{
    struct digest root = merkle_empty();
    enum err err = merkle_root(&t->source, t->size, &root);

    assert(err == OK); /* tree_node has no other answer */
    return root;
}

static void tree_path(struct tree *t, uint64_t index, struct merkle_proof *out)
{
    enum err err = merkle_inclusion(&t->source, index, t->size, out);

    assert(err == OK);
}

static enum err build(struct batch *b)
{
    size_t size = (size_t)batch_size(b);
    struct digest *leaves = malloc(size * sizeof *leaves);

    if (!leaves)
        return ERR_NOMEM;
    memcpy(leaves, b->events.list, b->events.count * sizeof *leaves);
    if (b->artifacts.count > 0)
        memcpy(leaves + b->events.count, b->artifacts.list, b->artifacts.count * sizeof *leaves);
    free(b->tree.levels[0]);
    return tree_build(&b->tree, leaves, size);
}

enum err batch_statement(struct batch *b, struct text *out)
{
    size_t before = out->len;
    struct digest root;
    enum err err;

    assert(b->events.count > 0);
    if (b->tree.size == 0 && (err = build(b)) != OK)
        return err;
    root = tree_root(&b->tree);
    if ((err = batch_statement_of(&root, b->tree.size, out)) == OK)
        b->statement = digest_of(bytes_of(out->data + before, out->len - before));
    return err;
}

/* ---- results and the log entry ---- */

/* A result's leaf in the results' tree. */
static struct digest result_leaf(const char *result_hash)
{
    return merkle_leaf(bytes_of_text(result_hash));
}

enum err batch_set_result(struct batch *b, size_t index, struct bytes rest)
{
    char hash[RECEIPT_HASH_SIZE];
    struct digest d = digest_of(rest);

    assert(b->tree.size > 0);
    assert(index < b->events.count);
    if (!b->results.list && !(b->results.list = calloc(b->events.count, sizeof *b->results.list)))
        return ERR_NOMEM;
    receipt_hash_text(&d, hash);
    b->results.list[index] = result_leaf(hash);
    b->results_set++;
    return OK;
}

static enum err build_results(struct batch *b)
{
    struct digest *leaves = b->results.list;

    assert(b->results_set == b->events.count);
    if (b->result_tree.size > 0)
        return OK;
    b->results.list = NULL; /* the tree has it now, built or not */
    if (!leaves)
        leaves = b->result_tree.levels[0];
    return tree_build(&b->result_tree, leaves, b->events.count);
}

enum err batch_leaf(struct batch *b, const struct receipt_facts *facts, struct text *out)
{
    enum err err = build_results(b);
    char hash[RECEIPT_HASH_SIZE];
    struct digest root;
    json_t *receipt;

    if (err != OK)
        return err;
    if (!(receipt = receipt_covered(facts)))
        return ERR_NOMEM;
    root = tree_root(&b->result_tree);
    receipt_hash_text(&b->statement, hash);
    err = batch_leaf_of(receipt, hash, b->events.count, &root, out);
    json_decref(receipt);
    return err;
}

/* ---- paths ---- */

/* {"root":"sha256:HEX","size":N}, or NULL when memory is short. */
static json_t *root_and_size(struct tree *t)
{
    struct digest root = tree_root(t);
    char hash[RECEIPT_HASH_SIZE];

    receipt_hash_text(&root, hash);
    return json_pack("{s:s, s:I}", "root", hash, "size", (json_int_t)t->size);
}

/* Adds the member; takes the value, which may be NULL: then false. */
static bool add(json_t *object, const char *name, json_t *value)
{
    return json_object_set_new(object, name, value) == 0;
}

static enum err write_json(json_t *json, bool complete, struct text *out)
{
    enum err err = json && complete ? canonical_json(json, out) : ERR_NOMEM;

    json_decref(json);
    return err;
}

json_t *batch_path_json(struct batch *b, size_t index)
{
    struct digest root;
    struct merkle_proof path, result_path;
    char hash[RECEIPT_HASH_SIZE];

    assert(index < b->events.count);
    if (build_results(b) != OK)
        return NULL;
    root = tree_root(&b->tree);
    tree_path(&b->tree, index, &path);
    tree_path(&b->result_tree, index, &result_path);
    receipt_hash_text(&root, hash);
    return json_pack("{s:I, s:o, s:I, s:o, s:s, s:I}", "events", (json_int_t)b->events.count, "hashes",
                     receipt_hashes(&path), "index", (json_int_t)index, "result_hashes", receipt_hashes(&result_path),
                     "root", hash, "size", (json_int_t)b->tree.size);
}

enum err batch_path(struct batch *b, size_t index, struct text *out)
{
    return write_json(batch_path_json(b, index), true, out);
}

enum err batch_artifact_path(struct batch *b, size_t index, size_t artifact, struct text *out)
{
    uint64_t leaf;
    struct merkle_proof path;
    size_t end;
    json_t *json;
    bool complete;

    assert(b->tree.size > 0);
    if (index >= b->events.count)
        return ERR_NOT_FOUND;
    end = index + 1 < b->events.count ? b->artifacts_before[index + 1] : b->artifacts.count;
    if (artifact >= end - b->artifacts_before[index])
        return ERR_NOT_FOUND;
    leaf = b->events.count + b->artifacts_before[index] + artifact;
    tree_path(&b->tree, leaf, &path);
    json = root_and_size(&b->tree);
    complete = add(json, "format", json_string(ARTIFACT_FORMAT)) && add(json, "hashes", receipt_hashes(&path)) &&
               add(json, "index", json_integer((json_int_t)leaf));
    return write_json(json, complete, out);
}

/* ---- for those who have a receipt and no batch ---- */

static bool read_count(const json_t *json, const char *name, uint64_t max, uint64_t *out)
{
    const json_t *value = json_object_get(json, name);

    if (!json_is_integer(value) || json_integer_value(value) < 0 || (uint64_t)json_integer_value(value) > max)
        return false;
    *out = (uint64_t)json_integer_value(value);
    return true;
}

static bool read_root(const json_t *json, struct digest *out)
{
    return receipt_hash_read(json_string_value(json_object_get(json, "root")), out);
}

enum err batch_place_read(struct batch_place *out, const json_t *json, const char **why)
{
    *why = "batch is not an object of events, hashes, index, result_hashes, root and size";
    if (!json_is_object(json) || json_object_size(json) != 6)
        return ERR_INVALID;
    *why = "batch.size, events or index is out of bounds";
    if (!read_count(json, "size", BATCH_LEAVES_MAX, &out->size) ||
        !read_count(json, "events", BATCH_EVENTS_MAX, &out->events) ||
        !read_count(json, "index", BATCH_LEAVES_MAX, &out->index))
        return ERR_INVALID;
    if (out->index >= out->events || out->events > out->size)
        return ERR_INVALID;
    *why = "batch.root is not a hash";
    if (!read_root(json, &out->root))
        return ERR_INVALID;
    *why = "batch.hashes or result_hashes are not hashes";
    return receipt_hashes_read(json_object_get(json, "hashes"), &out->proof) &&
                   receipt_hashes_read(json_object_get(json, "result_hashes"), &out->result_proof)
               ? OK
               : ERR_INVALID;
}

bool batch_place_holds(const struct batch_place *place, struct bytes entry)
{
    struct digest leaf = merkle_leaf(entry);

    return merkle_inclusion_holds(&leaf, place->index, place->size, &place->proof, &place->root);
}

bool batch_artifact_holds(const json_t *path, struct bytes leaf, struct digest *root)
{
    const char *format = json_string_value(json_object_get(path, "format"));
    struct digest hash = merkle_leaf(leaf);
    struct merkle_proof proof;
    uint64_t index, size;

    if (!format || strcmp(format, ARTIFACT_FORMAT) != 0 || !read_count(path, "size", BATCH_LEAVES_MAX, &size) ||
        !read_count(path, "index", BATCH_LEAVES_MAX, &index))
        return false;
    return read_root(path, root) && receipt_hashes_read(json_object_get(path, "hashes"), &proof) &&
           merkle_inclusion_holds(&hash, index, size, &proof, root);
}

enum err batch_statement_of(const struct digest *root, uint64_t size, struct text *out)
{
    char hash[RECEIPT_HASH_SIZE];

    receipt_hash_text(root, hash);
    text_printf(out, "{\"format\":\"" BATCH_FORMAT "\",\"root\":\"%s\",\"size\":%" PRIu64 "}", hash, size);
    return text_failed(out) ? ERR_NOMEM : OK;
}

bool batch_results_root(const struct batch_place *place, const char *result_hash, struct digest *out)
{
    struct digest leaf = result_leaf(result_hash);

    return merkle_inclusion_root(&leaf, place->index, place->events, &place->result_proof, out);
}

enum err batch_leaf_of(const json_t *receipt, const char *statement_hash, uint64_t events,
                       const struct digest *results_root, struct text *out)
{
    json_t *covered = json_object(), *leaf = NULL;
    char hash[RECEIPT_HASH_SIZE];
    bool complete = covered != NULL;

    receipt_hash_text(results_root, hash);
    for (size_t i = 0; complete && i < RECEIPT_LEAF_MEMBERS; i++)
        complete = json_object_set(covered, receipt_leaf_members[i].name,
                                   json_object_get(receipt, receipt_leaf_members[i].name)) == 0;
    complete = complete && add(covered, "evidence_package_hash", json_string(statement_hash));
    leaf = json_pack("{s:{s:I, s:s}, s:o}", "batch", "events", (json_int_t)events, "results_root", hash, "receipt",
                     covered);
    return write_json(leaf, complete, out);
}

enum err batch_artifact_leaf(const char *event_id, json_t *artifact, struct text *out)
{
    json_t *leaf = json_pack("{s:O, s:s}", "artifact", artifact, "event_id", event_id);

    return write_json(leaf, true, out);
}
