/* geo.h - what the files of the geo module share. */
#ifndef GEO_H
#define GEO_H

#include <keel.h>

#include "geohash.h"

/* The interface of sorted sets, which points are kept in. */
extern const KeelZsetOps *zset;

KeelHandler geo_geosearch, geo_geosearchstore, geo_georadius, geo_georadius_ro,
    geo_georadiusbymember, geo_georadiusbymember_ro;
KeelGetKeys geo_georadius_keys;

/* Opens a key for reading; *value is its set, NULL when it is missing. False: WRONGTYPE was
 * replied. */
bool geo_open(KeelCtx *c, KeelStr name, KeelKey *key, void **value);
/* Two words as a point; a unit's metres. False: an error was replied. */
bool geo_parse_point(KeelCtx *c, const KeelStr *words, Point *p);
bool geo_parse_unit(KeelCtx *c, KeelStr word, double *metres);

/* Four decimals. */
void geo_reply_distance(KeelCtx *c, double distance);
/* A pair of coordinates with 17 decimals. */
void geo_reply_point(KeelCtx *c, Point p);

#endif
