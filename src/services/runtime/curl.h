/* SPDX-License-Identifier: Apache-2.0
 *
 * curl.h - libcurl, loaded when it is first needed, and what is the same for each of its transfers.
 *
 * (Linked, it would double the time that the program takes to start: it brings twenty libraries along.)  The library
 * is the process's, and so is the one pointer to it, which never changes once it is there.  May call: base/, security/.
 */
#ifndef SERVICES_RUNTIME_CURL_H
#define SERVICES_RUNTIME_CURL_H

#include "base/err.h"
#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

struct curl_functions {
    CURL *(*easy_init)(void);
    void (*easy_cleanup)(CURL *handle);
    void (*easy_reset)(CURL *handle);
    CURLcode (*setopt)(CURL *handle, CURLoption option, ...);
    CURLcode (*getinfo)(CURL *handle, CURLINFO info, ...);
    CURLcode (*perform)(CURL *handle);
    const char *(*strerror)(CURLcode code);
    struct curl_slist *(*slist_append)(struct curl_slist *list, const char *text);
    void (*slist_free_all)(struct curl_slist *list);
};

/* From any thread.  NULL, with the sentence in `why`: it is not installed, or too old. */
const struct curl_functions *curl_functions_get(char *why, size_t why_size);

/* One transfer.  Made by curl_transfer_init, the rest is set by the caller through `curl->setopt`; whether each of
 * these has succeeded is collected in `set`. */
struct curl_transfer {
    const struct curl_functions *curl;
    CURL *handle;
    CURLcode set;
    /* files, or NULL */
    const char *trust_certs, *certificate, *key;
    /* private */
    char error[CURL_ERROR_SIZE];
    char tls_error[256];
    enum err tls_result;
};

/* For one of these schemes ("http,https").  No signals, no proxy of the environment's, no redirects, the rules of
 * security/tls.h.  `handle` is that of an earlier transfer, with its connections, which this one owns from here on;
 * NULL: a new one.  The struct must stay where it is.  curl_transfer_deinit after any result. */
MUST_USE enum err curl_transfer_init(struct curl_transfer *t, CURL *handle, const char *schemes, const char *url,
                                     int64_t timeout_ms, char *why, size_t why_size);
/* The handle out of it, for another transfer. */
CURL *curl_transfer_take_handle(struct curl_transfer *t);
void curl_transfer_deinit(struct curl_transfer *t);

#define CURL_SET(t, option, value)                                                                                     \
    ((t)->set = (t)->set != CURLE_OK ? (t)->set : (t)->curl->setopt((t)->handle, (option), (value)))

/* Runs it.  On an error `why` is a sentence that names the host, and nothing that might be a secret. */
MUST_USE enum err curl_transfer_run(struct curl_transfer *t, const char *url, char *why, size_t why_size);

/* "https://host:port" of a url: no user, no path (that of a web hook is its password). */
void curl_url_origin(const char *url, char *to, size_t size);

#endif
