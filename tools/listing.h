/* listing.h -- the lists of simclr-knn: neighbours, copies, outliers.
 *
 * Tables of tab-separated values with a header, to --output or standard output, written when all is
 * known. Every function reads its channels to the end and dies on error.
 * SPDX-License-Identifier: MIT */
#ifndef LISTING_H
#define LISTING_H

#include "formats/channel.h"
#include "lib/base/parallel.h"

#include <stdbool.h>

struct listing {
    const char *column; /* of features; NULL: the usual ones */
    int neighbors;      /* of a row, at most */
    double threshold;   /* cosine from which on two rows are copies */
    int outliers;       /* rows, at most */
    bool null;          /* no header, names as they are, and a zero byte behind each field */
    struct parallel *parallel;
};

/* query, neighbour, cosine: of each row its nearest others. */
void listing_neighbours(struct channel *collection, const struct listing *listing);

/* query, neighbour, cosine: of each query its nearest rows of a collection that is not kept. */
void listing_queries(
    struct channel *queries, struct channel *collection, const struct listing *listing);

/* test, train, cosine: the same, from the threshold on. */
void listing_leaks(struct channel *test, struct channel *train, const struct listing *listing);

/* group, picture, cosine: groups (from 1) of rows that hang together, the cosine to the nearest. */
void listing_duplicates(struct channel *collection, const struct listing *listing);

/* picture, cosine: the mean to its nearest, lowest first. */
void listing_outliers(struct channel *collection, const struct listing *listing);

#endif
