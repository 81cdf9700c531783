/* SPDX-License-Identifier: Apache-2.0
 *
 * vandal.h - a peer that speaks nonsense: flipped bits, cut frames, unknown ids, commands before CONNECT, wrong
 * checksums.
 *
 * It uses topics of its own, reads all it is sent and believes none of it, and comes back whenever it is thrown out.
 * What it proves is that the broker and everybody else go on.
 */
#ifndef TESTS_SIM_VANDAL_H
#define TESTS_SIM_VANDAL_H

#include "base/random.h"
#include "sys/sim/sim.h"

struct vandal;

struct vandal *vandal_new(struct sim *sim, struct random *random);
void vandal_free(struct vandal *v);
void vandal_act(struct vandal *v); /* one frame, or what it takes for one */

#endif
