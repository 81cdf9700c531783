/* SPDX-License-Identifier: Apache-2.0
 *
 * command.h - any command: bytes to protobuf-c's structs in an arena, and back.
 *
 * The general way, for every type.  The busy types have leaner ones: publish.h (SEND, SEND_RECEIPT) and delivery.h
 * (MESSAGE, ACK, FLOW); look at the type first:
 *
 *     enum err err = command_type(frame.command, &type);
 *     switch (type) { case WIRE__BASE_COMMAND__TYPE__SEND: send_decode(frame.command, &send) ...
 *     default: command_decode(frame.command, arena, &command) ... if (!command_known(type)) log and go on }
 *
 * To answer, fill the body, wrap it, encode it:
 *
 *     Wire__CommandSuccess success = WIRE__COMMAND_SUCCESS__INIT;
 *     Wire__BaseCommand command;
 *     success.request_id = id;
 *     command_wrap(&command, WIRE__BASE_COMMAND__TYPE__SUCCESS, &success);
 *     size_t len = command_encode(&command, out, sizeof out);
 *
 * Pure.  May call: base/, frame.h, protobuf-c.
 */
#ifndef WIRE_COMMAND_H
#define WIRE_COMMAND_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/bytes.h"
#include "base/err.h"
#include "pulsar.pb-c.h"

/* The version of the protocol that we speak. */
enum { WIRE_PROTOCOL_VERSION = 21 };

/* The type number of a BaseCommand, known to us or not.  ERR_PROTOCOL: no command, or one without a type. */
MUST_USE enum err command_type(struct bytes command, int *type);

/* True for the types of protocol version 21. */
bool command_known(int type);

/* As the protocol spells it, "SEND_RECEIPT"; "UNKNOWN" for the rest.  Static. */
const char *command_name(int type);

/* Decodes into `arena`; the result borrows nothing from `command` and lives until the arena's reset.
 * A known type always comes with its body: `(*out)->send` is not NULL when the type is SEND.  Fields that we do not
 * know are kept in unknown_fields; a type that we do not know is OK with no body, and the caller's to report.
 * ERR_PROTOCOL: not a command, the body missing, a string with a NUL inside, or nesting beyond reason.
 * ERR_NOMEM: the arena's limit. */
MUST_USE enum err command_decode(struct bytes command, struct arena *arena, Wire__BaseCommand **out);

/* Any other message of the protocol (metadata, markers, schemas), under the same rules. */
MUST_USE enum err wire_decode(const ProtobufCMessageDescriptor *descriptor, struct bytes bytes, struct arena *arena,
                              ProtobufCMessage **out);

/* Makes *command the envelope of `body`, a message of the kind that belongs to `type` (asserted), and borrows it. */
void command_wrap(Wire__BaseCommand *command, Wire__BaseCommand__Type type, void *body);

/* Bytes of the whole frame: head and command, no entry. */
size_t command_frame_len(const Wire__BaseCommand *command);

/* Writes the whole frame; asserts that it fits into `size`.  Returns its length. */
size_t command_encode(const Wire__BaseCommand *command, uint8_t *out, size_t size);

/* The same into a fresh buffer.  ERR_NOMEM. */
MUST_USE enum err command_encode_slice(const Wire__BaseCommand *command, struct budget *budget, struct slice *out);

/* protobuf-c's strings are `char *` though encoding only reads them: hands it one of ours. */
static inline char *wire_text(const char *text)
{
    union {
        const char *ours;
        char *theirs;
    } same = {.ours = text};
    return same.theirs;
}

/* The same for bytes fields. */
static inline ProtobufCBinaryData wire_binary(struct bytes bytes)
{
    union {
        const uint8_t *ours;
        uint8_t *theirs;
    } same = {.ours = bytes.data};
    return (ProtobufCBinaryData){.data = same.theirs, .len = bytes.len};
}

static inline struct bytes wire_bytes(ProtobufCBinaryData data)
{
    return bytes_of(data.data, data.len);
}

#endif
