/* SPDX-License-Identifier: Apache-2.0
 *
 * registry.c - opening and closing: the file, whose log it is, everything checked, the tree made.
 */
#include "services/notary/registry_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define NO_DOCUMENT "sha256:0000000000000000000000000000000000000000000000000000000000000000"
#define PATH_BYTES  4200

static enum err begin(struct registry *r, const struct registry_options *options)
{
    enum err err;

    snprintf(r->owner.origin, sizeof r->owner.origin, "%s", options->origin);
    r->owner.key = *options->key;
    snprintf(r->state.previous, sizeof r->state.previous, "%s", NO_DOCUMENT);
    if ((err = registry_db_do(&r->db, BEGIN_WRITE)) != OK ||
        (err = registry_state_write(&r->db, &r->owner, &r->state)) != OK)
        return err;
    return registry_db_do(&r->db, COMMIT);
}

static enum err check_owner(const struct registry *r, const struct registry_options *options, char *message,
                            size_t size)
{
    char hex[DIGEST_HEX_SIZE];

    digest_hex(&r->owner.key.log_id, hex);
    if (!public_key_equal(&r->owner.key, options->key)) {
        snprintf(message, size, "the log belongs to another key, with the log id %s", hex);
        return ERR_INVALID;
    }
    if (strcmp(r->owner.origin, options->origin) != 0) {
        snprintf(message, size, "the log was begun as %s, and is now to be %s", r->owner.origin, options->origin);
        return ERR_INVALID;
    }
    return OK;
}

static enum err read_or_begin(struct registry *r, const struct registry_options *options, char *message, size_t size)
{
    enum err err = registry_state_read(&r->db, &r->owner, &r->state);

    registry_db_rest(&r->db);
    if (err == ERR_NOT_FOUND)
        return begin(r, options);
    return err == OK ? check_owner(r, options, message, size) : err;
}

static enum err open_db(struct registry *r, const char *directory)
{
    char path[PATH_BYTES];

    if (!directory)
        return registry_db_open(&r->db, NULL, false);
    if ((size_t)snprintf(path, sizeof path, "%s/" REGISTRY_FILE, directory) >= sizeof path)
        return ERR_INVALID;
    return registry_db_open(&r->db, path, false);
}

enum err registry_open(struct registry **out, const struct registry_options *options, char *message,
                       size_t message_size)
{
    struct registry *r = calloc(1, sizeof *r);
    enum err err;

    message[0] = '\0';
    if (!r || strlen(options->origin) > CHECKPOINT_ORIGIN_MAX) {
        free(r);
        return r ? ERR_INVALID : ERR_NOMEM;
    }
    r->log = options->log;
    log_tree_init(&r->tree, registry_read_tile, &r->db);
    if ((err = open_db(r, options->directory)) == OK && (err = read_or_begin(r, options, message, message_size)) == OK)
        err = registry_check_all(r, message, message_size);
    if (err == OK) {
        *out = r;
        return OK;
    }
    if (!message[0])
        snprintf(message, message_size, REGISTRY_FILE ": %s", r->db.failure[0] ? r->db.failure : err_text(err));
    registry_close(r);
    return err;
}

void registry_close(struct registry *r)
{
    if (!r)
        return;
    registry_db_close(&r->db);
    log_tree_deinit(&r->tree);
    free(r);
}

struct registry_place registry_place(const struct registry *r)
{
    return (struct registry_place){
        .sequence = r->state.sequence, .term = r->state.term, .previous = r->state.previous, .from = r->state.place};
}
