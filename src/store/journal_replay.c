/* SPDX-License-Identifier: Apache-2.0
 *
 * journal_replay.c - see journal_replay.h.
 */
#include "store/journal_replay.h"

#include "base/log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SCAN_CHUNK (1024u * 1024)

struct source {
    uint64_t number, size;
    struct journal_file_header header;
    bool used;      /* the header holds */
    bool salt_lost; /* it did not, and was made up from the batches */
};

struct sources {
    struct source *list;
    size_t count, capacity;
    enum err err;
};

/* One file being walked. */
struct walk {
    struct journal_replay *replay;
    const struct source *source;
    struct file *file;
    char path[JOURNAL_PATH_SIZE];
    uint64_t offset;       /* of the next batch */
    uint64_t number;       /* it should have */
    uint32_t previous_crc; /* likewise */
    uint64_t limit;        /* first batch of the next file, or UINT64_MAX */
    uint8_t *payload;
    size_t payload_capacity;
};

static enum err source_read(struct disk *disk, struct source *s)
{
    char path[JOURNAL_PATH_SIZE];
    uint8_t head[JOURNAL_HEADER_SIZE];
    struct file *file = NULL;
    size_t got;
    enum err err;

    journal_path(path, s->number);
    if ((err = disk_open(disk, path, DISK_READ, &file)) != OK)
        return err;
    if ((err = file_size(file, &s->size)) == OK && (err = file_read(file, 0, head, sizeof head, &got)) == OK) {
        err = journal_file_header_decode(&s->header, bytes_of(head, got));
        s->used = err == OK;
        if (err == ERR_CORRUPT) /* never used, or its first batch was never synced */
            err = OK;
    }
    file_close(file);
    return err;
}

/* ---- damage ---- */

/* r->message says what it is.  OK: it was told, and the replay goes on. */
static enum err tell(struct journal_replay *r, struct journal_damage *d)
{
    d->text = r->message;
    if (!r->damaged || r->damaged(r->ctx, d) != OK)
        return ERR_CORRUPT;
    r->message[0] = '\0';
    return OK;
}

/* ---- a file whose header is damaged ---- */

static bool header_at(struct file *f, uint64_t offset, struct batch_header *h)
{
    uint8_t head[JOURNAL_BATCH_HEADER_SIZE];
    size_t got;

    return file_read(f, offset, head, sizeof head, &got) == OK && got == sizeof head &&
           batch_header_decode(h, head) == OK;
}

/* Batches that follow each other by number, generation and checksum: how many, the first one and the last. */
static uint64_t chain_of(struct file *f, struct batch_header *first, struct batch_header *last)
{
    struct batch_header h;
    uint64_t offset = JOURNAL_HEADER_SIZE, count = 0;

    while (header_at(f, offset, &h) && (count == 0 || (h.generation == last->generation &&
                                                       h.number == last->number + 1 && h.previous_crc == last->crc))) {
        if (count++ == 0)
            *first = h;
        *last = h;
        offset += batch_whole(&h);
    }
    return count;
}

/* The header goes to the disk with the first batch, and a second one only after the sync of both: where there are two,
 * the header held once.  Files of batches that are not wanted are as good as never used. */
static enum err source_doubt(struct journal_replay *r, struct source *s)
{
    char path[JOURNAL_PATH_SIZE];
    struct batch_header first = {0}, last = {0};
    struct file *file = NULL;
    enum err err;

    journal_path(path, s->number);
    if ((err = disk_open(r->disk, path, DISK_READ, &file)) != OK)
        return err;
    const uint64_t count = chain_of(file, &first, &last);
    file_close(file);
    if (count < 2 || last.number <= r->applied + 1 || first.generation < r->first_generation)
        return OK;
    snprintf(r->message, r->message_size,
             "%s is damaged at offset 0: its header does not match its checksum, and batches %" PRIu64 " to %" PRIu64
             " in it prove that it was once whole",
             path, first.number, last.number);
    struct journal_damage d = {.kind = JOURNAL_DAMAGED_HEADER,
                               .path = path,
                               .file = s->number,
                               .first_batch = first.number,
                               .last_batch = last.number,
                               .entry = {0, -1}};
    if (tell(r, &d) != OK)
        return ERR_CORRUPT;
    s->header = (struct journal_file_header){
        .generation = first.generation, .first_batch = first.number, .previous_crc = first.previous_crc};
    s->used = s->salt_lost = true;
    return OK;
}

