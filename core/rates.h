/* rates.h - the means of recent samples behind INFO's instantaneous fields. */
#ifndef CORE_RATES_H
#define CORE_RATES_H

typedef enum Rate {
    RATE_COMMANDS,   /* per second */
    RATE_BYTES_IN,
    RATE_BYTES_OUT,
    RATE_TURNS,
    RATE_TURN_TICKS, /* mean length of a turn, in ticks of the CPU's counter */
    RATE_COUNT
} Rate;

/* Over the last 1.6 seconds. */
double rate_mean(Rate rate);

#endif
