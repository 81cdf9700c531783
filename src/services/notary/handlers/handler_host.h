/* SPDX-License-Identifier: Apache-2.0
 *
 * handler_host.h - the process that a shared object lives in: `geminga notary handler-host OBJECT CONFIG on|off`.
 *
 * Started by handler_pool.c only.  Reads an event per line, writes an answer per line, on the streams it was started
 * with; ends when its input does, at the latest a second later, whatever the handler is doing then: so it outlives
 * nobody.
 */
#ifndef SERVICES_NOTARY_HANDLERS_HANDLER_HOST_H
#define SERVICES_NOTARY_HANDLERS_HANDLER_HOST_H

/* What follows the verb.  The process's exit status. */
int handler_host_main(int argc, char **argv);

#endif
