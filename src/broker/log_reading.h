/* SPDX-License-Identifier: Apache-2.0
 *
 * log_reading.h - a topic's log is read through, on behalf of producers that wait for what it says.
 *
 * Embedded in what tells duplicates of a topic (deduplication.h, id_window.h), which applies one entry after the other.
 * One read is under way at a time; the topic stays loaded for as long as producers wait.
 *
 * What is damaged is passed over alone: when a read of many entries fails, they are read one by one, until the entry
 * that failed it is behind.  So what is intact is applied, before the hole and behind it.  How many were passed over is
 * logged once, at the end.  What may be tried again (a bad sector, no memory) is not passed over: a forgotten id is a
 * message stored twice.  Those who wait are refused with ERR_AGAIN, and the log says so, once until a reading succeeds.
 */
#ifndef BROKER_LOG_READING_H
#define BROKER_LOG_READING_H

#include "base/list.h"
#include "store/store.h"

struct broker_read;
struct producer_open;
struct topic;

struct log_reader {
    const char *what; /* the log is read for, in messages: "its producers' sequence ids" */
    enum err (*apply)(struct topic *t, const struct entry *e);
    /* All is applied, or that failed.  Those who wait go on, or are refused, after it. */
    void (*ended)(struct topic *t, enum err err);
};

struct log_reading {
    const struct log_reader *reader;
    struct topic *topic;
    struct position upto, end; /* what is applied, and where it ends */
    struct broker_read *read;  /* under way */
    size_t read_max;           /* 1: a damaged entry is near */
    uint64_t passed_over;      /* damaged entries, ... */
    struct position hole;      /* the first of them */
    bool complained;           /* that it cannot be read now */
    struct list waiting;       /* struct producer_open */
};

void log_reading_init(struct log_reading *r, struct topic *t, const struct log_reader *reader);
/* Drops the read under way; nobody hears of it.  Nobody waits any more. */
void log_reading_deinit(struct log_reading *r);

/* Reads what lies behind `upto`, up to and with `end`.  May have ended when it returns. */
void log_reading_start(struct log_reading *r, struct position upto, struct position end);
/* Its step comes again when the reading has ended. */
void log_reading_wait(struct log_reading *r, struct producer_open *open);
/* Those who wait go on at once. */
void log_reading_release(struct log_reading *r);
/* The same, and what is under way is dropped. */
void log_reading_stop(struct log_reading *r);

#endif
