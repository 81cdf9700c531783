/* SPDX-License-Identifier: Apache-2.0
 *
 * inspect.h - what lies in a stopped broker's data directory, told line by line; and its entries, taken out.
 *
 * As recovery would see it (recovery_look): with the journal replayed on the index.  Changes nothing but the holder in
 * the lock file.  Memory is bounded by the catalog's, not by the entries'.  Waits for the disk.
 * May call: store_private.h, damage.h.
 */
#ifndef STORE_INSPECT_H
#define STORE_INSPECT_H

#include "store/damage.h"
#include "store/store.h"

struct inspect_out {
    void (*line)(struct inspect_out *out, const char *text); /* without its end */
    bool json;                                               /* one object a line, with "kind" */
};

/* Formats, files, topics with their ledgers and cursors.  Damage is told to `sink` besides. */
MUST_USE enum err store_inspect(const struct store_options *options, const struct sys *sys, struct inspect_out *out,
                                struct damage_sink *sink, char *message, size_t message_size);
/* One file, by its path in the data directory ("journal/00000001.journal", "segments/0000000000000001.segment"):
 * its header, and its batches or runs.  Needs no lock, for it takes nothing for true.  ERR_INVALID: not such a file. */
MUST_USE enum err store_inspect_file(const struct sys *sys, const char *path, struct inspect_out *out, char *message,
                                     size_t message_size);

struct export_request {
    const char *topic;        /* its whole name; NULL: all */
    struct position from, to; /* inclusive; of one topic.  {0, 0} and {INT64_MAX, INT64_MAX}: all */
};

struct export_report {
    uint64_t entries, bytes;
};

/* Entries as JSON, one a line, oldest first of each topic: "topic", "ledger", "entry", "kind", "messages", "flags",
 * "first_message", "broker_ms", "publish_ms", "deliver_ms" (0: at once), and "bytes" as the producer sent them, in
 * base64.  Behind a topic's own come those of its subscriptions' ledgers, with "subscription": a compacted view, whose
 * "bytes" begin with 24 of where the entry was (docs/storage.md).  What cannot be read is told to `sink` and left out.
 * ERR_NOT_FOUND: no such topic. */
MUST_USE enum err store_export(const struct store_options *options, const struct sys *sys,
                               const struct export_request *request, struct inspect_out *out, struct damage_sink *sink,
                               struct export_report *report, char *message, size_t message_size);

#endif
