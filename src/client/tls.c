/* SPDX-License-Identifier: Apache-2.0
 *
 * tls.c - see tls.h.
 *
 * Reading the files takes the loop some milliseconds, once for each change of them.
 */
#include "client/tls.h"

#include "sys/tls_net.h"

static struct tls_settings settings_of(const struct _pulsar_client_configuration *config)
{
    const struct auth_params *auth = &config->auth.params;
    const bool proves =
        auth->kind == AUTH_CERTIFICATE; /* goes over what the configuration names, as in the C++ client */

    return (struct tls_settings){
        .side = TLS_CLIENT,
        .certificate_file = proves ? auth->certificate : config->tls_certificate,
        .key_file = proves ? auth->key : config->tls_key,
        .trust_file = config->tls_trust,
        .verify_host = config->tls_validate,
        .allow_insecure = config->tls_insecure,
    };
}

static enum err net_make(struct client_tls *t, struct client_core *core, struct tls_context *context)
{
    struct tls_net_options options;

    if (t->net) {
        tls_net_replace(t->net, NULL, context);
        return OK;
    }
    tls_net_options_init(&options);
    options.under = core->sys->net;
    options.loop = core->sys->loop;
    options.client = context;
    options.log = core->log;
    return tls_net_new(&t->net, &options);
}

/* `digest` is of the files as they are now. */
static enum err files_use(struct client_tls *t, struct client_core *core, const struct tls_settings *settings,
                          const uint8_t *digest)
{
    struct tls_context *context;
    enum err err = tls_context_new(&context, settings, t->why, sizeof t->why);

    if (err != OK)
        return err;
    if (*t->why)
        log_warn(core->log, "client", "TLS: %s", t->why);
    if ((err = net_make(t, core, context)) == OK)
        memcpy(t->digest, digest, sizeof t->digest);
    tls_context_unref(context);
    return err;
}

struct net *client_tls_net(struct client_tls *t, struct client_core *core, const char **why)
{
    const struct tls_settings settings = settings_of(core->config);
    uint8_t digest[TLS_DIGEST_BYTES];
    enum err err;

    tls_settings_digest(&settings, digest);
    if (t->net && memcmp(digest, t->digest, sizeof digest) == 0)
        return t->net;
    *t->why = '\0';
    if ((err = files_use(t, core, &settings, digest)) == OK)
        return t->net;
    *why = *t->why ? t->why : err_text(err);
    if (t->net)
        log_warn(core->log, "client", "TLS: the new files are not used: %s", *why);
    return t->net;
}

void client_tls_deinit(struct client_tls *t)
{
    tls_net_free(t->net);
    *t = (struct client_tls){0};
}
