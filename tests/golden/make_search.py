#!/usr/bin/env python3
"""make_search -- search.safetensors: neighbours, and groups of copies, as scikit-learn finds them.

300 rows of 16 and 40 queries. Some rows are copies of others, scaled (cosine 1), some nearly copies, chains of
three among them. NearestNeighbors by cosine in double: lists of the 11 nearest of each query, and of each row among the others;
groups are the connected components (scipy) of its radius graph.
No cosine is closer than 1e-5 to a threshold. Copies tie: where two of a list do, either may come first, which is why a list has
one more than the 10 that are compared.

    python3 tests/golden/make_search.py        # needs numpy, scipy, scikit-learn, safetensors

SPDX-License-Identifier: MIT
"""
import os

import numpy as np
from safetensors.numpy import save_file
from scipy.sparse.csgraph import connected_components
from sklearn.neighbors import NearestNeighbors

ROWS, QUERIES, D, K = 300, 40, 16, 10
rng = np.random.default_rng(11)
x = rng.normal(size=(ROWS, D))
for i, j, noise in ((7, 200, 0), (299, 0, 0), (12, 13, 0.02), (100, 101, 0.05), (101, 102, 0.05), (250, 40, 0.1), (41, 250, 0.1)):
    x[i] = (x[j] + noise * rng.normal(size=D)) * rng.uniform(0.1, 10)
x = x.astype(np.float32)
q = rng.normal(size=(QUERIES, D)).astype(np.float32)
out = {"x": x, "q": q}

fit = NearestNeighbors(n_neighbors=K + 1, metric="cosine", algorithm="brute").fit(x.astype(float))
for name, rows in (("query", q.astype(float)), ("self", None)):
    distance, index = fit.kneighbors(rows)
    out[name + ".index"], out[name + ".cosine"] = index.astype(np.int64), 1 - distance
ties = (np.diff(1 - out["query.cosine"]) < 1e-6).sum()
print("ties among the neighbours of queries:", ties)

unit = x.astype(float) / np.linalg.norm(x.astype(float), axis=1, keepdims=True)
cosine = unit @ unit.T
np.fill_diagonal(cosine, -1)
for name, threshold in (("tight", 0.999), ("wide", 0.97), ("loose", 0.7)):
    assert np.abs(cosine - threshold).min() > 1e-5
    graph = NearestNeighbors(radius=1 - threshold, metric="cosine", algorithm="brute").fit(x.astype(float))
    count, label = connected_components(graph.radius_neighbors_graph(), directed=False)
    lowest = np.array([np.flatnonzero(label == l)[0] for l in label])
    out["group." + name] = lowest.astype(np.int64)
    out["nearest." + name] = np.where(cosine.max(1) >= threshold, cosine.max(1), 0)
    print(name, "rows in groups:", (out["nearest." + name] > 0).sum(), "groups:", len(set(lowest[out["nearest." + name] > 0])))

path = os.path.join(os.path.dirname(__file__), "search.safetensors")
save_file({k: np.ascontiguousarray(v) for k, v in out.items()}, path)
print(os.path.getsize(path), "bytes")
