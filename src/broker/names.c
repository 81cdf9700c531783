/* SPDX-License-Identifier: Apache-2.0
 *
 * names.c - see names.h.
 */
#include "broker/names.h"

#include "base/text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define PARTITION_SUFFIX "-partition-"

static bool starts_with(struct bytes s, const char *prefix)
{
    size_t len = strlen(prefix);
    return s.len >= len && memcmp(s.data, prefix, len) == 0;
}

static bool ends_with(struct bytes s, const char *suffix)
{
    size_t len = strlen(suffix);
    return s.len >= len && memcmp(s.data + s.len - len, suffix, len) == 0;
}

static bool equals(struct bytes s, const char *text)
{
    return bytes_equal(s, bytes_of_text(text));
}

static struct bytes skip(struct bytes s, size_t n)
{
    assert(n <= s.len);
    return bytes_of(s.data + n, s.len - n);
}

/* Where `c` first stands, or s.len. */
static size_t find(struct bytes s, uint8_t c)
{
    const void *at = s.len ? memchr(s.data, c, s.len) : NULL;
    return at ? (size_t)((const uint8_t *)at - s.data) : s.len;
}

static size_t count_of(struct bytes s, uint8_t c)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += s.data[i] == c;
    return n;
}

/* Spaces of ASCII only, or nothing. */
static bool blank(struct bytes s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] > ' ')
            return false;
    }
    return true;
}

/* Tenants, clusters and namespaces: [-=:.\w]+ */
static bool word_valid(struct bytes s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
        if (!letter && c != '-' && c != '=' && c != ':' && c != '.')
            return false;
    }
    return s.len > 0;
}

/* UTF-8, as the protocol's texts are: else two names would look the same wherever they are shown.  And nothing in it
 * that would end a text early, or break a log line. */
static bool printable(struct bytes s)
{
    for (size_t i = 0, len; i < s.len; i += len) {
        len = utf8_sequence(skip(s, i));
        if (len == 0 || s.data[i] < ' ' || s.data[i] == 0x7f)
            return false;
    }
    return true;
}

int32_t partition_of(struct bytes name, size_t *base_len)
{
    const size_t suffix_len = strlen(PARTITION_SUFFIX);
    size_t digits = 0;
    int64_t n = 0;

    while (digits < name.len && digits < 10 && name.data[name.len - 1 - digits] >= '0' &&
           name.data[name.len - 1 - digits] <= '9')
        digits++;
    for (size_t i = name.len - digits; i < name.len; i++)
        n = n * 10 + (name.data[i] - '0');

    bool canonical = digits == 1 || (digits > 1 && name.data[name.len - digits] != '0');
    struct bytes before = bytes_of(name.data, name.len - digits);
    if (!canonical || n > INT32_MAX || before.len <= suffix_len || !ends_with(before, PARTITION_SUFFIX)) {
        if (base_len)
            *base_len = name.len;
        return PARTITION_NONE;
    }
    if (base_len)
        *base_len = before.len - suffix_len;
    return (int32_t)n;
}

static void append(struct topic_name *n, struct bytes s)
{
    assert(n->len + s.len <= TOPIC_NAME_MAX);
    if (s.len)
        memcpy(n->text + n->len, s.data, s.len);
    n->len = (uint16_t)(n->len + s.len);
    n->text[n->len] = '\0';
}

/* "tenant/namespace/topic", or "tenant/cluster/namespace/topic..." */
static enum err parse_path(struct topic_name *n, struct bytes path)
{
    size_t slashes = count_of(path, '/');
    if (slashes < 2 || n->len + path.len > TOPIC_NAME_MAX)
        return ERR_INVALID;

    size_t words = slashes == 2 ? 2 : 3;
    size_t at = 0;
    for (size_t i = 0; i < words; i++) {
        struct bytes rest = skip(path, at);
        size_t len = find(rest, '/');
        if (!word_valid(bytes_of(rest.data, len)))
            return ERR_INVALID;
        if (i == 0)
            n->tenant_len = (uint16_t)len;
        at += len + 1;
    }
    if (at - 1 > NAMESPACE_NAME_MAX)
        return ERR_INVALID;

    struct bytes local = skip(path, at);
    if (blank(local) || !printable(local))
        return ERR_INVALID;
    n->tenant_at = n->len;
    n->namespace_len = (uint16_t)(at - 1);
    n->local_at = (uint16_t)(n->len + at);
    append(n, path);
    return OK;
}

enum err topic_name_parse(struct topic_name *out, struct bytes text)
{
    struct topic_name n = {.domain = DOMAIN_PERSISTENT};
    struct bytes path = text;
    enum err err;

