/* SPDX-License-Identifier: Apache-2.0
 *
 * base_test.h - what every unit test of every room includes: cmocka, with the headers that it wants first.
 */
#ifndef BASE_BASE_TEST_H
#define BASE_BASE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
