/* SPDX-License-Identifier: Apache-2.0
 *
 * command_fuzz.c - any bytes as a command; what we decode by hand must be what protobuf-c decodes.
 *
 * Hand and protobuf-c may differ in what they refuse: the hand refuses doubled bodies and overlong integers, and skips
 * fields that it does not need.  So: where both accept, the values agree; and what protobuf-c accepts, written again in
 * its plain form, the hand accepts too.
 */
#include "fuzz.h"

#include "wire/same_test.h"

enum { ARENA = 1 << 20 };

/* Decodes by hand; false: refused. */
static bool hand_agrees(struct bytes bytes, struct arena *arena, const Wire__BaseCommand *theirs)
{
    struct send send;
    struct send_receipt receipt;
    struct message_command message;
    struct ack ack;
    struct flow flow;

    switch ((int)theirs->type) {
    case WIRE__BASE_COMMAND__TYPE__SEND:
        if (send_decode(bytes, &send) != OK)
            return false;
        HOLDS(same_send(&send, theirs->send));
        return true;
    case WIRE__BASE_COMMAND__TYPE__SEND_RECEIPT:
        if (send_receipt_decode(bytes, &receipt) != OK)
            return false;
        HOLDS(same_receipt(&receipt, theirs->send_receipt));
        return true;
    case WIRE__BASE_COMMAND__TYPE__MESSAGE:
        if (message_decode(bytes, arena, &message) != OK)
            return false;
        HOLDS(same_message(&message, theirs->message));
        return true;
    case WIRE__BASE_COMMAND__TYPE__ACK:
        if (ack_decode(bytes, arena, &ack) != OK)
            return false;
        HOLDS(same_ack(&ack, theirs->ack));
        return true;
    case WIRE__BASE_COMMAND__TYPE__FLOW:
        if (flow_decode(bytes, &flow) != OK)
            return false;
        HOLDS(same_flow(&flow, theirs->flow));
        return true;
    default:
        return true;
    }
}

/* What the hand refuses by its contract, however it is written. */
static bool beyond_the_hand(const Wire__BaseCommand *c)
{
    if (c->type == WIRE__BASE_COMMAND__TYPE__SEND_RECEIPT)
        return !c->send_receipt->message_id;
    if (c->type == WIRE__BASE_COMMAND__TYPE__ACK)
        return (unsigned)c->ack->ack_type > WIRE__COMMAND_ACK__ACK_TYPE__Cumulative;
    return false;
}

static void decode_hands_alone(struct bytes bytes, struct arena *arena)
{
    struct send send;
    struct send_receipt receipt;
    struct message_command message;
    struct ack ack;
    struct flow flow;
    unsigned accepted = 0;

    accepted += send_decode(bytes, &send) == OK;
    accepted += send_receipt_decode(bytes, &receipt) == OK;
    accepted += message_decode(bytes, arena, &message) == OK;
    accepted += ack_decode(bytes, arena, &ack) == OK;
    accepted += flow_decode(bytes, &flow) == OK;
    HOLDS(accepted <= 1);
}

static void check_plain_form(Wire__BaseCommand *theirs, struct arena *arena)
{
    size_t len = command_frame_len(theirs);
    uint8_t *plain = malloc(len);
    Wire__BaseCommand *again;

    HOLDS(plain != NULL);
    HOLDS(command_encode(theirs, plain, len) == len);
    struct bytes bytes = bytes_of(plain + FRAME_HEAD_SIZE, len - FRAME_HEAD_SIZE);
    HOLDS(command_decode(bytes, arena, &again) == OK);
    HOLDS(command_frame_len(again) == len);
    HOLDS(hand_agrees(bytes, arena, again) || beyond_the_hand(again));
    free(plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes bytes = bytes_of(data, size);
    struct arena arena, more;
    Wire__BaseCommand *theirs;
    int type = 0;

    arena_init(&arena, ARENA);
    arena_init(&more, 8 * ARENA);
    decode_hands_alone(bytes, &arena);
    if (command_decode(bytes, &arena, &theirs) == OK) {
        HOLDS(command_type(bytes, &type) == OK && type == (int)theirs->type);
        (void)hand_agrees(bytes, &arena, theirs);
        check_plain_form(theirs, &more);
    }
    arena_deinit(&arena);
    arena_deinit(&more);
    return 0;
}
