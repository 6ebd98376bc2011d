#!/usr/bin/env python3
"""make_verdict -- verdict.safetensors: what scikit-learn and PyTorch make of labelled rows.

Verdicts: random labels, probabilities and predictions of five classes, of which one never occurs as a label and one is
never predicted; the confusion matrix, precision, recall and F1 of scikit-learn, Wilson's interval of SciPy, and
the expected calibration error from scikit-learn's calibration_curve.

Descent: batches of features and labels (some -1), and the linear layer after each update: gradients of PyTorch's
cross_entropy in double; Nesterov momentum with the rate inside the velocity, as TensorFlow 1's MomentumOptimizer
computes when the rate of a step is its own (google-research/simclr); rate 0.1 * batch/256 down a cosine.

    python3 tests/golden/make_verdict.py        # needs numpy, scikit-learn, scipy, torch, safetensors

SPDX-License-Identifier: MIT
"""
import math
import os

import numpy as np
import torch
from safetensors.numpy import save_file
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

rng = np.random.default_rng(11)
out = {}

# ---- verdicts ----
N, BINS = 300, 15
classes = np.array([0, 2, 3, 7, 40])
label = rng.choice(classes[[0, 1, 2, 4]], N, p=[0.4, 0.3, 0.2, 0.1])
predicted = np.where(rng.random(N) < 0.6, label, rng.choice(classes, N))
predicted[predicted == 40] = 3
probability = (0.2 + 0.8 * rng.random(N)).astype(np.float32)
out["label"], out["predicted"], out["probability"] = label, predicted, probability
out["confusion"] = confusion_matrix(label, predicted, labels=classes)
precision, recall, f1, rows = precision_recall_fscore_support(label, predicted, labels=classes, zero_division=0)
out["classes"] = np.stack([classes.astype(float), rows.astype(float), 100 * recall, 100 * precision, 100 * f1], 1)

right = label == predicted
true, mean = calibration_curve(right, probability, n_bins=BINS, strategy="uniform")
count = np.histogram(probability, np.linspace(0, 1, BINS + 1))[0]
count = count[count > 0]
assert len(count) == len(true)
out["ece"] = np.array([(np.abs(true - mean) * count).sum() / N])
out["bins"] = np.stack([count.astype(float), true, mean], 1)

pairs = [(0, 1), (1, 1), (0, 20), (7, 20), (20, 20), (4861, 10000), (9999, 10000)]
out["wilson"] = np.array(
    [[k, n, *(100 * np.array(binomtest(k, n).proportion_ci(0.95, method="wilson")))] for k, n in pairs], dtype=float
)

# ---- descent ----
STEPS, B, D, L, L2, RATE = 12, 40, 7, 3, 0.01, 2.0
x = rng.normal(size=(STEPS, B, D)).astype(np.float32)
y = rng.integers(0, L, size=(STEPS, B))
x += 1.5 * np.eye(D, dtype=np.float32)[y]
y[:, ::9] = -1
w = torch.zeros(L, D, dtype=torch.double)
b = torch.zeros(L, dtype=torch.double)
v = [torch.zeros_like(w), torch.zeros_like(b)]
for step in range(STEPS):
    known = y[step] >= 0
    w.requires_grad_(), b.requires_grad_()
    logits = torch.from_numpy(x[step][known]).double() @ w.T + b
    loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(y[step][known])) + L2 / 2 * (w**2).sum()
    g = torch.autograd.grad(loss, [w, b])
    rate = RATE * B / 256 * (1 + math.cos(math.pi * step / STEPS)) / 2
    with torch.no_grad():
        v = [0.9 * vi + rate * gi for vi, gi in zip(v, g)]
        w, b = [p - (0.9 * vi + rate * gi) for p, vi, gi in zip((w, b), v, g)]
out["sgd.x"], out["sgd.y"] = x, y.astype(np.int64)
out["sgd.weight"], out["sgd.bias"] = w.detach().numpy(), b.detach().numpy()
out["sgd.settings"] = np.array([RATE, L2])

path = os.path.join(os.path.dirname(__file__), "verdict.safetensors")
save_file({k: np.ascontiguousarray(v) for k, v in out.items()}, path)
print(os.path.getsize(path), "bytes, ece", out["ece"][0], "bias", out["sgd.bias"])
