/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_log_fuzz.c - the records of a transparency log, one after the other, and the checkpoints among them.
 */
#include "fuzz.h"

#include "services/notary/checkpoint.h"
#include "services/notary/log_format.h"
#include "services/notary/receipt.h"

/* An entry written again is the record that was read. */
static void check_entry(const struct log_record_header *h, struct bytes payload, struct bytes whole)
{
    struct log_record record;
    struct text again;

    if (!log_entry_decode(&record, payload))
        return;
    (void)receipt_record_holds(record.key, record.leaf, record.rest);
    text_init(&again, 1u << 20);
    log_entry_encode(&again, h->batch, h->position, &record);
    HOLDS(bytes_equal(bytes_of(again.data + LOG_RECORD_HEADER_LEN, again.len - LOG_RECORD_HEADER_LEN),
                      bytes_of(whole.data + LOG_RECORD_HEADER_LEN, whole.len - LOG_RECORD_HEADER_LEN)));
    text_deinit(&again);
}

static void check_checkpoint(struct bytes note)
{
    static const uint8_t raw[PUBLIC_KEY_RAW_LEN] = {1};
    struct public_key key;
    struct checkpoint c;
    struct signature s;

    public_key_from_raw(&key, raw);
    HOLDS(checkpoint_read(&c, &s, note, "geminga:embedded/x", &key) != OK); /* nobody has that key */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct log_record_header h;
    struct digest log_id;
    size_t at = LOG_FILE_HEADER_LEN;

    if (size < LOG_FILE_HEADER_LEN)
        return 0;
    if (log_file_header_decode(data, &log_id) != OK)
        memset(&log_id, 0, sizeof log_id); /* the records are looked at all the same */
    while (size - at >= LOG_RECORD_HEADER_LEN && log_record_header_decode(&h, data + at)) {
        size_t room = size - at - LOG_RECORD_HEADER_LEN;
        struct bytes payload = bytes_of(data + at + LOG_RECORD_HEADER_LEN, h.payload_len);
        HOLDS(h.payload_len <= LOG_PAYLOAD_MAX);
        if (h.payload_len > room)
            break;
        (void)log_record_is_whole(&h, data + at, payload);
        if (h.kind == LOG_ENTRY)
            check_entry(&h, payload, bytes_of(data + at, LOG_RECORD_HEADER_LEN + h.payload_len));
        if (h.kind == LOG_CHECKPOINT)
            check_checkpoint(payload);
        at += LOG_RECORD_HEADER_LEN + h.payload_len;
    }
    return 0;
}
