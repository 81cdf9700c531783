/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_verify_anchor.c - `geminga notary verify-anchor`: what other logs said of an entry, checked without any network.
 */
#include "services/notary/anchors/anchor_verify.h"
#include "services/notary/verbs/notary_verbs.h"
#include <stdio.h>
#include <string.h>

#define DOCUMENT_MAX (4u << 20)
#define REPORT_MAX   (64u << 10)
#define KEY_MAX      (64u << 10)

struct request {
    const char *leaf_path, *log_key_path, *rekor_v1_path, *rekor_v2_path, *tsa_path;
    struct text document, leaf, certs;
    struct public_key log_key, rekor_v1, rekor_v2;
    struct anchor_trust trust;
};

/* True also where no key is named. */
static bool read_key(const char *path, struct public_key *key)
{
    struct text pem;
    bool fits = true;

    if (!path)
        return true;
    text_init(&pem, KEY_MAX);
    if (!notary_read_named(path, &pem)) {
        fits = false;
    } else if (public_key_from_pem(key, bytes_of(pem.data, pem.len)) != OK) {
        notary_complain("%s is not a public key of Ed25519 or P-256 in PEM", path);
        fits = false;
    }
    text_deinit(&pem);
    return fits;
}

static bool read_request(struct request *r, const char *document_path)
{
    if (!notary_read_named(document_path, &r->document) || !notary_read_named(r->leaf_path, &r->leaf) ||
        !read_key(r->log_key_path, &r->log_key) || !read_key(r->rekor_v1_path, &r->rekor_v1) ||
        !read_key(r->rekor_v2_path, &r->rekor_v2) || (r->tsa_path && !notary_read_named(r->tsa_path, &r->certs)))
        return false;
    r->trust = (struct anchor_trust){.rekor_v1 = r->rekor_v1_path ? &r->rekor_v1 : NULL,
                                     .rekor_v2 = r->rekor_v2_path ? &r->rekor_v2 : NULL,
                                     .tsa_certs = bytes_of(r->certs.data, r->certs.len)};
    return true;
}

/* What it calls itself, if that is a kind that there is: anything else is not repeated. */
static const char *kind_of(const json_t *receipt)
{
    static const char *const kinds[] = {"rekor-v1", "rekor-v2", "rfc3161"};
    const char *name = json_string_value(json_object_get(receipt, "anchor"));

    for (size_t i = 0; name && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i], name) == 0)
            return kinds[i];
    return "?";
}

static bool verify_one(const struct request *r, const json_t *receipt)
{
    const struct anchor_entry entry = {.leaf = bytes_of(r->leaf.data, r->leaf.len)};
    struct text report;
    bool verified = false;

    text_init(&report, REPORT_MAX);
    if (anchor_verify(receipt, &entry, &r->log_key, &r->trust, &report, &verified) == OK)
        printf("%s%s: %s\n", report.data, kind_of(receipt), verified ? "verified" : "REFUSED");
    else
        notary_complain("out of memory");
    text_deinit(&report);
    return verified;
}

/* One receipt, several, or a document that has them under "anchors", each perhaps under "receipt". */
static bool verify_all(const struct request *r, const json_t *document)
{
    const json_t *anchors = json_object_get(document, "anchors"), *one;
    bool verified = true;
    size_t i;

    if (!anchors)
        anchors = document;
    if (!json_is_array(anchors))
        return verify_one(r, anchors);
    json_array_foreach(anchors, i, one)
    {
        const json_t *receipt = json_object_get(one, "receipt");

        verified = verify_one(r, receipt ? receipt : one) && verified;
    }
    if (json_array_size(anchors) == 0)
        notary_complain("there is no receipt of another log in it");
    return verified && json_array_size(anchors) > 0;
}

static int verify(struct request *r, const char *document_path)
{
    json_t *document;
    int status = NOTARY_EXIT_FAILED;

    if (!read_request(r, document_path))
        return status;
    document = json_loadb(r->document.data, r->document.len, JSON_REJECT_DUPLICATES, NULL);
    if (!document)
        notary_complain("%s is not JSON", document_path);
    else if (verify_all(r, document))
        status = NOTARY_EXIT_OK;
    json_decref(document);
    return status;
}

int notary_verb_verify_anchor(int argc, char **argv)
{
    struct request r = {0};
    int status;

    if (!notary_take_flag(&argc, argv, "--leaf", &r.leaf_path) ||
        !notary_take_flag(&argc, argv, "--log-key", &r.log_key_path) ||
        !notary_take_flag(&argc, argv, "--rekor-v1-key", &r.rekor_v1_path) ||
        !notary_take_flag(&argc, argv, "--rekor-v2-key", &r.rekor_v2_path) ||
        !notary_take_flag(&argc, argv, "--tsa-certs", &r.tsa_path))
        return NOTARY_EXIT_USAGE;
    if (argc != 1 || !r.leaf_path || !r.log_key_path || argv[0][0] == '-')
        return notary_verb_misused("verify-anchor", "it needs a receipt, the entry that it is of, and our log's key");
    text_init(&r.document, DOCUMENT_MAX);
    text_init(&r.leaf, DOCUMENT_MAX);
    text_init(&r.certs, DOCUMENT_MAX);
    status = verify(&r, argv[0]);
    text_deinit(&r.document);
    text_deinit(&r.leaf);
    text_deinit(&r.certs);
    return status;
}
