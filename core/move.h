/* move.h - the slice of moving that is open. */
#ifndef CORE_MOVE_H
#define CORE_MOVE_H

#include <keel/move.h>

extern KeelMoving *moving; /* NULL: none */

#endif
