/* SPDX-License-Identifier: Apache-2.0
 *
 * sandbox_none.c - see sandbox.h: where there is no filter.
 */
#include "sys/sandbox.h"

void sandbox_forbid_privileges(void)
{
}

void sandbox_hide_memory(void)
{
}

enum err sandbox_enter(void)
{
    return ERR_UNSUPPORTED;
}
