/* partial.h - requests that arrive in pieces. */
#ifndef CORE_PARTIAL_H
#define CORE_PARTIAL_H

#include "client.h"
#include "resp.h"

/* The client's query buffer starts with a cut multibulk request: go on piecewise from here. */
void partial_begin(KeelClient *client);
/* Parses on. The number of arguments when it is whole (partial->args are views then), 0 while it is
 * not, and *error when it is malformed. */
int partial_parse(KeelClient *client, const RespLimits *limits, const char **error);
/* Where the socket should be read to: an argument's own buffer. NULL: the query buffer. */
char *partial_target(KeelClient *client, size_t *room);
void partial_filled(KeelClient *client, size_t n);

#endif
