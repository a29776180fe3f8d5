/* cluster.c - the cluster as a module sees it when there is none: what Redis answers without
 * cluster-enabled. Slots are arithmetic and need no cluster. */
#include "rm.h"

#include <stdlib.h>
#include <string.h>

void RM_RegisterClusterMessageReceiver(RedisModuleCtx *ctx, uint8_t type,
                                       RedisModuleClusterMessageReceiver receiver) {
    (void)ctx, (void)type, (void)receiver; /* no message will come */
}

int RM_SendClusterMessage(RedisModuleCtx *ctx, const char *target, uint8_t type, const char *bytes,
                          uint32_t len) {
    (void)ctx, (void)target, (void)type, (void)bytes, (void)len;
    return REDISMODULE_ERR;
}

int RM_GetClusterNodeInfo(RedisModuleCtx *ctx, const char *id, char *ip, char *primary, int *port,
                          int *flags) {
    (void)ctx, (void)id, (void)ip, (void)primary, (void)port, (void)flags;
    return REDISMODULE_ERR;
}

char **RM_GetClusterNodesList(RedisModuleCtx *ctx, size_t *count) {
    (void)ctx, (void)count;
    return NULL;
}

void RM_FreeClusterNodesList(char **ids) {
    for (char **id = ids; id && *id; id++) keel_free(*id);
    keel_free(ids);
}

const char *RM_GetMyClusterID(void) {
    return NULL;
}

size_t RM_GetClusterSize(void) {
    return 0;
}

void RM_SetClusterFlags(RedisModuleCtx *ctx, uint64_t flags) {
    (void)ctx, (void)flags;
}

/* ---- slots ------------------------------------------------------------------------------------- */

enum { SLOTS = 16384 };

/* CRC16 with polynomial 0x1021 from 0, bit by bit: this is asked seldom. */
static unsigned crc16(const char *p, size_t len) {
    unsigned crc = 0;
    for (size_t i = 0; i < len; i++) {
        crc ^= (unsigned)(unsigned char)p[i] << 8;
        for (int bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1;
        crc &= 0xffff;
    }
    return crc;
}

/* Only what is between the first braces counts, when there is something. */
static unsigned slot_of(KeelStr key) {
    const char *open = memchr(key.ptr, '{', key.len);
    if (open) {
        size_t rest = (size_t)(key.ptr + key.len - open - 1);
        const char *close = memchr(open + 1, '}', rest);
        if (close && close > open + 1) key = (KeelStr){open + 1, (size_t)(close - open - 1)};
    }
    return crc16(key.ptr, key.len) & (SLOTS - 1);
}

unsigned int RM_ClusterKeySlot(RedisModuleString *key) {
    return slot_of(rm_view(key));
}

/* The shortest text of small letters and digits that falls into each slot; made when first asked. */
const char *RM_ClusterCanonicalKeyNameInSlot(unsigned int slot) {
    static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    static char (*names)[5];
    if (slot >= SLOTS) return NULL;
    if (!names) {
        names = keel_zalloc(SLOTS * sizeof(*names));
        int left = SLOTS;
        for (int len = 1; len <= 4 && left; len++) {
            char text[5] = "";
            int places[4] = {0};
            for (bool more = true; more && left;) {
                for (int i = 0; i < len; i++) text[i] = letters[places[i]];
                unsigned found = slot_of((KeelStr){text, (size_t)len});
                if (!names[found][0]) {
                    memcpy(names[found], text, sizeof(text));
                    left--;
                }
                int i = len - 1;
                while (i >= 0 && ++places[i] == 36) places[i--] = 0;
                more = i >= 0;
            }
        }
    }
    return names[slot];
}
