/* SPDX-License-Identifier: Apache-2.0
 *
 * files.c - stdio: these paths are the user's, in any directory, and nothing here has to survive a crash.
 */
#include "services/notary/files.h"

#include <stdio.h>

enum err file_read_whole(const char *path, struct text *to)
{
    FILE *f = fopen(path, "rb");
    char chunk[16384];
    size_t n;
    enum err err = OK;

    if (!f)
        return ERR_IO;
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        text_add_bytes(to, bytes_of(chunk, n));
    if (ferror(f))
        err = ERR_IO;
    else if (text_failed(to))
        err = ERR_TOO_LARGE;
    fclose(f);
    return err;
}

enum err file_write_whole(const char *path, struct bytes bytes)
{
    FILE *f = fopen(path, "wb");
    bool written;

    if (!f)
        return ERR_IO;
    written = fwrite(bytes.data, 1, bytes.len, f) == bytes.len;
    return fclose(f) == 0 && written ? OK : ERR_IO;
}
