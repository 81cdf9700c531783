/* SPDX-License-Identifier: Apache-2.0
 *
 * refusal.c - see refusal.h.
 */
#include "broker/refusal.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

enum err refuse(struct refusal *why, enum err err, enum about about, const char *format, ...)
{
    va_list arguments;

    assert(err != OK);
    why->err = err;
    why->about = about;
    va_start(arguments, format);
    (void)vsnprintf(why->text, sizeof why->text, format, arguments);
    va_end(arguments);
    return err;
}
