/* geohash.h - points on the globe as numbers, and the areas that a search has to look through. */
#ifndef GEO_GEOHASH_H
#define GEO_GEOHASH_H

#include <stdbool.h>
#include <stdint.h>

#define GEO_STEPS 26 /* bits of each coordinate in a score: 52 in all, so a double holds them */
#define LONGITUDE_MAX 180.0
#define LATITUDE_MAX 85.05112878 /* of the Mercator projection */

typedef struct Point {
    double longitude, latitude;
} Point;

/* A cell of the grid whose lines halve both coordinates `steps` times. `bits` has the latitude in
 * its even bits, the longitude in its odd ones. steps 0: no cell. */
typedef struct Cell {
    uint64_t bits;
    unsigned steps;
} Cell;

typedef struct Box {
    double west, east, south, north;
} Box;

/* The cell of a point, which must lie inside `world`. */
Cell cell_of(Point p, unsigned steps, Box world);
Box cell_box(Cell cell);
/* The neighbour so many cells to the east and to the north, round the world. */
Cell cell_beside(Cell cell, int east, int north);
/* The scores of points inside a cell: from *min up to but not including *max. */
void cell_scores(Cell cell, double *min, double *max);

bool point_valid(Point p);
/* The finest cell that it is in; as a double, its score. */
int64_t point_cell(Point p);
/* The middle of the finest cell that the score names. */
Point point_of_score(double score);
/* The usual geohash, which takes latitudes up to the poles: 11 letters. */
void point_letters(Point p, char letters[11]);
/* Metres along the great circle. */
double point_distance(Point a, Point b);

/* What is searched: a circle or a box around a point. Lengths are in units of `unit` metres. */
typedef struct Shape {
    Point center;
    bool box;
    double radius, width, height, unit;
} Shape;

/* Cells that together cover the shape, in the order in which they are searched; some may be none.
 * */
#define SHAPE_CELLS 9
void shape_cells(const Shape *shape, Cell cells[SHAPE_CELLS]);
/* Whether the point is inside; *distance gets metres from the centre. */
bool shape_has(const Shape *shape, Point p, double *distance);

#endif
