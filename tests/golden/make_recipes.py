#!/usr/bin/env python3
"""Makes recipes.safetensors: whole views of the recipes simclr-v1 and torchvision, by TensorFlow and
by torchvision on pictures of Pillow, with what a recipe draws at random given.

    python3 make_recipes.py v1          needs numpy and TensorFlow
    python3 make_recipes.py torchvision needs numpy, Pillow and torchvision

Each call replaces its own tensors in the file and keeps the other's. A draw is: x, y, w, h of the
crop, flip, vertical flip, jitter, order of the four colours, their amounts, grey, sigma (0: none),
solarise, equalise, channels.
"""
import json
import os
import struct
import sys

import numpy as np

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "recipes.safetensors")
SIZE = 40
golden = {}


def make_picture(h, w):
    rng = np.random.default_rng(5)
    y, x = np.mgrid[0:h, 0:w]
    smooth = np.stack([np.sin(y / 9 + c) * np.cos(x / (7 + 2 * c)) for c in range(3)], 2)
    return np.clip(128 + 120 * smooth + rng.normal(0, 12, (h, w, 3)), 0, 255).astype(np.uint8)


picture = make_picture(90, 110)

# crop, flip, vertical flip, order (empty: no jitter), amounts, grey, sigma, solarise, equalise, channels
V1 = [((5, 7, 60, 57), 1, 0, (2, 0, 3, 1), (0.3, 0.7, 1.5, 0.15), 0, 0, 0, 0, 3),
      ((0, 0, 110, 90), 0, 0, (3, 1, 0, 2), (-0.6, 1.6, 0.3, -0.18), 0, 1.4, 0, 0, 3),
      ((60, 31, 30, 38), 1, 0, (1, 3, 2, 0), (0.7, 1.4, 0.9, 0.02), 1, 0.6, 0, 0, 3),
      ((12, 13, 70, 61), 1, 0, (0, 1, 2, 3), (-0.2, 1.5, 1.8, 0.2), 0, 0.9, 0, 0, 1)]
TORCHVISION = [((5, 7, 60, 57), 1, 0, (2, 0, 3, 1), (1.3, 0.7, 1.5, 0.15), 0, 0, 0, 0, 3),
               ((0, 0, 110, 90), 0, 1, (3, 1, 0, 2), (0.4, 1.6, 0.3, -0.18), 0, 1.4, 0, 0, 3),
               ((60, 31, 30, 38), 1, 0, (1, 3, 2, 0), (1.7, 1.4, 0.9, 0.02), 1, 0.6, 0, 0, 3),
               ((8, 8, 40, 40), 1, 0, (), (1, 1, 1, 0), 0, 0, 1, 1, 3),
               ((20, 3, 85, 80), 0, 0, (0, 3, 1, 2), (0.9, 1.2, 1.1, -0.07), 0, 0, 1, 0, 3),
               ((12, 13, 70, 61), 1, 0, (0, 1, 2, 3), (1.2, 1.5, 1.8, 0.2), 0, 1.9, 0, 0, 1)]


def number(draw):
    crop, flip, vflip, order, amount, grey, sigma, solarise, equalise, channels = draw
    return np.array([*crop, flip, vflip, len(order) > 0, *(order or range(4)), *amount, grey, sigma,
                     solarise, equalise, channels], np.float64)


# ---- simclr-v1, by TensorFlow ---------------------------------------------------------------------

def by_tensorflow(draw):
    import tensorflow as tf
    (x, y, w, h), flip, _, order, amount, grey, sigma, _, _, channels = draw
    v = tf.image.convert_image_dtype(tf.constant(picture[y:y + h, x:x + w, :channels]), tf.float32)
    v = tf.image.resize(v, [SIZE, SIZE], method="bicubic")
    v = tf.image.flip_left_right(v) if flip else v
    v = tf.tile(v, [1, 1, 3]) if channels == 1 else v
    operation = [tf.image.adjust_brightness, tf.image.adjust_contrast, tf.image.adjust_saturation,
                 tf.image.adjust_hue]
    for i in order:
        v = tf.clip_by_value(operation[i](v, amount[i]), 0, 1)
    v = tf.tile(tf.image.rgb_to_grayscale(v), [1, 1, 3]) if grey else v
    v = tf.clip_by_value(v, 0, 1)
    if sigma:
        radius = int((SIZE // 10) / 2)
        i = tf.range(-radius, radius + 1, dtype=tf.float32)
        kernel = tf.exp(-i**2 / (2 * sigma**2))
        kernel = tf.tile(tf.reshape(kernel / tf.reduce_sum(kernel), [-1, 1, 1, 1]), [1, 1, 3, 1])
        across = tf.transpose(kernel, [1, 0, 2, 3])
        v = tf.nn.depthwise_conv2d(v[None], across, [1] * 4, "SAME")
        v = tf.nn.depthwise_conv2d(v, kernel, [1] * 4, "SAME")[0]
        v = tf.clip_by_value(v, 0, 1)
    return np.floor(255 * v.numpy() + 0.5).astype(np.uint8)


# ---- torchvision ----------------------------------------------------------------------------------

def by_torchvision(draw):
    from PIL import Image
    import torchvision.transforms.functional as F
    (x, y, w, h), flip, vflip, order, amount, grey, sigma, solarise, equalise, channels = draw
    v = Image.fromarray(picture if channels == 3 else picture[:, :, 0]).convert("RGB")
    v = F.resized_crop(v, y, x, h, w, [SIZE, SIZE], F.InterpolationMode.BILINEAR)
    v = F.hflip(v) if flip else v
    v = F.vflip(v) if vflip else v
    operation = [F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue]
    for i in order:
        v = operation[i](v, amount[i])
    v = F.rgb_to_grayscale(v, 3) if grey else v
    taps = SIZE // 10 | 1
    v = F.gaussian_blur(v, [taps, taps], [sigma, sigma]) if sigma else v
    v = F.solarize(v, 128) if solarise else v
    v = F.equalize(v) if equalise else v
    return np.asarray(v)


# ---- the file -------------------------------------------------------------------------------------

def load(path):
    with open(path, "rb") as file:
        size, = struct.unpack("<Q", file.read(8))
        header, data = json.loads(file.read(size)), file.read()
    header.pop("__metadata__", None)
    kinds = {"U8": np.uint8, "F64": np.float64}
    return {name: np.frombuffer(data[slice(*entry["data_offsets"])], kinds[entry["dtype"]]).reshape(entry["shape"])
            for name, entry in header.items()}


def save(path, tensors):
    header, data = {"__metadata__": {"made_by": "make_recipes.py"}}, b""
    kinds = {"uint8": "U8", "float64": "F64"}
    for name in sorted(tensors, key=lambda n: (-tensors[n].itemsize, n)):
        raw = np.ascontiguousarray(tensors[name]).tobytes()
        header[name] = {"dtype": kinds[str(tensors[name].dtype)], "shape": list(tensors[name].shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + data)


if os.path.exists(PATH):
    golden = load(PATH)
golden["picture"] = picture
which = sys.argv[1]
draws, make = {"v1": (V1, by_tensorflow), "torchvision": (TORCHVISION, by_torchvision)}[which]
golden = {name: t for name, t in golden.items() if not name.startswith(which)}
for i, draw in enumerate(draws):
    golden[f"{which}.{i}.draw"] = number(draw)
    golden[f"{which}.{i}.view"] = make(draw)
save(PATH, golden)
print(os.path.getsize(PATH), "bytes")
