/* SPDX-License-Identifier: Apache-2.0
 *
 * anchor.c - the anchors that the settings name.
 */
#include "services/notary/anchors/anchor.h"

#include "services/notary/anchors/rekor_v2.h"
#include "services/notary/anchors/rfc3161.h"
#include "services/notary/files.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FILE_MAX (1u << 20)

struct opening {
    const struct anchor_settings *settings;
    struct signer *log_key;
    char *why;
    size_t why_size;
};

static enum err read_file(const struct opening *o, const char *setting, const char *path, struct text *out)
{
    enum err err;

    if (!text_given(path)) {
        (void)snprintf(o->why, o->why_size, "%s is required", setting);
        return ERR_INVALID;
    }
    text_init(out, FILE_MAX);
    if ((err = file_read_whole(path, out)) != OK) {
        (void)snprintf(o->why, o->why_size, "%s: %s cannot be read: %s", setting, path,
                       err == ERR_IO ? strerror(errno) : err_text(err));
        text_deinit(out);
    }
    return err;
}

static enum err read_key(const struct opening *o, const char *setting, const char *path, struct public_key *out)
{
    struct text pem;
    enum err err = read_file(o, setting, path, &pem);

    if (err != OK)
        return err;
    if ((err = public_key_from_pem(out, bytes_of(pem.data, pem.len))) != OK) {
        (void)snprintf(o->why, o->why_size, "%s: %s is not a public key of Ed25519 or P-256 in PEM", setting, path);
        err = ERR_INVALID;
    }
    text_deinit(&pem);
    return err;
}

static enum err check_url(const struct opening *o, const char *setting, const char *url)
{
    if (strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0)
        return OK;
    (void)snprintf(o->why, o->why_size, "%s must begin with http:// or https://", setting);
    return ERR_INVALID;
}

static enum err open_rekor_v1(const struct opening *o, struct anchor **out)
{
    const struct anchor_settings *s = o->settings;
    struct public_key key;
    bool has_key = text_given(s->rekor_v1_public_key);
    enum err err = check_url(o, "notary.anchors.rekor_v1_url", s->rekor_v1_url);

    if (err == OK && has_key)
        err = read_key(o, "notary.anchors.rekor_v1_public_key", s->rekor_v1_public_key, &key);
    return err == OK ? rekor_v1_new(out, s->rekor_v1_url, s->trust_certs, o->log_key, has_key ? &key : NULL) : err;
}

static enum err open_rekor_v2(const struct opening *o, struct anchor **out)
{
    const struct anchor_settings *s = o->settings;
    struct public_key key;
    enum err err = check_url(o, "notary.anchors.rekor_v2_url", s->rekor_v2_url);

    if (err == OK && text_given(s->rekor_v2_tiles_url))
        err = check_url(o, "notary.anchors.rekor_v2_tiles_url", s->rekor_v2_tiles_url);
    if (err == OK)
        err = read_key(o, "notary.anchors.rekor_v2_public_key", s->rekor_v2_public_key, &key);
    return err == OK ? rekor_v2_new(out, s->rekor_v2_url, s->rekor_v2_tiles_url, s->trust_certs, o->log_key, &key)
                     : err;
}

static enum err open_rfc3161(const struct opening *o, struct anchor **out)
{
    const struct anchor_settings *s = o->settings;
    struct text certs;
    enum err err = check_url(o, "notary.anchors.rfc3161_url", s->rfc3161_url);

    if (err != OK || (err = read_file(o, "notary.anchors.rfc3161_trust_certs", s->rfc3161_trust_certs, &certs)) != OK)
        return err;
    if (certs.len == 0 || !strstr(certs.data, "-----BEGIN CERTIFICATE-----")) {
        (void)snprintf(o->why, o->why_size, "notary.anchors.rfc3161_trust_certs: %s has no certificate in it",
                       s->rfc3161_trust_certs);
        err = ERR_INVALID;
    } else {
        err = rfc3161_new(out, s->rfc3161_url, s->trust_certs, bytes_of(certs.data, certs.len));
    }
    text_deinit(&certs);
    return err;
}

enum err anchors_open(const struct anchor_settings *settings, struct signer *log_key,
                      struct anchor *anchors[ANCHORS_MAX], size_t *count, char *why, size_t why_size)
{
    struct opening o = {settings, log_key, why, why_size};
    const struct {
        const char *url;
        enum err (*open)(const struct opening *o, struct anchor **out);
    } kinds[ANCHORS_MAX] = {
        {settings->rekor_v1_url, open_rekor_v1},
        {settings->rekor_v2_url, open_rekor_v2},
        {settings->rfc3161_url, open_rfc3161},
    };
    size_t n = 0;
    enum err err = OK;

    assert(log_key->ops->instant);
    (void)snprintf(why, why_size, "there is no memory");
    for (size_t i = 0; i < ANCHORS_MAX && err == OK; i++)
        if (text_given(kinds[i].url) && (err = kinds[i].open(&o, &anchors[n])) == OK)
            n++;
    if (err == OK) {
        *count = n;
        return OK;
    }
    while (n > 0)
        anchor_close(anchors[--n]);
    return err;
}