static void source_found(void *ctx, const char *name)
{
    struct sources *s = ctx;
    uint64_t number;

    if (s->err != OK || !journal_path_parse(name, &number))
        return;
    if (s->count == s->capacity) {
        const size_t wanted = s->capacity ? s->capacity * 2 : 8;
        void *grown = realloc(s->list, wanted * sizeof *s->list);
        if (!grown) {
            s->err = ERR_NOMEM;
            return;
        }
        s->list = grown;
        s->capacity = wanted;
    }
    s->list[s->count++] = (struct source){.number = number};
}

/* Used ones first, by generation. */
static int source_order(const void *left, const void *right)
{
    const struct source *a = left, *b = right;

    if (a->used != b->used)
        return a->used ? -1 : 1;
    if (!a->used)
        return a->number < b->number ? -1 : 1;
    return a->header.generation < b->header.generation ? -1 : 1;
}

static enum err sources_read(struct journal_replay *r, struct sources *s)
{
    enum err err = r->disk->ops->list(r->disk, JOURNAL_DIR, source_found, s);

    if (err == OK)
        err = s->err;
    for (size_t i = 0; err == OK && i < s->count; i++) {
        err = source_read(r->disk, &s->list[i]);
        if (err == OK && !s->list[i].used && (err = source_doubt(r, &s->list[i])) == ERR_CORRUPT)
            break;
        if (err != OK)
            snprintf(r->message, r->message_size,
                     err == ERR_VERSION ? "journal file %08" PRIx64
                                          " was written by a newer version; nothing was changed"
                                        : "journal file %08" PRIx64 " cannot be read",
                     s->list[i].number);
    }
    if (err == OK && s->count > 0)
        qsort(s->list, s->count, sizeof *s->list, source_order);
    return err;
}

/* ---- one batch ---- */

static enum err payload_reserve(struct walk *w, size_t len)
{
    if (len <= w->payload_capacity)
        return OK;
    void *grown = realloc(w->payload, len);
    if (!grown)
        return ERR_NOMEM;
    w->payload = grown;
    w->payload_capacity = len;
    return OK;
}

/* The batch at `offset`, whole, into w->payload; ERR_CORRUPT when there is no valid one of this generation. */
static enum err batch_read(struct walk *w, uint64_t offset, struct batch_header *out)
{
    uint8_t head[JOURNAL_BATCH_HEADER_SIZE];
    struct batch_header h;
    size_t got;
    enum err err;

    if ((err = file_read(w->file, offset, head, sizeof head, &got)) != OK)
        return err;
    if (got < sizeof head || batch_header_decode(&h, head) != OK || h.generation != w->source->header.generation)
        return ERR_CORRUPT;
    if ((err = payload_reserve(w, h.payload_len)) != OK)
        return err;
    if ((err = file_read(w->file, offset + sizeof head, w->payload, h.payload_len, &got)) != OK)
        return err;
    if (got != h.payload_len)
        return ERR_CORRUPT;
    if (!w->source->salt_lost && batch_crc(head, w->source->header.salt, bytes_of(w->payload, got)) != h.crc)
        return ERR_CORRUPT;
    *out = h;
    return OK;
}

static bool may_be_batch(const struct walk *w, const uint8_t *at)
{
    struct batch_header h;

    return batch_header_decode(&h, at) == OK && h.generation == w->source->header.generation && h.number > w->number;
}

/* The next valid batch behind the bad one at w->offset, with a greater number; if it, or one behind it, proves that
 * the bad one was durable.  ERR_NOT_FOUND. */
static enum err find_later(struct walk *w, uint64_t *offset, uint64_t *number)
{
    uint8_t *chunk = malloc(SCAN_CHUNK);
    enum err err = chunk ? ERR_NOT_FOUND : ERR_NOMEM;
    size_t got = SCAN_CHUNK;

