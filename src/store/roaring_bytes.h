/* SPDX-License-Identifier: Apache-2.0
 *
 * roaring_bytes.h - whether bytes are a Roaring bitmap in the portable format, down to every container.
 *
 * CRoaring's reader keeps within the buffer but believes what it reads: values out of order or a wrong count give a
 * bitmap on which later calls run wild.  So bytes pass here first.  Pure.  Source: RoaringFormatSpec,
 * github.com/RoaringBitmap.
 */
#ifndef STORE_ROARING_BYTES_H
#define STORE_ROARING_BYTES_H

#include "base/bytes.h"

/* True when all of `b` is one bitmap; *count then is how many values it has. */
bool roaring_bytes_valid(struct bytes b, uint64_t *count);

#endif
