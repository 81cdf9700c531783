/* SPDX-License-Identifier: Apache-2.0
 *
 * credentials_fuzz.c - by the first byte: a file of hashed passwords (h), or what somebody shows, over the binary
 * protocol (b) or over HTTP (w): METHOD, a newline, data.  Passwords are hashed by SHA-1 here: the others take a while.
 */
#include "fuzz.h"

#include "security/authentication.h"

#include <string.h>

/* "frank" and "pass" */
#define FILE_TEXT "frank:{SHA}nU4eI71bcnBGqeO0t9tXvY1u5oQ=\n"

static struct authentication *providers(void)
{
    static struct authentication *kept;
    struct authentication_settings settings = {.providers = {PROVIDER_BASIC, PROVIDER_TLS}, .provider_count = 2};
    char message[200];

    if (kept)
        return kept;
    HOLDS(htpasswd_parse(&settings.passwords, bytes_of_text(FILE_TEXT), message, sizeof message) == OK);
    HOLDS(authentication_new(&kept, &settings) == OK);
    return kept;
}

static void try_file(struct bytes text)
{
    struct htpasswd *h;
    char message[200] = "";
    const enum err err = htpasswd_parse(&h, text, message, sizeof message);

    if (err == OK) {
        HOLDS(htpasswd_count(h) <= text.len);
        htpasswd_free(h);
    } else if (err == ERR_INVALID) {
        HOLDS(strlen(message) > 0);
    }
}

static void try_credentials(struct bytes text, bool http)
{
    const uint8_t *end = memchr(text.data, '\n', text.len);
    char *method = end ? strndup((const char *)text.data, (size_t)(end - text.data)) : NULL;
    const struct credentials c = {.method = method,
                                  .data = end ? bytes_of(end + 1, (size_t)(text.data + text.len - end - 1)) : text,
                                  .http = http};
    struct identity identity;
    struct verdict verdict;

    if (authentication_check(providers(), &c, 1000, &identity, &verdict) == OK) {
        HOLDS(identity.role[0] != '\0');
        HOLDS(strcmp(identity.role, "frank") == 0);
        identity_deinit(&identity);
    }
    free(method);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const struct bytes rest = bytes_of(data + 1, size - 1);
    if (data[0] == 'h')
        try_file(rest);
    else
        try_credentials(rest, data[0] == 'w');
    return 0;
}
