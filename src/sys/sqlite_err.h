/* SPDX-License-Identifier: Apache-2.0
 *
 * sqlite_err.h - what SQLite's result codes mean to us.
 *
 * Of a file that is ours: our statements are right, so whatever is wrong with them is wrong with the file.
 */
#ifndef SYS_SQLITE_ERR_H
#define SYS_SQLITE_ERR_H

#include "base/err.h"

#include <sqlite3.h>

/* `code` is an extended one, and neither SQLITE_OK, SQLITE_ROW nor SQLITE_DONE. */
static inline enum err sqlite_err(int code)
{
    if (code == SQLITE_IOERR_NOMEM)
        return ERR_NOMEM;
    switch (code & 0xff) {
    case SQLITE_FULL:
        return ERR_NOSPACE;
    case SQLITE_NOMEM:
        return ERR_NOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_BUSY;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
        return ERR_IO;
    default:
        return ERR_CORRUPT;
    }
}

#endif
