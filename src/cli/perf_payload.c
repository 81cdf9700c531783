/* SPDX-License-Identifier: Apache-2.0
 *
 * perf_payload.c - see perf_payload.h.
 */
#include "cli/perf_payload.h"

#include <stdio.h>
#include <stdlib.h>

#define FORMATTER "org.apache.pulsar.testclient.DefaultMessageFormatter"

#define AT(member) .offset = offsetof(struct perf_payload_config, member)

static const struct option rows[] = {
    {.key = "produce.size",
     .flag = "-s|--size",
     .type = OPTION_BYTES,
     .fallback = "1024",
     .max = PERF_PAYLOAD_MAX,
     AT(size),
     .text = "Bytes of a message."},
    {.key = "produce.payload_file",
     .flag = "-f|--payload-file",
     .type = OPTION_TEXT,
     AT(file),
     .text =
         "A file of payloads, of which each message has one by chance; without it they are random bytes of --size."},
    {.key = "produce.payload_delimiter",
     .flag = "-e|--payload-delimiter",
     .type = OPTION_TEXT,
     .fallback = "\\n",
     AT(delimiter),
     .text = "What separates the payloads in the file; \\n is the end of a line."},
    {.key = "produce.patterns",
     .flag = "-fp|--format-payload",
     .type = OPTION_BOOL,
     .fallback = "false",
     AT(patterns),
     .text =
         "The file's payloads are patterns: %p is the producer's name, %i the message's number, %t nanoseconds, %12s "
         "letters, %5d, %10l and %5.2f numbers by chance."},
    {.key = "produce.formatter",
     .flag = "-fc|--format-class",
     .type = OPTION_TEXT,
     .fallback = FORMATTER,
     AT(formatter),
     .text = "Who formats them: this one."},
};

const struct option_table perf_payload_table = OPTION_TABLE(rows);

void perf_payloads_free(struct perf_payloads *p)
{
    free((void *)(uintptr_t)p->file.data);
    free(p->items);
}

/* One payload of chance. */
static bool payload_make(struct perf_payloads *p, size_t size)
{
    uint8_t *data = malloc(size + 1);
    struct random r;

    random_init(&r, 1);
    for (size_t i = 0; data && i < size; i++)
        data[i] = (uint8_t)('a' + random_below(&r, 26));
    p->file = bytes_of(data, size);
    return data && (p->items[p->count++] = p->file, true);
}

static bool payload_add(struct perf_payloads *p, size_t *capacity, struct bytes item)
{
    if (p->count == *capacity) {
        struct bytes *more = realloc(p->items, *capacity * 2 * sizeof *more);
        if (!more)
            return false;
        p->items = more;
        *capacity *= 2;
    }
    p->items[p->count++] = item;
    return true;
}

static bool payloads_split(struct perf_payloads *p, const char *delimiter)
{
    const size_t len = strlen(delimiter);
    const uint8_t *at = p->file.data, *end = p->file.data + p->file.len;
    size_t capacity = 1;

    while (at < end) {
        const uint8_t *next = len > 0 ? memmem(at, (size_t)(end - at), delimiter, len) : NULL;
        const uint8_t *stop = next ? next : end;
        if (stop > at && !payload_add(p, &capacity, bytes_of(at, (size_t)(stop - at))))
            return false;
        at = next ? next + len : end;
    }
    return true;
}

int perf_payloads_gather(struct perf_payloads *p, const struct invocation *inv,
                         const struct perf_payload_config *config)
{
    const char *delimiter = strcmp(config->delimiter, "\\n") == 0 ? "\n" : config->delimiter;

    if (strcmp(config->formatter, FORMATTER) != 0)
        return cli_usage_error(inv, "--format-class cannot be %s: there are no plug-ins", config->formatter);
    if (!(p->items = malloc(sizeof *p->items))) {
        cli_error(inv, "no memory");
        return CLI_FAILED;
    }
    if (!config->file || !*config->file)
        return payload_make(p, (size_t)config->size) ? CLI_OK : (cli_error(inv, "no memory"), CLI_FAILED);
    if (cli_file_read(config->file, PERF_PAYLOAD_MAX, &p->file) != OK) {
        cli_error(inv, "cannot read %s, or it is larger than 64 MiB", config->file);
        return CLI_FAILED;
    }
    if (payloads_split(p, delimiter) && p->count > 0)
        return CLI_OK;
    cli_error(inv, "%s has no payload", config->file);
    return CLI_FAILED;
}
