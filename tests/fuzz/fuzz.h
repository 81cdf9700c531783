/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz.h - what fuzz targets share: the entry point that libFuzzer and replay.c call, and a check that stops both.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that holds for every input; prints itself and aborts when it does not. */
#define HOLDS(property) ((property) ? (void)0 : fuzz_fail(#property, __FILE__, __LINE__))

static inline void fuzz_fail(const char *property, const char *file, int line)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, property);
    abort();
}

#endif
