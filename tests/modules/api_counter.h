/* api_counter.h - what api_provider offers and api_user asks for. */
#ifndef API_COUNTER_H
#define API_COUNTER_H

#include <stdint.h>

typedef struct CounterInterface {
    int64_t (*add)(int64_t n);
    int64_t (*get)(void);
    int64_t (*twice)(void); /* since 102 */
} CounterInterface;

#endif
