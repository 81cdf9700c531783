/* SPDX-License-Identifier: Apache-2.0
 *
 * posted_fuzz.c - any bytes as a schema in a file, as people upload it.
 */
#include "fuzz.h"

#include "schema/posted.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct schema_why why = {0};
    struct posted posted;

    if (posted_init(&posted, bytes_of(data, size), SCHEMA_JSON, &why) == OK) {
        const enum err err = schema_check(&posted.info, &why);
        HOLDS(err == OK || err == ERR_INVALID || err == ERR_NOMEM);
        posted_deinit(&posted);
    } else {
        HOLDS(strlen(why.sentence) > 0);
    }
    return 0;
}
