/* SPDX-License-Identifier: Apache-2.0
 *
 * same_test.h - do the hand-written codecs and protobuf-c mean the same?  For the differential test and the fuzzers.
 *
 * protobuf-c is the judge: each function compares one hand-decoded command with protobuf-c's view of the same bytes.
 */
#ifndef WIRE_SAME_TEST_H
#define WIRE_SAME_TEST_H

#include "wire/batch.h"
#include "wire/command.h"
#include "wire/delivery.h"
#include "wire/metadata.h"
#include "wire/publish.h"

static inline bool same_text(struct bytes ours, const char *theirs)
{
    return bytes_equal(ours, theirs ? bytes_of_text(theirs) : bytes_of(NULL, 0));
}

static inline bool same_words(const struct message_id *ours, size_t count, const int64_t *theirs)
{
    return ours->ack_set_words == count && (count == 0 || memcmp(ours->ack_set, theirs, count * sizeof *theirs) == 0);
}

/* But for the ack set. */
static inline bool same_id(const struct message_id *ours, const Wire__MessageIdData *theirs)
{
    return (uint64_t)ours->ledger == theirs->ledger_id && (uint64_t)ours->entry == theirs->entry_id &&
           ours->partition == theirs->partition && ours->batch_index == theirs->batch_index &&
           ours->batch_size == (theirs->has_batch_size ? theirs->batch_size : 0);
}

static inline bool same_send(const struct send *ours, const Wire__CommandSend *theirs)
{
    return ours->producer_id == theirs->producer_id && ours->sequence_id == theirs->sequence_id &&
           ours->highest_sequence_id == theirs->highest_sequence_id && ours->messages == theirs->num_messages &&
           ours->is_chunk == (theirs->is_chunk != 0) && ours->is_marker == (theirs->marker != 0) &&
           ours->in_transaction == (theirs->has_txnid_least_bits && theirs->has_txnid_most_bits) &&
           ours->transaction_least == theirs->txnid_least_bits && ours->transaction_most == theirs->txnid_most_bits;
}

static inline bool same_receipt(const struct send_receipt *ours, const Wire__CommandSendReceipt *theirs)
{
    return ours->producer_id == theirs->producer_id && ours->sequence_id == theirs->sequence_id &&
           ours->highest_sequence_id == theirs->highest_sequence_id && theirs->message_id &&
           same_id(&ours->id, theirs->message_id);
}

static inline bool same_message(const struct message_command *ours, const Wire__CommandMessage *theirs)
{
    return ours->consumer_id == theirs->consumer_id && ours->redelivery_count == theirs->redelivery_count &&
           ours->has_consumer_epoch == (theirs->has_consumer_epoch != 0) &&
           ours->consumer_epoch == (theirs->has_consumer_epoch ? theirs->consumer_epoch : 0) &&
           same_id(&ours->id, theirs->message_id) && same_words(&ours->id, theirs->n_ack_set, theirs->ack_set);
}

static inline bool same_ack(const struct ack *ours, const Wire__CommandAck *theirs)
{
    bool same = ours->consumer_id == theirs->consumer_id && ours->is_cumulative == (theirs->ack_type == 1) &&
                ours->has_request_id == (theirs->has_request_id != 0) &&
                ours->request_id == (theirs->has_request_id ? theirs->request_id : 0) &&
                ours->has_validation_error == (theirs->has_validation_error != 0) &&
                ours->in_transaction == (theirs->has_txnid_least_bits && theirs->has_txnid_most_bits) &&
                ours->transaction_least == theirs->txnid_least_bits &&
                ours->transaction_most == theirs->txnid_most_bits && ours->count == theirs->n_message_id;

    for (uint32_t i = 0; same && i < ours->count; i++)
        same = same_id(&ours->ids[i], theirs->message_id[i]) &&
               same_words(&ours->ids[i], theirs->message_id[i]->n_ack_set, theirs->message_id[i]->ack_set);
    return same;
}

