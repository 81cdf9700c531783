/* SPDX-License-Identifier: Apache-2.0
 *
 * approvers.c - the file as a list; looked through from the front, since it is short and asked seldom.
 */
#include "services/notary/approvers.h"

#include "base/toml.h"
#include "services/notary/documents/digest.h"
#include "services/notary/documents/pem.h"
#include "services/notary/files.h"
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct approver {
    char *name;
    struct jws_key *keys[APPROVER_KEYS_MAX];
    struct digest key_ids[APPROVER_KEYS_MAX]; /* of their public bytes */
    size_t key_count;
    unsigned methods; /* a bit of each enum approver_method; 0: the file does not say */
    unsigned line;
    bool is_operator;
};

struct approvers {
    atomic_uint owners;
    struct approver *list;
    size_t count;
    struct digest content; /* of the file, and of those that it names, in order */
};

/* What is being read: where, and where to complain. */
struct reading {
    const char *path;
    struct digest *content;
    unsigned line;
    char *message;
    size_t message_size;
};

static PRINTF_LIKE(2, 3) enum err invalid(const struct reading *r, const char *format, ...)
{
    va_list args;
    int len = snprintf(r->message, r->message_size, "%s:%u: ", r->path, r->line);

    va_start(args, format);
    if (len > 0 && (size_t)len < r->message_size)
        vsnprintf(r->message + len, r->message_size - (size_t)len, format, args);
    va_end(args);
    return ERR_INVALID;
}

/* Another file was read. */
static void note_content(const struct reading *r, struct bytes bytes)
{
    const struct digest both[2] = {*r->content, digest_of(bytes)};

    *r->content = digest_of(bytes_of(both, sizeof both));
}

/* ---- keys ---- */

static enum err key_id(const struct jws_key *key, struct digest *out)
{
    struct bytes bytes;
    enum err err = jws_key_public_bytes(key, &bytes);

    if (err == OK) {
        *out = digest_of(bytes);
        jws_bytes_free(bytes);
    }
    return err;
}

static enum err add_pem(struct approver *a, struct bytes pem, const struct reading *r, const char *what)
{
    uint8_t der[4096];
    size_t len;
    enum err err;

    if (a->key_count == APPROVER_KEYS_MAX)
        return invalid(r, "an approver has at most %d keys", APPROVER_KEYS_MAX);
    if (pem_decode("PUBLIC KEY", pem, der, sizeof der, &len) != OK)
        return invalid(r, "%s is not a public key in PEM", what);
    err = jws_key_from_public(&a->keys[a->key_count], bytes_of(der, len));
    if (err == ERR_NOMEM)
        return err;
    if (err != OK)
        return invalid(r, "%s is not a key that can sign decisions (Ed25519, P-256, P-384, P-521, RSA)", what);
    err = key_id(a->keys[a->key_count], &a->key_ids[a->key_count]);
    a->key_count++;
    return err;
}

/* The name as a path: beside the file that names it, unless it is absolute. */
static bool key_path(const char *beside, struct bytes name, char *to, size_t size)
{
    const char *slash = strrchr(beside, '/');
    int directory = name.data[0] == '/' || !slash ? 0 : (int)(slash + 1 - beside);
    int len = snprintf(to, size, "%.*s%.*s", directory, beside, (int)name.len, (const char *)name.data);

    return len > 0 && (size_t)len < size && !memchr(name.data, '\0', name.len);
}

static enum err add_file(struct approver *a, struct bytes name, const struct reading *r)
{
    char path[PATH_MAX];
    struct text pem;
    enum err err;

    if (!key_path(r->path, name, path, sizeof path))
        return invalid(r, "public_key is neither PEM nor the name of a file");
    text_init(&pem, APPROVER_KEY_FILE_MAX);
    if ((err = file_read_whole(path, &pem)) != OK)
        err = invalid(r, "cannot read %s: %s", path, err == ERR_IO ? strerror(errno) : err_text(err));
    else
        err = add_pem(a, bytes_of(pem.data, pem.len), r, path);
    if (err == OK)
        note_content(r, bytes_of(pem.data, pem.len));
    text_deinit(&pem);
    return err;
}

static enum err add_key(struct approver *a, const struct toml_node *node, const struct reading *r)
{
    static const char begin[] = "-----BEGIN ";
    struct bytes value = node->value.string;

