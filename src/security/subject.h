/* SPDX-License-Identifier: Apache-2.0
 *
 * subject.h - who asks: the role that was proven, and the one for whom a proxy speaks.
 */
#ifndef SECURITY_SUBJECT_H
#define SECURITY_SUBJECT_H

struct subject {
    const char *role;     /* NULL: nobody, for authentication is off, or failed */
    const char *original; /* the principal for whom a proxy speaks; NULL: none */
};

#endif
