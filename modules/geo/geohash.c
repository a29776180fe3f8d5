/* geohash.c - encoding of points, distances, and the cells that cover a shape.
 *
 * A point's score is its cell in a grid of 2^26 by 2^26, the bits of both coordinates interleaved:
 * points that share a prefix are near each other, so a coarser cell is a range of scores. A search
 * chooses the finest grid in which the shape lies within three by three cells, leaves out those
 * that it does not touch, and looks at all points of the rest.
 *
 * Replies show distances and coordinates with all their digits, so the order of operations here is
 * part of the contract: it is that of Redis. */
#include "geohash.h"

#include <math.h>

#define EARTH_RADIUS 6372797.560856 /* metres */
#define MERCATOR_MAX 20037726.37    /* half of the projected equator */
#define DEGREE (M_PI / 180.0)

#define LATITUDE_BITS 0x5555555555555555ull
#define LONGITUDE_BITS 0xaaaaaaaaaaaaaaaaull

static const Box world = {-LONGITUDE_MAX, LONGITUDE_MAX, -LATITUDE_MAX, LATITUDE_MAX};

static double radians(double degrees) {
    return degrees * DEGREE;
}

static double degrees(double radians_) {
    return radians_ / DEGREE;
}

/* ---- cells ----------------------------------------------------------------------------------- */

/* Bit i of `v` to bit 2 * i. */
static uint64_t spread(uint32_t v) {
    uint64_t x = v;
    x = (x | x << 16) & 0x0000ffff0000ffffull;
    x = (x | x << 8) & 0x00ff00ff00ff00ffull;
    x = (x | x << 4) & 0x0f0f0f0f0f0f0f0full;
    x = (x | x << 2) & 0x3333333333333333ull;
    return (x | x << 1) & LATITUDE_BITS;
}

static uint32_t gather(uint64_t x) {
    x &= LATITUDE_BITS;
    x = (x | x >> 1) & 0x3333333333333333ull;
    x = (x | x >> 2) & 0x0f0f0f0f0f0f0f0full;
    x = (x | x >> 4) & 0x00ff00ff00ff00ffull;
    x = (x | x >> 8) & 0x0000ffff0000ffffull;
    return (uint32_t)(x | x >> 16);
}

Cell cell_of(Point p, unsigned steps, Box w) {
    double north = (p.latitude - w.south) / (w.north - w.south);
    double east = (p.longitude - w.west) / (w.east - w.west);
    north *= (double)(1ull << steps);
    east *= (double)(1ull << steps);
    return (Cell){spread((uint32_t)north) | spread((uint32_t)east) << 1, steps};
}

Box cell_box(Cell cell) {
    double cells = (double)(1ull << cell.steps);
    double height = world.north - world.south, width = world.east - world.west;
    uint32_t north = gather(cell.bits), east = gather(cell.bits >> 1);
    return (Box){
        .south = world.south + (north * 1.0 / cells) * height,
        .north = world.south + ((north + 1) * 1.0 / cells) * height,
        .west = world.west + (east * 1.0 / cells) * width,
        .east = world.west + ((east + 1) * 1.0 / cells) * width,
    };
}

/* Adds to the number in one coordinate's bits: the other's are filled with ones, which carry. What
 * goes over the edge of the world comes back on the other side; a point on its very edge is beyond
 * the last cell, and stays there. */
static uint64_t step_beside(uint64_t bits, uint64_t mine, int by, unsigned steps) {
    if (by == 0) return bits;
    uint64_t all = UINT64_MAX >> (64 - steps * 2);
    uint64_t others = ~mine & all, kept = bits & ~mine;
    uint64_t number = bits & mine;
    if (by > 0) {
        number += others + 1;
    } else {
        number = (number | others) - (others + 1);
    }
    return (number & mine & all) | kept;
}

Cell cell_beside(Cell cell, int east, int north) {
    cell.bits = step_beside(cell.bits, LONGITUDE_BITS, east, cell.steps);
    cell.bits = step_beside(cell.bits, LATITUDE_BITS, north, cell.steps);
    return cell;
}

void cell_scores(Cell cell, double *min, double *max) {
    unsigned shift = 2 * GEO_STEPS - 2 * cell.steps;
    *min = (double)(cell.bits << shift);
    *max = (double)((cell.bits + 1) << shift);
}

/* ---- points ---------------------------------------------------------------------------------- */

bool point_valid(Point p) {
    return p.longitude >= world.west && p.longitude <= world.east && p.latitude >= world.south &&
           p.latitude <= world.north;
}

int64_t point_cell(Point p) {
    return (int64_t)cell_of(p, GEO_STEPS, world).bits;
}

/* Any score may come: sorted sets hold what they were given. What is no 64-bit number counts as the
 * processors of the original count it. */
static uint64_t bits_of_score(double score) {
    if (score >= 0x1p64) return 0;
    if (score >= 0) return (uint64_t)score;
    return score >= -0x1p63 ? (uint64_t)(int64_t)score : 1ull << 63;
}