    if (text.len > TOPIC_NAME_MAX)
        return ERR_INVALID;
    if (starts_with(text, "persistent://")) {
        path = skip(text, strlen("persistent://"));
    } else if (starts_with(text, "non-persistent://")) {
        n.domain = DOMAIN_NON_PERSISTENT;
        path = skip(text, strlen("non-persistent://"));
    } else {
        size_t slashes = count_of(text, '/');
        if (slashes != 0 && slashes != 2) /* also any other scheme */
            return ERR_INVALID;
    }
    append(&n, bytes_of_text(n.domain == DOMAIN_PERSISTENT ? "persistent://" : "non-persistent://"));

    if (path.data == text.data && count_of(text, '/') == 0) {
        char whole[sizeof "public/default/" + TOPIC_NAME_MAX] = "public/default/";
        size_t len = strlen(whole);
        if (text.len)
            memcpy(whole + len, text.data, text.len);
        err = parse_path(&n, bytes_of(whole, len + text.len));
    } else {
        err = parse_path(&n, path);
    }
    if (err != OK)
        return err;

    size_t base_len;
    n.partition = partition_of(topic_name_local(&n), &base_len);
    n.base_len = (uint16_t)(n.local_at + base_len);
    *out = n;
    return OK;
}

struct bytes topic_name_full(const struct topic_name *n)
{
    return bytes_of(n->text, n->len);
}

struct bytes topic_name_base(const struct topic_name *n)
{
    return bytes_of(n->text, n->base_len);
}

struct bytes topic_name_tenant(const struct topic_name *n)
{
    return bytes_of(n->text + n->tenant_at, n->tenant_len);
}

struct bytes topic_name_namespace(const struct topic_name *n)
{
    return bytes_of(n->text + n->tenant_at, n->namespace_len);
}

struct bytes topic_name_namespace_local(const struct topic_name *n)
{
    return skip(topic_name_namespace(n), (size_t)n->tenant_len + 1);
}

struct bytes topic_name_local(const struct topic_name *n)
{
    return bytes_of(n->text + n->local_at, (size_t)(n->len - n->local_at));
}

enum err topic_name_partition(struct topic_name *out, const struct topic_name *base, uint32_t partition)
{
    char suffix[sizeof PARTITION_SUFFIX + 10];
    const int len = snprintf(suffix, sizeof suffix, PARTITION_SUFFIX "%" PRIu32, partition);

    assert(base->partition == PARTITION_NONE && partition <= INT32_MAX);
    if (base->len + (size_t)len > TOPIC_NAME_MAX)
        return ERR_TOO_LARGE;
    *out = *base;
    append(out, bytes_of(suffix, (size_t)len));
    out->partition = (int32_t)partition;
    return OK;
}

bool topic_name_is_system(const struct topic_name *n)
{
    struct bytes local = bytes_of(n->text + n->local_at, (size_t)(n->base_len - n->local_at));

    if (equals(local, "__change_events") || starts_with(local, "__transaction_buffer_snapshot") ||
        ends_with(local, "__transaction_pending_ack"))
        return true;
    return equals(topic_name_namespace(n), "pulsar/system") &&
           (equals(local, "transaction_coordinator_assign") || starts_with(local, "__transaction_log_") ||
            equals(local, "healthcheck"));
}

bool tenant_name_valid(struct bytes name)
{
    return word_valid(name) && name.len <= NAMESPACE_NAME_MAX / 2;
}

bool namespace_name_parse(struct bytes name, struct bytes *tenant, struct bytes *local)
{
    size_t tenant_len = find(name, '/');
    if (name.len > NAMESPACE_NAME_MAX || tenant_len == name.len)
        return false;

    struct bytes rest = skip(name, tenant_len + 1);
    size_t first = find(rest, '/');
    bool ok = tenant_name_valid(bytes_of(name.data, tenant_len)) && word_valid(bytes_of(rest.data, first)) &&
              (first == rest.len || word_valid(skip(rest, first + 1)));
    if (ok && tenant)
        *tenant = bytes_of(name.data, tenant_len);
    if (ok && local)
        *local = rest;
    return ok;
}

bool subscription_name_is_internal(struct bytes name)
{
    return equals(name, "pulsar.dedup");
}

bool subscription_name_is_reserved(struct bytes name)
{
    return subscription_name_is_internal(name) || equals(name, "__compaction") || starts_with(name, "pulsar.repl.");
}

bool subscription_name_valid(struct bytes name)
{
    return !blank(name) && printable(name) && name.len <= SUBSCRIPTION_NAME_MAX && !subscription_name_is_reserved(name);
}