    if (node->type != TOML_STRING || value.len == 0)
        return invalid(r, "public_key is a text, or an array of texts");
    if (memmem(value.data, value.len, begin, sizeof begin - 1))
        return add_pem(a, value, r, "public_key");
    return add_file(a, value, r);
}

static enum err add_keys(struct approver *a, const struct toml_node *node, const struct reading *r)
{
    enum err err = OK;

    if (node->type != TOML_ARRAY)
        return add_key(a, node, r);
    for (const struct toml_node *key = node->children; key && err == OK; key = key->next)
        err = add_key(a, key, r);
    return err;
}

/* ---- methods ---- */

static const char *const method_names[APPROVER_METHODS] = {"key", "token", "tls"};

static enum err add_method(struct approver *a, const struct toml_node *node, const struct reading *r)
{
    for (unsigned i = 0; i < APPROVER_METHODS && node->type == TOML_STRING; i++)
        if (bytes_equal(node->value.string, bytes_of_text(method_names[i]))) {
            a->methods |= 1u << i;
            return OK;
        }
    return invalid(r, "methods is a list of \"key\", \"token\" and \"tls\"");
}

static enum err add_methods(struct approver *a, const struct toml_node *node, const struct reading *r)
{
    enum err err = OK;

    if (node->type != TOML_ARRAY || !node->children)
        return invalid(r, "methods is a list of \"key\", \"token\" and \"tls\", and not empty");
    for (const struct toml_node *method = node->children; method && err == OK; method = method->next)
        err = add_method(a, method, r);
    return err;
}

/* What the file does not say, and what it cannot mean. */
static enum err settle_methods(struct approver *a, struct reading *r)
{
    const unsigned key = 1u << APPROVER_KEY;

    r->line = a->line;
    if (a->methods == 0)
        a->methods = a->key_count > 0 ? key : 1u << APPROVER_TOKEN | 1u << APPROVER_TLS;
    if ((a->methods & key) && a->key_count == 0)
        return invalid(r, "%s decides by key, and has no public_key", a->name);
    if (!(a->methods & key) && a->key_count > 0)
        return invalid(r, "%s has a public_key that counts for nothing: methods lacks \"key\"", a->name);
    return OK;
}

/* ---- approvers ---- */

static enum err set_member(struct approver *a, const struct toml_node *node, struct reading *r)
{
    r->line = node->line;
    if (bytes_equal(node->key, bytes_of_text("public_key")))
        return add_keys(a, node, r);
    if (bytes_equal(node->key, bytes_of_text("methods")))
        return add_methods(a, node, r);
    if (!bytes_equal(node->key, bytes_of_text("operator")))
        return invalid(r, "unknown key `%.*s`: an approver has public_key, methods and operator", (int)node->key.len,
                       (const char *)node->key.data);
    if (node->type != TOML_BOOL)
        return invalid(r, "operator is true or false");
    a->is_operator = node->value.boolean;
    return OK;
}

static bool is_name(struct bytes name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.data[i] < 0x20 || name.data[i] == 0x7f)
            return false;
    return name.len > 0 && name.len <= APPROVER_NAME_MAX;
}

static enum err add_approver(struct approvers *all, const struct toml_node *node, struct reading *r)
{
    struct approver *a = &all->list[all->count];
    enum err err = OK;

    r->line = node->line;
    if (node->type != TOML_TABLE || !is_name(node->key))
        return invalid(r, "write [approver.\"NAME\"], with a name of 1 to %d bytes", APPROVER_NAME_MAX);
    if (!(a->name = strndup((const char *)node->key.data, node->key.len)))
        return ERR_NOMEM;
    a->line = node->line;
    all->count++;
    for (const struct toml_node *member = node->children; member && err == OK; member = member->next)
        err = set_member(a, member, r);
    return err == OK ? settle_methods(a, r) : err;
}

static bool have_a_key_in_common(const struct approver *a, const struct approver *b)
{
    for (size_t i = 0; i < a->key_count; i++)
        for (size_t k = 0; k < b->key_count; k++)
            if (digest_equal(&a->key_ids[i], &b->key_ids[k]))
                return true;
    return false;
}

