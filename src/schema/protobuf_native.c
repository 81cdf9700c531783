/* SPDX-License-Identifier: Apache-2.0
 *
 * protobuf_native.c - a reader of descriptors, of the few fields that say which file has which message.
 *
 *     FileDescriptorSet     1: file, repeated
 *     FileDescriptorProto   1: name   2: package   3: dependency, repeated   4: message_type, repeated
 *     DescriptorProto       1: name   3: nested_type, repeated
 *
 * A message is walked field by field over borrowed bytes; nothing is built but a table of the files.
 */
#include "schema/protobuf_native.h"
#include "base/base64.h"
#include "schema/json_text.h"
#include "schema/why.h"

#include <stdio.h>
#include <stdlib.h>

#define RULE       "PROTOBUF_NATIVE_SCHEMA"
#define FILES_MAX  1024 /* in a set */
#define NESTED_MAX 32   /* messages inside one another, down to the root */

#define refuse(why, ...) (why_set(why, NULL, RULE, __VA_ARGS__), ERR_INVALID)

enum {
    SET_FILE = 1,
    FILE_NAME = 1,
    FILE_PACKAGE = 2,
    FILE_DEPENDENCY = 3,
    FILE_MESSAGE = 4,
    MESSAGE_NAME = 1,
    MESSAGE_NESTED = 3,
};

/* -- the wire format of Protobuf ---------------------------------------------------------------------------------- */

struct field {
    uint64_t number;
    struct bytes bytes; /* of length-delimited ones; else {NULL, 0} */
};

static bool take_varint(struct bytes *rest, uint64_t *out)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64 && rest->len > 0; shift += 7) {
        uint8_t b = *rest->data;

        *rest = bytes_of(rest->data + 1, rest->len - 1);
        value |= (uint64_t)(b & 0x7f) << shift;
        if (b < 0x80) {
            *out = value;
            return true;
        }
    }
    return false;
}

static bool take_bytes(struct bytes *rest, uint64_t len, struct bytes *out)
{
    if (len > rest->len)
        return false;
    *out = bytes_of(rest->data, (size_t)len);
    *rest = bytes_of(rest->data + len, rest->len - (size_t)len);
    return true;
}

static bool take_value(struct bytes *rest, unsigned wire_type, struct bytes *out)
{
    struct bytes skipped;
    uint64_t value = 0;

    switch (wire_type) {
    case 0:
        return take_varint(rest, &value);
    case 1:
        return take_bytes(rest, 8, &skipped);
    case 2:
        return take_varint(rest, &value) && take_bytes(rest, value, out);
    case 5:
        return take_bytes(rest, 4, &skipped);
    default:
        return false;
    }
}

/* 1: there is one; 0: the end; -1: not Protobuf. */
static int field_next(struct bytes *rest, struct field *f)
{
    uint64_t tag = 0;

    *f = (struct field){0};
    if (rest->len == 0)
        return 0;
    if (!take_varint(rest, &tag) || tag >> 3 == 0)
        return -1;
    f->number = tag >> 3;
    return take_value(rest, (unsigned)(tag & 7), &f->bytes) ? 1 : -1;
}

static bool is_whole(struct bytes message)
{
    struct field f;
    int more;

    while ((more = field_next(&message, &f)) > 0)
        ;
    return more == 0;
}

/* The last of this number, as Protobuf has it; {NULL, 0}: none. */
static struct bytes find(struct bytes message, uint64_t number)
{
    struct bytes found = {0};
    struct field f;

    while (field_next(&message, &f) > 0)
        if (f.number == number && f.bytes.data)
            found = f.bytes;
    return found;
}

/* -- the set of files --------------------------------------------------------------------------------------------- */

struct file {
    struct bytes name, descriptor;
};

struct files {
    struct file all[FILES_MAX]; /* in the order of their names, once all are there */
    size_t count;
};

static int compare_names(const void *a, const void *b)
{
    return bytes_compare(((const struct file *)a)->name, ((const struct file *)b)->name);
}

static const struct file *file_find(const struct files *files, struct bytes name)
{
    struct file wanted = {.name = name};

    return bsearch(&wanted, files->all, files->count, sizeof wanted, compare_names);
}

static enum err load_files(struct files *files, struct bytes set, struct schema_why *why)
{
    struct field f;
    int more;

    files->count = 0;
    while ((more = field_next(&set, &f)) > 0) {
        if (f.number != SET_FILE)
            continue;
        if (!is_whole(f.bytes))
            return refuse(why, "One of the files in the set is not a file's descriptor.");
        if (files->count == FILES_MAX)
            return refuse(why, "The set has more than %d files.", FILES_MAX);
        files->all[files->count++] = (struct file){.name = find(f.bytes, FILE_NAME), .descriptor = f.bytes};
    }
    qsort(files->all, files->count, sizeof files->all[0], compare_names);
    return more == 0 ? OK : refuse(why, "fileDescriptorSet is not a set of files' descriptors.");
}

