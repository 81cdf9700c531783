/* SPDX-License-Identifier: Apache-2.0
 *
 * commands.h - the few commands of the wire that the loads of bench/ send, written by hand: as little work as possible.
 *
 * Types and fields of PulsarApi.proto: the field of a command in the base command has the number of its type.
 */
#ifndef BENCH_COMMANDS_H
#define BENCH_COMMANDS_H

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

enum { CONNECT = 2, CONNECTED = 3, SUBSCRIBE = 4, PRODUCER = 5, SEND = 6, SEND_RECEIPT = 7, MESSAGE = 9, ACK = 10 };
enum { FLOW = 11, SUCCESS = 13, ERROR = 14, CLOSE_PRODUCER = 15, CLOSE_CONSUMER = 16, PRODUCER_SUCCESS = 17 };
enum { PING = 18, PONG = 19 };

#define TYPE_AT 9 /* of a frame's bytes: behind two sizes and the field's tag */

struct text { /* a message being written */
    uint8_t bytes[512];
    size_t len;
};

static inline void put_varint(struct text *t, uint64_t n)
{
    for (; n > 127; n >>= 7)
        t->bytes[t->len++] = (uint8_t)(n & 127) | 128;
    t->bytes[t->len++] = (uint8_t)n;
}

static inline void put_number(struct text *t, unsigned field, uint64_t n)
{
    put_varint(t, field << 3);
    put_varint(t, n);
}

static inline void put_bytes(struct text *t, unsigned field, const void *bytes, size_t len)
{
    put_varint(t, field << 3 | 2);
    put_varint(t, len);
    memcpy(t->bytes + t->len, bytes, len);
    t->len += len;
}

static inline void put_text(struct text *t, unsigned field, const char *s)
{
    put_bytes(t, field, s, strlen(s));
}

static inline void put_u32(uint8_t *to, size_t n)
{
    const uint32_t big = htonl((uint32_t)n);

    memcpy(to, &big, 4);
}

static inline uint32_t get_u32(const uint8_t *from)
{
    uint32_t big;

    memcpy(&big, from, 4);
    return ntohl(big);
}

static inline struct text command_of(unsigned type, const struct text *body)
{
    struct text base = {.len = 0};

    put_number(&base, 1, type);
    put_bytes(&base, type, body->bytes, body->len);
    return base;
}

/* The whole frame of a command without payload. */
static inline struct text frame_of(unsigned type, const struct text *body)
{
    const struct text base = command_of(type, body);
    struct text frame = {.len = 8 + base.len};

    put_u32(frame.bytes, base.len + 4);
    put_u32(frame.bytes + 4, base.len);
    memcpy(frame.bytes + 8, base.bytes, base.len);
    return frame;
}

static inline struct text connect_frame(const char *version)
{
    struct text body = {.len = 0};

    put_text(&body, 1, version);
    put_number(&body, 4, 21);
    return frame_of(CONNECT, &body);
}

static inline struct text subscribe_frame(const char *topic, const char *subscription, unsigned type)
{
    struct text body = {.len = 0};

    put_text(&body, 1, topic);
    put_text(&body, 2, subscription);
    put_number(&body, 3, type);
    put_number(&body, 4, 1);
    put_number(&body, 5, 1);
    put_number(&body, 13, 1); /* earliest */
    return frame_of(SUBSCRIBE, &body);
}

static inline struct text flow_frame(uint32_t permits)
{
    struct text body = {.len = 0};

    put_number(&body, 1, 1);
    put_number(&body, 2, permits);
    return frame_of(FLOW, &body);
}

static inline struct text producer_frame(const char *topic, uint64_t id)
{
    struct text body = {.len = 0};

    put_text(&body, 1, topic);
    put_number(&body, 2, id);
    put_number(&body, 3, id);
    return frame_of(PRODUCER, &body);
}

static inline uint64_t get_varint(const uint8_t **at)
{
    uint64_t n = 0;

    for (unsigned shift = 0;; shift += 7) {
        const uint8_t b = *(*at)++;
        n |= (uint64_t)(b & 127) << shift;
        if (!(b & 128))
            return n;
    }
}

#endif
