/* SPDX-License-Identifier: Apache-2.0
 *
 * sanitized.h - whether the address sanitizer watches: then memory is not kept to be used again, for it would not see
 * who looks into what is free.
 */
#ifndef BASE_SANITIZED_H
#define BASE_SANITIZED_H

#if defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

#endif
