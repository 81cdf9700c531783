/* SPDX-License-Identifier: Apache-2.0
 *
 * sandbox.h - what this process may not ask of the kernel any more.
 *
 * A server needs few of the kernel's calls once it serves: files, sockets, threads, time.  Whoever makes it do
 * something else by a bug finds no program to start, no other process to look into, no way to make executable what it
 * wrote to memory, no kind of socket but those of the internet and of this machine.  What is refused gives EPERM, and a
 * line in the kernel's audit log; a call that is newer than this program ENOSYS, so that the C library falls back to an
 * older one.
 *
 * The filter is seccomp's, written by hand: libseccomp would be a library more for a table of a hundred rows.  There is
 * none on machines other than x86-64 and AArch64, nor in builds with sanitizers, which look into the process
 * themselves; there memory is not hidden either.
 */
#ifndef SYS_SANDBOX_H
#define SYS_SANDBOX_H

#include "base/err.h"

/* No program that is started from here gets more rights than this one has.  There is no way back, for these all. */
void sandbox_forbid_privileges(void);
/* Keys are in this memory: no core files, and none but the kernel's administrator looks into it. */
void sandbox_hide_memory(void);
/* This thread and those that it starts, and their programs, from now on: what lies at or beneath `readable` (ends with
 * NULL; what is not there is passed over) can be read, executed and mapped; no other file can be opened, made, renamed
 * or removed.  What is open stays so.  By Landlock, before sandbox_enter.  ERR_UNSUPPORTED: this build or this kernel
 * has none, and nothing has changed. */
MUST_USE enum err sandbox_limit_files(const char *const *readable);
/* All threads, those to come included.  When all that is listened on is open.  ERR_UNSUPPORTED: this build or this
 * kernel has no such filter, and nothing has changed. */
MUST_USE enum err sandbox_enter(void);

#endif
