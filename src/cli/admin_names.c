/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_names.c - topics, namespaces, times, sizes and positions as people write them.
 *
 * The rules are Pulsar's: a short topic is in public/default, a bare number of time is seconds, units are of 1024.
 */
#include "cli/admin_call.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PARTITION_MARK "-partition-"

bool admin_encode(const char *text, char *to, size_t size)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t len = 0;

    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        const bool plain = isalnum(*p) || strchr("-_.~", *p);
        if (len + 4 > size)
            return false;
        if (plain) {
            to[len++] = (char)*p;
            continue;
        }
        to[len++] = '%';
        to[len++] = hex[*p >> 4];
        to[len++] = hex[*p & 15];
    }
    if (len >= size)
        return false;
    to[len] = '\0';
    return true;
}

/* Letters, digits and a few marks, as Pulsar wants tenants and namespaces. */
static bool is_entity(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)text[i]) && !strchr("-=:.%_", text[i]))
            return false;
    }
    return len > 0 && len < 255;
}

bool admin_namespace_ok(const char *name)
{
    const char *slash = strchr(name, '/');

    return slash && is_entity(name, (size_t)(slash - name)) && is_entity(slash + 1, strlen(slash + 1));
}

static int partition_of(const char *name)
{
    const char *mark = NULL;

    for (const char *p = name; (p = strstr(p, PARTITION_MARK)) != NULL; p++)
        mark = p + strlen(PARTITION_MARK);
    if (!mark || !*mark || mark[strspn(mark, "0123456789")] != '\0' || strlen(mark) > 8)
        return -1;
    return atoi(mark);
}

static enum err topic_build(struct admin_topic *t, const char *domain, const char *namespace_, size_t namespace_len,
                            const char *local)
{
    char encoded[3200];

    if (namespace_len >= sizeof t->namespace_ || strlen(local) > 1000 || !admin_encode(local, encoded, sizeof encoded))
        return ERR_TOO_LARGE;
    (void)snprintf(t->namespace_, sizeof t->namespace_, "%.*s", (int)namespace_len, namespace_);
    if (!admin_namespace_ok(t->namespace_) || strlen(t->namespace_) > 510 / 2 || *local == '\0')
        return ERR_INVALID;
    (void)snprintf(t->full, sizeof t->full, "%s://%.255s/%s", domain, t->namespace_, local);
    (void)snprintf(t->path, sizeof t->path, "%s/%.255s/%.3100s", domain, t->namespace_, encoded);
    t->persistent = strcmp(domain, "persistent") == 0;
    t->partition = partition_of(local);
    return OK;
}

/* tenant/namespace/topic, or a topic alone.  With one slash more it is a name of old, with a cluster in it. */
static enum err topic_split(struct admin_topic *t, const char *domain, const char *rest, bool whole)
{
    const char *first = strchr(rest, '/');
    const char *second = first ? strchr(first + 1, '/') : NULL;

    if (!first && !whole)
        return topic_build(t, domain, "public/default", strlen("public/default"), rest);
    if (!second || strchr(second + 1, '/'))
        return ERR_INVALID;
    return topic_build(t, domain, rest, (size_t)(second - rest), second + 1);
}

enum err admin_topic_read(struct admin_topic *topic, const char *name, char *why, size_t why_size)
{
    const char *scheme = strstr(name, "://");
    enum err err;

    if (!scheme)
        err = topic_split(topic, "persistent", name, false);
    else if (strncmp(name, "persistent://", 13) == 0)
        err = topic_split(topic, "persistent", scheme + 3, true);
    else if (strncmp(name, "non-persistent://", 17) == 0)
        err = topic_split(topic, "non-persistent", scheme + 3, true);
    else
        err = ERR_INVALID;
    if (err != OK)
        (void)snprintf(why, why_size,
                       "`%s` is no topic: one is TOPIC, TENANT/NAMESPACE/TOPIC or persistent://TENANT/NAMESPACE/TOPIC",
                       name);
    return err;
}

/* ---- numbers with units ---- */

/* A number and what follows it. */
static bool number_read(const char *text, int64_t *number, const char **rest)
{
    char *end;

    if (!isdigit((unsigned char)*text) && !(*text == '-' && isdigit((unsigned char)text[1])))
        return false;
    errno = 0;
    *number = strtoll(text, &end, 10);
    *rest = end;
    return errno == 0;
}

static bool unit_apply(int64_t number, int64_t unit, int64_t *to)
{
    return unit > 0 && !__builtin_mul_overflow(number, unit, to);
}

bool admin_size_read(const char *text, int64_t *bytes)
{
    static const char letters[] = "kmgt";
    const char *rest;
    int64_t number;

    if (!number_read(text, &number, &rest))
        return false;
    if (!*rest) {
        *bytes = number;
        return true;
    }
    const char *letter = strchr(letters, tolower((unsigned char)*rest));
    if (!letter || rest[1] != '\0')
        return false;
    return unit_apply(number, (int64_t)1024 << (10 * (letter - letters)), bytes);
}

/* "+08:00", "Z" in seconds to take away. */
static bool offset_read(const char *text, int64_t *seconds)
{
    int hours, minutes, used = 0;
    char sign;

    if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0) {
        *seconds = 0;
        return true;
    }
    if (sscanf(text, "%c%2d:%2d%n", &sign, &hours, &minutes, &used) != 3 || text[used] != '\0' ||
        (sign != '+' && sign != '-'))
        return false;
    *seconds = (sign == '-' ? -1 : 1) * ((int64_t)hours * 3600 + (int64_t)minutes * 60);
    return true;
}

bool admin_date_read(const char *text, int64_t *ms)
{
    struct tm tm = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    int64_t offset, fraction = 0, unit = 100;

    if (!rest)
        return false;
    if (*rest == '.') {
        for (rest++; isdigit((unsigned char)*rest); rest++, unit /= 10)
            fraction += (*rest - '0') * unit;
    }
    if (!offset_read(rest, &offset))
        return false;
    *ms = ((int64_t)timegm(&tm) - offset) * 1000 + fraction;
    return true;
}

static json_t *position_json(int64_t ledger, int64_t entry)
{
    return json_pack("{s:I,s:I,s:i,s:i}", "ledgerId", (json_int_t)ledger, "entryId", (json_int_t)entry,
                     "partitionIndex", -1, "batchIndex", -1);
}

json_t *admin_message_id(const char *text)
{
    int64_t ledger, entry;
    const char *rest;

    if (strcmp(text, "earliest") == 0)
        return position_json(-1, -1);
    if (strcmp(text, "latest") == 0)
        return position_json(INT64_MAX, INT64_MAX);
    if (!number_read(text, &ledger, &rest) || *rest != ':' || !number_read(rest + 1, &entry, &rest) || *rest != '\0')
        return NULL;
    return position_json(ledger, entry);
}
