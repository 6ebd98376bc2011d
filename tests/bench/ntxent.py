"""ntxent.py -- PyTorch's side of tests/bench/ntxent: the plain implementation of the loss.

    ntxent.py ROWS THREADS [label]

With label: the supervised loss (L_out), ten labels, as its authors write it down.
Prints "ROWS theirs SECONDS SECONDS MIB": by the clock and of processor time, one forward and
backward pass, and what passes add to the peak of memory. The first pass warms up.

SPDX-License-Identifier: MIT
"""
import resource
import sys
import time

import torch
from torch.nn import functional


def step(z, temperature=0.5):
    unit = functional.normalize(z, dim=1)
    n = len(unit)
    similarity = unit @ unit.T / temperature
    similarity.fill_diagonal_(float("-inf"))
    loss = functional.cross_entropy(similarity, (torch.arange(n) + n // 2) % n)
    loss.backward()


def supervised(z, temperature=0.5):
    unit = functional.normalize(z, dim=1)
    n = len(unit)
    label = torch.arange(n) % (n // 2) % 10
    others = torch.ones(n, n).fill_diagonal_(0)
    mask = (label[:, None] == label[None]).float() * others
    similarity = unit @ unit.T / temperature
    similarity = similarity - similarity.max(1, keepdim=True).values.detach()
    log_p = similarity - torch.log((torch.exp(similarity) * others).sum(1, keepdim=True))
    (-((mask * log_p).sum(1) / mask.sum(1))).mean().backward()


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    rows = int(sys.argv[1])
    torch.set_num_threads(int(sys.argv[2]))
    torch.manual_seed(0)
    run = supervised if sys.argv[3:] == ["label"] else step
    run(torch.randn(24, 128, requires_grad=True))  # what PyTorch itself needs
    before = peak()
    z = torch.randn(rows, 128, requires_grad=True)
    run(z)
    z.grad = None
    wall, cpu = time.perf_counter(), time.process_time()
    run(z)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(rows, "theirs", wall, cpu, peak() - before, flush=True)


main()
