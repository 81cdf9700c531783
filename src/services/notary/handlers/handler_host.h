/* SPDX-License-Identifier: Apache-2.0
 *
 * handler_host.h - the process that a shared object lives in:
 *
 *     geminga notary handler-host OBJECT CONFIG true|calls|false [READABLE]...
 *
 * Started by handler_pool.c only.  Reads an event per line, writes an answer per line, on the streams it was started
 * with; ends when its input does, at the latest a second later, whatever the handler is doing then: so it outlives
 * nobody.
 *
 * Before anything of the object runs, its constructors included, the process is enclosed (sys/sandbox.h): with "true"
 * it opens no files but the object, the system's libraries and what is READABLE, and makes no system calls but a
 * server's (no programs, no other processes); with "calls" the files are open.  Where that cannot be done it ends with
 * a complaint.  Sockets of the internet are left to it.
 */
#ifndef SERVICES_NOTARY_HANDLERS_HANDLER_HOST_H
#define SERVICES_NOTARY_HANDLERS_HANDLER_HOST_H

/* What follows the verb.  The process's exit status. */
int handler_host_main(int argc, char **argv);

#endif