static enum err check_imports(const struct files *files, struct bytes file, struct schema_why *why)
{
    struct field f;

    while (field_next(&file, &f) > 0)
        if (f.number == FILE_DEPENDENCY && !file_find(files, f.bytes))
            return refuse(why, "The file \"%.*s\", which another imports, is not in the set of files.",
                          (int)(f.bytes.len < 128 ? f.bytes.len : 128), (const char *)f.bytes.data);
    return OK;
}

/* The one of number `list` whose name is `name`; false: none, or what is there is not Protobuf. */
static bool find_message(struct bytes in, uint64_t list, struct bytes name, struct bytes *out)
{
    struct field f;

    while (field_next(&in, &f) > 0)
        if (f.number == list && f.bytes.data && is_whole(f.bytes) && bytes_equal(find(f.bytes, MESSAGE_NAME), name)) {
            *out = f.bytes;
            return true;
        }
    return false;
}

/* Goes from the file to the message of this name, which is without the package. */
static bool has_message(struct bytes file, struct bytes path)
{
    struct bytes at = file;
    uint64_t list = FILE_MESSAGE;

    for (int steps = 0; steps < NESTED_MAX; steps++) {
        const uint8_t *dot = memchr(path.data, '.', path.len);
        size_t len = dot ? (size_t)(dot - path.data) : path.len;

        if (!find_message(at, list, bytes_of(path.data, len), &at))
            return false;
        if (!dot)
            return true;
        path = bytes_of(dot + 1, path.len - len - 1);
        list = MESSAGE_NESTED;
    }
    return false;
}

/* `type` behind "package.", if it begins with that. */
static const char *without_package(const char *type, struct bytes package)
{
    if (package.len > 0 && strncmp(type, (const char *)package.data, package.len) == 0 && type[package.len] == '.')
        return type + package.len + 1;
    return type;
}

static enum err find_root(const struct files *files, const char *file_name, const char *type,
                          char name[MESSAGE_NAME_MAX], struct schema_why *why)
{
    const struct file *file = file_find(files, bytes_of_text(file_name));
    struct bytes package;
    const char *path;

    if (!file)
        return refuse(why, "The root file \"%.128s\" is not in the set of files.", file_name);
    package = find(file->descriptor, FILE_PACKAGE);
    path = without_package(type, package);
    if (package.len + strlen(path) + 2 > MESSAGE_NAME_MAX)
        return refuse(why, "The name of the root message is longer than %d bytes.", MESSAGE_NAME_MAX);
    if (!has_message(file->descriptor, bytes_of_text(path)))
        return refuse(why, "The root message \"%.128s\" is not in the file \"%.128s\".", type, file_name);
    snprintf(name, MESSAGE_NAME_MAX, "%.*s%s%s", (int)package.len, (const char *)package.data,
             package.len > 0 ? "." : "", path);
    return OK;
}

static enum err root_of_set(struct bytes set, const char *file, const char *type, char name[MESSAGE_NAME_MAX],
                            struct schema_why *why)
{
    struct files *files = malloc(sizeof *files);
    enum err err = files ? load_files(files, set, why) : ERR_NOMEM;

    for (size_t i = 0; err == OK && i < files->count; i++)
        err = check_imports(files, files->all[i].descriptor, why);
    if (err == OK)
        err = find_root(files, file, type, name, why);
    free(files);
    return err;
}

/* -- the JSON around it ------------------------------------------------------------------------------------------- */

static enum err root_of_base64(const char *base64, const char *file, const char *type, char name[MESSAGE_NAME_MAX],
                               struct schema_why *why)
{
    size_t size = strlen(base64) / 4 * 3, len = 0;
    uint8_t *set = malloc(size + 1);
    enum err err;

    if (!set)
        return ERR_NOMEM;
    if (base64_decode(bytes_of_text(base64), set, size, &len) == OK)
        err = root_of_set(bytes_of(set, len), file, type, name, why);
    else
        err = refuse(why, "fileDescriptorSet is not base64.");
    free(set);
    return err;
}

enum err protobuf_native_root(struct bytes data, char name[MESSAGE_NAME_MAX], struct schema_why *why)
{
    const char *base64, *file, *type;
    json_error_t error;
    json_t *json = NULL;
    enum err err = json_text_read(&json, data, &error);

    if (err == ERR_NOMEM)
        return err;
    base64 = json_string_value(json_object_get(json, "fileDescriptorSet"));
    file = json_string_value(json_object_get(json, "rootFileDescriptorName"));
    type = json_string_value(json_object_get(json, "rootMessageTypeName"));
    if (base64 && file && type)
        err = root_of_base64(base64, file, type, name, why);
    else
        err = refuse(why, "A PROTOBUF_NATIVE schema is an object with fileDescriptorSet, rootFileDescriptorName and "
                          "rootMessageTypeName.");
    json_decref(json);
    return err;
}
