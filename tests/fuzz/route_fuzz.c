/* SPDX-License-Identifier: Apache-2.0
 *
 * route_fuzz.c - any bytes as a path, after one byte for the method.
 */
#include "fuzz.h"

#include "admin/routes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct call call = {0};

    if (size == 0)
        return 0;
    call.request.method = (enum http_method)(data[0] % HTTP_METHODS);
    call.request.path = bytes_of(data + 1, size - 1);
    if (routes_find(&call) != ROUTE_FOUND)
        return 0;
    HOLDS(call.route->method == call.request.method);
    for (size_t i = 0; i < PARAMETERS_MAX && call.parameters[i].data; i++) {
        HOLDS(call.parameters[i].len > 0);
        HOLDS(call.parameters[i].data > data && call.parameters[i].data + call.parameters[i].len <= data + size);
    }
    return 0;
}
