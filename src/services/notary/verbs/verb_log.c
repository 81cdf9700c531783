/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_log.c - `geminga notary log`: the transparency log of a data directory, looked at without the notary.
 *
 * Reads only, and may be asked while a notary runs there.
 */
#include "services/notary/documents/checkpoint.h"
#include "services/notary/documents/receipt.h"
#include "services/notary/registry/registry.h"
#include "services/notary/verbs/notary_verbs.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define ANSWER_MAX (64u << 20)
#define KEY_MAX    (64u << 10)

/* What was asked: a data directory, its view, and the words and flags behind the verb. */
struct log_ask {
    const char *directory;
    struct registry_view *view; /* NULL: not opened */
    const char *words[2];
    int count;
    const char *public_key, *checkpoint;
    bool leaf, json;
};

static int cannot_read(const struct log_ask *a, enum err err)
{
    notary_complain("cannot read the registry in %s: %s", a->directory, err_text(err));
    return NOTARY_EXIT_FAILED;
}

static bool read_number(const char *text, uint64_t *out)
{
    char *end;

    *out = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0';
}

/* An answer of the view as a value; NULL: `text` had none. */
static json_t *parsed(const struct text *text)
{
    return text->data ? json_loadb(text->data, text->len, JSON_ALLOW_NUL, NULL) : NULL;
}

static const char *member(const json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));

    return text ? text : "";
}

static int print_indented(const struct text *text)
{
    json_t *json = parsed(text);
    int status = json && json_dumpf(json, stdout, JSON_INDENT(2)) == 0 && putchar('\n') != EOF ? NOTARY_EXIT_OK
                                                                                               : NOTARY_EXIT_FAILED;

    json_decref(json);
    return status;
}

/* ---- show ---- */

static int show(const struct log_ask *a)
{
    struct text text;
    json_t *log;
    int status = NOTARY_EXIT_OK;
    enum err err;

    text_init(&text, ANSWER_MAX);
    if ((err = registry_view_log(a->view, &text)) != OK) {
        status = cannot_read(a, err);
    } else if (a->json) {
        status = print_indented(&text);
    } else {
        log = parsed(&text);
        printf("origin  %s\nsize    %" JSON_INTEGER_FORMAT "\nroot    %s\n\n%s\n%s", member(log, "origin"),
               json_integer_value(json_object_get(log, "size")), member(log, "root"), member(log, "key"),
               member(log, "checkpoint"));
        json_decref(log);
    }
    text_deinit(&text);
    return status;
}

/* ---- verify ---- */

/* The log's key, out of the view. */
static enum err read_key(const struct log_ask *a, struct public_key *key, char origin[CHECKPOINT_ORIGIN_MAX + 1])
{
    struct text text;
    json_t *log;
    enum err err;

    text_init(&text, ANSWER_MAX);
    if ((err = registry_view_log(a->view, &text)) == OK) {
        log = parsed(&text);
        err = public_key_from_pem(key, bytes_of_text(member(log, "key")));
        snprintf(origin, CHECKPOINT_ORIGIN_MAX + 1, "%s", member(log, "origin"));
        json_decref(log);
    }
    text_deinit(&text);
    return err;
}

/* Whether the log's key is the one that the user trusts; said if not. */
static bool key_is_trusted(const struct log_ask *a)
{
    char origin[CHECKPOINT_ORIGIN_MAX + 1];
    struct public_key trusted, key;
    struct text pem;
    bool done = false;
    enum err err;

    if (!a->public_key)
        return true;
    text_init(&pem, KEY_MAX);
    if (!notary_read_named(a->public_key, &pem))
        goto out;
    if (public_key_from_pem(&trusted, bytes_of(pem.data, pem.len)) != OK)
        notary_complain("%s is not a public key in PEM", a->public_key);
    else if ((err = read_key(a, &key, origin)) != OK)
        (void)cannot_read(a, err);
    else if (!(done = public_key_equal(&key, &trusted)))
        notary_complain("the log in %s is not of the key in %s", a->directory, a->public_key);
out:
    text_deinit(&pem);
    return done;
}

