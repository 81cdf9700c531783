/* SPDX-License-Identifier: Apache-2.0
 *
 * pulsar_keys.h - what else Pulsar's own configuration files and its launcher know, besides the options of the broker.
 */
#ifndef CLI_PULSAR_KEYS_H
#define CLI_PULSAR_KEYS_H

#include "base/foreign_keys.h"

/* Of broker.conf, standalone.conf and `pulsar standalone`. */
extern const struct foreign_keys pulsar_keys;

#endif