static inline bool same_flow(const struct flow *ours, const Wire__CommandFlow *theirs)
{
    return ours->consumer_id == theirs->consumer_id && ours->permits == theirs->message_permits;
}

static inline bool same_keys(const struct metadata *ours, const Wire__MessageMetadata *theirs)
{
    return ours->has_partition_key == (theirs->partition_key != NULL) &&
           same_text(ours->partition_key, theirs->partition_key) &&
           ours->partition_key_is_base64 == (theirs->partition_key_b64_encoded != 0) &&
           ours->null_partition_key == (theirs->null_partition_key != 0) &&
           ours->has_ordering_key == (theirs->has_ordering_key != 0) &&
           bytes_equal(ours->ordering_key, wire_bytes(theirs->ordering_key)) &&
           ours->null_value == (theirs->null_value != 0);
}

static inline bool same_chunk(const struct metadata *ours, const Wire__MessageMetadata *theirs)
{
    return same_text(ours->chunk_uuid, theirs->uuid) &&
           ours->chunk_id == (theirs->has_chunk_id ? theirs->chunk_id : 0) &&
           ours->chunks == (theirs->has_num_chunks_from_msg ? theirs->num_chunks_from_msg : 0) &&
           ours->chunked_size == (theirs->has_total_chunk_msg_size ? theirs->total_chunk_msg_size : 0);
}

static inline bool same_metadata(const struct metadata *ours, const Wire__MessageMetadata *theirs)
{
    return same_text(ours->producer_name, theirs->producer_name) && ours->sequence_id == theirs->sequence_id &&
           ours->highest_sequence_id == theirs->highest_sequence_id && ours->publish_time == theirs->publish_time &&
           ours->event_time == theirs->event_time && ours->is_batch == (theirs->has_num_messages_in_batch != 0) &&
           ours->messages == (uint32_t)theirs->num_messages_in_batch && ours->compression == theirs->compression &&
           ours->uncompressed_size == theirs->uncompressed_size &&
           ours->has_deliver_at == (theirs->has_deliver_at_time != 0) &&
           ours->deliver_at_time == (theirs->has_deliver_at_time ? theirs->deliver_at_time : 0) &&
           ours->is_marker == (theirs->has_marker_type != 0) &&
           ours->marker_type == (theirs->has_marker_type ? theirs->marker_type : 0) &&
           same_text(ours->replicated_from, theirs->replicated_from) &&
           ours->has_replicate_to == (theirs->n_replicate_to > 0) &&
           ours->is_encrypted == (theirs->n_encryption_keys > 0) &&
           ours->in_transaction == (theirs->has_txnid_least_bits && theirs->has_txnid_most_bits) &&
           ours->has_schema_version == (theirs->has_schema_version != 0) &&
           bytes_equal(ours->schema_version, wire_bytes(theirs->schema_version)) && same_keys(ours, theirs) &&
           same_chunk(ours, theirs);
}

static inline bool same_single(const struct batch_message *ours, const Wire__SingleMessageMetadata *theirs)
{
    return ours->payload.len == (size_t)theirs->payload_size && ours->compacted_out == (theirs->compacted_out != 0) &&
           ours->event_time == theirs->event_time && ours->has_sequence_id == (theirs->has_sequence_id != 0) &&
           ours->sequence_id == (theirs->has_sequence_id ? theirs->sequence_id : 0) &&
           ours->has_partition_key == (theirs->partition_key != NULL) &&
           same_text(ours->partition_key, theirs->partition_key) &&
           ours->partition_key_is_base64 == (theirs->partition_key_b64_encoded != 0) &&
           ours->has_ordering_key == (theirs->has_ordering_key != 0) &&
           bytes_equal(ours->ordering_key, wire_bytes(theirs->ordering_key)) &&
           ours->null_value == (theirs->null_value != 0) &&
           ours->null_partition_key == (theirs->null_partition_key != 0);
}

#endif
