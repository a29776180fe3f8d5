/* oom.c - how soon the kernel ends this process when memory runs out: oom-score-adj.
 *
 * A child that writes a snapshot can be lost at less cost than the server, so each role has a score
 * of its own, which /proc takes at any time. Lowering it takes privileges. */
#include "oom.h"

#include "config.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <keel/log.h>
#include <keel/text.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VALUE_LIMIT = 2000, SCORE_LIMIT = 1000 };
static const char SCORE_FILE[] = "/proc/self/oom_score_adj";

static int64_t values[OOM_ROLES] = {0, 200, 800};
static OomRole oom_role;
static bool changed;      /* from what was there at start */
static int64_t at_start;

static bool read_score(int64_t *out) {
    char text[32];
    int fd = open(SCORE_FILE, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (n <= 0) return false;
    text[n] = '\0';
    *out = strtoll(text, NULL, 10);
    return true;
}

static bool write_score(int64_t score) {
    char text[32];
    int len = snprintf(text, sizeof(text), "%lld\n", (long long)score);
    int fd = open(SCORE_FILE, O_WRONLY | O_CLOEXEC);
    bool good = fd >= 0 && write(fd, text, (size_t)len) == len;
    if (!good) keel_log(KEEL_LOG_WARNING, "Unable to write oom_score_adj: %s", strerror(errno));
    if (fd >= 0) close(fd);
    return good;
}

bool oom_apply(const char **reason) {
    if (settings.oom_score_adj == OOM_NO && !changed) return true;
    if (!changed && !read_score(&at_start)) {
        *reason = "Failed to set current oom_score_adj. Check server logs.";
        keel_log(KEEL_LOG_WARNING, "Unable to read oom_score_adj: %s", strerror(errno));
        return false;
    }
    int64_t score = values[oom_role];
    if (settings.oom_score_adj == OOM_RELATIVE) score += at_start;
    if (settings.oom_score_adj == OOM_NO) score = at_start;
    if (score > SCORE_LIMIT) score = SCORE_LIMIT;
    if (score < -SCORE_LIMIT) score = -SCORE_LIMIT;
    if (!write_score(score)) {
        *reason = "Failed to set current oom_score_adj. Check server logs.";
        return false;
    }
    changed = settings.oom_score_adj != OOM_NO;
    return true;
}

void oom_set_role(OomRole role) {
    const char *ignored;
    if (role == oom_role) return;
    oom_role = role;
    oom_apply(&ignored);
}

void keel_set_follower(bool on) {
    log_set_role(on ? 'S' : 'M');
    oom_set_role(on ? OOM_FOLLOWER : OOM_SERVER);
}

void oom_values_get(const KeelConfig *config, KeelConfigOut *out) {
    (void)config;
    for (int i = 0; i < OOM_ROLES; i++) {
        keel_config_write(out, "%s%lld", i ? " " : "", (long long)values[i]);
    }
}

bool oom_values_set(const KeelConfig *config, const KeelStr *argv, int argc, const char **reason) {
    (void)config;
    int64_t fresh[OOM_ROLES];
    if (argc != OOM_ROLES) {
        *reason = "wrong number of arguments";
        return false;
    }
    for (int i = 0; i < OOM_ROLES; i++) {
        if (!keel_parse_int(argv[i], &fresh[i]) || fresh[i] < -VALUE_LIMIT ||
            fresh[i] > VALUE_LIMIT) {
            *reason = "Invalid oom-score-adj-values, elements must be between -2000 and 2000.";
            return false;
        }
    }
    if (fresh[OOM_SERVER] > fresh[OOM_FOLLOWER] || fresh[OOM_FOLLOWER] > fresh[OOM_CHILD]) {
        keel_log(KEEL_LOG_WARNING, "The oom-score-adj-values fall from one to the next: lowering a "
                                   "score may not be allowed to this process.");
    }
    memcpy(values, fresh, sizeof(values));
    return true;
}
