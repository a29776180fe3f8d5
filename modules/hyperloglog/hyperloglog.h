/* hyperloglog.h - the commands that are in files of their own. */
#ifndef HYPERLOGLOG_H
#define HYPERLOGLOG_H

#include "hll.h"

KeelHandler hyperloglog_pfselftest;

#endif
