/* SPDX-License-Identifier: Apache-2.0
 *
 * foreign_keys.c - keys and flags of other software whose configuration we read as it is.
 */
#include "base/foreign_keys.h"

#include "base/bytes.h"
#include "base/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* True if `word` is one of those in `list`, which "|" parts; case does not matter to values. */
static bool is_listed(const char *list, const char *word, size_t len,
                      int (*compare)(const char *, const char *, size_t))
{
    for (const char *at = list; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL) {
        if (strcspn(at, "|") == len && compare(at, word, len) == 0)
            return true;
    }
    return false;
}

static bool names_have(const char *const *names, const char *name)
{
    for (; *names; names++) {
        size_t len = strlen(*names);
        bool begins = len > 0 && (*names)[len - 1] == '*' && strlen(name) >= len;
        if (begins ? strncmp(*names, name, len - 1) == 0 : strcmp(*names, name) == 0)
            return true;
    }
    return false;
}

static const struct foreign_key *key_find(const struct foreign_keys *f, const char *name)
{
    for (size_t i = 0; i < f->key_count; i++) {
        if (strcmp(f->keys[i].name, name) == 0)
            return &f->keys[i];
    }
    return NULL;
}

bool foreign_key_matters(const struct foreign_keys *f, const char *name)
{
    return key_find(f, name) != NULL;
}

enum err foreign_key_check(const struct foreign_keys *f, const char *name, const char *value, const char *origin,
                           char *message, size_t message_size)
{
    const struct foreign_key *key = key_find(f, name);

    if (key) {
        if (*value == '\0' || is_listed(key->harmless, value, strlen(value), strncasecmp))
            return OK;
        (void)snprintf(message, message_size, "%s: `%s` cannot be `%s`: %s", origin, name, value, key->why);
        return ERR_INVALID;
    }
    for (size_t i = 0; i < f->group_count; i++) {
        if (names_have(f->groups[i].names, name))
            return OK;
    }
    return ERR_NOT_FOUND;
}

const struct foreign_flag *foreign_flag_find(const struct foreign_keys *f, const char *word)
{
    for (size_t i = 0; i < f->flag_count; i++) {
        if (is_listed(f->flags[i].spellings, word, strcspn(word, "="), strncmp))
            return &f->flags[i];
    }
    return NULL;
}

size_t foreign_key_names(const struct foreign_keys *f, const char **names, size_t max)
{
    size_t count = 0;

    for (size_t i = 0; i < f->key_count && count < max; i++)
        names[count++] = f->keys[i].name;
    for (size_t i = 0; i < f->group_count; i++) {
        for (const char *const *name = f->groups[i].names; *name && count < max; name++)
            names[count++] = *name;
    }
    return count;
}

/* ---- what was passed over ---- */

enum err passed_over_add(struct passed_over *p, const char *name)
{
    for (size_t i = 0; i < p->count; i++) {
        if (strcmp(p->names[i], name) == 0)
            return OK;
    }
    char *copy = strdup(name);
    char **grown = copy ? realloc(p->names, (p->count + 1) * sizeof *grown) : NULL;
    if (!grown) {
        free(copy);
        return ERR_NOMEM;
    }
    p->names = grown;
    p->names[p->count++] = copy;
    return OK;
}

void passed_over_deinit(struct passed_over *p)
{
    for (size_t i = 0; i < p->count; i++)
        free(p->names[i]);
    free(p->names);
    *p = (struct passed_over){0};
}

void passed_over_tell(const struct passed_over *p, size_t most, const char *how, struct text *out)
{
    if (p->count == 0)
        return;
    text_printf(out, "%zu setting%s of Pulsar's without a meaning here, passed over: ", p->count,
                p->count == 1 ? "" : "s");
    for (size_t i = 0; i < p->count && i < most; i++)
        text_printf(out, "%s%s", i > 0 ? ", " : "", p->names[i]);
    if (p->count > most)
        text_printf(out, ", ... (%s)", how);
}
