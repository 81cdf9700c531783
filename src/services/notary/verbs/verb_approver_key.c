/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_approver_key.c - `geminga notary approver-key NAME`: a key pair of an approver's own, and what the approvers
 * file shall say of it.
 *
 * The private half goes into a file that its owner alone can read and that was not there; the public half is printed,
 * as lines for the file of approvers (approvers.h).
 */
#include "services/notary/documents/public_key.h"
#include "services/notary/verbs/notary_verbs.h"
#include "services/notary/verbs/port_client.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct key_flags {
    char *file, *kind;
    bool is_operator;
};

#define AT(member) .offset = offsetof(struct key_flags, member)
static const char *const kinds[] = {"ed25519", "p256", NULL};
static const struct option rows[] = {
    {.key = "key.file",
     .flag = "--out",
     .type = OPTION_TEXT,
     .fallback = "approver.key",
     AT(file),
     .text = "Where the private key goes; the file must not be there."},
    {.key = "key.kind",
     .flag = "--kind",
     .type = OPTION_CHOICE,
     .fallback = "ed25519",
     .choices = kinds,
     AT(kind),
     .text = "Which kind of key."},
    {.key = "key.operator",
     .flag = "--operator",
     .type = OPTION_BOOL,
     .fallback = "false",
     AT(is_operator),
     .text = "Whether its owner may cancel and retry any workflow."},
};
static const struct option_table key_options = OPTION_TABLE(rows);

/* PKCS #8, for its owner's eyes.  False, said. */
static bool write_private(EVP_PKEY *key, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "wb") : NULL;
    bool done;

    if (!file) {
        notary_complain("cannot make %s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    done = PEM_write_PKCS8PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1;
    done = fclose(file) == 0 && done;
    if (!done)
        notary_complain("cannot write %s", path);
    return done;
}

/* A TOML text on several lines; names may have quotes and backslashes in them. */
static bool print_lines(EVP_PKEY *key, const char *name, bool is_operator)
{
    struct public_key public_key;
    struct text name_json, pem;
    unsigned char *spki = NULL;
    int len = i2d_PUBKEY(key, &spki);
    bool done = len > 0 && public_key_from_spki(&public_key, bytes_of(spki, (size_t)len)) == OK;

    OPENSSL_free(spki);
    if (!done)
        return false;
    text_init(&name_json, 8 * 1024);
    text_init(&pem, 8 * 1024);
    text_add_json(&name_json, bytes_of_text(name));
    public_key_to_pem(&public_key, &pem);
    done = !text_failed(&name_json) && !text_failed(&pem);
    if (done)
        printf("[approver.%s]\npublic_key = \"\"\"\n%s\"\"\"\n%s", name_json.data, pem.data,
               is_operator ? "operator = true\n" : "");
    text_deinit(&name_json);
    text_deinit(&pem);
    return done && fflush(stdout) == 0;
}

static int make(const char *name, const struct key_flags *f)
{
    EVP_PKEY *key = strcmp(f->kind, "p256") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256")
                                                 : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    bool done = false;

    if (!key)
        notary_complain("no key could be made");
    else if (write_private(key, f->file))
        done = print_lines(key, name, f->is_operator);
    EVP_PKEY_free(key);
    if (done)
        fprintf(stderr, "the private key is in %s; give these lines to whoever keeps the notary's approvers file\n",
                f->file);
    return done ? NOTARY_EXIT_OK : NOTARY_EXIT_FAILED;
}

int notary_verb_approver_key(int argc, char **argv)
{
    struct key_flags flags = {0};
    const struct option_table *const tables[] = {&key_options};
    void *const values[] = {&flags};
    struct options sets[1] = {0};
    int status = port_flags_read("approver-key", sets, tables, values, 1, 1, &argc, argv);

    if (status == NOTARY_EXIT_OK)
        status = make(argv[0], &flags);
    port_flags_deinit(sets, 1);
    return status;
}

void notary_approver_key_help(struct text *out)
{
    const struct option_table *const tables[] = {&key_options};

    port_flags_help(tables, sizeof tables / sizeof *tables, out);
}
