/* SPDX-License-Identifier: Apache-2.0
 *
 * authentication_keys.h - a struct authentication out of options: providers by name, keys as Pulsar writes them down.
 *
 * Two steps, so that a reload can tell that nothing has changed: reading what the options name, and making use of it.
 * Both may take time, and touch nothing but their arguments: any thread.  May call: base/, security/, and the reader
 * that the options have.
 */
#ifndef BROKER_AUTHENTICATION_KEYS_H
#define BROKER_AUTHENTICATION_KEYS_H

#include "broker/authenticator.h"

#define KEY_DIGEST 32

/* What was read; secrets, wiped by key_material_deinit. */
struct key_material {
    struct bytes token, passwords;
    bool from_files; /* some of it: another time it may be something else */
    uint8_t digest[KEY_DIGEST];
};

/* ERR_INVALID: an option makes no sense, or what it names cannot be read; `message` is the whole sentence. */
MUST_USE enum err key_material_read(const struct authenticator_options *o, struct key_material *out, char *message,
                                    size_t message_size);
void key_material_deinit(struct key_material *m);

/* ERR_INVALID: it is not what it should be. */
MUST_USE enum err key_material_use(const struct authenticator_options *o, const struct key_material *m,
                                   struct authentication **out, char *message, size_t message_size);

#endif