static int verify(const struct log_ask *a)
{
    char message[600], hex[DIGEST_HEX_SIZE];
    struct digest root;
    uint64_t size;

    if (!key_is_trusted(a))
        return NOTARY_EXIT_FAILED;
    if (registry_verify(a->directory, &size, &root, message, sizeof message) != OK) {
        notary_complain("%s/%s", a->directory, message);
        printf("REFUSED: this is not what the notary wrote\n");
        return NOTARY_EXIT_FAILED;
    }
    digest_hex(&root, hex);
    printf("%" PRIu64 " entries, root %s\nverified: every entry hashed, every checkpoint's root and signature checked, "
           "the files in log/ compared\n",
           size, hex);
    return NOTARY_EXIT_OK;
}

/* ---- consistency ---- */

/* Asks for the proof; *proof is the answer (json_decref). */
static int ask_consistency(const struct log_ask *a, uint64_t from, uint64_t to, json_t **proof)
{
    struct text text;
    int status = NOTARY_EXIT_OK;
    enum err err;

    text_init(&text, ANSWER_MAX);
    err = registry_view_consistency(a->view, from, to, &text);
    if (err == ERR_INVALID) {
        notary_complain("there is no log of %" PRIu64 " entries that goes on to one of %" PRIu64 " here", from, to);
        status = NOTARY_EXIT_FAILED;
    } else if (err != OK) {
        status = cannot_read(a, err);
    }
    *proof = status == NOTARY_EXIT_OK ? parsed(&text) : NULL;
    text_deinit(&text);
    return status == NOTARY_EXIT_OK && !*proof ? NOTARY_EXIT_FAILED : status;
}

/* Whether the proof leads from the checkpoint's root to the log's. */
static bool proof_holds(const struct checkpoint *old, const json_t *answer)
{
    struct merkle_proof proof;
    struct digest root;

    return digest_from_hex(&root, bytes_of_text(member(answer, "to_root"))) &&
           receipt_hashes_read(json_object_get(answer, "hashes"), &proof) &&
           merkle_consistency_holds(old->size, &old->root, (uint64_t)json_integer_value(json_object_get(answer, "to")),
                                    &root, &proof);
}

static int check_continues(const struct log_ask *a, const struct checkpoint *old)
{
    json_t *proof;
    int status = ask_consistency(a, old->size, 0, &proof);

    if (status != NOTARY_EXIT_OK)
        return status;
    if (proof_holds(old, proof)) {
        printf("ok: the log of %" JSON_INTEGER_FORMAT " entries goes on from the checkpoint of %" PRIu64 "\n",
               json_integer_value(json_object_get(proof, "to")), old->size);
    } else {
        printf("REFUSED: the first %" PRIu64 " entries are not those of the checkpoint: the log was rewritten\n",
               old->size);
        status = NOTARY_EXIT_FAILED;
    }
    json_decref(proof);
    return status;
}

/* That the log goes on from a checkpoint which somebody kept. */
static int continues(const struct log_ask *a)
{
    char origin[CHECKPOINT_ORIGIN_MAX + 1];
    struct signature signature;
    struct checkpoint old;
    struct public_key key;
    struct text note;
    int status = NOTARY_EXIT_FAILED;
    enum err err;

    text_init(&note, CHECKPOINT_BYTES_MAX);
    if (!notary_read_named(a->checkpoint, &note))
        goto out;
    if ((err = read_key(a, &key, origin)) != OK)
        status = cannot_read(a, err);
    else if (checkpoint_read(&old, &signature, bytes_of(note.data, note.len), origin, &key) != OK ||
             !checkpoint_is_signed(&old, origin, &key, &signature))
        notary_complain("%s is not a checkpoint that this log's key signed", a->checkpoint);
    else if (old.size == 0)
        notary_complain("%s is about an empty log", a->checkpoint);
    else
        status = check_continues(a, &old);
out:
    text_deinit(&note);
    return status;
}

static int consistency(const struct log_ask *a)
{
    uint64_t from = 0, to = 0;
    json_t *proof;
    int status;

    if (a->checkpoint)
        return a->count == 0 ? continues(a) : notary_verb_misused("log", "sizes, or a checkpoint, and not both");
    if (a->count == 0 || !read_number(a->words[0], &from) || (a->count > 1 && !read_number(a->words[1], &to)))
        return notary_verb_misused("log", "consistency needs sizes of the log: consistency FROM [TO]");
    if ((status = ask_consistency(a, from, to, &proof)) != NOTARY_EXIT_OK)
        return status;
    if (json_dumpf(proof, stdout, JSON_INDENT(2)) != 0 || putchar('\n') == EOF)
        status = NOTARY_EXIT_FAILED;
    json_decref(proof);
    return status;
}