static double within(double v, double most) {
    return v > most ? most : v < -most ? -most : v;
}

Point point_of_score(double score) {
    Box box = cell_box((Cell){bits_of_score(score), GEO_STEPS});
    return (Point){within((box.west + box.east) / 2, LONGITUDE_MAX),
                   within((box.south + box.north) / 2, LATITUDE_MAX)};
}

/* Five bits a letter. The last letter would need three bits more than there are: it is "0". */
void point_letters(Point p, char letters[11]) {
    static const Box poles = {-180, 180, -90, 90};
    static const char alphabet[] = "0123456789bcdefghjkmnpqrstuvwxyz";
    uint64_t bits = cell_of(p, GEO_STEPS, poles).bits;
    for (unsigned i = 0; i < 10; i++) letters[i] = alphabet[bits >> (47 - 5 * i) & 31];
    letters[10] = alphabet[0];
}

static double latitude_distance(double a, double b) {
    return EARTH_RADIUS * fabs(radians(b) - radians(a));
}

/* Haversine. Along a meridian it is simply the arc. */
double point_distance(Point a, Point b) {
    double v = sin((radians(b.longitude) - radians(a.longitude)) / 2);
    if (v == 0.0) return latitude_distance(a.latitude, b.latitude);
    double from = radians(a.latitude), to = radians(b.latitude);
    double u = sin((to - from) / 2);
    double h = u * u + cos(from) * cos(to) * v * v;
    return 2.0 * EARTH_RADIUS * asin(sqrt(h));
}

/* ---- shapes ---------------------------------------------------------------------------------- */

static Box shape_box(const Shape *s) {
    double height = s->unit * (s->box ? s->height / 2 : s->radius);
    double width = s->unit * (s->box ? s->width / 2 : s->radius);
    double north = degrees(height / EARTH_RADIUS);
    /* Meridians are closest at the edge towards the pole. */
    double edge = s->center.latitude < 0 ? s->center.latitude - north : s->center.latitude + north;
    double east = degrees(width / EARTH_RADIUS / cos(radians(edge)));
    return (Box){s->center.longitude - east, s->center.longitude + east,
                 s->center.latitude - north, s->center.latitude + north};
}

/* The grid in which the shape spans about a cell; coarser towards the poles, where cells narrow. */
static unsigned steps_for(const Shape *s) {
    double east = s->width / 2, north = s->height / 2;
    double reach = s->box ? sqrt(east * east + north * north) : s->radius;
    double latitude = fabs(s->center.latitude);
    int steps = 1;
    reach *= s->unit;
    if (reach == 0) return GEO_STEPS;
    while (reach < MERCATOR_MAX) {
        reach *= 2;
        steps++;
    }
    steps -= 2;
    if (latitude > 66) steps--;
    if (latitude > 80) steps--;
    return steps < 1 ? 1 : steps > GEO_STEPS ? GEO_STEPS : (unsigned)steps;
}

static bool covers(Cell cell, Box wanted) {
    return cell_box(cell_beside(cell, 0, 1)).north >= wanted.north &&
           cell_box(cell_beside(cell, 0, -1)).south <= wanted.south &&
           cell_box(cell_beside(cell, 1, 0)).east >= wanted.east &&
           cell_box(cell_beside(cell, -1, 0)).west <= wanted.west;
}

void shape_cells(const Shape *shape, Cell cells[SHAPE_CELLS]) {
    static const struct {
        int8_t east, north;
    } places[SHAPE_CELLS] = {{0, 0}, {0, 1},  {0, -1}, {1, 0},  {-1, 0},
                             {1, 1}, {-1, 1}, {1, -1}, {-1, -1}};
    Box wanted = shape_box(shape);
    unsigned steps = steps_for(shape);
    Cell middle = cell_of(shape->center, steps, world);
    if (steps > 1 && !covers(middle, wanted)) middle = cell_of(shape->center, --steps, world);
    Box box = cell_box(middle);
    for (int i = 0; i < SHAPE_CELLS; i++) {
        cells[i] = cell_beside(middle, places[i].east, places[i].north);
        bool useless = (places[i].north < 0 && box.south < wanted.south) ||
                       (places[i].north > 0 && box.north > wanted.north) ||
                       (places[i].east < 0 && box.west < wanted.west) ||
                       (places[i].east > 0 && box.east > wanted.east);
        if (steps >= 2 && useless) cells[i] = (Cell){0, 0};
    }
}

bool shape_has(const Shape *shape, Point p, double *distance) {
    if (shape->box) {
        /* The east-west distance is along the point's own parallel. */
        Point beside = {shape->center.longitude, p.latitude};
        double width = shape->width * shape->unit, height = shape->height * shape->unit;
        if (latitude_distance(p.latitude, shape->center.latitude) > height / 2 ||
            point_distance(p, beside) > width / 2) {
            return false;
        }
        *distance = point_distance(shape->center, p);
        return true;
    }
    *distance = point_distance(shape->center, p);
    return *distance <= shape->radius * shape->unit;
}
