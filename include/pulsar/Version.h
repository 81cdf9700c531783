/* SPDX-License-Identifier: Apache-2.0
 *
 * Version.h - the level of Apache Pulsar's C API that these headers follow; not the version of this library, which
 * geminga_version() tells (geminga/client.h).
 */
#ifndef PULSAR_VERSION_H
#define PULSAR_VERSION_H

#define PULSAR_VERSION     3007000
#define PULSAR_VERSION_STR "3.7.0"

#endif