/* ---- entry ---- */

static int print_leaf(const struct text *text)
{
    json_t *entry = parsed(text);
    const json_t *leaf = json_object_get(entry, "leaf");
    size_t len = json_string_length(leaf);
    bool done = leaf && fwrite(json_string_value(leaf), 1, len, stdout) == len;

    json_decref(entry);
    return done ? NOTARY_EXIT_OK : NOTARY_EXIT_FAILED;
}

static int entry(const struct log_ask *a)
{
    struct text text;
    uint64_t index;
    int status;
    enum err err;

    if (a->count != 1 || !read_number(a->words[0], &index))
        return notary_verb_misused("log", "entry needs the number of an entry, from 0: entry N");
    text_init(&text, ANSWER_MAX);
    if ((err = registry_view_entry(a->view, index, &text)) == ERR_NOT_FOUND) {
        notary_complain("the log has no entry %" PRIu64, index);
        status = NOTARY_EXIT_FAILED;
    } else if (err != OK) {
        status = cannot_read(a, err);
    } else {
        status = a->leaf ? print_leaf(&text) : print_indented(&text);
    }
    text_deinit(&text);
    return status;
}

/* ---- which ---- */

static const struct part {
    const char *name;
    int words; /* at most */
    int (*run)(const struct log_ask *a);
} parts[] = {{"show", 0, show}, {"verify", 0, verify}, {"consistency", 2, consistency}, {"entry", 1, entry}};

static const struct part *part_find(const char *name)
{
    for (size_t i = 0; name && i < sizeof parts / sizeof *parts; i++)
        if (strcmp(parts[i].name, name) == 0)
            return &parts[i];
    return NULL;
}

static int run_part(const struct part *part, struct log_ask *a)
{
    enum err err = registry_view_open(&a->view, a->directory);
    int status;

    if (err == ERR_NOT_FOUND) {
        notary_complain("%s has no log: no notary with this data directory has begun one", a->directory);
        return NOTARY_EXIT_FAILED;
    }
    if (err != OK)
        return cannot_read(a, err);
    status = part->run(a);
    registry_view_close(a->view);
    if (fflush(stdout) != 0)
        status = NOTARY_EXIT_FAILED;
    return status;
}

/* What is not a setting's flag. */
static int take_flags(struct log_ask *a, int *argc, char **argv)
{
    const char *output;

    a->leaf = notary_take_word(argc, argv, "--leaf");
    if (!notary_take_flag(argc, argv, "-o", &output) || !notary_take_flag(argc, argv, "--public-key", &a->public_key) ||
        !notary_take_flag(argc, argv, "--checkpoint", &a->checkpoint))
        return NOTARY_EXIT_USAGE;
    a->json = output && strcmp(output, "json") == 0;
    if (output && !a->json && strcmp(output, "text") != 0)
        return notary_verb_misused("log", "-o is text or json, and is %s", output);
    return NOTARY_EXIT_OK;
}

int notary_verb_log(int argc, char **argv)
{
    struct notary_settings settings;
    struct options sets[NOTARY_TABLES] = {0};
    struct log_ask a = {0};
    const struct part *part;
    int status = take_flags(&a, &argc, argv);

    if (status != NOTARY_EXIT_OK)
        return status;
    status = notary_configure(&settings, sets, &argc, argv);
    part = part_find(argc > 0 ? argv[0] : "show");
    if (status == NOTARY_EXIT_OK && (!part || argc - 1 > part->words))
        status = notary_verb_misused("log", "what is %s?", part ? argv[part->words + 1] : argv[0]);
    if (status == NOTARY_EXIT_OK) {
        a.directory = settings.own.data_dir;
        a.count = argc > 0 ? argc - 1 : 0;
        for (int i = 0; i < a.count; i++)
            a.words[i] = argv[i + 1];
        status = run_part(part, &a);
    }
    notary_settings_deinit(sets);
    return status;
}
