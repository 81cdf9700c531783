/* SPDX-License-Identifier: Apache-2.0
 *
 * message_id.c - see message_id.h.
 */
#include "wire/message_id.h"

#include <assert.h>
#include <string.h>

/* protobuf-c counts in int64_t what we keep as words of bits. */
static_assert(sizeof(int64_t) == sizeof(uint64_t), "words");

struct message_id message_id_from(const Wire__MessageIdData *from)
{
    struct message_id id = MESSAGE_ID_OF(-1, -1);

    if (!from)
        return id;
    id.ledger = (int64_t)from->ledger_id;
    id.entry = (int64_t)from->entry_id;
    id.partition = from->partition; /* protobuf-c fills in the defaults of -1 */
    id.batch_index = from->batch_index;
    id.batch_size = from->has_batch_size ? from->batch_size : 0;
    id.ack_set_words = (uint32_t)from->n_ack_set;
    id.ack_set = (const uint64_t *)from->ack_set;
    return id;
}

void message_id_to(const struct message_id *id, Wire__MessageIdData *to)
{
    union {
        const uint64_t *ours;
        int64_t *theirs;
    } words = {.ours = id->ack_set};

    wire__message_id_data__init(to);
    to->ledger_id = (uint64_t)id->ledger;
    to->entry_id = (uint64_t)id->entry;
    to->has_partition = id->partition != -1;
    to->partition = id->partition;
    to->has_batch_index = id->batch_index != -1;
    to->batch_index = id->batch_index;
    to->has_batch_size = id->batch_size != 0;
    to->batch_size = id->batch_size;
    to->n_ack_set = id->ack_set_words;
    to->ack_set = words.theirs;
}
