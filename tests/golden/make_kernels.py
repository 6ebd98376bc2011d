#!/usr/bin/env python3
"""Makes kernels.safetensors: what Pillow and torchvision make of small pictures and drawn crops, and
sobel.safetensors: what TensorFlow does.

    python3 make_kernels.py         each file where its libraries are: numpy, torchvision and Pillow 13
                                    for the first, numpy and TensorFlow for the second
"""
import json
import os
import struct

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(3)


def planes(x):
    """[h, w, 3] to [3, h, w]."""
    return np.ascontiguousarray(np.moveaxis(np.asarray(x), -1, 0))


def make_picture(h, w, noise=20, contrast=110):
    y, x = np.mgrid[0:h, 0:w]
    smooth = np.stack([np.sin(y / 5 + c) * np.cos(x / (4 + c)) for c in range(3)], 2)
    return np.clip(128 + contrast * smooth + rng.normal(0, noise, (h, w, 3)), 0, 255).astype(np.uint8)


def save(name, tensors):
    header, data = {"__metadata__": {"made_by": "make_kernels.py"}}, b""
    kinds = {"uint8": "U8", "int64": "I64", "float32": "F32", "float64": "F64"}
    for key in sorted(tensors, key=lambda n: (-tensors[n].itemsize, n)):
        raw = np.ascontiguousarray(tensors[key]).tobytes()
        header[key] = {"dtype": kinds[str(tensors[key].dtype)], "shape": list(tensors[key].shape),
                       "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path = os.path.join(HERE, name)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + data)
    print(name, os.path.getsize(path), "bytes")


picture = {"a": make_picture(20, 30), "b": make_picture(33, 17, noise=60), "c": make_picture(24, 25, 1, 20)}


# ---- Pillow and torchvision -------------------------------------------------------------------------

def moments(transforms, scale, ratio, h, w, steps=1500, draws=60000):
    """Mean and deviation of x, y, w, h, area and aspect of RandomResizedCrop: summed over areas and
    aspects, then compared with what it draws."""
    share = (np.arange(steps) + 0.5) / steps
    area = (scale[0] + (scale[1] - scale[0]) * share)[:, None] * h * w
    aspect = np.exp(np.log(ratio[0]) + np.log(ratio[1] / ratio[0]) * share)[None]
    cw, ch = np.rint(np.sqrt(area * aspect)), np.rint(np.sqrt(area / aspect))
    good = (cw >= 1) & (cw <= w) & (ch >= 1) & (ch <= h)
    cw, ch = cw[good], ch[good]
    fallback = (1 - good.mean())**10
    mx, my = w - cw, h - ch
    value = [mx / 2, my / 2, cw, ch, cw * ch / (h * w), cw / ch]
    square = [mx * (2 * mx + 1) / 6, my * (2 * my + 1) / 6] + [v**2 for v in value[2:]]
    fw, fh = w, h
    if w / h < ratio[0]:
        fh = round(w / ratio[0])
    elif w / h > ratio[1]:
        fw = round(h * ratio[1])
    last = np.array([(w - fw) // 2, (h - fh) // 2, fw, fh, fw * fh / (h * w), fw / fh])
    mean = (1 - fallback) * np.array([v.mean() for v in value]) + fallback * last
    second = (1 - fallback) * np.array([s.mean() for s in square]) + fallback * last**2
    deviation = np.sqrt(second - mean**2)

    from PIL import Image
    blank = Image.new("RGB", (w, h))
    got = np.array([transforms.RandomResizedCrop.get_params(blank, list(scale), list(ratio))
                    for _ in range(draws)], float)[:, [1, 0, 3, 2]]
    got = np.column_stack([got, got[:, 2] * got[:, 3] / (h * w), got[:, 2] / got[:, 3]])
    off = np.abs(got.mean(0) - mean) / (deviation / np.sqrt(draws))
    print(f"crop {h}x{w}: torchvision's means are {off.max():.1f} standard errors away, its deviations "
          f"{100 * np.abs(got.std(0) / deviation - 1).max():.1f} %; fallback {fallback:.2g}")
    assert off.max() < 5
    return np.array([mean, deviation])


def make_kernels():
    import torch
    import torchvision.transforms as transforms
    import torchvision.transforms.functional as F
    from PIL import Image, ImageOps

    torch.manual_seed(1)
    golden = {"picture." + k: v for k, v in picture.items()}
    image = {k: Image.fromarray(v) for k, v in picture.items()}

    operations = {"brightness": (F.adjust_brightness, [0, 0.3, 0.77, 1, 1.7]),
                  "contrast": (F.adjust_contrast, [0, 0.4, 1, 1.6]),
                  "saturation": (F.adjust_saturation, [0, 0.2, 1, 1.8]),
                  "hue": (F.adjust_hue, [-0.5, -0.2, 0, 0.07, 0.5])}
    for name, (operation, amounts) in operations.items():
        golden[name + ".amounts"] = np.array(amounts, np.float64)
        golden[name] = np.stack([planes(operation(image["b"], a)) for a in amounts])
    golden["grey"] = planes(F.rgb_to_grayscale(image["b"], 3))

    for name in picture:
        golden["solarise." + name] = planes(ImageOps.solarize(image[name], 128))
        golden["equalise." + name] = planes(ImageOps.equalize(image[name]))

    # crop x, y, w, h; new height and width; bicubic; channels
    cases = [(0, 0, 30, 20, 24, 37, 0, 3), (0, 0, 30, 20, 7, 5, 0, 3), (3, 2, 11, 9, 16, 16, 0, 3),
             (29, 19, 1, 1, 3, 3, 0, 3), (5, 1, 2, 18, 5, 20, 0, 3), (9, 4, 16, 16, 16, 16, 0, 3),
             (1, 1, 28, 18, 6, 23, 0, 1), (2, 0, 28, 20, 24, 37, 1, 3), (2, 0, 27, 20, 7, 12, 1, 3),
             (4, 0, 9, 20, 6, 9, 1, 3), (4, 3, 20, 9, 9, 20, 1, 1)]
    golden["resample.cases"] = np.array(cases, np.int64)
    for i, (x, y, w, h, y_out, x_out, bicubic, channels) in enumerate(cases):
        source = image["a"] if channels == 3 else image["a"].getchannel(1)
        mode = (F.InterpolationMode.BILINEAR, F.InterpolationMode.BICUBIC)[bicubic]
        out = np.asarray(F.resized_crop(source, y, x, h, w, [y_out, x_out], mode))
        golden[f"resample.{i}"] = planes(out.reshape(y_out, x_out, channels))
    # a picture that was reduced to half, and a rectangle of the whole that begins between its pixels
    half = image["a"].reduce(2)
    golden["resample.half"] = np.asarray(half)
    golden["resample.half.out"] = planes(half.resize((9, 6), Image.BILINEAR, (0, 0, 13.5, 9.5)))

    for i, (name, taps, sigma) in enumerate((("a", 3, 0.1), ("a", 9, 2.0), ("b", 23, 1.3), ("b", 33, 0.7))):
        golden[f"gauss.{i}"] = planes(F.gaussian_blur(image[name], [taps] * 2, [sigma] * 2))

    for i, degrees in enumerate((0, 90, 180, -90, 13.7, -200.2)):
        for name in "ac":
            source = planes(picture[name])[:1].astype(np.float32) / np.float32(255)
            out = F.rotate(torch.from_numpy(source), degrees, F.InterpolationMode.BILINEAR)
            golden[f"rotate.{name}.{i}"] = out.numpy()[0]
    golden["rotate.degrees"] = np.array([0, 90, 180, -90, 13.7, -200.2], np.float64)

    for h, w, scale, ratio in ((32, 32, (0.08, 1), (3 / 4, 4 / 3)), (60, 45, (0.08, 1), (3 / 4, 4 / 3)),
                               (20, 90, (0.2, 1), (3 / 4, 4 / 3))):
        golden[f"crop.{h}.{w}"] = moments(transforms, scale, ratio, h, w)
    save("kernels.safetensors", golden)


# ---- TensorFlow -------------------------------------------------------------------------------------

def make_sobel():
    import tensorflow as tf

    golden = {}
    for name in "ab":
        source = picture[name].astype(np.float32) / np.float32(255)
        edges = tf.image.sobel_edges(tf.constant(source[None]))[0].numpy() # [h, w, 3, (dy, dx)]
        golden["in." + name] = planes(source)[:1]
        golden["dy." + name], golden["dx." + name] = (planes(edges[..., i])[:1] for i in (0, 1))
    save("sobel.safetensors", golden)


for make in (make_kernels, make_sobel):
    try:
        make()
    except ImportError as missing:
        print(f"{make.__name__}: {missing}")
