/* SPDX-License-Identifier: Apache-2.0
 *
 * login.h - who is at the other end of a connection: the credentials of CONNECT, and those that follow them.
 *
 *     CONNECT -> its credentials -> those of the client behind a proxy, if they are to be checked -> CONNECTED
 *     a check every authenticationRefreshCheckSeconds, while credentials can expire:
 *         expired -> AUTH_CHALLENGE -> AUTH_RESPONSE, before the next check -> the same role, or the connection ends
 *
 * Rules as in Pulsar's ServerCnx.  While credentials are checked nothing more of the connection is read: what a client
 * sent behind CONNECT is handled afterwards, in order.
 *
 * Only there while authentication is on.  Credentials are wiped as soon as they have been copied, and their copies when
 * they have been checked.  Core thread.
 */
#ifndef SESSION_LOGIN_H
#define SESSION_LOGIN_H

#include "pulsar.pb-c.h"

struct login;
struct session;

/* Answers CONNECT, later: by session_connected, or by an ERROR and the end of the connection. */
void login_start(struct session *s, const Wire__CommandConnect *connect);
/* AUTH_RESPONSE, asked for or not. */
void login_response(struct session *s, const Wire__CommandAuthResponse *response);

/* What is under way is let go of. */
void login_stop(struct session *s);
void login_free(struct session *s); /* none is fine */

#endif
