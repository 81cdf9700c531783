/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_verify.c - `geminga notary verify` and `geminga notary evidence`: what anybody can check and make again, without
 * any network.
 */
#include "services/notary/event.h"
#include "services/notary/evidence.h"
#include "services/notary/files.h"
#include "services/notary/notary_verbs.h"
#include "services/notary/verify.h"
#include <errno.h>
#include <stdio.h>

#define REPORT_MAX     (64u << 10)
#define PUBLIC_KEY_MAX (64u << 10)

static bool read_public_key(const char *path, struct public_key *key)
{
    struct text pem;
    bool done = false;
    enum err err;

    text_init(&pem, PUBLIC_KEY_MAX);
    if (notary_read_named(path, &pem)) {
        err = public_key_from_pem(key, bytes_of(pem.data, pem.len));
        done = err == OK;
        if (!done)
            notary_complain("%s is not an Ed25519 public key in PEM", path);
    }
    text_deinit(&pem);
    return done;
}

static bool extract_one(const char *directory, const char *name, struct bytes bytes)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/%s", directory, name);
    if (file_write_whole(path, bytes) == OK)
        return true;
    notary_complain("cannot write %s: %s", path, strerror(errno));
    return false;
}

/* The pieces as files, for openssl, sha256sum and the like. */
static bool extract(const char *directory, const struct verify_pieces *p)
{
    struct text pem;
    bool done;

    text_init(&pem, PUBLIC_KEY_MAX);
    public_key_to_pem(&p->key, &pem);
    done = extract_one(directory, "evidence.json", bytes_of(p->evidence.data, p->evidence.len)) &&
           extract_one(directory, "signature.bin", signature_bytes(&p->signature)) &&
           extract_one(directory, "public_key.pem", bytes_of(pem.data, pem.len)) &&
           extract_one(directory, "leaf.json", bytes_of(p->leaf.data, p->leaf.len)) &&
           extract_one(directory, "checkpoint.txt", bytes_of(p->checkpoint.data, p->checkpoint.len)) &&
           extract_one(directory, "checkpoint.sig", signature_bytes(&p->checkpoint_signature));
    text_deinit(&pem);
    return done;
}

static int verify(const struct text *receipt, const struct text *event, const struct public_key *trusted,
                  const char *directory)
{
    struct verify_pieces pieces;
    struct text report;
    bool verified;
    int status = NOTARY_EXIT_FAILED;

    text_init(&report, REPORT_MAX);
    if (verify_receipt(bytes_of(receipt->data, receipt->len), bytes_of(event->data, event->len), trusted, &report,
                       &pieces, &verified) != OK) {
        notary_complain("out of memory");
        goto out;
    }
    printf("%s%s\n", report.data, verified ? "verified" : "REFUSED: this receipt does not prove this event");
    if (verified && (!directory || extract(directory, &pieces)))
        status = NOTARY_EXIT_OK;
    verify_pieces_deinit(&pieces);
out:
    text_deinit(&report);
    return status;
}

int notary_verb_verify(int argc, char **argv)
{
    const char *event_path, *key_path, *directory;
    struct text receipt, event;
    struct public_key key;
    int status = NOTARY_EXIT_FAILED;

    if (!notary_take_flag(&argc, argv, "--event", &event_path) ||
        !notary_take_flag(&argc, argv, "--public-key", &key_path) ||
        !notary_take_flag(&argc, argv, "--extract", &directory))
        return NOTARY_EXIT_USAGE;
    if (argc != 1 || !event_path || argv[0][0] == '-') {
        notary_complain("verify needs a receipt and its event: geminga notary verify RECEIPT --event FILE");
        return NOTARY_EXIT_USAGE;
    }
    text_init(&receipt, 2 * VERIFY_DOCUMENT_MAX);
    text_init(&event, 2 * EVENT_BYTES_MAX);
    if (notary_read_named(argv[0], &receipt) && notary_read_named(event_path, &event) &&
        (!key_path || read_public_key(key_path, &key)))
        status = verify(&receipt, &event, key_path ? &key : NULL, directory);
    text_deinit(&receipt);
    text_deinit(&event);
    return status;
}

static int print_evidence(const struct text *bytes)
{
    struct faults faults;
    struct event event;
    struct text evidence;
    int status = NOTARY_EXIT_FAILED;

    if (faults_init(&faults) != OK)
        return status;
    text_init(&evidence, EVIDENCE_BYTES_MAX);
    if (event_parse(&event, bytes_of(bytes->data, bytes->len), &faults) == OK &&
        evidence_build(&event, &evidence) == OK && fwrite(evidence.data, 1, evidence.len, stdout) == evidence.len &&
        fflush(stdout) == 0)
        status = NOTARY_EXIT_OK;
    for (size_t i = 0; i < json_array_size(faults.list); i++)
        notary_complain("%s", json_string_value(json_array_get(faults.list, i)));
    text_deinit(&evidence);
    event_deinit(&event);
    faults_deinit(&faults);
    return status;
}

int notary_verb_evidence(int argc, char **argv)
{
    struct text event;
    int status = NOTARY_EXIT_FAILED;

    if (argc != 1 || argv[0][0] == '-') {
        notary_complain("evidence needs an event: geminga notary evidence EVENT");
        return NOTARY_EXIT_USAGE;
    }
    text_init(&event, 2 * EVENT_BYTES_MAX);
    if (notary_read_named(argv[0], &event))
        status = print_evidence(&event);
    text_deinit(&event);
    return status;
}
