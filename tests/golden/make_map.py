#!/usr/bin/env python3
"""make_map -- map.safetensors: principal components, affinities, gradients and neighbourhoods as scikit-learn has them.

tall, wide: rows of more and of less numbers than there are rows, around a mean; their components by
PCA(svd_solver="full") in double. x: seven bent clusters of 300 rows; its joint probabilities over 3 * perplexity + 1
neighbours (sparse, in double) with zeros elsewhere; the divergence and its gradient at some y by _kl_divergence; and
the trustworthiness of TSNE(init="pca"), exact and Barnes-Hut, for 5 and 12 neighbours.

    python3 tests/golden/make_map.py        # needs numpy, scikit-learn, safetensors

SPDX-License-Identifier: MIT
"""
import os

import numpy as np
from safetensors.numpy import save_file
from scipy.spatial.distance import squareform
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, trustworthiness
from sklearn.manifold._t_sne import _joint_probabilities_nn, _kl_divergence
from sklearn.neighbors import NearestNeighbors

rng = np.random.default_rng(5)
out = {}


def pca(name, rows, width):
    x = rng.normal(size=(rows, width)) @ np.diag(1.3 ** -np.arange(width)) @ rng.normal(size=(width, width))
    x = (x * 3 + rng.normal(size=width) * 20).astype(np.float32)
    fit = PCA(3, svd_solver="full").fit(x.astype(float))
    out[name], out[name + ".score"] = x, fit.transform(x.astype(float))
    out[name + ".share"], out[name + ".axis"] = fit.explained_variance_ratio_, fit.components_


pca("tall", 60, 9)
pca("wide", 14, 50)

ROWS, D, PERPLEXITY = 300, 10, 20
t, group = rng.uniform(-1, 1, size=(ROWS, 1)), rng.integers(7, size=ROWS)
centre, along, bend = rng.normal(size=(7, D)) * 2, rng.normal(size=(7, D)) * 2, rng.normal(size=(7, D))
x = centre[group] + along[group] * t + bend[group] * t * t + rng.normal(size=(ROWS, D)) * 1.5
x = x.astype(np.float32)
out["x"] = x
near = NearestNeighbors(n_neighbors=3 * PERPLEXITY + 1).fit(x.astype(float)).kneighbors_graph(mode="distance")
near.data **= 2
near.sort_indices()
p = _joint_probabilities_nn(near, PERPLEXITY, 0).toarray()
out["p"] = p[:12].astype(np.float32)
y = rng.normal(size=(ROWS, 2)) * 3
condensed = squareform(p, checks=False)
divergence, gradient = _kl_divergence(y.ravel(), np.maximum(condensed, 1e-300), 1, ROWS, 2)
out["y"], out["gradient"], out["divergence"] = y, gradient.reshape(ROWS, 2), np.array([divergence])
trust = []
for method in ("exact", "barnes_hut"):
    plane = TSNE(init="pca", method=method, perplexity=PERPLEXITY).fit_transform(x.astype(float))
    trust.append([trustworthiness(x.astype(float), plane, n_neighbors=k) for k in (5, 12)])
    print(method, trust[-1])
out["trust"] = np.array(trust)

path = os.path.join(os.path.dirname(__file__), "map.safetensors")
save_file({k: np.ascontiguousarray(v) for k, v in out.items()}, path)
print(os.path.getsize(path), "bytes")
