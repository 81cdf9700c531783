/* SPDX-License-Identifier: Apache-2.0
 *
 * registry.c - opening and closing: the file, whose log it is, everything checked, the tree made.
 */
#include "services/notary/registry/registry_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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

/* The path of the registry; "" for one in memory. */
static enum err registry_path(const char *directory, char path[PATH_BYTES])
{
    int len = directory ? snprintf(path, PATH_BYTES, "%s/" REGISTRY_FILE, directory) : 0;

    if (!directory)
        path[0] = '\0';
    return len < PATH_BYTES ? OK : ERR_INVALID;
}

static struct registry *registry_new(struct log *log)
{
    struct registry *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->log = log;
    log_tree_init(&r->tree, registry_read_tile, &r->db);
    return r;
}

/* Whatever else is not said. */
static void say(const struct registry *r, enum err err, char *message, size_t size)
{
    if (!message[0])
        snprintf(message, size, REGISTRY_FILE ": %s", r->db.failure[0] ? r->db.failure : err_text(err));
}

/* Checks the registry and DIR/log together. */
static enum err check_both(struct registry *r, const char *directory, struct tile_files *files, char *message,
                           size_t size)
{
    enum err err = tile_files_open(files, directory, &r->owner, message, size);

    if (err != OK) {
        if (!message[0])
            snprintf(message, size, REGISTRY_LOG_DIRECTORY "/: %s", err_text(err));
        return err;
    }
    if ((err = registry_check_all(r, files, message, size)) != OK)
        tile_files_close(files);
    return err;
}

/* The files that the log has are compared, those that it has not are written from here on. */
static enum err open_files(struct registry *r, const char *directory, const char *path, char *message, size_t size)
{
    uint64_t there = log_tree_size(&r->tree);
    struct tile_files files;
    enum err err = check_both(r, directory, &files, message, size);

    if (err != OK)
        return err;
    there = files.found.size < log_tree_size(&r->tree) ? files.found.size : log_tree_size(&r->tree);
    if (there < files.from)
        files.from = there;
    if ((err = registry_tiles_start(&r->tiles, &files, path, r->log)) != OK)
        tile_files_close(&files);
    return err;
}

enum err registry_open(struct registry **out, const struct registry_options *options, char *message,
                       size_t message_size)
{
    struct registry *r = registry_new(options->log);
    char path[PATH_BYTES];
    enum err err;

    message[0] = '\0';
    if (!r)
        return ERR_NOMEM;
    if ((err = registry_path(options->directory, path)) == OK && strlen(options->origin) > CHECKPOINT_ORIGIN_MAX)
        err = ERR_INVALID;
    if (err == OK && (err = registry_db_open(&r->db, path[0] ? path : NULL, false)) == OK &&
        (err = read_or_begin(r, options, message, message_size)) == OK)
        err = path[0] ? open_files(r, options->directory, path, message, message_size)
                      : registry_check_all(r, NULL, message, message_size);
    if (err == OK) {
        *out = r;
        return OK;
    }
    say(r, err, message, message_size);
    registry_close(r);
    return err;
}

/* In one transaction that began before the files were looked at: the registry may be growing. */
static enum err check_as_it_is(struct registry *r, const char *directory, char *message, size_t size)
{
    char log[PATH_BYTES + sizeof REGISTRY_LOG_DIRECTORY];
    struct tile_files files;
    enum err err;

    snprintf(log, sizeof log, "%s/" REGISTRY_LOG_DIRECTORY, directory);
    if ((err = registry_db_do(&r->db, BEGIN_READ)) != OK ||
        (err = registry_state_read(&r->db, &r->owner, &r->state)) != OK)
        return err;
    if (access(log, F_OK) != 0) /* opening would make it */
        return registry_check_all(r, NULL, message, size);
    if ((err = check_both(r, directory, &files, message, size)) == OK)
        tile_files_close(&files);
    return err;
}

enum err registry_verify(const char *directory, uint64_t *size, struct digest *root, char *message, size_t message_size)
{
    struct registry *r = registry_new(NULL);
    char path[PATH_BYTES];
    enum err err;

    message[0] = '\0';
    if (!r)
        return ERR_NOMEM;
    if ((err = registry_path(directory, path)) == OK && (err = registry_db_open(&r->db, path, true)) == OK &&
        (err = check_as_it_is(r, directory, message, message_size)) == OK) {
        *size = log_tree_size(&r->tree);
        *root = registry_log_root(r);
    }
    if (err != OK)
        say(r, err, message, message_size);
    registry_close(r);
    return err;
}

void registry_close(struct registry *r)
{
    if (!r)
        return;
    registry_tiles_stop(r->tiles);
    registry_db_close(&r->db);
    log_tree_deinit(&r->tree);
    free(r);
}

struct registry_place registry_place(const struct registry *r)
{
    return (struct registry_place){
        .sequence = r->state.sequence, .term = r->state.term, .previous = r->state.previous, .from = r->state.place};
}
