/* SPDX-License-Identifier: Apache-2.0
 *
 * perf_rest.h - what `geminga perf` asks of a broker's HTTP, of Geminga's and Apache Pulsar's alike.
 */
#ifndef CLI_PERF_REST_H
#define CLI_PERF_REST_H

#include "cli/client.h"
#include "cli/http_access.h"

struct perf_rest {
    const struct invocation *inv;
    struct http_target target;
    struct admin_proof proof;
};

/* CLI_OK, or everything said; to be closed in either case. */
int perf_rest_open(struct perf_rest *r, const struct invocation *inv, const char *url,
                   const struct access_config *access);
void perf_rest_close(struct perf_rest *r);

/* Asks; whatever the status, *answer is to be freed on CLI_OK.  `body` may be NULL. */
int perf_rest_ask(struct perf_rest *r, const char *method, const char *path, const char *body,
                  struct http_answer *answer);

/* Makes the topic with so many partitions, or finds that it has them. */
int perf_rest_partition(struct perf_rest *r, const char *topic, int64_t partitions);

/* All of `names`, in a broker's HTTP of their own; nothing with no partitions. */
int perf_partitions_make(const struct invocation *inv, const struct client_config *client, char *const *names,
                         size_t count, int64_t partitions);

#endif
