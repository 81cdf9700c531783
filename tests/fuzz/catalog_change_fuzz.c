/* SPDX-License-Identifier: Apache-2.0
 *
 * catalog_change_fuzz.c - any bytes as a catalog change, and its value as a ledger's row: what is taken is written back
 * the same.
 */
#include "fuzz.h"

#include "store/catalog_tables.h"
#include "store/index_batch.h"

#include <string.h>

static void check_ledger(struct bytes value)
{
    uint8_t again[LEDGER_INFO_DELAYED];
    struct catalog_row row = {.id = 1, .value = value};
    struct ledger_info l;

    if (ledger_info_decode(&l, &row) != OK)
        return;
    ledger_info_encode(&l, again);
    HOLDS(memcmp(again + 8, value.data + 8, LEDGER_INFO_ENCODED - 8) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct catalog_change c;
    uint8_t *again;

    check_ledger(bytes_of(data, size));
    if (catalog_change_decode(&c, bytes_of(data, size)) != OK)
        return 0;
    HOLDS(catalog_change_size(&c) == size);
    again = malloc(size);
    HOLDS(again != NULL);
    catalog_change_encode(&c, again);
    HOLDS(memcmp(again, data, size) == 0);
    free(again);
    check_ledger(c.row.value);
    return 0;
}
