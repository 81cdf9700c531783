/* SPDX-License-Identifier: Apache-2.0
 *
 * bundles.c - see bundles.h.
 */
#include "admin/bundles.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void bundles_divide(struct bundles *b, uint32_t count)
{
    assert(count >= 1 && count <= BUNDLES_MAX);
    const uint64_t size = (UINT64_C(1) << 32) / count;

    b->count = count;
    for (uint32_t i = 0; i < count; i++)
        b->boundaries[i] = (uint32_t)(i * size);
    b->boundaries[count] = BUNDLE_LAST;
}

static int compare(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* "0x40000000", or a decimal number. */
static bool boundary_read(const json_t *from, uint32_t *out)
{
    const char *text = json_string_value(from);
    char *end;

    if (!text || !(text[0] >= '0' && text[0] <= '9'))
        return false;
    const unsigned long long value = strtoull(text, &end, 0);
    *out = (uint32_t)value;
    return *end == '\0' && value <= BUNDLE_LAST;
}

static enum err boundaries_read(struct bundles *b, const json_t *list, char *reason, size_t reason_size)
{
    const size_t given = json_array_size(list);
    size_t kept = 0;

    for (size_t i = 0; i < given && i <= BUNDLES_MAX; i++) {
        if (!boundary_read(json_array_get(list, i), &b->boundaries[i])) {
            snprintf(reason, reason_size, "Input bundles have a boundary that is not a number of 32 bits");
            return ERR_INVALID;
        }
    }
    if (given > BUNDLES_MAX + 1) {
        snprintf(reason, reason_size, "a namespace may have %d bundles", BUNDLES_MAX);
        return ERR_INVALID;
    }
    qsort(b->boundaries, given, sizeof b->boundaries[0], compare);
    for (size_t i = 0; i < given; i++) {
        if (kept == 0 || b->boundaries[i] != b->boundaries[kept - 1])
            b->boundaries[kept++] = b->boundaries[i];
    }
    if (kept < 2 || b->boundaries[0] != 0 || b->boundaries[kept - 1] != BUNDLE_LAST) {
        snprintf(reason, reason_size,
                 "Input bundles do not cover the whole hash range. first:0x%08" PRIx32 ", last:0x%08" PRIx32,
                 b->boundaries[0], b->boundaries[kept - 1]);
        return ERR_INVALID;
    }
    b->count = (uint32_t)kept - 1;
    return OK;
}

enum err bundles_read(struct bundles *b, const json_t *from, uint32_t missing, char *reason, size_t reason_size)
{
    const json_t *list = json_object_get(from, "boundaries"), *number = json_object_get(from, "numBundles");
    const json_int_t count = json_is_integer(number) ? json_integer_value(number) : 0;

    if (count > BUNDLES_MAX) {
        snprintf(reason, reason_size, "a namespace may have %d bundles", BUNDLES_MAX);
        return ERR_INVALID;
    }
    if (count > 0 && json_array_size(list) > 0)
        return boundaries_read(b, list, reason, reason_size);
    bundles_divide(b, count > 0 ? (uint32_t)count : missing);
    return OK;
}

json_t *bundles_tree(const struct bundles *b)
{
    json_t *list = json_array();
    char text[11];

    for (uint32_t i = 0; i <= b->count; i++) {
        snprintf(text, sizeof text, "0x%08" PRIx32, b->boundaries[i]);
        json_array_append_new(list, json_string(text));
    }
    return json_pack("{s:o,s:I}", "boundaries", list, "numBundles", (json_int_t)b->count);
}

void bundles_of_namespace(const struct admin_core *core, struct bytes name, struct bundles *out)
{
    const struct bytes kept = namespace_settings(core->broker, name);
    json_t *settings = json_loadb((const char *)kept.data, kept.len, 0, NULL);
    const uint32_t missing = broker_options(core->broker)->namespace_bundles;
    char reason[100];

    if (bundles_read(out, json_object_get(settings, "bundles"), missing, reason, sizeof reason) != OK)
        bundles_divide(out, missing); /* they were checked when they were kept */
    json_decref(settings);
}

/* Nibble by nibble: names are short. */
uint32_t bundle_hash(struct bytes topic)
{
    static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
                                       0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                       0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    uint32_t crc = UINT32_C(0xffffffff);

    for (size_t i = 0; i < topic.len; i++) {
        crc ^= topic.data[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

bool bundle_has(struct bundle_range r, uint32_t hash)
{
    return hash >= r.from && (hash < r.to || r.to == BUNDLE_LAST);
}

struct bundle_range bundle_of(const struct bundles *b, uint32_t hash)
{
    uint32_t i = b->count - 1;

    while (i > 0 && b->boundaries[i] > hash)
        i--;
    return (struct bundle_range){.from = b->boundaries[i], .to = b->boundaries[i + 1]};
}

bool bundle_find(const struct bundles *b, struct bytes text, struct bundle_range *out, const char **reason)
{
    char copy[32];
    unsigned long long from, to;
    int end = 0;

    *reason = "Invalid bundle range";
    if (text.len >= sizeof copy)
        return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    if (sscanf(copy, "0x%8llx_0x%8llx%n", &from, &to, &end) != 2 || (size_t)end != text.len)
        return false;
    *reason = "Cannot find bundle in the bundles list";
    for (uint32_t i = 0; i < b->count; i++) {
        if (b->boundaries[i] != from)
            continue;
        *reason = "Invalid upper boundary for bundle";
        *out = (struct bundle_range){.from = (uint32_t)from, .to = (uint32_t)to};
        return b->boundaries[i + 1] == to;
    }
    return false;
}

void bundle_write(struct bundle_range r, char to[BUNDLE_LENGTH])
{
    snprintf(to, BUNDLE_LENGTH, "0x%08" PRIx32 "_0x%08" PRIx32, r.from, r.to);
}

bool bundle_split(struct bundles *b, uint32_t at)
{
    uint32_t i = 0;

    while (b->boundaries[i] < at)
        i++;
    if (b->boundaries[i] == at || b->count == BUNDLES_MAX)
        return false;
    memmove(b->boundaries + i + 1, b->boundaries + i, (b->count + 1 - i) * sizeof b->boundaries[0]);
    b->boundaries[i] = at;
    b->count++;
    return true;
}
