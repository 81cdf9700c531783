/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_fuzz.c - any request through the table of routes and its handlers, to a broker in a simulated world:
 *
 *     METHOD PATH[?NAME=VALUE&...]\n BODY
 *
 * What HTTP itself is, libwebsockets and http_test.c see to.  The world is made anew after some requests: what one left
 * behind may matter to the next, and shall not matter to many.
 */
#include "fuzz.h"

#include "admin/admin_world.h"

#include <string.h>

enum { REQUESTS_OF_A_WORLD = 50, LINE_MAX_ = 2000 };

static struct admin_world *world;
static unsigned asked;

static void world_renew(void)
{
    void *state = world;

    if (world && asked++ < REQUESTS_OF_A_WORLD)
        return;
    asked = 0;
    if (world)
        admin_world_tear_down(&state);
    HOLDS(admin_world_set_up(&state) == 0);
    world = state;
}

/* The method that the line begins with; the rest is moved to its beginning. */
static bool take_method(char *line, enum http_method *method)
{
    static const struct {
        const char *word;
        enum http_method method;
    } methods[] = {{"GET ", HTTP_GET}, {"PUT ", HTTP_PUT}, {"POST ", HTTP_POST}, {"DELETE ", HTTP_DELETE}};

    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        const size_t len = strlen(methods[i].word);
        if (strncmp(line, methods[i].word, len) != 0)
            continue;
        *method = methods[i].method;
        memmove(line, line + len, strlen(line + len) + 1);
        return true;
    }
    return false;
}

static size_t parameters(const char *query)
{
    size_t count = 1;

    for (; *query; query++)
        count += *query == '&';
    return count;
}

static void request(char *line, const char *body)
{
    enum http_method method;
    char *query = line + strcspn(line, "?");

    if (*query)
        *query++ = '\0';
    if (!take_method(line, &method) || parameters(query) >= QUERY_MAX || no_route(world, method, line))
        return;
    const int status = ask_query(world, method, line, query, body);
    HOLDS(status >= 200 && status < 600);
    for (unsigned parts = 0; world->call.more && parts < 1000; parts++)
        take_part(world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = memchr(data, '\n', size);
    const size_t len = end ? (size_t)(end - data) : size;

    if (len >= LINE_MAX_ || memchr(data, 0, size))
        return 0;
    char *line = strndup((const char *)data, len),
         *body = strndup(end ? (const char *)end + 1 : "", size - len - !!end);
    HOLDS(line && body);
    world_renew();
    request(line, body);
    free(line);
    free(body);
    return 0;
}