    *number = 0;
    for (uint64_t at = w->offset + JOURNAL_ALIGN; err == ERR_NOT_FOUND && got == SCAN_CHUNK; at += SCAN_CHUNK) {
        enum err failed = file_read(w->file, at, chunk, SCAN_CHUNK, &got);
        if (failed != OK)
            err = failed;
        for (size_t i = 0; err == ERR_NOT_FOUND && i + JOURNAL_BATCH_HEADER_SIZE <= got; i += JOURNAL_ALIGN) {
            struct batch_header h;
            if (!may_be_batch(w, chunk + i) || batch_read(w, at + i, &h) != OK)
                continue;
            if (*number == 0) {
                *offset = at + i;
                *number = h.number;
            }
            if (h.number - w->number > h.unsynced)
                err = OK;
        }
    }
    free(chunk);
    return err;
}

/* The position in an entry's header that may be damaged itself; ledger 0: it makes no sense. */
static struct position entry_position(const uint8_t *at, size_t len)
{
    const struct position none = {0, -1};
    struct stored_entry entry;

    if (len < ENTRY_HEADER_SIZE || at[8] != RECORD_ENTRY)
        return none;
    const struct record record = {.kind = RECORD_ENTRY, .whole = bytes_of(at, len)};
    return entry_decode(&entry, &record) == OK ? entry.position : none;
}

/* The entry in the first record of a damaged batch that does not hold, if it can be told. */
static struct position name_record(struct walk *w)
{
    uint8_t head[JOURNAL_BATCH_HEADER_SIZE];
    struct batch_header h;
    struct record record;
    size_t got, at = 0;

    if (file_read(w->file, w->offset, head, sizeof head, &got) != OK || got < sizeof head ||
        batch_header_decode(&h, head) != OK || payload_reserve(w, h.payload_len) != OK ||
        file_read(w->file, w->offset + sizeof head, w->payload, h.payload_len, &got) != OK)
        return (struct position){0, -1};
    while (at < got && record_decode(&record, bytes_of(w->payload + at, got - at)) == OK)
        at += record.whole.len;
    return entry_position(w->payload + at, got - at);
}

static enum err tell_damage(struct walk *w, struct journal_damage *d)
{
    d->path = w->path;
    d->file = w->source->number;
    return tell(w->replay, d);
}

static enum err damaged(struct walk *w, uint64_t by, const char *where)
{
    struct journal_damage d = {.kind = JOURNAL_DAMAGED_BATCHES,
                               .offset = w->offset,
                               .first_batch = w->number,
                               .last_batch = by - 1,
                               .entry = name_record(w)};
    char about[80] = "";

    if (d.entry.ledger > 0)
        snprintf(about, sizeof about, " (at ledger %" PRId64 ", entry %" PRId64 ")", d.entry.ledger, d.entry.entry);
    snprintf(w->replay->message, w->replay->message_size,
             "%s is damaged at offset %" PRIu64 ": batch %" PRIu64
             "%s does not match its checksum, and what lies %s, from "
             "batch %" PRIu64 " on, proves that it was once whole",
             w->path, w->offset, w->number, about, where, by);
    return tell_damage(w, &d);
}

/* ---- records ---- */

static enum err refused_record(struct walk *w, uint64_t offset, enum err err)
{
    const char *why = err == ERR_VERSION   ? "is of a newer version; nothing was changed"
                      : err == ERR_CORRUPT ? "makes no sense"
                                           : "could not be taken in";
    struct journal_damage d = {.kind = JOURNAL_DAMAGED_RECORD,
                               .offset = offset,
                               .first_batch = w->number,
                               .last_batch = w->number,
                               .entry = {0, -1}};

    if (w->replay->message[0] == '\0')
        snprintf(w->replay->message, w->replay->message_size,
                 "%s, batch %" PRIu64 ": the record at offset %" PRIu64 " %s", w->path, w->number, offset, why);
    return err == ERR_CORRUPT ? tell_damage(w, &d) : err;
}

static struct journal_place place_of(const struct walk *w, uint64_t offset, size_t len)
{
    return (struct journal_place){.offset = offset, .file = (uint32_t)w->source->number, .len = (uint32_t)len};
}

/* A record that holds, to who wants them. */
static enum err tell_record(struct walk *w, const struct record *record, uint64_t offset)
{
    struct journal_replay *r = w->replay;
    const enum err err = r->record(r->ctx, record, place_of(w, offset, record->whole.len));

