/* SPDX-License-Identifier: Apache-2.0
 *
 * http_origin.c - see http_origin.h.
 */
#include "http/http_origin.h"

#include <strings.h>

/* ---- names ---- */

static bool same(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp((const char *)a.data, (const char *)b.data, a.len) == 0);
}

static bool ends_with(struct bytes name, const char *end)
{
    const size_t len = strlen(end);

    return name.len >= len && same(bytes_of(name.data + name.len - len, len), bytes_of_text(end));
}

static bool digits(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        if (b.data[i] < '0' || b.data[i] > '9')
            return false;
    return true;
}

/* "name:port" without its port, if it has one: "[::1]:8080", "::1" and "name" as well. */
static struct bytes without_port(struct bytes authority)
{
    size_t at = authority.len;

    while (at > 0 && authority.data[at - 1] != ':')
        at--;
    if (at == 0 || !digits(bytes_of(authority.data + at, authority.len - at)))
        return authority;
    const struct bytes name = bytes_of(authority.data, at - 1);
    const bool is_v6 = memchr(name.data, ':', name.len) && name.data[name.len - 1] != ']';
    return is_v6 ? authority : name;
}

/* The same place: a port that is not said is that of the scheme. */
static bool same_authority(struct bytes a, struct bytes b, const char *default_port)
{
    const struct bytes name_a = without_port(a), name_b = without_port(b);
    const struct bytes port_a =
        name_a.len < a.len ? bytes_of(a.data + name_a.len + 1, a.len - name_a.len - 1) : bytes_of_text(default_port);
    const struct bytes port_b =
        name_b.len < b.len ? bytes_of(b.data + name_b.len + 1, b.len - name_b.len - 1) : bytes_of_text(default_port);

    return same(name_a, name_b) && same(port_a, port_b);
}

/* "console.example.com" is any port of it, "console.example.com:3000" that one. */
static bool is_trusted(const struct http_sites *sites, struct bytes authority)
{
    const char *list = sites->trusted;

    while (list && *list) {
        const size_t len = strcspn(list, ", ");
        const struct bytes entry = bytes_of(list, len);
        if (len == 1 && *list == '*')
            return true;
        if (len > 0 && (same(entry, authority) || same(entry, without_port(authority))))
            return true;
        list += len + (list[len] != '\0');
    }
    return false;
}

/* ---- rule 2 ---- */

/* Four numbers, or something with a colon in it: no name. */
static bool is_address(struct bytes name)
{
    bool only = name.len > 0;

    if (name.len > 0 && memchr(name.data, ':', name.len))
        return true;
    for (size_t i = 0; i < name.len; i++)
        only = only && ((name.data[i] >= '0' && name.data[i] <= '9') || name.data[i] == '.');
    return only;
}

static bool nobodys_name(const struct http_sites *sites, struct bytes host)
{
    struct bytes name = without_port(host);

    if (name.len > 0 && name.data[name.len - 1] == '.')
        name.len--;
    return name.len == 0 || is_address(name) || !memchr(name.data, '.', name.len) || ends_with(name, ".localhost") ||
           ends_with(name, ".internal") || (sites->own && same(name, bytes_of_text(sites->own))) ||
           is_trusted(sites, host);
}

/* ---- rule 1 ---- */

/* "https://console.example.com:3000" without its scheme; the whole when it has none: "null". */
static struct bytes authority_of(struct bytes origin)
{
    const uint8_t *slashes = origin.len > 3 ? memmem(origin.data, origin.len, "://", 3) : NULL;

    if (!slashes)
        return origin;
    return bytes_of(slashes + 3, origin.len - (size_t)(slashes + 3 - origin.data));
}

static bool from_elsewhere(const struct http_sites *sites, const struct http_origin *r)
{
    const struct bytes from = authority_of(r->origin);

    if (r->origin.len > 0)
        return !same_authority(from, r->host, r->tls ? "443" : "80") && !is_trusted(sites, from);
    return same(r->fetch_site, bytes_of_text("cross-site")) && !is_trusted(sites, r->host);
}

const char *http_origin_refuse(const struct http_sites *sites, const struct http_origin *request)
{
    if (!sites->authenticated && request->loopback && !nobodys_name(sites, request->host))
        return "the Host is no name of this broker's: list it in http_trusted_sites, or turn authentication on";
    if (request->changes && !(sites->authenticated && request->has_token) && from_elsewhere(sites, request))
        return "a page of another site asked for this: list that site in http_trusted_sites if it may";
    return NULL;
}
