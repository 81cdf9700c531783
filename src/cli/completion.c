/* SPDX-License-Identifier: Apache-2.0
 *
 * completion.c - what could stand on a command line next.
 */
#include "cli/completion.h"

#include "cli/http_client.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define ASK_MS    200 /* a person waits for it */
#define PATH_SIZE 800
#define WORD_SIZE 700

/* ---- candidates ---- */

void completion_add(struct completion *c, const char *word, const char *text)
{
    if (strncmp(word, c->begun, strlen(c->begun)) == 0)
        text_printf(c->out, "%s\t%s\n", word, text);
}

void completion_add_all(struct completion *c, const char *words, const char *text)
{
    char word[64];

    for (size_t len; *words; words += len + (words[len] == '|')) {
        len = strcspn(words, "|");
        (void)snprintf(word, sizeof word, "%.*s", (int)len, words);
        completion_add(c, word, text);
    }
}

/* ---- options ---- */

static void values_complete(struct completion *c, const struct option *option)
{
    for (const char *const *choice = option->choices; option->type == OPTION_CHOICE && *choice; choice++)
        completion_add(c, *choice, "");
}

/* "--flag=VAL": with the flag, as the shell wants the whole word. */
static void joined_value_complete(struct completion *c, const struct option *option)
{
    const size_t len = strcspn(c->begun, "=") + 1;
    char word[128];

    for (const char *const *choice = option->choices; option->type == OPTION_CHOICE && *choice; choice++) {
        (void)snprintf(word, sizeof word, "%.*s%s", (int)len, c->begun, *choice);
        completion_add(c, word, "");
    }
}

static void flags_complete(struct completion *c, const struct options *o)
{
    for (; o; o = o->next) {
        for (size_t i = 0; i < o->count; i++) {
            if (o->table[i].flag)
                completion_add_all(c, o->table[i].flag, o->table[i].text);
        }
    }
}

/* The tables of a verb, chained, to be looked at; NULL: it has none. */
static const struct options *verb_options(const struct verb *verb, struct options *sets)
{
    for (size_t i = 0; i < VERB_TABLES_MAX && verb->tables[i]; i++) {
        sets[i] = (struct options){.table = verb->tables[i]->rows, .count = verb->tables[i]->count};
        if (i > 0)
            sets[i - 1].next = &sets[i];
    }
    return verb->tables[0] ? sets : NULL;
}

static bool is_config(const struct verb *verb, const char *word)
{
    return strcmp(word, "--config") == 0 || (verb->short_config && strcmp(word, "-c") == 0);
}

/* Behind a verb with options: a value of the flag before, a flag, or a word of its own. */
static void arguments_complete(struct completion *c, const struct verb *verb, int argc, char *const *argv)
{
    struct options sets[VERB_TABLES_MAX];
    const struct options *flags = verb_options(verb, sets);
    const struct option *option = NULL;
    const char *value = NULL;
    int own = 0;

    for (int i = 0; i < argc - 1; i++) {
        option = flags ? options_flag(flags, argv[i], &value) : NULL;
        bool takes_next = is_config(verb, argv[i]) || (option && !value && option->type != OPTION_BOOL);
        if (takes_next && i + 1 == argc - 1) {
            if (option)
                values_complete(c, option);
            return; /* a file is the shell's to find */
        }
        i += takes_next;
        own += !option && !takes_next;
    }
    if (c->begun[0] == '-' && strchr(c->begun, '=')) {
        if ((option = flags ? options_flag(flags, c->begun, &value) : NULL))
            joined_value_complete(c, option);
    } else if (c->begun[0] == '-') {
        flags_complete(c, flags);
        if (flags)
            completion_add(c, "--config", "a file with any of them");
        completion_add(c, "--help", "tells what the verb does");
    } else if (verb->on_topic && own == 0) {
        completion_topics(c);
    }
}

/* ---- verbs ---- */

static void verbs_complete(struct completion *c, const struct verb *const *verbs, const struct option_table *leading)
{
    for (; *verbs; verbs++)
        completion_add(c, (*verbs)->name, (*verbs)->text);
    if (leading && c->begun[0] == '-')
        flags_complete(c, &(struct options){.table = leading->rows, .count = leading->count});
}

void completion_words(struct completion *c, const struct verb *const *verbs, int argc, char *const *argv)
{
    const struct verb *verb = NULL;
    int at = 0;

    while (verbs && at < argc - 1) {
        const struct option_table *leading = verb ? verb->leading : NULL;
        const struct options flags = {.table = leading ? leading->rows : NULL, .count = leading ? leading->count : 0};
        int skipped = options_flag_words(&flags, argc - at, argv + at);
        at += skipped;
        if (skipped > 0)
            continue;
        if (!(verb = cli_verb_find(verbs, argv[at++])))
            return;
        verbs = verb->verbs;
    }
    if (at >= argc)
        return; /* the value of a flag before the verb */
    if (verbs)
        verbs_complete(c, verbs, verb ? verb->leading : NULL);
    else if (verb->complete)
        verb->complete(c, argc - at, argv + at);
    else if (verb->run)
        arguments_complete(c, verb, argc - at, argv + at);
}

/* ---- what a broker has ---- */

/* A list of texts, to be given back; NULL: nobody answers so. */
static json_t *ask(const struct completion *c, const char *path)
{
    const struct http_target target = {.url = c->url, .timeout_ms = ASK_MS};
    const struct http_request request = {.method = "GET", .path = path};
    struct http_answer told = {0};
    json_t *list = NULL;
    char why[200];

    if (http_client_ask(&target, &request, &told, why, sizeof why) == OK && told.status == 200)
        list = json_loads(told.body, 0, NULL);
    http_answer_free(&told);
    if (json_is_array(list))
        return list;
    json_decref(list);
    return NULL;
}

