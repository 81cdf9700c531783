/* SPDX-License-Identifier: Apache-2.0
 *
 * websocket.c - `geminga websocket`: the WebSocket interface alone, in front of any Pulsar, as `pulsar websocket`.
 *
 * Beside a broker of ours it is there already, on the broker's HTTP port.
 */
#include "services/websocket/websocket.h"

#include "cli/access.h"
#include "cli/serve.h"
#include "http/http.h"
#include "sys/uv_sys.h"
#include <stdio.h>
#include <stdlib.h>

#define CONNECTIONS_MAX 5000

struct websocket_config {
    char *service_url, *bind_address;
    int64_t http_port;
    struct access_config access;
};

#define AT(member) .offset = offsetof(struct websocket_config, member)

static const struct option rows[] = {
    {.key = "pulsar.service_url",
     .alias = "brokerServiceUrl",
     .env = "PULSAR_SERVICE_URL",
     .flag = "--service-url|--url",
     .type = OPTION_TEXT,
     .fallback = "pulsar://localhost:6650",
     AT(service_url),
     .text = "The Pulsar that it is in front of."},
    {.key = "broker.http_port",
     .alias = "webServicePort",
     .flag = "--http-port",
     .type = OPTION_INTEGER,
     .fallback = "8080",
     .max = 65535,
     AT(http_port),
     .text = "The port that it listens on; 0: the kernel chooses."},
    {.key = "broker.bind_address",
     .alias = "bindAddress",
     .flag = "--bind-address",
     .type = OPTION_TEXT,
     .fallback = "0.0.0.0",
     AT(bind_address),
     .text = "The address that it listens on."},
    ACCESS_ROWS(struct websocket_config, access),
};

static const struct option_table websocket_options = OPTION_TABLE(rows);

/* Nothing is here but WebSockets, and who asks whether we live. */
static void on_request(void *ctx, struct call *call)
{
    if (bytes_equal(call->request.path, bytes_of_text("/status.html")))
        call_text(call, "OK");
    else
        call_reason(call, 404, "there is nothing here but /ws/v2/");
}

static void http_thread(void *ctx)
{
    http_run(ctx);
}

static void on_signal(void *ctx, int number)
{
    uv_sys_stop(ctx);
}

/* Until a signal. */
static int run(const struct invocation *inv, const struct websocket_config *config, struct http *http)
{
    struct uv_thread *thread;
    struct uv_sys *uv = NULL;
    enum err err = uv_sys_new(&uv, NULL);

    if (err == OK && (err = uv_sys_on_signal(uv, on_signal, uv)) == OK &&
        (err = uv_thread_run(&thread, "http", http_thread, http)) == OK) {
        (void)printf("Geminga %s takes WebSockets on port %u, for %s\n", GEMINGA_VERSION, http_port(http),
                     config->service_url);
        (void)fflush(stdout);
        uv_sys_run(uv);
        http_stop(http);
        uv_thread_finish(thread);
    }
    if (err != OK)
        cli_error(inv, "cannot begin: %s", err_text(err));
    uv_sys_free(uv);
    return err == OK ? CLI_OK : CLI_FAILED;
}

static int serve_sockets(const struct invocation *inv, const struct websocket_config *config,
                         const struct pulsar_access *access, struct log *log)
{
    struct websocket *w;
    struct http *http = NULL;
    char message[600];
    int status = CLI_FAILED;

    if (websocket_new(&w, log) != OK) {
        cli_error(inv, "no memory");
        return CLI_FAILED;
    }
    const struct http_options options = {
        .bind = config->bind_address,
        .port = (uint16_t)config->http_port,
        .connections_max = CONNECTIONS_MAX,
        .log = log,
        .on_request = on_request,
        .sockets = websocket_service(w),
    };
    websocket_start(w, access, true);
    if (http_open(&http, &options, message, sizeof message) == OK)
        status = run(inv, config, http);
    else
        cli_error(inv, "%s (--http-port N; 0: the kernel chooses)", message);
    websocket_close(w);
    http_close(http);
    websocket_free(w);
    return status;
}

/* The same, with where it is in front of, and as whom: wrong settings are found before anybody connects. */
static int serve_for(const struct invocation *inv, const struct websocket_config *config, struct log *log)
{
    char *url = pulsar_access_url(config->service_url, config->access.tls_enabled);
    pulsar_client_configuration_t *unused;
    struct pulsar_access access;
    char message[400] = "no memory";
    int status = CLI_FAILED;

    if (url && access_read(&config->access, &access, message, sizeof message) &&
        pulsar_access_configuration(&access, &unused, message, sizeof message) == OK) {
        pulsar_client_configuration_free(unused);
        access.service_url = url;
        status = serve_sockets(inv, config, &access, log);
    } else {
        cli_error(inv, "%s", message);
    }
    free(url);
    return status;
}

static int websocket_run(struct invocation *inv)
{
    struct options sets[VERB_TABLES_MAX];
    struct websocket_config config = {0};
    void *const values[VERB_TABLES_MAX] = {&config};
    struct log log = {.level = LOG_INFO};
    int status = cli_configure(inv, sets, values);

    if (status == CLI_OK && inv->argc > 0)
        status = cli_usage_error(inv, "what is `%s`?", inv->argv[0]);
    if (status == CLI_OK)
        status = serve_for(inv, &config, &log);
    cli_deconfigure(inv, sets);
    return status;
}

const struct verb websocket_verb = {
    .name = "websocket",
    .arguments = "[--service-url URL] [--http-port N]",
    .text = "Takes WebSockets for any Pulsar; a broker of ours does so by itself.",
    .example = "  geminga websocket --service-url pulsar://pulsar.example.com:6650 --http-port 8080\n",
    .tables = {&websocket_options},
    .run = websocket_run,
};
