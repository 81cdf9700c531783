/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_channel.h - one TLS connection, without a socket: the peer's bytes in, ours out.
 *
 *     peer's bytes --feed--> [channel] --read--> plain bytes
 *     bytes for the peer <--take-- [channel] <--write-- plain bytes
 *
 * Pure but for libssl's randomness and clock.  Used by one thread at a time, whichever; a handshake's step takes a
 * millisecond or so of work (a signature), all else is fast.  May call: base/, tls.h, libssl.
 *
 * Bounded: of the peer's bytes it holds less than a record (16 KiB) and a handshake's message; what is to go out is
 * held until it is taken, at most TLS_OUT_MAX, beyond which writing is ERR_FULL.  A peer that has us answer again and
 * again (wishes for a renegotiation) is ERR_PROTOCOL.
 */
#ifndef SECURITY_TLS_CHANNEL_H
#define SECURITY_TLS_CHANNEL_H

#include "base/bytes.h"
#include "base/err.h"
#include "security/tls.h"

#define TLS_RECORD_MAX  16384         /* plain bytes in one record */
#define TLS_OUT_MAX     (256u * 1024) /* bytes that wait to be taken */
#define TLS_REASON_SIZE 200

struct tls_channel;

/* `host`: of a client, whom we meant, NULL or empty: nobody says.  Then nothing of it is verified, if the settings do
 * not ask for it: else ERR_INVALID. */
MUST_USE enum err tls_channel_new(struct tls_channel **out, struct tls_context *context, const char *host);
void tls_channel_free(struct tls_channel *c);

/* ---- in ---- */

/* Lends bytes that came from the peer, until they are used up or the next call of feed.  Those of before are used up.
 */
void tls_channel_feed(struct tls_channel *c, struct bytes in);
/* What of them is not used up. */
struct bytes tls_channel_unread(const struct tls_channel *c);

/* As far as the bytes go.  OK: it is done, once for ever.  ERR_AGAIN: the bytes are used up, more are wanted.
 * ERR_DENIED: a certificate does not hold, ours or the peer's.  ERR_PROTOCOL: it failed otherwise; ERR_NOMEM.  In each
 * case there may be something to take, for the peer to know, too. */
MUST_USE enum err tls_channel_handshake(struct tls_channel *c);

/* After the handshake.  OK: 1 to `len` plain bytes.  ERR_AGAIN: none, and the peer's bytes are used up.  ERR_CLOSED:
 * the peer will send no more.  ERR_DENIED: it refuses our certificate (TLS 1.3 says so after the handshake).
 * ERR_PROTOCOL: broken. */
MUST_USE enum err tls_channel_read(struct tls_channel *c, uint8_t *to, size_t len, size_t *got);

/* True: there is nothing to read, nor to be told of: it would be ERR_AGAIN. */
bool tls_channel_spent(const struct tls_channel *c);

/* Why it failed, for the log: "certificate verify failed: certificate has expired".  Until the channel's end. */
const char *tls_channel_reason(const struct tls_channel *c);

/* ---- out ---- */

/* After the handshake: puts 1 to TLS_RECORD_MAX bytes into a record.  ERR_FULL: TLS_OUT_MAX; ERR_NOMEM, ERR_PROTOCOL:
 * the connection is at its end. */
MUST_USE enum err tls_channel_write(struct tls_channel *c, struct bytes plain);
/* Says that we send no more (close_notify). */
void tls_channel_finish(struct tls_channel *c);
/* Bytes that wait for the peer. */
size_t tls_channel_pending(const struct tls_channel *c);
/* They are the caller's now, to be freed with free(); NULL if there are none. */
uint8_t *tls_channel_take(struct tls_channel *c, size_t *len);
/* Makes room at once for so many plain bytes in records.  Without it the room grows by itself. */
void tls_channel_reserve(struct tls_channel *c, size_t plain);

/* ---- who is there, after the handshake ---- */

/* The common name in the peer's certificate, if there is one and it was verified; else NULL.  Until the channel's end.
 */
const char *tls_channel_certificate_name(const struct tls_channel *c);
const char *tls_channel_protocol(const struct tls_channel *c); /* "TLSv1.3" */
const char *tls_channel_cipher(const struct tls_channel *c);   /* "TLS_AES_256_GCM_SHA384" */

#endif
