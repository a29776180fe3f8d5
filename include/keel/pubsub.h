/* keel/pubsub.h - the interface "pubsub": what the module that owns channels offers to others, and
 * that a replacement of it must bring too. */
#ifndef KEEL_PUBSUB_H
#define KEEL_PUBSUB_H

#include <keel/base.h>

#define KEEL_PUBSUB_VERSION 100

/* How many of each a client listens to. */
typedef struct KeelPubsubCounts {
    size_t channels, patterns, shard_channels;
} KeelPubsubCounts;

/* From keel_interface("pubsub", KEEL_PUBSUB_VERSION). Contexts: command, timer. */
typedef struct KeelPubsubOps {
    uint32_t size;
    /* Sends `message` to all who listen to `channel`, patterns included, or with `shard` to those of
     * the shard channel. Returns how many times it was sent. Nothing goes to the journal. Cost: the
     * receivers, and a match per pattern. */
    size_t (*publish)(KeelStr channel, KeelStr message, bool shard);
    /* What one client listens to, and (NULL) how many channels, patterns and shard channels have
     * listeners at all. */
    void (*counts)(KeelClient *client, KeelPubsubCounts *out);
} KeelPubsubOps;

#endif
