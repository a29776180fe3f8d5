/* rules.h - what a user may do, in the words of ACL SETUSER and with the texts of ACL LIST.
 *
 * This engine knows users by their rules only: who they are, where they are kept and what is logged
 * is its caller's. It uses nothing of the module ABI, so that whoever owns ACL can take it over. */
#ifndef RULES_H
#define RULES_H

#include <keel.h>

typedef struct Rules Rules;

/* Those of a new user: off, no password, no right. */
Rules *rules_new(void);
/* Those of "default": everything, without a password. */
Rules *rules_all(void);
Rules *rules_copy(const Rules *rules);
void rules_free(Rules *rules);

/* Applies one word. 0, or what errno ACL SETUSER explains: see rules_why(). */
int rules_set(Rules *rules, KeelStr word);
const char *rules_why(int error);
/* Applies the words of a text, all of them or none. NULL, or the complaint, to be keel_free()d. */
char *rules_set_text(Rules **rules, const char *text);
/* All of it as ACL LIST shows it, to be keel_free()d. */
char *rules_text(const Rules *rules);
bool rules_on(const Rules *rules);
/* Whether it is one of the user's passwords, or the user needs none. */
bool rules_password(const Rules *rules, KeelStr password);

/* In the order in which they matter: the worst that some selector says is what is told. */
typedef enum RulesVerdict { RULES_PASS, RULES_COMMAND, RULES_KEY, RULES_CHANNEL } RulesVerdict;

/* A channel in a call, or a pattern of them to listen to. */
typedef struct RulesChannel {
    int position;
    bool pattern;
} RulesChannel;

/* Whether this call may be made; *position is that of the argument that is refused. */
RulesVerdict rules_judge(const Rules *rules, const KeelCommandRef *cmd, const KeelStr *argv, int argc,
                         const RulesChannel *channels, int channel_count, int *position);
/* Whether a key may be used so: KEEL_USE_* bits. */
bool rules_key(const Rules *rules, KeelStr key, uint32_t use);
bool rules_channel(const Rules *rules, KeelStr channel, bool pattern);

/* sha256.c: 64 lower case hexadecimal digits and a NUL. */
void sha256_hex(KeelStr bytes, char out[65]);

#endif
