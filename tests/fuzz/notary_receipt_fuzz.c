/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_receipt_fuzz.c - a receipt and its event, with a NUL between them: judged, whatever they are.
 */
#include "fuzz.h"

#include "services/notary/documents/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
    size_t len = nul ? (size_t)(nul - data) : size;
    struct bytes document = bytes_of(data, len), event = bytes_of(data + len, size - len);
    struct verify_pieces pieces;
    struct text report;
    bool verified;

    if (nul)
        event = bytes_of(nul + 1, size - len - 1);
    text_init(&report, 64u << 10);
    HOLDS(verify_receipt(document, event, NULL, &report, &pieces, &verified) == OK);
    HOLDS(report.len > 0);
    HOLDS(verified == (strncmp(report.data, "refused", 7) != 0 && !strstr(report.data, "\nrefused")));
    HOLDS(!verified || (pieces.leaf.len > 0 && pieces.evidence.len > 0 && pieces.checkpoint.len > 0));
    verify_pieces_deinit(&pieces);
    text_deinit(&report);
    return 0;
}
