/* SPDX-License-Identifier: Apache-2.0
 *
 * store_failing_memory.h - for tests: the n-th allocation of the store fails.
 *
 * The program is linked with --wrap for malloc, calloc and realloc.  Only what is allocated inside the store counts:
 * the test says when it enters (memory_cross, which a model does by itself: memory_hooks), and the simulated disk and
 * loop are left again by tables of functions that stand before theirs.  One state for the process.
 */
#ifndef STORE_STORE_FAILING_MEMORY_H
#define STORE_STORE_FAILING_MEMORY_H

#include "store/store_model.h"

extern const struct model_hooks memory_hooks;

/* Entering the store, or leaving it. */
void memory_cross(bool inside);
/* The n-th allocation from now on fails; 0: none does. Counting begins anew. */
void memory_fail(uint64_t n);
bool memory_struck(void);
uint64_t memory_count(void); /* allocations so far */

/* The same for what SQLite allocates, which is counted apart.  memory_of_sqlite is called once, before SQLite is used.
 */
void memory_of_sqlite(void);
void memory_fail_sqlite(uint64_t n);
bool memory_struck_sqlite(void);
uint64_t memory_count_sqlite(void);

#endif
