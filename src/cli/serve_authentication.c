/* SPDX-License-Identifier: Apache-2.0
 *
 * serve_authentication.c - see serve_authentication.h.
 */
#include "cli/serve_authentication.h"

#include "cli/cli.h"

static enum err key_read(void *ctx, const char *path, size_t max, struct bytes *out)
{
    return cli_file_read(path, max, out);
}

void serve_authentication_fill(struct node_options *o, const struct broker_config *c)
{
    o->authentication_enabled = c->authentication;
    authenticator_options_init(&o->authentication);
    o->authentication.providers = c->authentication_providers;
    o->authentication.anonymous_role = c->anonymous_role;
    o->authentication.proxy_roles = c->proxy_roles;
    o->authentication.authenticate_original = c->authenticate_original;
    o->authentication.refresh_check_s = (uint32_t)c->authentication_refresh_check_s;
    o->authentication.reload_ms = (uint32_t)c->authentication_reload_ms;
    o->authentication.token_secret_key = c->token_secret_key;
    o->authentication.token_public_key = c->token_public_key;
    o->authentication.token_public_algorithm = c->token_public_algorithm;
    o->authentication.token_claim = c->token_claim;
    o->authentication.audience_claim = c->token_audience_claim;
    o->authentication.audience = c->token_audience;
    o->authentication.skew_s = c->token_skew_s;
    o->authentication.basic_conf = c->basic_conf;
    o->authentication.read = key_read;
    o->authentication.log = o->broker.log;
}
