/* SPDX-License-Identifier: Apache-2.0
 *
 * pulsar_keys.h - what else Pulsar's own configuration files and its programs' flags know, besides our options.
 */
#ifndef CLI_PULSAR_KEYS_H
#define CLI_PULSAR_KEYS_H

#include "base/foreign_keys.h"

/* Of broker.conf, standalone.conf and `pulsar standalone`. */
extern const struct foreign_keys pulsar_keys;
/* Of client.conf, and of `pulsar-client produce`, `consume` and `read`. */
extern const struct foreign_keys pulsar_produce_keys;
extern const struct foreign_keys pulsar_consume_keys;
extern const struct foreign_keys pulsar_read_keys;
/* Of client.conf, and of `pulsar-perf produce`, `consume` and `read`. */
extern const struct foreign_keys pulsar_perf_produce_keys;
extern const struct foreign_keys pulsar_perf_consume_keys;
extern const struct foreign_keys pulsar_perf_read_keys;
extern const struct foreign_keys pulsar_perf_transaction_keys;
extern const struct foreign_keys pulsar_perf_socket_keys; /* websocket-producer */
/* Of client.conf, for `admin`. */
extern const struct foreign_keys pulsar_admin_keys;

#endif
