/* SPDX-License-Identifier: Apache-2.0
 *
 * store_verbs.h - what the verbs of `geminga store` share.
 */
#ifndef CLI_STORE_VERBS_H
#define CLI_STORE_VERBS_H

#include "cli/cli.h"
#include "store/store.h"
#include "sys/uv_sys.h"

#define STORE_MESSAGE_SIZE 600

enum { STORE_SOUND = 0, STORE_DAMAGED = 1, STORE_CANNOT = 2 };

struct store_config {
    char *data;
    bool json;
    char *topic, *from, *to; /* export */
    char *http_url;          /* backup */
};

#define STORE_AT(member) .offset = offsetof(struct store_config, member)

#define STORE_DATA_OPTION                                                                                              \
    {                                                                                                                  \
        .key = "data", .env = "GEMINGA_DATA", .flag = "--data", .type = OPTION_TEXT, .fallback = "data",               \
        STORE_AT(data), .text = "The broker's data directory."                                                         \
    }

struct store_directory {
    struct uv_sys *uv; /* the caller's to free */
    struct store_options options;
    char holder[96];
};

/* STORE_CANNOT, said: there is no such directory. */
int store_directory_open(const struct invocation *inv, const char *path, struct store_directory *d);
/* "PATH: message"; STORE_CANNOT. */
int store_failed(const struct invocation *inv, const char *path, const char *message);
/* What `geminga store verify` prints, and its status. */
int store_verify_print(const struct invocation *inv, const char *path, bool json);

extern const struct verb store_backup_verb, store_restore_verb; /* store_backup.c */

#endif
