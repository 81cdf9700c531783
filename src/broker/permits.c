/* SPDX-License-Identifier: Apache-2.0
 *
 * permits.c - see permits.h.
 */
#include "broker/permits.h"

#include <assert.h>

enum err permits_grant(struct permits *p, uint32_t count)
{
    if (count == 0)
        return ERR_PROTOCOL;

    int64_t sum = (int64_t)p->available + count;
    p->available = sum > PERMITS_MAX ? PERMITS_MAX : (int32_t)sum;
    return OK;
}

bool permits_open(const struct permits *p)
{
    return p->available > 0;
}

void permits_charge(struct permits *p, uint32_t messages)
{
    assert(permits_open(p));
    assert(messages > 0);
    assert(messages <= INT32_MAX); /* the decoder refused the rest */

    p->available -= (int32_t)messages;
}
