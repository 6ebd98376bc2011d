#!/usr/bin/env python3
"""Goldens of the encoder, computed in double by PyTorch: encoder.safetensors beside this script.

Inputs and weights are not stored: both sides make them with draw(), an integer hash. Of gradients, small
tensors are stored whole, large ones as entries at drawn places, projections on drawn vectors (which
see every entry) and the norm. The script checks that PyTorch's own float agrees with its double to a
tenth of the bounds of the tests (1e-5 for a layer, 1e-4 for a network).

    make_encoder.py        needs torch, torchvision, numpy, safetensors
"""
import os

import numpy
import torch
import torchvision
from safetensors.numpy import save_file
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
torch.set_num_threads(1)


def hash64(name, count):
    """FNV-1a of the name, then SplitMix64 counting from there."""
    state = 0xCBF29CE484222325
    for byte in name.encode():
        state = (state ^ byte) * 0x100000001B3 % 2**64
    with numpy.errstate(over="ignore"):
        x = numpy.uint64(state) + numpy.arange(1, count + 1, dtype=numpy.uint64) * numpy.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        return x ^ (x >> numpy.uint64(31))


def unit(name, count):
    """Multiples of 2^-23 in [-1, 1): exact as float."""
    return (hash64(name, count) >> numpy.uint64(40)).astype(numpy.float64) * 2.0**-23 - 1


def draw(name, shape, scale=1.0, offset=0.0):
    """Rounded to float once: what the tests' C has too."""
    values = offset + scale * unit(name, int(numpy.prod(shape)))
    return torch.from_numpy(values.astype(numpy.float32).astype(numpy.float64)).reshape(shape)


def error(a, b):
    a, b = a.detach().double(), b.detach().double()
    return float((a - b).norm() / b.norm()) if float(b.norm()) > 0 else float((a - b).norm())


# ---- layers: each returns a dictionary of tensors, given a dtype --------------------------------

CONVS = [  # h w c, k r s, stride pad, n
    (5, 7, 8, 12, 3, 3, 1, 1, 2),
    (6, 6, 8, 16, 3, 3, 2, 1, 2),
    (10, 11, 3, 8, 7, 7, 2, 3, 2),
    (5, 4, 12, 16, 1, 1, 1, 0, 3),
    (5, 6, 8, 16, 1, 1, 2, 0, 3),
]


def conv(case, dtype):
    h, w, c, k, r, s, stride, pad, n = case
    key = "conv" + "_".join(map(str, case))
    x = draw(key + "x", (n, h, w, c)).to(dtype).permute(0, 3, 1, 2).detach().requires_grad_()
    weight = draw(key + "w", (k, c, r, s)).to(dtype).requires_grad_()
    y = F.conv2d(x, weight, stride=stride, padding=pad)
    nhwc = y.permute(0, 2, 3, 1)
    nhwc.backward(draw(key + "dy", nhwc.shape).to(dtype))
    return {key + ".y": nhwc, key + ".dx": x.grad.permute(0, 2, 3, 1), key + ".dw": weight.grad}


NORMS = [  # m c relu residual constant
    (70, 16, 1, 1, 0),
    (33, 24, 1, 0, 0),
    (99, 7, 0, 0, 0),
    (4, 300, 0, 1, 0),
    (40, 12, 1, 1, 1),
]


def norm(case, dtype):
    m, c, relu, residual, constant = case
    key = "norm" + "_".join(map(str, case))
    x = draw(key + "x", (m, c), 2, 0.5).to(dtype).requires_grad_()
    extra = draw(key + "r", (m, c)).to(dtype).requires_grad_()
    gamma = draw(key + "gamma", (c,), 0.5, 1).to(dtype).requires_grad_()
    beta = draw(key + "beta", (c,), 0.5).to(dtype).requires_grad_()
    mean = draw(key + "mean", (c,), 0.5).to(dtype)
    var = draw(key + "var", (c,), 0.5, 1).to(dtype)
    y = F.batch_norm(x, mean, var, gamma, beta, not constant, 0.1, 1e-5)
    y = y + extra if residual else y
    y = F.relu(y) if relu else y
    y.backward(draw(key + "dy", (m, c)).to(dtype))
    out = {".y": y, ".dx": x.grad, ".dgamma": gamma.grad, ".dbeta": beta.grad}
    if residual:
        out[".dr"] = extra.grad
    if not constant:
        out[".mean"], out[".var"] = mean, var
    return {key + name: value for name, value in out.items()}


def pools(dtype):
    x = draw("poolx", (2, 7, 6, 5)).to(dtype).permute(0, 3, 1, 2).detach().requires_grad_()
    y = F.max_pool2d(x, 3, 2, 1)
    y.backward(draw("pooldy", (2, 4, 3, 5)).to(dtype).permute(0, 3, 1, 2))
    out = {"pool.y": y.permute(0, 2, 3, 1), "pool.dx": x.grad.permute(0, 2, 3, 1)}
    x.grad = None
    y = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 2, 2))  # 5 channels to 9
    y.backward(draw("subdy", (2, 4, 3, 9)).to(dtype).permute(0, 3, 1, 2))
    out |= {"sub.y": y.permute(0, 2, 3, 1), "sub.dx": x.grad.permute(0, 2, 3, 1)}
    x.grad = None
    y = x.mean((2, 3))
    y.backward(draw("avgdy", (2, 5)).to(dtype))
    return out | {"avg.y": y, "avg.dx": x.grad.permute(0, 2, 3, 1)}


