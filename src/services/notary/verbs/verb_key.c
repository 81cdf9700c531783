/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_key.c - `geminga notary key`: the public key that evidence is signed with, asked of the signer itself.
 *
 * What a verifier is to be given (verify's --public-key), and a trial of the settings: the signer is logged in to,
 * signs something that is no evidence, and its answer is checked.  It needs no broker and leaves the data directory
 * alone.
 */
#include "services/notary/files.h"
#include "services/notary/key_file.h"
#include "services/notary/verbs/notary_verbs.h"
#include <errno.h>
#include <stdio.h>

#define PEM_MAX 4096
#define TRIAL   "{\"format\":\"geminga/notary/check/v1\"}"

static void print_key(const struct public_key *key)
{
    struct text pem;

    text_init(&pem, PEM_MAX);
    public_key_to_pem(key, &pem);
    fputs(pem.data ? pem.data : "", stdout);
    text_deinit(&pem);
}

/* The signer's, after a trial. */
static int ask_signer(const struct notary_settings *s)
{
    struct signer *signer;
    struct signed_by by;
    char why[600];
    enum err err = signer_open(&signer, &s->signer, NULL, why, sizeof why);

    if (err == OK) {
        err = signer_check(signer, why, sizeof why);
        if (err == OK) {
            fprintf(stderr, "%s\n", why);
            err = signer_sign(signer, bytes_of_text(TRIAL), &by, s->signer.timeout_ms, why, sizeof why);
        }
        signer_close(signer);
    }
    if (err != OK) {
        notary_complain("%s%s", why,
                        err == ERR_AGAIN || err == ERR_TIMEOUT || err == ERR_IO ? " (it may be later)" : "");
        return NOTARY_EXIT_FAILED;
    }
    print_key(&by.key);
    return NOTARY_EXIT_OK;
}

/* The log's own: the public half that the notary keeps beside it. */
static int read_log_key(const struct notary_settings *s)
{
    char path[4096];
    struct text pem;
    struct public_key key;
    int status = NOTARY_EXIT_FAILED;
    enum err err;

    snprintf(path, sizeof path, "%s/" KEY_FILE_PUBLIC, s->own.data_dir);
    text_init(&pem, PEM_MAX);
    if ((err = file_read_whole(path, &pem)) != OK) {
        notary_complain("cannot read %s: %s (a notary makes it at its first start)", path,
                        err == ERR_IO ? strerror(errno) : err_text(err));
    } else if (public_key_from_pem(&key, bytes_of(pem.data, pem.len)) != OK) {
        notary_complain("%s is not a public key", path);
    } else {
        print_key(&key);
        status = NOTARY_EXIT_OK;
    }
    text_deinit(&pem);
    return status;
}

int notary_verb_key(int argc, char **argv)
{
    struct notary_settings settings;
    struct options sets[NOTARY_TABLES];
    bool log = notary_take_word(&argc, argv, "--log");
    int status = notary_configure(&settings, sets, &argc, argv);

    if (status == NOTARY_EXIT_OK && argc > 0) {
        notary_complain("what is %s? Try geminga notary --help", argv[0]);
        status = NOTARY_EXIT_USAGE;
    }
    if (status == NOTARY_EXIT_OK)
        status = log || strcmp(settings.signer.kind, "log") == 0 ? read_log_key(&settings) : ask_signer(&settings);
    notary_settings_deinit(sets);
    return status;
}
