/* SPDX-License-Identifier: Apache-2.0
 *
 * answer_fuzz.c - any bytes as what a server answers to the command line's HTTP client.
 */
#include "fuzz.h"

#include "cli/http_client.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_answer answer = {0};
    char *bytes = malloc(size + 1);

    HOLDS(bytes != NULL);
    memcpy(bytes, data, size);
    bytes[size] = '\0';
    const bool ended = http_answer_ended(bytes, size);
    if (http_answer_parse(bytes, size, &answer) == OK) {
        HOLDS(answer.body_len <= size);
        HOLDS(strlen(answer.head) <= size);
        HOLDS(answer.body[answer.body_len] == '\0');
    }
    (void)ended;
    http_answer_free(&answer);
    return 0;
}