    return err == OK ? OK : refused_record(w, offset, err);
}

/* Where the record behind the bad one at `at` begins: as its length says, or the next bytes that are a record; `len`
 * when there is none. */
static size_t next_record(const uint8_t *bytes, size_t len, size_t at)
{
    struct record record;
    const size_t claimed = len - at >= RECORD_HEADER_SIZE ? le32_get(bytes + at) : 0;

    if (claimed >= RECORD_HEADER_SIZE && claimed <= len - at &&
        (claimed == len - at || record_decode(&record, bytes_of(bytes + at + claimed, len - at - claimed)) == OK))
        return at + claimed;
    for (at++; at < len; at++) {
        if (record_decode(&record, bytes_of(bytes + at, len - at)) == OK)
            return at;
    }
    return len;
}

/* The records among `len` bytes of w->payload, which lie at `offset`: those that hold are told, the others lost. */
static enum err tell_what_holds(struct walk *w, uint64_t offset, size_t len)
{
    const struct journal_replay *r = w->replay;
    struct record record;
    size_t at = 0;
    enum err err;

    while (at < len) {
        if ((err = record_decode(&record, bytes_of(w->payload + at, len - at))) == OK) {
            if ((err = tell_record(w, &record, offset + at)) != OK)
                return err;
            at += record.whole.len;
            continue;
        }
        if (len - at >= 4 && le32_get(w->payload + at) == 0)
            return OK; /* padding: the batch's length was not known */
        const size_t next = next_record(w->payload, len, at);
        if (r->lost)
            r->lost(r->ctx, place_of(w, offset + at, next - at), entry_position(w->payload + at, next - at));
        at = next;
    }
    return OK;
}

/* The bad batch at w->offset, of which nothing lies at or behind `end`. */
static enum err salvage(struct walk *w, uint64_t end)
{
    const uint64_t from = w->offset + JOURNAL_BATCH_HEADER_SIZE;
    struct batch_header h;
    uint64_t len = end > from ? end - from : 0;
    size_t got;
    enum err err;

    if (header_at(w->file, w->offset, &h) && h.number == w->number && h.payload_len < len)
        len = h.payload_len;
    if (len > JOURNAL_PAYLOAD_MAX)
        len = JOURNAL_PAYLOAD_MAX;
    if ((err = payload_reserve(w, (size_t)len)) != OK ||
        (err = file_read(w->file, from, w->payload, (size_t)len, &got)) != OK)
        return err;
    return tell_what_holds(w, from, got);
}

static enum err tell_records(struct walk *w, const struct batch_header *h)
{
    struct record record;
    size_t at = 0;
    enum err err = OK;

    if (w->source->salt_lost)
        return tell_what_holds(w, w->offset + JOURNAL_BATCH_HEADER_SIZE, h->payload_len);
    while (err == OK && at < h->payload_len) {
        const uint64_t offset = w->offset + JOURNAL_BATCH_HEADER_SIZE + at;
        if ((err = record_decode(&record, bytes_of(w->payload + at, h->payload_len - at))) != OK) {
            (void)refused_record(w, offset, err);
            return err;
        }
        err = tell_record(w, &record, offset);
        at += record.whole.len;
    }
    return err;
}

/* ---- one file ---- */

/* A batch that is not wanted any more: only its length and CRC are. */
static enum err skip_batch(struct walk *w)
{
    struct batch_header h;
    uint8_t head[JOURNAL_BATCH_HEADER_SIZE];
    size_t got;
    enum err err;

    if ((err = file_read(w->file, w->offset, head, sizeof head, &got)) != OK)
        return err;
    if (got < sizeof head || batch_header_decode(&h, head) != OK || h.number != w->number ||
        h.generation != w->source->header.generation)
        return ERR_CORRUPT;
    w->offset += batch_whole(&h);
    w->previous_crc = h.crc;
    w->number++;
    return OK;
}

/* Batches up to `applied` rest elsewhere: damage among them does not matter, if what follows can be found. */
static enum err skip_applied(struct walk *w)
{
    enum err err = OK;

