/* SPDX-License-Identifier: Apache-2.0
 *
 * sandbox_none.c - see sandbox.h: where there is no filter.
 */
#include "sys/sandbox.h"

#include <sys/prctl.h>

void sandbox_forbid_privileges(void)
{
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* The search for leaks of a build with sanitizers looks into it. */
void sandbox_hide_memory(void)
{
}

enum err sandbox_limit_files(const char *const *readable)
{
    return ERR_UNSUPPORTED;
}

enum err sandbox_enter(void)
{
    return ERR_UNSUPPORTED;
}
