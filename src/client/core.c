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
    sys->loop->ops->entropy(sys->loop, &seed, sizeof seed);
    random_init(&core->random, seed);
    return OK;
}

void client_core_deinit(struct client_core *core)
{
    assert(core->connections_alive == 0);
    free(core->service_url);
}

pulsar_result client_core_refusal(struct client_core *core)
{
    const char *unbuilt = client_config_refusal(core->config);
    enum err err;

    if (core->stopping)
        return pulsar_result_AlreadyClosed;
    if (core->service_count == 0) {
        err = client_address_parse(core->service_url, core->services, &core->service_count);
        if (err == ERR_UNSUPPORTED)
            unbuilt = "TLS";
        else if (err != OK) {
            log_error(core->log, "client", "\"%s\" is not the address of a service", core->service_url);
            return pulsar_result_InvalidUrl;
        }
    }
    if (!unbuilt)
        return pulsar_result_Ok;
    log_error(core->log, "client", "%s is not built", unbuilt);
    return pulsar_result_OperationNotSupported;
}

void client_core_stop(struct client_core *core, void (*drained)(struct client_core *core))
{
    core->stopping = true;
    core->on_drained = drained;
    client_connections_close(core);
}