    while (err == OK && w->number <= w->replay->applied && w->number < w->limit) {
        struct batch_header h;
        uint64_t offset, number;
        if ((err = skip_batch(w)) != ERR_CORRUPT)
            continue;
        if ((err = find_later(w, &offset, &number)) != OK)
            continue;
        if (number > w->replay->applied + 1) {
            w->number = w->replay->applied + 1;
            if ((err = find_later(w, &offset, &number)) != OK) /* not proved: the log ends here */
                continue;
            if ((err = damaged(w, number, "behind it")) != OK)
                return err;
        }
        if ((err = batch_read(w, offset, &h)) == OK) {
            w->offset = offset;
            w->number = number;
            w->previous_crc = h.previous_crc;
        }
    }
    return err == ERR_NOT_FOUND ? OK : err;
}

/* ERR_NOT_FOUND: a tear, or simply the end.  OK: it was damage, and w stands at the next good batch, or at the limit.
 */
static enum err bad_batch(struct walk *w)
{
    struct batch_header h;
    uint64_t offset = 0, number = 0;
    enum err err = find_later(w, &offset, &number);
    const bool here = err == OK && number < w->limit;

    if ((err != OK && err != ERR_NOT_FOUND) || (!here && w->limit == UINT64_MAX))
        return err;
    err = here ? damaged(w, number, "behind it") : damaged(w, w->limit, "in the next file");
    if (err != OK || (err = salvage(w, here ? offset : w->source->size)) != OK)
        return err;
    if (!here) {
        w->number = w->limit;
    } else if ((err = batch_read(w, offset, &h)) == OK) {
        w->offset = offset;
        w->number = number;
        w->previous_crc = h.previous_crc;
    }
    return err;
}

/* Tells the batches of the file; OK at its end, where w->number is the next batch wanted. */
static enum err walk_batches(struct walk *w)
{
    struct journal_replay *r = w->replay;
    struct batch_header h;
    enum err err;

    while (w->number < w->limit) {
        err = batch_read(w, w->offset, &h);
        if (err == OK && (h.number != w->number || h.previous_crc != w->previous_crc))
            err = ERR_CORRUPT;
        if (err == ERR_CORRUPT) {
            if ((err = bad_batch(w)) != OK)
                return err == ERR_NOT_FOUND ? OK : err;
            continue;
        }
        if (err != OK || (err = tell_records(w, &h)) != OK)
            return err;
        r->last_batch = w->number++; /* those given up are passed */
        r->batches++;
        w->previous_crc = h.crc;
        w->offset += batch_whole(&h);
    }
    return OK;
}

/* Not nothing: a header of ours, or any byte, where the next batch would be. */
static bool something_torn(struct walk *w)
{
    uint8_t head[JOURNAL_BATCH_HEADER_SIZE];
    size_t got;

    return file_read(w->file, w->offset, head, sizeof head, &got) == OK && got == sizeof head &&
           memcmp(head, "BTCH", 4) == 0 && le64_get(head + 8) == w->number &&
           le64_get(head + 16) == w->source->header.generation;
}

/* The newest file counts with no batch, too: its header says that batches from its first on are nowhere else. */
static void note_kept(const struct walk *w)
{
    struct journal_replay *r = w->replay;
    const bool told = w->number > r->applied + 1 && w->number > w->source->header.first_batch;

    if (!told && (w->limit != UINT64_MAX || w->number <= r->applied))
        return;
    r->kept[r->kept_count++] = (struct journal_kept){
        .number = w->source->number,
        .size = w->source->size,
        .header = w->source->header,
        .end = w->offset,
        .last_batch = w->number - 1,
    };
}

