/* SPDX-License-Identifier: Apache-2.0
 *
 * serve_audit.c - see serve_audit.h.
 */
#include "cli/serve_audit.h"

#include "broker/names.h"
#include "sys/disk_posix.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* The directory of the file; a relative one begins at the data directory. */
static void directory_of(const struct broker_config *c, char to[PATH_MAX])
{
    const char *file = c->audit_file, *slash = strrchr(file, '/');
    const int len = slash ? (int)(slash - file) : 0;

    if (*file == '/')
        (void)snprintf(to, PATH_MAX, "%.*s/", len, file);
    else
        (void)snprintf(to, PATH_MAX, "%s/%.*s", c->data, len, file);
}

static bool is_in_default_namespace(const char *topic)
{
    struct topic_name name;

    return topic && topic_name_parse(&name, bytes_of_text(topic)) == OK &&
           bytes_equal(topic_name_namespace(&name), bytes_of_text("public/default"));
}

enum err serve_audit_open(struct disk **disk, struct node_options *o, const struct broker_config *c, char *message,
                          size_t message_size)
{
    const char *slash = strrchr(c->audit_file, '/'), *name = slash ? slash + 1 : c->audit_file;
    char directory[PATH_MAX];

    *disk = NULL;
    if (!c->audit)
        return OK;
    if (*name == '\0' || strlen(name) > AUDIT_FILE_NAME_MAX) {
        (void)snprintf(message, message_size, "auditFile: `%s` is no name of a file", c->audit_file);
        return ERR_INVALID;
    }
    if (is_in_default_namespace(c->audit_topic)) {
        (void)snprintf(message, message_size,
                       "auditTopic: its namespace is for super users alone, so it is not public/default; "
                       "persistent://pulsar/system/audit is a good place");
        return ERR_INVALID;
    }
    directory_of(c, directory);
    const enum err err = disk_posix_new(disk, directory);
    if (err != OK) {
        (void)snprintf(message, message_size, "the audit log's directory, %s, cannot be used: %s", directory,
                       err_text(err));
        return err;
    }
    o->audit_enabled = true;
    o->audit = (struct audit_options){.file = {.disk = *disk,
                                               .name = name,
                                               .bytes_max = (uint64_t)c->audit_file_bytes,
                                               .kept = (uint32_t)c->audit_files_kept},
                                      .topic = c->audit_topic && *c->audit_topic ? c->audit_topic : NULL,
                                      .log = o->broker.log};
    o->broker.audit_topic = o->audit.topic;
    return OK;
}
