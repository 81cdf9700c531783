/* SPDX-License-Identifier: Apache-2.0
 *
 * operations.h - the operations of the store that the sweep makes fail: a table.
 *
 * `prepare` brings a directory and a store into the state in which the operation begins (nothing fails there), `act`
 * does it and waits for its end.  Both make the same calls each time: the sweep counts the disk's operations and the
 * allocations in one run, and makes each of them fail in another.
 */
#ifndef SWEEP_OPERATIONS_H
#define SWEEP_OPERATIONS_H

#include "store/store_model.h"

struct operation {
    const char *name, *text;
    /* Leaves a store open, or none where the operation is its opening. */
    void (*prepare)(struct model *m);
    /* May find the store dead at any moment, and unable to open. */
    void (*act)(struct model *m);
    bool ring; /* in a world with one */
    bool needs_room; /* a start on the full disk may be refused: it makes something first */
    /* After an act without a fault: it was what the name says. */
    bool (*happened)(const struct model *m);
};

extern const struct operation operations[];
extern const size_t operation_count;

#endif
