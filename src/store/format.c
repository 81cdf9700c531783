/* SPDX-License-Identifier: Apache-2.0
 *
 * format.c - see format.h.
 */
#include "store/format.h"

#include "store/small_file.h"

#include <stdio.h>
#include <stdlib.h>

#define FORMAT_NEW  "format.new"
#define FORMAT_TEXT "geminga store %u\n"
#define TEXT_MAX    64

enum err format_read(struct disk *disk, unsigned *version)
{
    unsigned number = 0;
    char *text = NULL;
    size_t len;
    enum err err = small_file_read(disk, FORMAT_PATH, TEXT_MAX, &text, &len);

    if (err == OK && text[0] != '\0' && (sscanf(text, FORMAT_TEXT, &number) != 1 || number == 0))
        err = ERR_CORRUPT;
    free(text);
    if (err != OK && err != ERR_NOT_FOUND)
        return err == ERR_TOO_LARGE ? ERR_CORRUPT : err;
    *version = number;
    return OK;
}

enum err format_write(struct disk *disk, unsigned version)
{
    char text[TEXT_MAX];

    snprintf(text, sizeof text, FORMAT_TEXT, version);
    return small_file_replace(disk, FORMAT_NEW, FORMAT_PATH, bytes_of_text(text));
}
