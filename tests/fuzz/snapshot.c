/* snapshot.c - streams of a whole dataset: a magic and anything behind it, with a right checksum or
 * whatever stands there. A stream is refused, or what it holds can be saved and loaded again with
 * the same number of keys. */
#include "fuzz.h"

#include <keel/snapshot.h>
#include <stdlib.h>

static const KeelSnapshotOps *ops;

static int load(KeelCtx *c, KeelStr bytes, KeelLoadResult *result) {
    KeelMemorySource source;
    KeelLoadOptions o = {.size = sizeof(o), .merge = true, .keep_expired = true};
    keel_source_memory(&source, bytes);
    ops->load_begin(c, "fuzz", bytes.len);
    int rc = ops->load(c, &source.source, &o, result);
    ops->load_end(c, rc == 0);
    MUST(rc == 0 || source.source.reason[0]);
    return rc;
}

static uint64_t keys(void) {
    uint64_t n = 0;
    for (int i = 0; i < keel_db_count(); i++) n += keel_db_size(i);
    return n;
}

static void empty(KeelCtx *c) {
    keel_db_flush(c, -1, false);
    ops->load_flush(c);
}

static void save_and_load(KeelCtx *c) {
    KeelMemorySink sink;
    KeelLoadResult result;
    uint64_t before = keys();
    keel_sink_memory(&sink);
    MUST(ops->save(&sink.sink, NULL) == 0);
    empty(c);
    MUST(load(c, (KeelStr){sink.bytes, sink.len}, &result) == 0);
    MUST(keys() == before);
    keel_sink_free_memory(&sink);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    KeelCtx c;
    KeelLoadResult result;
    fuzz_server();
    ops = keel_interface("snapshot", KEEL_SNAPSHOT_VERSION);
    MUST(ops);
    ctx_init(&c);
    char *bytes = malloc(size + 18);
    MUST(bytes);
    memcpy(bytes, "REDIS0011", 9);
    if (size) memcpy(bytes + 9, data, size);
    bytes[9 + size] = (char)0xff;
    uint64_t crc = keel_crc64(0, bytes, size + 10);
    memcpy(bytes + 10 + size, &crc, 8);
    if (load(&c, (KeelStr){bytes, size + 18}, &result) == 0) save_and_load(&c);
    empty(&c);
    free(bytes);
    ctx_done(&c);
    return 0;
}
