"""train.py -- PyTorch's side of tests/bench/train: training steps of SimCLR.

    train.py THREADS

Reads lines "NETWORK WHAT SETTING SIZE VIEWS STEPS" and answers "NETWORK WHAT SETTING RATE RATE":
views a second of processor time and by the clock; or, on one line, why that does not work.

NETWORK: torchvision's resnet18 (with a 3x3 stem of stride 1 and no pool at 32 pixels) or resnet50.
WHAT: encoder (features, a gradient that lies ready, backward, optimiser) or whole (projection head
of three layers and NT-Xent on top). SETTING: f32 or bf16 (autocast), -last (channels_last), -compiled
(torch.compile), in this order. Views are bytes in memory; the optimiser is SGD with momentum.

SPDX-License-Identifier: MIT
"""
import contextlib
import sys
import time

import torch
import torchvision
from torch import nn
from torch.nn import functional


def make_encoder(network, size):
    encoder = getattr(torchvision.models, network)(weights=None)
    width = encoder.fc.in_features
    encoder.fc = nn.Identity()
    if size <= 32:
        encoder.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        encoder.maxpool = nn.Identity()
    return encoder, width


def make_head(width, out=128):
    return nn.Sequential(
        nn.Linear(width, width, bias=False), nn.BatchNorm1d(width), nn.ReLU(),
        nn.Linear(width, width, bias=False), nn.BatchNorm1d(width), nn.ReLU(),
        nn.Linear(width, out, bias=False), nn.BatchNorm1d(out),
    )


def ntxent(z, temperature=0.5):
    z = functional.normalize(z.float(), dim=1)
    n = len(z)
    similarity = z @ z.T / temperature
    similarity.fill_diagonal_(float("-inf"))
    return functional.cross_entropy(similarity, (torch.arange(n) + n // 2) % n)


class Trainer:
    def __init__(self, network, what, setting, size, views):
        self.flags = setting.split("-")
        self.whole = what == "whole"
        encoder, width = make_encoder(network, size)
        model = nn.Sequential(encoder, make_head(width)) if self.whole else encoder
        self.format = torch.channels_last if "last" in self.flags else torch.contiguous_format
        self.model = model.to(memory_format=self.format).train()
        self.optimizer = torch.optim.SGD(
            model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4
        )
        if "compiled" in self.flags:
            self.model = torch.compile(self.model)
        self.views = torch.randint(0, 256, (views, 3, size, size), dtype=torch.uint8)
        self.gradient = 0.001 * torch.randn(views, width)
        self.step()  # not timed: first use, compilation

    def step(self):
        x = (self.views.float() / 255).contiguous(memory_format=self.format)
        bf16 = "bf16" in self.flags
        with torch.autocast("cpu", torch.bfloat16) if bf16 else contextlib.nullcontext():
            y = self.model(x)
        self.optimizer.zero_grad()
        if self.whole:
            ntxent(y).backward()
        else:
            y.backward(self.gradient.to(y.dtype))
        self.optimizer.step()


def main():
    torch.set_num_threads(int(sys.argv[1]))
    torch.manual_seed(0)
    print(
        f"torch {torch.__version__}, torchvision {torchvision.__version__},",
        torch.backends.cpu.get_cpu_capability() if hasattr(torch.backends, "cpu") else "CPU unknown",
        flush=True,
    )
    trainers = {}
    for line in sys.stdin:
        network, what, setting, size, views, steps = line.split()
        key = network, what, setting
        try:
            if key not in trainers:
                trainers[key] = Trainer(*key, int(size), int(views))
            trainer = trainers[key]
            if trainer is None:
                raise RuntimeError("did not work the first time")
            wall, cpu = time.perf_counter(), time.process_time()
            for _ in range(int(steps)):
                trainer.step()
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            rows = int(views) * int(steps)
            print(*key, rows / cpu, rows / wall, flush=True)
        except Exception as problem:  # a setting that this version or machine cannot do
            trainers.setdefault(key, None)
            print("left out:", " ".join(str(problem).split())[:200], flush=True)


main()
