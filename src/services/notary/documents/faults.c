/* SPDX-License-Identifier: Apache-2.0
 *
 * faults.c - a bounded list of sentences.
 */
#include "services/notary/documents/faults.h"

#include <stdarg.h>
#include <stdio.h>

enum err faults_init(struct faults *f)
{
    f->list = json_array();
    f->count = 0;
    return f->list ? OK : ERR_NOMEM;
}

void faults_deinit(struct faults *f)
{
    json_decref(f->list);
    f->list = NULL;
}

/* Bytes outside ASCII become '?': a sentence may quote an event that is not even UTF-8, or be cut inside a character.
 */
static void make_plain(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text >= 0x7f || (unsigned char)*text < 0x20)
            *text = '?';
}

void faults_add(struct faults *f, const char *format, ...)
{
    char text[FAULT_TEXT_MAX];
    va_list args;

    f->count++;
    if (f->count > FAULTS_MAX)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    make_plain(text);
    json_array_append_new(f->list, json_string(text));
}
