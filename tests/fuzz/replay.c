/* SPDX-License-Identifier: Apache-2.0
 *
 * replay.c - runs a fuzz target without libFuzzer: each file of its corpus, prefixes of it, and mutations from a fixed
 * seed.  So that every compiler and every sanitizer build runs the corpora in the ordinary tests.
 *
 *   NAME_replay CORPUS-DIRECTORY [MUTATIONS-PER-FILE]
 */
#include "base/random.h"
#include "fuzz.h"

#include <dirent.h>
#include <string.h>

enum { FILE_MAX = 1 << 16, MUTATIONS = 2000, EDITS_MAX = 4 };

/* From a fresh allocation of just that size, so that a sanitizer sees every read beyond it. */
static void run(const uint8_t *data, size_t len)
{
    uint8_t *exact = malloc(len > 0 ? len : 1);

    if (!exact)
        abort();
    if (len > 0)
        memcpy(exact, data, len);
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
}

static size_t mutate(struct random *random, uint8_t *data, size_t len)
{
    static const uint8_t interesting[] = {0x00, 0x01, 0x7f, 0x80, 0xff, 0x0e, 0x08, 0x3a};

    for (uint64_t edits = 1 + random_below(random, EDITS_MAX); edits > 0 && len > 0; edits--) {
        size_t at = random_below(random, len);
        switch (random_below(random, 5)) {
        case 0:
            data[at] ^= (uint8_t)(1u << random_below(random, 8));
            break;
        case 1:
            data[at] = interesting[random_below(random, sizeof interesting)];
            break;
        case 2:
            data[at] = (uint8_t)random_next(random);
            break;
        case 3:
            memmove(data + at, data + at + 1, len - at - 1);
            len--;
            break;
        default:
            if (len < FILE_MAX) {
                memmove(data + at + 1, data + at, len - at);
                len++;
            }
        }
    }
    return len;
}

static void replay(const uint8_t *data, size_t len, unsigned long mutations)
{
    static uint8_t work[FILE_MAX + 1];
    struct random random;

    /* Every one, or as many as there are mutations. */
    for (size_t prefix = 0, step = len / mutations + 1; prefix < len; prefix += step)
        run(data, prefix);
    run(data, len);
    random_init(&random, len);
    for (unsigned long i = 0; i < mutations; i++) {
        memcpy(work, data, len);
        run(work, mutate(&random, work, len));
    }
}

int main(int argc, char **argv)
{
    static uint8_t data[FILE_MAX + 1];
    unsigned long mutations = argc > 2 ? strtoul(argv[2], NULL, 10) : MUTATIONS;
    unsigned files = 0;
    DIR *dir = argc > 1 ? opendir(argv[1]) : NULL;

    if (!dir) {
        fprintf(stderr, "usage: %s CORPUS-DIRECTORY [MUTATIONS-PER-FILE]\n", argv[0]);
        return 2;
    }
    for (struct dirent *entry; (entry = readdir(dir));) {
        char path[4096];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        FILE *file = fopen(path, "rb");
        if (!file)
            continue;
        replay(data, fread(data, 1, FILE_MAX, file), mutations);
        fclose(file);
        files++;
    }
    closedir(dir);
    printf("%u files, each with %lu mutations\n", files, mutations);
    return files > 0 ? 0 : 1;
}