static enum err walk_file(struct journal_replay *r, const struct source *s, uint64_t limit, uint32_t *crc,
                          bool crc_known)
{
    struct walk w = {
        .replay = r,
        .source = s,
        .offset = JOURNAL_HEADER_SIZE,
        .number = s->header.first_batch,
        .previous_crc = s->header.previous_crc,
        .limit = limit,
    };
    enum err err;

    journal_path(w.path, s->number);
    if (crc_known && *crc != s->header.previous_crc) {
        struct journal_damage d = {.kind = JOURNAL_DAMAGED_HEADER,
                                   .first_batch = s->header.first_batch,
                                   .last_batch = s->header.first_batch,
                                   .entry = {0, -1}};
        snprintf(r->message, r->message_size, "%s does not continue the journal file before it", w.path);
        if (tell_damage(&w, &d) != OK)
            return ERR_CORRUPT;
    }
    if ((err = disk_open(r->disk, w.path, DISK_READ, &w.file)) != OK) {
        snprintf(r->message, r->message_size, "%s cannot be opened", w.path);
        return err;
    }
    if ((err = skip_applied(&w)) == OK && w.number > r->applied && (err = walk_batches(&w)) == OK && w.number < limit &&
        something_torn(&w)) {
        r->torn = true;
        log_warn(r->log, "store", "%s ends at offset %" PRIu64 ": %s", w.path, w.offset,
                 s->header.unsynced ? "what followed was written without a sync, and is lost"
                                    : "the write that the crash cut off was never acknowledged");
    }
    *crc = w.previous_crc;
    note_kept(&w);
    if (err != OK && r->message[0] == '\0')
        snprintf(r->message, r->message_size, "%s cannot be read", w.path);
    file_close(w.file);
    free(w.payload);
    return err;
}

/* ---- all files ---- */

static enum err missing(struct journal_replay *r, uint64_t first, uint64_t last)
{
    struct journal_damage d = {
        .kind = JOURNAL_MISSING, .path = JOURNAL_DIR, .first_batch = first, .last_batch = last, .entry = {0, -1}};

    snprintf(r->message, r->message_size, "a journal file is missing: it held batches %" PRIu64 " to %" PRIu64, first,
             last);
    return tell(r, &d);
}

/* Of the files in use [0, n), by generation: where to begin. */
static enum err find_start(struct journal_replay *r, const struct source *s, size_t n, size_t *start)
{
    *start = n;
    for (size_t i = 0; i < n; i++) {
        if (s[i].header.generation >= r->first_generation && s[i].header.first_batch <= r->applied + 1)
            *start = i;
    }
    if (*start < n)
        return OK;
    for (size_t i = 0; i < n; i++) {
        if (s[i].header.generation < r->first_generation)
            continue;
        *start = i;
        return missing(r, r->applied + 1, s[i].header.first_batch - 1);
    }
    return OK; /* nothing was written after the mark */
}

static enum err walk_files(struct journal_replay *r, const struct source *s, size_t n)
{
    uint32_t crc = 0;
    size_t start;
    enum err err;

    if ((err = find_start(r, s, n, &start)) != OK)
        return err;
    for (size_t i = start; i < n; i++) {
        const uint64_t limit = i + 1 < n ? s[i + 1].header.first_batch : UINT64_MAX;
        if (limit <= s[i].header.first_batch)
            continue; /* superseded before anything in it was synced */
        /* Between two files read whole the chain must hold; in the first it begins. */
        r->unsynced |= s[i].header.unsynced;
        const bool crc_known = i > start && r->last_batch + 1 == s[i].header.first_batch && r->batches > 0;
        if ((err = walk_file(r, &s[i], limit, &crc, crc_known)) != OK)
            return err;
    }
    r->last_crc = crc;
    return OK;
}

static enum err tell_files(struct journal_replay *r, const struct sources *s)
{
    r->files = malloc((s->count + 1) * sizeof *r->files);
    if (!r->files)
        return ERR_NOMEM;
    r->file_count = s->count;
    r->next_generation = r->first_generation > 0 ? r->first_generation : 1;
    r->next_number = 1;
    for (size_t i = 0; i < s->count; i++) {
        const struct source *f = &s->list[i];
        r->files[i] = (struct journal_spare){.number = f->number, .size = f->size};
        if (f->number >= r->next_number)
            r->next_number = f->number + 1;
        if (f->used && f->header.generation >= r->next_generation)
            r->next_generation = f->header.generation + 1;
    }
    return OK;
}

enum err journal_replay(struct journal_replay *r)
{
    struct sources s = {0};
    size_t used = 0;
    enum err err;

    r->last_batch = r->applied;
    r->message[0] = '\0';
    if ((err = sources_read(r, &s)) == OK) {
        while (used < s.count && s.list[used].used)
            used++;
        r->kept = malloc((used + 1) * sizeof *r->kept);
        if (!r->kept)
            err = ERR_NOMEM;
        else if ((err = walk_files(r, s.list, used)) == OK)
            err = tell_files(r, &s);
    }
    free(s.list);
    return err;
}
