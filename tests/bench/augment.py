"""augment.py -- torchvision's side of tests/bench/augment: SimCLR's views in one thread.

Reads lines "SIZE WHICH" (32, 96 or 224; v1 or v2), makes two views of each picture of the set that
belongs to the size, and answers "SIZE WHICH RATE RATE": views a second of processor time and by
the clock.

Each side is what SimCLR's followers write with it: RandomResizedCrop (bilinear, as they leave it,
which is cheaper than the paper's bicubic), flip, ColorJitter, grey, GaussianBlur of a tenth of the
size in half of the views. v1 begins with PIL pictures and ends with bytes in a tensor; v2 begins
with tensors of bytes (photographs by torchvision.io.decode_jpeg).

SPDX-License-Identifier: MIT
"""
import os
import sys
import time

import numpy
import PIL
import torch
import torchvision
from PIL import Image
from torchvision import transforms as v1
from torchvision.transforms import v2

CIFAR, PHOTOS = 1000, 100  # pictures a run, taken evenly from all


def recipe(t, size, last):
    s = 0.5 if size <= 32 else 1.0
    kernel = size // 10 // 2 * 2 + 1
    steps = [
        t.RandomResizedCrop(size),
        t.RandomHorizontalFlip(),
        t.RandomApply([t.ColorJitter(0.8 * s, 0.8 * s, 0.8 * s, 0.2 * s)], p=0.8),
        t.RandomGrayscale(0.2),
    ]
    if size > 32:
        steps.append(t.RandomApply([t.GaussianBlur(kernel, (0.1, 2.0))], p=0.5))
    return t.Compose(steps + last)


def evenly(items, count):
    return [items[i * len(items) // count] for i in range(min(count, len(items)))]


def read_cifar(folder):
    rows = numpy.fromfile(os.path.join(folder, "data_batch_1.bin"), numpy.uint8).reshape(-1, 3073)
    return evenly(rows[:, 1:].reshape(-1, 3, 32, 32), CIFAR)


def list_photos(folder):
    names = sorted(
        os.path.join(where, name)
        for where, _, files in os.walk(folder)
        for name in files
        if name.lower().endswith((".jpg", ".jpeg"))
    )
    return evenly(names, PHOTOS)


def open_pil(name):
    with Image.open(name) as picture:
        return picture.convert("RGB")


def open_tensor(name):
    return torchvision.io.decode_jpeg(
        torchvision.io.read_file(name), mode=torchvision.io.ImageReadMode.RGB
    )


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    cifar, photos = read_cifar(sys.argv[1]), list_photos(sys.argv[2])
    planes = [torch.from_numpy(p.copy()) for p in cifar]
    mixed = [numpy.ascontiguousarray(p.transpose(1, 2, 0)) for p in cifar]
    print(
        f"torch {torch.__version__}, torchvision {torchvision.__version__}, Pillow {PIL.__version__}",
        flush=True,
    )
    for line in sys.stdin:
        size, which = line.split()
        size = int(size)
        if which == "v1":
            make = recipe(v1, size, [v1.PILToTensor()])
            items, load = (mixed, Image.fromarray) if size == 32 else (photos, open_pil)
        else:
            make = recipe(v2, size, [])
            items, load = (planes, lambda x: x) if size == 32 else (photos, open_tensor)
        wall, cpu = time.perf_counter(), time.process_time()
        for item in items:
            picture = load(item)
            for _ in range(2):
                view = make(picture)
                assert view.shape == (3, size, size) and view.dtype == torch.uint8
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(size, which, 2 * len(items) / cpu, 2 * len(items) / wall, flush=True)


main()
