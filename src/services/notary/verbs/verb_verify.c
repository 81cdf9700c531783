/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_verify.c - `geminga notary verify` and `geminga notary evidence`: what anybody can check and make again, without
 * any network.
 */
#include "services/notary/documents/event.h"
#include "services/notary/documents/evidence.h"
#include "services/notary/documents/verify.h"
#include "services/notary/files.h"
#include "services/notary/verbs/notary_verbs.h"
#include <errno.h>
#include <stdio.h>

#define REPORT_MAX     (64u << 10)
#define PUBLIC_KEY_MAX (64u << 10)

/* What the flags name. */
struct verify_flags {
    const char *event, *directory, *artifact, *approvers, *rekor_v1, *rekor_v2, *tsa;
};

/* The files of the flags, read. */
struct verify_files {
    struct text receipt, event, artifact, tsa;
    struct trusted_keys keys;
    struct approvers *approvers;
    struct public_key rekor_v1, rekor_v2;
};

static bool read_keys(const char *path, struct trusted_keys *to)
{
    struct text pem;
    bool done = false;

    text_init(&pem, PUBLIC_KEY_MAX);
    if (notary_read_named(path, &pem)) {
        done = trusted_keys_add(to, bytes_of(pem.data, pem.len)) == OK;
        if (!done)
            notary_complain("%s does not hold public keys in PEM, Ed25519 or P-256 (at most %d in all)", path,
                            TRUSTED_KEYS_MAX);
    }
    text_deinit(&pem);
    return done;
}

/* Takes every "--public-key FILE" and "--public-key=FILE" out of argv and reads the files. */
static int take_keys(int *argc, char **argv, struct trusted_keys *keys)
{
    static const char flag[] = "--public-key";
    const size_t len = sizeof flag - 1;
    int kept = 0;

    for (int i = 0; i < *argc; i++) {
        bool alone = strcmp(argv[i], flag) == 0;
        if (!alone && (strncmp(argv[i], flag, len) != 0 || argv[i][len] != '=')) {
            argv[kept++] = argv[i];
            continue;
        }
        if (alone && i + 1 == *argc) {
            notary_complain("%s needs a value", flag);
            return NOTARY_EXIT_USAGE;
        }
        if (!read_keys(alone ? argv[++i] : argv[i] + len + 1, keys))
            return NOTARY_EXIT_FAILED;
    }
    *argc = kept;
    return NOTARY_EXIT_OK;
}

static bool read_one_key(const char *path, struct public_key *to)
{
    struct trusted_keys keys = {.count = 0};

    if (!path)
        return true;
    if (!read_keys(path, &keys))
        return false;
    *to = keys.list[0];
    return true;
}

