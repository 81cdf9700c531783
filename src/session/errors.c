/* SPDX-License-Identifier: Apache-2.0
 *
 * errors.c - see errors.h.
 */
#include "session/errors.h"

#include <stddef.h>

#define CODE(name) WIRE__SERVER_ERROR__##name

#define ABOUT_ANYTHING (-1)

/* The first row that fits decides. */
static const struct {
    enum err err;
    int about;
    Wire__ServerError code;
} table[] = {
    {ERR_INVALID, ABOUT_TOPIC, CODE(InvalidTopicName)},
    {ERR_INVALID, ABOUT_SUBSCRIPTION, CODE(ProducerBusy)}, /* Pulsar maps every naming error there */
    {ERR_INVALID, ABOUT_CONSUMER, CODE(MetadataError)},
    {ERR_INVALID, ABOUT_SCHEMA, CODE(IncompatibleSchema)},
    {ERR_INVALID, ABOUT_KEYS, CODE(ConsumerAssignError)},
    {ERR_INVALID, ABOUT_NAMESPACE, CODE(NotAllowedError)},
    {ERR_NOT_FOUND, ABOUT_TOPIC, CODE(TopicNotFound)},
    {ERR_NOT_FOUND, ABOUT_NAMESPACE, CODE(TopicNotFound)},
    {ERR_NOT_FOUND, ABOUT_TENANT, CODE(TopicNotFound)},
    {ERR_NOT_FOUND, ABOUT_SUBSCRIPTION, CODE(SubscriptionNotFound)},
    {ERR_NOT_FOUND, ABOUT_CONSUMER, CODE(MetadataError)},
    {ERR_NOT_FOUND, ABOUT_SCHEMA, CODE(TopicNotFound)},
    {ERR_BUSY, ABOUT_CONSUMER, CODE(ConsumerBusy)},
    {ERR_BUSY, ABOUT_PRODUCER, CODE(ProducerBusy)},
    {ERR_FENCED, ABOUT_PRODUCER, CODE(ProducerFenced)},
    {ERR_NOSPACE, ABOUT_PRODUCER, CODE(ProducerBlockedQuotaExceededError)},
    {ERR_FULL, ABOUT_PRODUCER, CODE(ProducerBlockedQuotaExceededException)},
    {ERR_NOT_ALLOWED, ABOUT_SCHEMA, CODE(IncompatibleSchema)},
    {ERR_TOO_LARGE, ABOUT_SCHEMA, CODE(IncompatibleSchema)},
    {ERR_UNSUPPORTED, ABOUT_SEEK, CODE(UnknownError)}, /* as Pulsar says of what only persistent topics have */

    {ERR_AGAIN, ABOUT_ANYTHING, CODE(ServiceNotReady)},
    {ERR_UNSUPPORTED, ABOUT_ANYTHING, CODE(NotAllowedError)},
    {ERR_TOO_LARGE, ABOUT_ANYTHING, CODE(NotAllowedError)},
    {ERR_NOT_ALLOWED, ABOUT_ANYTHING, CODE(NotAllowedError)},
    {ERR_TERMINATED, ABOUT_ANYTHING, CODE(TopicTerminatedError)},
    {ERR_CHECKSUM, ABOUT_ANYTHING, CODE(ChecksumError)},
    {ERR_DENIED, ABOUT_ANYTHING, CODE(AuthorizationError)},
    {ERR_INVALID, ABOUT_ANYTHING, CODE(MetadataError)},
    {ERR_PROTOCOL, ABOUT_ANYTHING, CODE(MetadataError)},
    {ERR_NOMEM, ABOUT_ANYTHING, CODE(ServiceNotReady)},
    {ERR_FULL, ABOUT_ANYTHING, CODE(TooManyRequests)},
    {ERR_IO, ABOUT_ANYTHING, CODE(PersistenceError)},
    {ERR_NOSPACE, ABOUT_ANYTHING, CODE(PersistenceError)},
    {ERR_CORRUPT, ABOUT_ANYTHING, CODE(PersistenceError)},
};

Wire__ServerError server_error(enum err err, enum about about)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].err == err && (table[i].about == ABOUT_ANYTHING || table[i].about == (int)about))
            return table[i].code;
    }
    return CODE(UnknownError);
}
