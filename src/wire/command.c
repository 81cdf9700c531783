/* SPDX-License-Identifier: Apache-2.0
 *
 * command.c - see command.h.
 *
 * protobuf-c unpacks with one recursion per level of nesting and takes a string's bytes up to its first NUL, so what
 * comes from outside is walked once before: `checked` bounds the depth and refuses NULs.  Its memory is the arena's,
 * whose limit bounds what a small command that unpacks to many structs may cost.
 */
#include "wire/command.h"

#include "wire/fields.h"
#include "wire/frame.h"

#include <assert.h>
#include <string.h>

/* The deepest that the protocol means is 4: command, SUBSCRIBE, its start id, the first chunk's id. */
enum { NESTING_MAX = 8 };

enum err command_type(struct bytes command, int *type)
{
    struct fields walk = fields_of(command);
    struct field f;
    int32_t value = 0;
    bool seen = false;
    struct bytes body;
    uint32_t plain;

    if (fields_plain_command(command, &plain, &body)) {
        *type = (int)plain;
        return OK;
    }
    while (fields_next(&walk, &f))
        if (f.number == 1) {
            if (!field_i32(&f, &value))
                return ERR_PROTOCOL;
            seen = true;
        }
    if (walk.broken || !seen)
        return ERR_PROTOCOL;
    *type = value;
    return OK;
}

bool command_known(int type)
{
    return protobuf_c_enum_descriptor_get_value(&wire__base_command__type__descriptor, type) != NULL;
}

const char *command_name(int type)
{
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(&wire__base_command__type__descriptor, type);

    return value ? value->name : "UNKNOWN";
}

static bool checked(const ProtobufCMessageDescriptor *descriptor, struct bytes bytes, unsigned depth);

static bool field_checked(const ProtobufCFieldDescriptor *field, const struct field *f, unsigned depth)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_BOOL:
        return f->kind == FIELD_VARINT;
    case PROTOBUF_C_TYPE_STRING:
        return f->kind == FIELD_BYTES && (f->bytes.len == 0 || !memchr(f->bytes.data, 0, f->bytes.len));
    case PROTOBUF_C_TYPE_MESSAGE:
        return f->kind == FIELD_BYTES && checked(field->descriptor, f->bytes, depth + 1);
    default:
        return true; /* protobuf-c looks itself */
    }
}

static bool checked(const ProtobufCMessageDescriptor *descriptor, struct bytes bytes, unsigned depth)
{
    struct fields walk = fields_of(bytes);
    struct field f;

    if (depth > NESTING_MAX)
        return false;
    while (fields_next(&walk, &f)) {
        const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(descriptor, f.number);
        if (field && !field_checked(field, &f, depth))
            return false;
    }
    return !walk.broken;
}

struct arena_allocator {
    ProtobufCAllocator base;
    struct arena *arena;
    bool refused;
};

static void *allocate(void *ctx, size_t len)
{
    struct arena_allocator *a = ctx;
    void *memory = arena_alloc(a->arena, len);

    a->refused |= !memory;
    return memory;
}

static void release(void *ctx, void *memory)
{
    /* The arena frees all at once. */
}

enum err wire_decode(const ProtobufCMessageDescriptor *descriptor, struct bytes bytes, struct arena *arena,
                     ProtobufCMessage **out)
{
    struct arena_allocator allocator = {.arena = arena};
    ProtobufCMessage *message;

    allocator.base = (ProtobufCAllocator){.alloc = allocate, .free = release, .allocator_data = &allocator};
    if (!checked(descriptor, bytes, 0))
        return ERR_PROTOCOL;
    message = protobuf_c_message_unpack(descriptor, &allocator.base, bytes.len, bytes.data);
    if (!message)
        return allocator.refused ? ERR_NOMEM : ERR_PROTOCOL;
    *out = message;
    return OK;
}

/* The body's field in BaseCommand has the number of its type. */
static const ProtobufCFieldDescriptor *body_field(int type)
{
    return protobuf_c_message_descriptor_get_field(&wire__base_command__descriptor, (unsigned)type);
}

static void *body_peek(const Wire__BaseCommand *command, const ProtobufCFieldDescriptor *field)
{
    void *body;

    memcpy(&body, (const uint8_t *)command + field->offset, sizeof body);
    return body;
}

enum err command_decode(struct bytes command, struct arena *arena, Wire__BaseCommand **out)
{
    ProtobufCMessage *message;
    Wire__BaseCommand *decoded;
    enum err err;

    if ((err = wire_decode(&wire__base_command__descriptor, command, arena, &message)) != OK)
        return err;
    decoded = (Wire__BaseCommand *)message;
    if (command_known((int)decoded->type) && !body_peek(decoded, body_field((int)decoded->type)))
        return ERR_PROTOCOL;
    *out = decoded;
    return OK;
}

void command_wrap(Wire__BaseCommand *command, Wire__BaseCommand__Type type, void *body)
{
    const ProtobufCFieldDescriptor *field = body_field((int)type);

    assert(command_known((int)type));
    assert(((const ProtobufCMessage *)body)->descriptor == field->descriptor);

    wire__base_command__init(command);
    command->type = type;
    memcpy((uint8_t *)command + field->offset, &body, sizeof body);
}

size_t command_frame_len(const Wire__BaseCommand *command)
{
    return FRAME_HEAD_SIZE + wire__base_command__get_packed_size(command);
}

size_t command_encode(const Wire__BaseCommand *command, uint8_t *out, size_t size)
{
    size_t len = wire__base_command__get_packed_size(command);

    assert(FRAME_HEAD_SIZE + len <= size);

    frame_head_encode(out, len, 0);
    wire__base_command__pack(command, out + FRAME_HEAD_SIZE);
    return FRAME_HEAD_SIZE + len;
}

enum err command_encode_slice(const Wire__BaseCommand *command, struct budget *budget, struct slice *out)
{
    size_t len = command_frame_len(command);
    struct buffer *buffer = buffer_new(len, budget);

    if (!buffer)
        return ERR_NOMEM;
    command_encode(command, buffer->data, len);
    *out = slice_of(buffer, 0, len);
    buffer_unref(buffer); /* the slice has its own reference */
    return OK;
}