/* Names in paths are as they are; one that would need an escape is not completed. */
static bool is_plain(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] <= ' ' || strchr("%?#\"\\", text[i]))
            return false;
    }
    return true;
}

/* Each name of the list behind `prefix`, with `end`. */
static void names_add(struct completion *c, const char *prefix, const json_t *list, const char *end)
{
    char word[WORD_SIZE];
    const json_t *each;
    size_t i;

    json_array_foreach(list, i, each)
    {
        const char *name = json_string_value(each);
        if (name && snprintf(word, sizeof word, "%s%s%s", prefix, name, end) < (int)sizeof word)
            completion_add(c, word, "");
    }
}

static void tenants_add(struct completion *c, const char *prefix)
{
    json_t *tenants = ask(c, "/admin/v2/tenants");

    names_add(c, prefix, tenants, "/");
    json_decref(tenants);
}

/* `tenant` of `len` bytes. */
static void namespaces_add(struct completion *c, const char *prefix, const char *tenant, size_t len, const char *end)
{
    char path[PATH_SIZE];

    if (!is_plain(tenant, len) ||
        snprintf(path, sizeof path, "/admin/v2/namespaces/%.*s", (int)len, tenant) >= PATH_SIZE)
        return;
    json_t *namespaces = ask(c, path); /* "tenant/namespace" each */
    names_add(c, prefix, namespaces, end);
    json_decref(namespaces);
}

/* "x-partition-3" of one that is told as a whole. */
static bool is_partition(const char *name, const json_t *wholes)
{
    const char *suffix = strstr(name, "-partition-");
    const json_t *each;
    size_t i;

    json_array_foreach(wholes, i, each)
    {
        const char *whole = json_string_value(each);
        if (suffix && whole && strlen(whole) == (size_t)(suffix - name) &&
            strncmp(whole, name, (size_t)(suffix - name)) == 0)
            return true;
    }
    return false;
}

/* The topics' names behind their namespace, behind `prefix`. */
static void local_names_add(struct completion *c, const char *prefix, const json_t *topics, const json_t *wholes)
{
    char word[WORD_SIZE];
    const json_t *each;
    size_t i;

    json_array_foreach(topics, i, each)
    {
        const char *name = json_string_value(each), *local = name;
        for (int slashes = 0; local && slashes < 4; slashes++) {
            local = strchr(local, '/');
            local += local != NULL;
        }
        if (local && !is_partition(name, wholes) &&
            snprintf(word, sizeof word, "%s%s", prefix, local) < (int)sizeof word)
            completion_add(c, word, "");
    }
}

/* "persistent", and "tenant/namespace" of `len` bytes. */
static void topics_add(struct completion *c, const char *prefix, const char *domain, const char *namespace_, size_t len)
{
    char path[PATH_SIZE];

    if (!is_plain(namespace_, len) ||
        snprintf(path, sizeof path - 20, "/admin/v2/%s/%.*s", domain, (int)len, namespace_) >= PATH_SIZE - 20)
        return;
    json_t *topics = ask(c, path);
    strcat(path, "/partitioned");
    json_t *wholes = topics ? ask(c, path) : NULL;
    local_names_add(c, prefix, wholes, NULL);
    local_names_add(c, prefix, topics, wholes);
    json_decref(wholes);
    json_decref(topics);
}

/* The n-th slash; NULL: there are fewer. */
static const char *slash_find(const char *text, int n)
{
    const char *at = strchr(text, '/');

    while (at && --n > 0)
        at = strchr(at + 1, '/');
    return at;
}

/* `rest` is what was begun behind the domain, which is in `prefix` as it was written. */
static void named_topics_complete(struct completion *c, const char *prefix, const char *domain, const char *rest)
{
    const char *first = slash_find(rest, 1), *second = slash_find(rest, 2);
    char whole[WORD_SIZE];

    if (second) {
        (void)snprintf(whole, sizeof whole, "%s%.*s", prefix, (int)(second + 1 - rest), rest);
        topics_add(c, whole, domain, rest, (size_t)(second - rest));
    } else if (first) {
        namespaces_add(c, prefix, rest, (size_t)(first - rest), "/");
    } else {
        tenants_add(c, prefix);
    }
}

void completion_topics(struct completion *c)
{
    static const char *const domains[] = {"persistent", "non-persistent"};
    static const char *const prefixes[] = {"persistent://", "non-persistent://"};
    static const char usual[] = "public/default";

    for (size_t i = 0; i < 2; i++) {
        const size_t len = strlen(prefixes[i]);
        if (strncmp(c->begun, prefixes[i], len) == 0) {
            named_topics_complete(c, prefixes[i], domains[i], c->begun + len);
            return;
        }
    }
    if (strchr(c->begun, '/')) {
        named_topics_complete(c, "", domains[0], c->begun);
        return;
    }
    topics_add(c, "", domains[0], usual, strlen(usual));
    for (size_t i = 0; i < 2 && *c->begun; i++)
        completion_add(c, prefixes[i], "");
}

void completion_namespaces(struct completion *c)
{
    const char *slash = strchr(c->begun, '/');

    if (slash)
        namespaces_add(c, "", c->begun, (size_t)(slash - c->begun), "");
    else
        tenants_add(c, "");
}

void completion_tenants(struct completion *c)
{
    json_t *tenants = ask(c, "/admin/v2/tenants");

    names_add(c, "", tenants, "");
    json_decref(tenants);
}
