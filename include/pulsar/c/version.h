/* SPDX-License-Identifier: Apache-2.0
 *
 * version.h - the level of the C API, at run time.
 */
#ifndef PULSAR_C_VERSION_H
#define PULSAR_C_VERSION_H

#include <pulsar/Version.h>
#include <pulsar/defines.h>

#ifdef __cplusplus
extern "C" {
#endif

PULSAR_PUBLIC const char *pulsar_version_str(void); /* PULSAR_VERSION_STR */
PULSAR_PUBLIC int pulsar_version(void);             /* PULSAR_VERSION */

#ifdef __cplusplus
}
#endif

#endif
