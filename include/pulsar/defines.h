/* SPDX-License-Identifier: Apache-2.0
 *
 * defines.h - what every header of the client shares: which symbols leave the library.
 *
 * Names, types and enum values of pulsar/c/ are those of Apache Pulsar's C API, so that programs written for it
 * compile and link unchanged; the comments here say how this library behaves.
 */
#ifndef PULSAR_DEFINES_H
#define PULSAR_DEFINES_H

#define PULSAR_PUBLIC __attribute__((visibility("default")))

#endif
