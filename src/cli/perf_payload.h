/* SPDX-License-Identifier: Apache-2.0
 *
 * perf_payload.h - what `geminga perf` sends: random bytes of a size, or the payloads of a file, which may be patterns.
 *
 * Made once, before the load; then read by all its threads.
 */
#ifndef CLI_PERF_PAYLOAD_H
#define CLI_PERF_PAYLOAD_H

#include "base/random.h"
#include "cli/cli.h"

#define PERF_PAYLOAD_MAX (64u * 1024 * 1024)

struct perf_payload_config {
    char *file, *delimiter, *formatter;
    int64_t size;
    bool patterns;
};
extern const struct option_table perf_payload_table; /* of a struct perf_payload_config */

struct perf_payloads {
    struct bytes file;   /* all of it; or random bytes */
    struct bytes *items; /* into it */
    size_t count;
};

/* CLI_OK, or everything said. */
int perf_payloads_gather(struct perf_payloads *p, const struct invocation *inv,
                         const struct perf_payload_config *config);
void perf_payloads_free(struct perf_payloads *p);

/* Which of them is next: one by chance. */
static inline size_t perf_payload_choose(const struct perf_payloads *p, struct random *chance)
{
    return p->count > 1 ? random_below(chance, p->count) : 0;
}

#endif