static bool read_approvers(const char *path, struct approvers **to)
{
    char message[600];

    if (!path || approvers_read(to, path, message, sizeof message) == OK)
        return true;
    notary_complain("%s", message);
    return false;
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

/* One that there may be none of. */
static bool extract_text(const char *directory, const char *name, const struct text *t, bool wanted)
{
    return !wanted || extract_one(directory, name, bytes_of(t->data ? t->data : "", t->len));
}

static bool extract_key(const char *directory, const char *name, const struct public_key *key)
{
    struct text pem;
    bool done;

    text_init(&pem, PUBLIC_KEY_MAX);
    public_key_to_pem(key, &pem);
    done = extract_text(directory, name, &pem, true);
    text_deinit(&pem);
    return done;
}

/* The pieces as files, for openssl, sha256sum and the like.  What is signed is always in signed.json. */
static bool extract(const char *directory, const struct verify_pieces *p)
{
    bool batch = p->statement.len > 0;

    return extract_text(directory, "evidence.json", &p->evidence, true) &&
           extract_text(directory, "signed.json", batch ? &p->statement : &p->evidence, true) &&
           extract_one(directory, "signature.bin", signature_bytes(&p->signature)) &&
           extract_key(directory, "public_key.pem", &p->key) && extract_key(directory, "log_key.pem", &p->log_key) &&
           extract_text(directory, "leaf.json", &p->leaf, true) &&
           extract_text(directory, "path.txt", &p->path, true) &&
           extract_text(directory, "batch_path.txt", &p->batch_path, batch) &&
           extract_text(directory, "result_path.txt", &p->result_path, batch) &&
           extract_text(directory, "checkpoint.txt", &p->checkpoint, true) &&
           extract_one(directory, "checkpoint.sig", signature_bytes(&p->checkpoint_signature));
}

static struct bytes whole(const struct text *t)
{
    return bytes_of(t->data, t->len);
}

static int verify(const struct verify_flags *flags, const struct verify_files *files)
{
    const struct verify_trust trust = {.keys = &files->keys,
                                       .approvers = files->approvers,
                                       .anchors = {.rekor_v1 = flags->rekor_v1 ? &files->rekor_v1 : NULL,
                                                   .rekor_v2 = flags->rekor_v2 ? &files->rekor_v2 : NULL,
                                                   .tsa_certs = whole(&files->tsa)}};
    struct verify_pieces pieces;
    struct text report;
    bool verified;
    int status = NOTARY_EXIT_FAILED;

    text_init(&report, REPORT_MAX);
    if (verify_document(whole(&files->receipt), whole(&files->event), whole(&files->artifact), &trust, &report, &pieces,
                        &verified) != OK) {
        notary_complain("out of memory");
        goto out;
    }
    printf("%s%s\n", report.data, verified ? "verified" : "REFUSED: this receipt does not prove this event");
    if (verified && (!flags->directory || extract(flags->directory, &pieces)))
        status = NOTARY_EXIT_OK;
    verify_pieces_deinit(&pieces);
out:
    text_deinit(&report);
    return status;
}

static bool read_files(const struct verify_flags *flags, const char *receipt, struct verify_files *to)
{
    return notary_read_named(receipt, &to->receipt) && notary_read_named(flags->event, &to->event) &&
           (!flags->artifact || notary_read_named(flags->artifact, &to->artifact)) &&
           (!flags->tsa || notary_read_named(flags->tsa, &to->tsa)) &&
           read_approvers(flags->approvers, &to->approvers) && read_one_key(flags->rekor_v1, &to->rekor_v1) &&
           read_one_key(flags->rekor_v2, &to->rekor_v2);
}

static bool take_flags(int *argc, char **argv, struct verify_flags *flags)
{
    return notary_take_flag(argc, argv, "--event", &flags->event) &&
           notary_take_flag(argc, argv, "--extract", &flags->directory) &&
           notary_take_flag(argc, argv, "--artifact", &flags->artifact) &&
           notary_take_flag(argc, argv, "--approvers", &flags->approvers) &&
           notary_take_flag(argc, argv, "--rekor-v1-key", &flags->rekor_v1) &&
           notary_take_flag(argc, argv, "--rekor-v2-key", &flags->rekor_v2) &&
           notary_take_flag(argc, argv, "--tsa-certs", &flags->tsa);
}

static void files_init(struct verify_files *f)
{
    memset(f, 0, sizeof *f);
    text_init(&f->receipt, 2 * VERIFY_DOCUMENT_MAX);
    text_init(&f->event, 2 * EVENT_BYTES_MAX);
    text_init(&f->artifact, 2 * VERIFY_DOCUMENT_MAX);
    text_init(&f->tsa, VERIFY_DOCUMENT_MAX);
}

static void files_deinit(struct verify_files *f)
{
    text_deinit(&f->receipt);
    text_deinit(&f->event);
    text_deinit(&f->artifact);
    text_deinit(&f->tsa);
    approvers_free(f->approvers);
}

int notary_verb_verify(int argc, char **argv)
{
    struct verify_flags flags = {0};
    struct verify_files files;
    int status;

    if (!take_flags(&argc, argv, &flags))
        return NOTARY_EXIT_USAGE;
    files_init(&files);
    status = take_keys(&argc, argv, &files.keys);
    if (status == NOTARY_EXIT_OK && (argc != 1 || !flags.event || argv[0][0] == '-')) {
        notary_complain("verify needs a receipt and its event: geminga notary verify RECEIPT --event FILE");
        status = NOTARY_EXIT_USAGE;
    }
    if (status == NOTARY_EXIT_OK)
        status = read_files(&flags, argv[0], &files) ? verify(&flags, &files) : NOTARY_EXIT_FAILED;
    files_deinit(&files);
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