# ---- networks -----------------------------------------------------------------------------------


class Basic(nn.Module):
    """He et al. 2015, section 4.2, shortcut A."""

    def __init__(self, c, k, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(c, k, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(k)
        self.conv2 = nn.Conv2d(k, k, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(k)
        self.stride, self.more = stride, k - c

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.stride > 1:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.more // 2, self.more // 2))
        return F.relu(x + y)


class Small(nn.Module):
    def __init__(self, depth):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        group = lambda c, k, s: nn.Sequential(Basic(c, k, s), *[Basic(k, k, 1) for _ in range(depth - 1)])
        self.layer1, self.layer2, self.layer3 = group(16, 16, 1), group(16, 32, 2), group(32, 64, 2)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        return self.layer3(self.layer2(self.layer1(x))).mean((2, 3))


def network(name, stem):
    if name == "resnet20":
        return Small(3)
    model = getattr(torchvision.models, name)()
    model.fc = nn.Identity()
    if stem == "cifar":
        model.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        model.maxpool = nn.Identity()
    return model


def fill(model, seed):
    state = model.state_dict()
    for name, value in state.items():
        key, shape = f"{seed}{name}", tuple(value.shape)
        if value.dim() == 4:  # deviation sqrt(2 / fan_in)
            value.copy_(draw(key, shape, (6 / (shape[1] * shape[2] * shape[3])) ** 0.5))
        elif name.endswith("running_mean"):
            value.copy_(draw(key, shape, 0.5))
        elif name.endswith("running_var"):
            value.copy_(draw(key, shape, 0.5, 1.5))
        elif name.endswith("weight"):
            value.copy_(draw(key, shape, 0.3, 0.7))
        elif name.endswith("bias"):
            value.copy_(draw(key, shape, 0.3))


MEAN, STD = (0.5, 0.45, 0.4), (0.25, 0.2, 0.3)
FROZEN = "resnet50"  # with statistics of so few pictures its gradient is chaotic: 1e-2 in float
NETWORKS = [("resnet18", "cifar", 16), ("resnet20", "cifar", 32), ("resnet50", "imagenet", 64)]


def run(name, stem, size, seed, dtype):
    model = network(name, stem).double()
    fill(model, seed)
    model = model.to(dtype)
    pixels = torch.from_numpy((hash64(f"{seed}pixels", 4 * size * size * 3) >> numpy.uint64(56)).astype(numpy.float64))
    pixels = pixels.reshape(4, size, size, 3).permute(0, 3, 1, 2) / 255
    mean, std = (torch.tensor(v, dtype=torch.float64)[:, None, None] for v in (MEAN, STD))
    x = ((pixels - mean) / std).to(dtype)
    out = {}
    model.eval()
    with torch.no_grad():
        out["eval"] = model(x)
    model.train(name != FROZEN)
    h = model(x)
    out["h"] = h
    h.backward(draw(f"{seed}dh", tuple(h.shape)).to(dtype))
    for key, p in model.named_parameters():
        out["grad." + key] = p.grad
    for key, p in model.named_buffers():
        if name != FROZEN and not key.endswith("num_batches_tracked"):
            out["buffer." + key] = p
    return {key: value.detach() for key, value in out.items()}


WHOLE, ENTRIES, PROJECTIONS = 32, 24, 6


def digest(key, tensor):
    """As digest_make() in tests/unit/digest.h has it: entries, projections, norm."""
    flat = tensor.double().flatten().numpy()
    if flat.size <= WHOLE:
        return flat
    at = (hash64(key + "at", ENTRIES) % numpy.uint64(flat.size)).astype(int)
    along = [float(flat @ unit(f"{key}along{i}", flat.size)) for i in range(PROJECTIONS)]
    return numpy.concatenate([flat[at], along, [numpy.linalg.norm(flat)]])


def main():
    store = {}
    for layer, case in [(conv, c) for c in CONVS] + [(norm, c) for c in NORMS] + [(lambda _, d: pools(d), None)]:
        exact, single = layer(case, torch.float64), layer(case, torch.float32)
        for key in exact:
            assert error(single[key], exact[key]) < 1e-6, (key, error(single[key], exact[key]))
            store[key] = exact[key].detach().numpy().astype(numpy.float32).ravel()
    for name, stem, size in NETWORKS:
        for seed in range(1, 20):
            exact, single = (run(name, stem, size, seed, d) for d in (torch.float64, torch.float32))
            worst = max((error(single[key], exact[key]), key) for key in exact)
            print(name, seed, *worst, flush=True)
            if worst[0] < 1e-5:
                break
        else:
            raise SystemExit(f"no seed suits {name}")
        store[f"{name}.seed"] = numpy.array([seed], numpy.float32)
        for key in ("h", "eval"):
            store[f"{name}.{key}"] = exact[key].numpy().astype(numpy.float32).ravel()
        for kind in ("grad", "buffer"):
            parts = [digest(key, value) for key, value in exact.items() if key.startswith(kind)]
            if parts:
                store[f"{name}.{kind}"] = numpy.concatenate(parts).astype(numpy.float32)
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "encoder.safetensors")
    save_file(store, path)
    os.chmod(path, 0o644)


if __name__ == "__main__":
    main()
