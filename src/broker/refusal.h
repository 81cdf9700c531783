/* SPDX-License-Identifier: Apache-2.0
 *
 * refusal.h - why the broker says no: the kind of failure, what it is about, and a sentence for the client.
 *
 * The broker knows neither the wire's error codes nor HTTP's: session/ and admin/ each have one table from
 * (err, about) to theirs.  May call: base/.
 */
#ifndef BROKER_REFUSAL_H
#define BROKER_REFUSAL_H

#include "base/err.h"
#include <stddef.h>

enum about {
    ABOUT_BROKER,
    ABOUT_TENANT,
    ABOUT_NAMESPACE,
    ABOUT_TOPIC,
    ABOUT_PARTITIONS,
    ABOUT_SUBSCRIPTION,
    ABOUT_PRODUCER,
    ABOUT_CONSUMER,
    ABOUT_SEEK,
    ABOUT_SCHEMA,
    ABOUT_TRANSACTION,
    ABOUT_KEYS, /* ranges of hashes of keys */
    ABOUT_POLICY,
};

#define REFUSAL_TEXT 800 /* with the NUL: a schema that does not fit is told at length */

struct refusal {
    enum err err; /* OK: nothing was refused, and the rest says nothing */
    enum about about;
    char text[REFUSAL_TEXT];
};

/* Fills *why and returns `err`; a text that is too long is cut. */
enum err refuse(struct refusal *why, enum err err, enum about about, const char *format, ...) PRINTF_LIKE(4, 5);

#endif