/* Who has one key under two names would count twice for a quorum. */
static enum err check_keys_are_ones_own(const struct approvers *all, struct reading *r)
{
    for (size_t i = 0; i < all->count; i++)
        for (size_t k = 0; k < i; k++)
            if (have_a_key_in_common(&all->list[i], &all->list[k])) {
                r->line = all->list[i].line;
                return invalid(r, "%s and %s have the same key: it would count twice", all->list[k].name,
                               all->list[i].name);
            }
    return OK;
}

static enum err add_all(struct approvers *all, const struct toml_node *root, struct reading *r)
{
    const struct toml_node *table = root->children;
    size_t count = 0;
    enum err err = OK;

    if (!table || table->next || table->type != TOML_TABLE || !bytes_equal(table->key, bytes_of_text("approver")))
        return invalid(r, "the file has tables [approver.\"NAME\"] and nothing else");
    for (const struct toml_node *node = table->children; node; node = node->next)
        count++;
    if (count > APPROVERS_MAX)
        return invalid(r, "more than %d approvers", APPROVERS_MAX);
    if (!(all->list = calloc(count + 1, sizeof *all->list)))
        return ERR_NOMEM;
    for (const struct toml_node *node = table->children; node && err == OK; node = node->next)
        err = add_approver(all, node, r);
    return err == OK ? check_keys_are_ones_own(all, r) : err;
}

static enum err parse(struct approvers *all, struct bytes text, struct reading *r)
{
    char why[300];
    struct toml *toml;
    enum err err = toml_parse(&toml, text, why, sizeof why, &r->line);

    if (err != OK)
        return err == ERR_INVALID ? invalid(r, "%s", why) : err;
    r->line = 1;
    err = add_all(all, toml_root(toml), r);
    toml_free(toml);
    return err;
}

enum err approvers_read(struct approvers **out, const char *path, char *message, size_t message_size)
{
    struct reading r = {.path = path, .message = message, .message_size = message_size};
    struct approvers *all = calloc(1, sizeof *all);
    struct text text;
    enum err err;

    snprintf(message, message_size, "out of memory");
    if (!all)
        return ERR_NOMEM;
    atomic_init(&all->owners, 1);
    r.content = &all->content;
    text_init(&text, APPROVERS_BYTES_MAX);
    if ((err = file_read_whole(path, &text)) != OK)
        snprintf(message, message_size, "cannot read %s: %s", path, err == ERR_IO ? strerror(errno) : err_text(err));
    else
        err = parse(all, bytes_of(text.data ? text.data : "", text.len), &r);
    if (err == OK)
        note_content(&r, bytes_of(text.data ? text.data : "", text.len));
    text_deinit(&text);
    if (err == OK)
        *out = all;
    else
        approvers_free(all);
    return err;
}

struct approvers *approvers_ref(struct approvers *a)
{
    if (a)
        (void)atomic_fetch_add_explicit(&a->owners, 1, memory_order_relaxed);
    return a;
}

bool approvers_same(const struct approvers *a, const struct approvers *b)
{
    return digest_equal(&a->content, &b->content);
}

void approvers_free(struct approvers *a)
{
    if (!a || atomic_fetch_sub_explicit(&a->owners, 1, memory_order_acq_rel) > 1)
        return;
    for (size_t i = 0; i < a->count; i++) {
        for (size_t k = 0; k < a->list[i].key_count; k++)
            jws_key_free(a->list[i].keys[k]);
        free(a->list[i].name);
    }
    free(a->list);
    free(a);
}

/* ---- asking ---- */

static const struct approver *find(const struct approvers *a, const char *name)
{
    for (size_t i = 0; a && i < a->count; i++)
        if (strcmp(a->list[i].name, name) == 0)
            return &a->list[i];
    return NULL;
}

bool approvers_has(const struct approvers *a, const char *approver)
{
    return find(a, approver) != NULL;
}

bool approvers_is_operator(const struct approvers *a, const char *approver)
{
    const struct approver *found = find(a, approver);

    return found && found->is_operator;
}

bool approvers_allow(const struct approvers *a, const char *approver, enum approver_method method)
{
    const struct approver *found = find(a, approver);

    if (!a)
        return true;
    return found ? found->methods >> method & 1u : method != APPROVER_KEY;
}

const struct jws_key *approvers_key(const struct approvers *a, const char *approver, size_t index)
{
    const struct approver *found = find(a, approver);

    return found && index < found->key_count ? found->keys[index] : NULL;
}
