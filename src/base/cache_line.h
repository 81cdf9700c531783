/* SPDX-License-Identifier: Apache-2.0
 *
 * cache_line.h - so much memory between two members of a struct keeps apart what different threads change all the time:
 * else it travels between their processors' caches, and what lies beside it too.
 */
#ifndef BASE_CACHE_LINE_H
#define BASE_CACHE_LINE_H

#define CACHE_LINE 64

#endif
