/* SPDX-License-Identifier: Apache-2.0
 *
 * session_fuzz.c - what a client may send after CONNECT, to a whole broker in a simulated world: pieces of
 *
 *     kind  length (2 bytes)  bytes
 *
 * a command without its head (kind 0 to 127); one with an entry behind it, of which the checksum is made right (128 to
 * 191: the first byte of the bytes says how long the command is); or bytes as they come (192 and more).  The world is
 * made anew after some connections.
 */
#include "fuzz.h"

#include "session/session_world.h"
#include "wire/entry_view.h"
#include "wire/frame.h"

#include <string.h>

enum { CONNECTIONS_OF_A_WORLD = 50, PIECES_MAX = 64 };

static struct session_world world;
static unsigned connections;

static void world_renew(void)
{
    if (connections > 0 && connections < CONNECTIONS_OF_A_WORLD)
        return;
    if (connections > 0)
        session_world_end(&world);
    connections = 0;
    session_world_start(&world, 1);
    session_world_open(&world);
}

static void be32(uint8_t *to, size_t value)
{
    for (unsigned i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void send_frame(struct client *c, struct bytes command, struct bytes entry)
{
    uint8_t *frame = malloc(FRAME_HEAD_SIZE + command.len + ENTRY_HEAD_SIZE + entry.len);
    size_t len = FRAME_HEAD_SIZE + command.len;

    HOLDS(frame != NULL);
    be32(frame + 4, command.len);
    if (command.len > 0)
        memcpy(frame + FRAME_HEAD_SIZE, command.data, command.len);
    if (entry.len > 0) {
        const size_t metadata = entry.data[0] < entry.len ? entry.data[0] : entry.len - 1;
        entry_head_encode(frame + len, bytes_of(entry.data + 1, metadata),
                          bytes_of(entry.data + 1 + metadata, entry.len - 1 - metadata));
        memcpy(frame + len + ENTRY_HEAD_SIZE, entry.data + 1, entry.len - 1);
        len += ENTRY_HEAD_SIZE + entry.len - 1;
    }
    be32(frame, len - 4);
    client_send_bytes(c, frame, len);
    free(frame);
}

static void send_piece(struct client *c, uint8_t kind, struct bytes piece)
{
    if (kind < 128) {
        send_frame(c, piece, bytes_of(NULL, 0));
    } else if (kind < 192 && piece.len > 0) {
        const size_t command = piece.data[0] < piece.len ? piece.data[0] : piece.len - 1;
        send_frame(c, bytes_of(piece.data + 1, command), bytes_of(piece.data + 1 + command, piece.len - 1 - command));
    } else {
        client_send_bytes(c, piece.data, piece.len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes rest = bytes_of(data, size);
    struct client client;

    world_renew();
    connections++;
    client_connect(&client, &world);
    client_handshake(&client);
    for (unsigned pieces = 0; rest.len > 3 && pieces < PIECES_MAX && !client.closed; pieces++) {
        const size_t wanted = (size_t)rest.data[1] << 8 | rest.data[2], left = rest.len - 3;
        const size_t len = wanted < left ? wanted : left;
        send_piece(&client, rest.data[0], bytes_of(rest.data + 3, len));
        rest = bytes_of(rest.data + 3 + len, left - len);
        session_world_pass(&world, 2);
    }
    session_world_pass(&world, 20);
    client_free(&client);
    session_world_pass(&world, 20);
    return 0;
}
