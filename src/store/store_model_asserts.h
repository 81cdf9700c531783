/* SPDX-License-Identifier: Apache-2.0
 *
 * store_model_asserts.h - what unit tests ask of the model with cmocka, which the model itself does without.
 */
#ifndef STORE_STORE_MODEL_ASSERTS_H
#define STORE_STORE_MODEL_ASSERTS_H

#include "base/base_test.h"
#include "store/store_model.h"

static inline void must_open(struct model *m)
{
    const enum err err = model_open(m);

    if (err != OK)
        print_message("%s\n", m->message);
    assert_int_equal(err, OK);
}

#endif
