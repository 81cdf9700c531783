/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_anchor_fuzz.c - what another log says of an entry, and the entry, with a NUL between them: judged, whatever
 * they are; and the first of them as a checkpoint and as a time stamp alone.
 */
#include "fuzz.h"

#include "services/notary/anchors/anchor_verify.h"
#include "services/notary/anchors/note.h"
#include "services/notary/anchors/time_stamp.h"

/* What the input says may have these words, too, within a line. */
static bool has_line_of(const char *report, const char *beginning)
{
    for (const char *at = report; (at = strstr(at, beginning)); at++)
        if (at == report || at[-1] == '\n')
            return true;
    return false;
}

static void judge(const json_t *receipt, struct bytes leaf, const struct public_key *key)
{
    const struct anchor_entry entry = {.index = 1, .leaf = leaf};
    const struct anchor_trust nobody = {0};
    struct text report;
    bool verified;

    text_init(&report, 64u << 10);
    HOLDS(anchor_verify(receipt, &entry, key, &nobody, &report, &verified) == OK);
    HOLDS(report.len > 0);
    HOLDS(verified == !has_line_of(report.data, "refused "));
    text_deinit(&report);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* The log's key of the corpus: that of the notary's tests. */
    static const uint8_t raw[PUBLIC_KEY_RAW_LEN] = {0xea, 0x4a, 0x6c, 0x63, 0xe2, 0x9c, 0x52, 0x0a, 0xbe, 0xf5, 0x50,
                                                    0x7b, 0x13, 0x2e, 0xc5, 0xf9, 0x95, 0x47, 0x76, 0xae, 0xbe, 0xbe,
                                                    0x7b, 0x92, 0x42, 0x1e, 0xea, 0x69, 0x14, 0x46, 0xd2, 0x2c};
    const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
    size_t len = nul ? (size_t)(nul - data) : size;
    struct bytes first = bytes_of(data, len), leaf = nul ? bytes_of(nul + 1, size - len - 1) : bytes_of(data, size);
    struct digest digest = digest_of(leaf);
    struct public_key key;
    struct checkpoint checkpoint;
    struct time_stamp stamp;
    char why[300];
    json_t *receipt = len ? json_loadb((const char *)data, len, JSON_REJECT_DUPLICATES, NULL) : NULL;

    public_key_from_raw(&key, raw);
    judge(receipt, leaf, &key);
    json_decref(receipt);
    (void)note_verify(first, &key, &checkpoint);
    if (time_stamp_check(bytes_of(data, size), &digest, NULL, bytes_of(NULL, 0), &stamp, why, sizeof why) != OK)
        HOLDS(why[0]);
    return 0;
}
