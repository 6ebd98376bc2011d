#!/usr/bin/env python3
"""make_eval -- eval.safetensors: a small classification problem, and what scikit-learn makes of it.

Logistic regression in double: LogisticRegression with a tight tolerance, on features standardised by
the training rows, C = 1/(l2 * rows); the standardisation is then folded into weight and bias. Nearest neighbours:
KNeighborsClassifier on the standardised features, cosine, weights exp((1 - distance) / temperature).

    python3 tests/golden/make_eval.py        # needs numpy, scikit-learn, safetensors

SPDX-License-Identifier: MIT
"""
import os

import numpy as np
from safetensors.numpy import save_file
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

TRAIN, TEST, D, L = 200, 100, 8, 3
rng = np.random.default_rng(7)
centre = rng.normal(size=(L, D))
scale = 10.0 ** rng.uniform(-2, 2, size=D)  # features of very different size
shift = 3 * scale * rng.normal(size=D)


def draw(rows):
    label = np.arange(rows) % L
    x = (centre[label] + 1.5 * rng.normal(size=(rows, D))) * scale + shift
    return x.astype(np.float32), label.astype(np.int64)


x, y = draw(TRAIN)
xt, yt = draw(TEST)
out = {"x": x, "y": y, "test.x": xt, "test.y": yt}

mean, deviation = x.astype(float).mean(0), x.astype(float).std(0)
for name, l2 in (("strong", 0.1), ("weak", 0.001)):
    fit = LogisticRegression(C=1 / (l2 * TRAIN), tol=1e-12, max_iter=100000)
    fit.fit((x - mean) / deviation, y)
    weight = fit.coef_ / deviation
    out[name + ".weight"] = weight
    out[name + ".bias"] = fit.intercept_ - weight @ mean
    probability = fit.predict_proba((xt - mean) / deviation)
    out[name + ".probability"] = probability
    ours = (xt - mean) / deviation @ fit.coef_.T + fit.intercept_
    ours = np.exp(ours - ours.max(1, keepdims=True))
    assert np.allclose(ours / ours.sum(1, keepdims=True), probability, atol=1e-12)
    loss = -np.log(fit.predict_proba((x - mean) / deviation)[np.arange(TRAIN), y]).mean()
    out[name + ".loss"] = np.array([loss + l2 / 2 * (fit.coef_**2).sum()])
    print(name, "accuracy", fit.score((xt - mean) / deviation, yt))

near = ((x - mean) / deviation).astype(np.float32)
near_test = ((xt - mean) / deviation).astype(np.float32)
out["knn.x"], out["knn.test.x"] = near, near_test
for k, temperature in ((5, 0.1), (50, 0.07), (200, 0.5)):
    fit = KNeighborsClassifier(
        k, metric="cosine", algorithm="brute", weights=lambda d: np.exp((1 - d) / temperature)
    )
    fit.fit(near.astype(float), y)
    out[f"knn.{k}"] = fit.predict(near_test.astype(float)).astype(np.int64)
    votes = np.sort(fit.predict_proba(near_test.astype(float)), axis=1)
    assert (votes[:, -1] - votes[:, -2]).min() > 1e-5  # no verdict hangs on a rounding
    print("knn", k, "accuracy", (out[f"knn.{k}"] == yt).mean())

path = os.path.join(os.path.dirname(__file__), "eval.safetensors")
save_file({k: np.ascontiguousarray(v) for k, v in out.items()}, path)
print(os.path.getsize(path), "bytes")
