/* SPDX-License-Identifier: Apache-2.0
 *
 * protobuf_native.h - Protobuf's own descriptors as a schema.
 *
 * Data is JSON:
 *     {"fileDescriptorSet": BASE64, "rootMessageTypeName": "package.Outer.Inner", "rootFileDescriptorName":
 * "a/b.proto"} where the set has the root file and all that it imports.  What matters to Pulsar is that the set is
 * whole and which message is the root.  Files and messages inside one another are bounded as protobuf_native.c says.
 * Pure.  May call: base/, jansson.
 */
#ifndef SCHEMA_PROTOBUF_NATIVE_H
#define SCHEMA_PROTOBUF_NATIVE_H

#include "schema/schema.h"

#define MESSAGE_NAME_MAX 512

/* Writes the full name of the root message.  ERR_INVALID: `why`; ERR_NOMEM. */
MUST_USE enum err protobuf_native_root(struct bytes data, char name[MESSAGE_NAME_MAX], struct schema_why *why);

#endif
