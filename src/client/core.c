/* SPDX-License-Identifier: Apache-2.0
 *
 * core.c - the beginning and the end of a client's state.
 */
#include "client/core.h"

#include "client/connection.h"

#include "wire/frame.h"
#include <assert.h>
#include <stdlib.h>

enum err client_core_init(struct client_core *core, struct sys *sys, struct log *log, const char *service_url,
                          const struct _pulsar_client_configuration *config)
{
    uint64_t seed;

    *core = (struct client_core){.sys = sys, .log = log, .config = config, .message_size_max = FRAME_MESSAGE_SIZE_MAX};
    if (!client_text_set(&core->service_url, service_url ? service_url : ""))
        return ERR_NOMEM;
    list_init(&core->connections);
    client_parcel_pool_init(&core->parcels);
    sys->loop->ops->entropy(sys->loop, &seed, sizeof seed);
    random_init(&core->random, seed);
    return OK;
}

void client_core_deinit(struct client_core *core)
{
    assert(core->connections_alive == 0);
    client_parcel_pool_deinit(&core->parcels);
    free(core->service_url);
}

/* Looks at the address, once. */
static bool service_known(struct client_core *core)
{
    if (core->service_count > 0)
        return true;
    if (client_address_parse(core->service_url, core->services, &core->service_count, &core->tls) != OK) {
        log_error(core->log, "client", "\"%s\" is not the address of a service", core->service_url);
        return false;
    }
    if (core->config->use_tls && !core->tls)
        log_warn(core->log, "client", "\"%s\" is an address without TLS, and so there is none: pulsar+ssl:// has it",
                 core->service_url);
    return true;
}

pulsar_result client_core_refusal(struct client_core *core)
{
    const struct _pulsar_authentication *auth = &core->config->auth;

    if (core->stopping)
        return pulsar_result_AlreadyClosed;
    if (!service_known(core))
        return pulsar_result_InvalidUrl;
    if (auth->refused == pulsar_result_Ok)
        return pulsar_result_Ok;
    log_error(core->log, "client", "authentication: %s", auth->why);
    return auth->refused;
}

const char *client_core_url(const struct client_core *core, const char *plain, const char *with_tls)
{
    const char *url = core->tls ? with_tls : plain;
    struct client_address addresses[CLIENT_HOSTS_MAX];
    size_t count;
    bool tls;

    if (!url || client_address_parse(url, addresses, &count, &tls) != OK)
        return NULL;
    return tls == core->tls ? url : NULL;
}

void client_core_stop(struct client_core *core, void (*drained)(struct client_core *core))
{
    core->stopping = true;
    core->on_drained = drained;
    client_connections_close(core);
}
