/* SPDX-License-Identifier: Apache-2.0
 *
 * http_origin.h - which requests a browser may bring: no page of somebody else's acts in a user's name.
 *
 * A browser sends what any page tells it to, from inside the user's network, to addresses that the page's author cannot
 * reach himself; and with it what the browser has at hand: a password that was typed once, a certificate.  Three rules:
 *
 *   1  What changes something, and what opens a WebSocket, comes from a page of our own or from no page: its Origin, if
 *      it has one, is the Host that it was sent to, and Sec-Fetch-Site does not say "cross-site".
 *   2  A request that came over the loopback interface, while authentication is off, was sent to a Host that nobody can
 *      have registered for it: an address, a name without a dot, one under localhost or internal, or a name of ours.
 *      Otherwise a page could give its own name the address 127.0.0.1 ("DNS rebinding") and read all that we answer.
 *   3  Names that the operator lists are names of ours, for both; `*` ends both rules.
 *
 * Who shows a token shows it on purpose, so rule 1 does not concern such a request while authentication is on (a
 * WebSocket of a page elsewhere, with ?token=).  curl, Pulsar's tools and clients send neither Origin nor
 * Sec-Fetch-Site.
 *
 * Pure.  May call: base/.
 */
#ifndef HTTP_HTTP_ORIGIN_H
#define HTTP_HTTP_ORIGIN_H

#include "base/bytes.h"

struct http_sites {
    const char *own;     /* the advertised address; NULL: there is none */
    const char *trusted; /* "console.example.com, app.example.com:3000", or "*"; NULL: none */
    bool authenticated;  /* authentication is on */
};

struct http_origin {
    struct bytes host, origin, fetch_site; /* the headers; empty: not there */
    bool changes;                          /* something, or it opens a WebSocket */
    bool has_token;
    bool loopback; /* it came over that interface */
    bool tls;
};

/* NULL: it may; else why not, a sentence. */
const char *http_origin_refuse(const struct http_sites *sites, const struct http_origin *request);

#endif
