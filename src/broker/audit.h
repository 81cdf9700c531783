/* SPDX-License-Identifier: Apache-2.0
 *
 * audit.h - who did what, and who was refused: a line of JSON for each, in a file and in a topic.
 *
 *     {"time":"2026-11-22T01:31:04.123Z","role":"admin","originalRole":null,"peer":"10.0.0.7:50122","via":"http",
 *      "action":"PUT /admin/v2/tenants/acme","status":204,"outcome":"done","reason":null}     (in one line)
 *
 * `outcome` is "done", "refused" (who asked may not) or "failed" (whoever asked could not have it: it is not there,
 * ...).
 *
 * What is promised.  Events are in the file in the order in which they were noted, each at most once.  Who waits for
 * audit_when_written hears when all that was noted before is durable: so the answer to an administrator's change comes
 * after its line.  The others are on their way at once, in milliseconds; a killed process loses those of that time.
 * A disk that does not take them never stops the broker: it is logged once, tried again each second, and told in the
 * figures; who waits is let go; what comes meanwhile is kept, up to AUDIT_QUEUE_BYTES.  Beyond that, and beyond
 * AUDIT_REFUSALS_PER_SECOND refused ones (whoever is refused could else write the file full), events are dropped, and
 * a line says how many were.
 *
 * The topic has the same lines, as messages with plain JSON; one that it does not take is missing there.  Only super
 * users may do anything with it (authorization.h).
 *
 * Never in an event: bodies, credentials, what stands behind token= in a query.  Core thread; the file is a worker's.
 * May call: base/, sys/, broker/.  A NULL audit is fine where it says so: nothing is kept then.
 */
#ifndef BROKER_AUDIT_H
#define BROKER_AUDIT_H

#include "base/list.h"
#include "broker/audit_file.h"
#include "security/subject.h"

#include <stdbool.h>

struct audit;
struct broker;
struct log;
struct loop;

#define AUDIT_QUEUE_BYTES         (1024 * 1024)
#define AUDIT_REFUSALS_PER_SECOND 200
#define AUDIT_ACTION_MAX          1000 /* bytes; the rest is cut off */

struct audit_options {
    struct audit_file file; /* disk NULL: there is none */
    const char *topic;      /* NULL: none.  Only the broker writes there, see broker_options */
    struct log *log;
};

struct audit_event {
    struct subject who;
    const char *peer;    /* "10.0.0.7:50122"; NULL: not known */
    const char *via;     /* "binary", "http", "websocket", "broker" */
    struct bytes action; /* "PUT /admin/v2/tenants/x", "SUBSCRIBE persistent://t/n/topic sub" */
    int status;          /* of HTTP; 0: there is none */
    const char *refusal; /* NULL: it was done */
};

/* Copies `options`, but for the disk, which outlives the audit.  ERR_INVALID: the topic's name is none. */
MUST_USE enum err audit_new(struct audit **out, const struct audit_options *options, struct loop *loop,
                            struct broker *broker);
/* What was noted is written, or the disk refused it; then done, from the loop.  Nothing is noted any more. */
void audit_stop(struct audit *a, void (*done)(void *ctx), void *ctx);
/* After audit_stop; or without it, as a crash.  After broker_free: the topic may still have had a publish under way.
 * NULL is fine. */
void audit_free(struct audit *a);

/* Copies; never waits.  NULL is fine. */
void audit_note(struct audit *a, const struct audit_event *e);

/* Embedded by who waits. */
struct audit_wait {
    void (*done)(struct audit_wait *w);
    struct list node; /* the audit's, until done */
    uint64_t until;
};
/* done, from the loop, when all that was noted before this call is durable, or cannot be now. */
void audit_when_written(struct audit *a, struct audit_wait *w);

struct audit_stats {
    uint64_t events, dropped, bytes_written, write_failures, topic_failures;
    size_t waiting_bytes;
    bool failing; /* the file takes nothing now */
};
/* All zero for NULL. */
void audit_stats_get(const struct audit *a, struct audit_stats *out);

#endif
