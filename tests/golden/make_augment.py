#!/usr/bin/env python3
"""Makes augment.safetensors: what the operations on pictures must give, computed in double by the
formulas of tf.image and of the reference implementation, written down once more, plainly.

    python3 make_augment.py         needs numpy; where TensorFlow is installed, everything that has a
                                    counterpart there is compared with it first

TensorFlow itself computes in float and takes bicubic weights from a table of 1024 positions, so it
agrees to about 1e-3 there and 1e-5 elsewhere.
"""
import json
import os
import struct

import numpy as np

try:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow as tf
except ImportError:
    tf = None

rng = np.random.default_rng(1)
golden = {}


def compare(name, ours, theirs, bound):
    difference = float(np.abs(np.asarray(ours, np.float64) - np.asarray(theirs, np.float64)).max())
    print(f"{name:24} differs from TensorFlow by {difference:.2e}")
    assert difference < bound, name


# ---- colours: [n, 3] ------------------------------------------------------------------------------

def clip(x):
    return np.clip(x, 0, 1)


def to_hsv(rgb):
    r, g, b = rgb.T
    v = rgb.max(1)
    span = v - rgb.min(1)
    s = np.where(v > 0, span / np.where(v > 0, v, 1), 0)
    norm = 1 / (6 * np.where(span > 0, span, 1))
    h = np.where(r == v, norm * (g - b),
                 np.where(g == v, norm * (b - r) + 2 / 6, norm * (r - g) + 4 / 6))
    h = np.where(span > 0, h, 0)
    return np.where(h < 0, h + 1, h), s, v


def from_hsv(h, s, v):
    d = np.stack([clip(np.abs(6 * h - 3) - 1), clip(2 - np.abs(6 * h - 2)),
                  clip(2 - np.abs(6 * h - 4))], 1)
    return (1 - s + s * d.T).T * v[:, None]


def brightness(x, f):
    return clip(x * f)


def contrast(x, f):
    mean = x.mean(0)
    return clip((x - mean) * f + mean)


def saturation(x, f):
    h, s, v = to_hsv(x)
    return clip(from_hsv(h, clip(s * f), v))


def hue(x, turn):
    h, s, v = to_hsv(x)
    return clip(from_hsv((h + turn) % 1, s, v))


def grey(x):
    return np.repeat((x @ [0.2989, 0.5870, 0.1140])[:, None], 3, 1)


def planes(x):
    """[n, 3] or [h, w, 3] to planes."""
    return np.moveaxis(x, -1, 0)


colors = rng.uniform(-0.1, 1.1, (131, 3))
colors[:12] = [[0, 0, 0], [1, 1, 1], [0.5, 0.5, 0.5], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0],
               [0, 1, 1], [1, 0, 1], [0.25, 0.25, 0.75], [0.75, 0.25, 0.75], [0.75, 0.75, 0.25]]
colors[12:15] = [[-0.1, -0.05, -0.02], [0.7, -0.08, 0.2], [1.1, 1.05, 0.9]]
colors = colors.astype(np.float32).astype(np.float64)
golden["colors"] = planes(colors).astype(np.float32)
golden["grey"] = planes(grey(colors))
operations = {"brightness": (brightness, [0, 0.3, 1, 1.7]), "contrast": (contrast, [0, 0.4, 1, 1.6]),
              "saturation": (saturation, [0, 0.2, 1, 1.8]), "hue": (hue, [-0.5, -0.2, 0, 0.07, 0.5])}
for name, (operation, amounts) in operations.items():
    golden[name + ".amounts"] = np.array(amounts, np.float64)
    golden[name] = np.stack([planes(operation(colors, a)) for a in amounts])
if tf is not None:
    x = tf.constant(colors[None].astype(np.float32))
    for f in operations["contrast"][1]:
        compare(f"contrast {f}", contrast(colors, f), clip(tf.image.adjust_contrast(x, f)[0]), 1e-5)
    for f in operations["saturation"][1]:
        compare(f"saturation {f}", saturation(colors, f), clip(tf.image.adjust_saturation(x, f)[0]), 1e-5)
    for t in operations["hue"][1]:
        compare(f"hue {t}", hue(colors, t), clip(tf.image.adjust_hue(x, t)[0]), 1e-5)


# ---- resize ---------------------------------------------------------------------------------------

def taps(m, n):
    """[n, m]: the weights of n samples across m pixels."""
    where = (np.arange(n) + 0.5) * m / n - 0.5
    t = np.abs(where[:, None] - np.arange(m))
    w = np.where(t < 1, 1.5 * t**3 - 2.5 * t**2 + 1, np.where(t < 2, -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2, 0))
    return w / w.sum(1, keepdims=True)


def resize(x, y_out, x_out):
    if x.shape[:2] == (y_out, x_out):
        return x
    return np.einsum("yh,xw,hwc->yxc", taps(x.shape[0], y_out), taps(x.shape[1], x_out), x)


def make_picture(h, w):
    y, x = np.mgrid[0:h, 0:w]
    smooth = np.stack([np.sin(y / 5 + c) * np.cos(x / (4 + c)) for c in range(3)], 2)
    return np.clip(128 + 110 * smooth + rng.normal(0, 20, (h, w, 3)), 0, 255).astype(np.uint8)


picture = make_picture(41, 53)
golden["picture"] = picture
cases = [(0, 0, 53, 41, 43, 57), (0, 0, 53, 41, 12, 9), (5, 7, 20, 17, 24, 24), (52, 40, 1, 1, 3, 3),
         (3, 2, 2, 30, 5, 40), (9, 4, 16, 16, 16, 16), (10, 10, 30, 6, 8, 31)]
golden["resize.cases"] = np.array(cases, np.int64)
for i, (x, y, w, h, y_out, x_out) in enumerate(cases):
    part = picture[y:y + h, x:x + w].astype(np.float64) / 255
    golden[f"resize.{i}"] = planes(resize(part, y_out, x_out))
    if tf is not None:
        compare(f"resize {w}x{h} {x_out}x{y_out}", resize(part, y_out, x_out),
                tf.image.resize(part.astype(np.float32), [y_out, x_out], method="bicubic"), 4e-3)


# ---- blur: [h, w, 3] ------------------------------------------------------------------------------

def blur(x, sigma):
    radius = int((x.shape[0] // 10) / 2)
    i = np.arange(-radius, radius + 1)
    w = np.exp(-i.astype(np.float64)**2 / (2 * sigma**2))
    w /= w.sum()
    size = x.shape[0]
    matrix = np.zeros((size, size))
    for k in i:
        matrix += w[k + radius] * np.eye(size, k=k)
    return np.einsum("yh,xw,hwc->yxc", matrix, matrix, x)


for size, sigma in ((20, 0.1), (20, 2.0), (47, 1.3)):
    x = rng.uniform(0, 1, (size, size, 3)).astype(np.float32)
    golden[f"blur.{size}.{sigma}.in"] = planes(x)[:1]
    golden[f"blur.{size}.{sigma}"] = planes(blur(x.astype(np.float64), sigma))[:1]
    if tf is not None:
        radius = int((size // 10) / 2)
        i = tf.range(-radius, radius + 1, dtype=tf.float32)
        kernel = tf.exp(-i**2 / (2 * sigma**2))
        kernel = tf.tile(tf.reshape(kernel / tf.reduce_sum(kernel), [-1, 1, 1, 1]), [1, 1, 3, 1])
        across = tf.transpose(kernel, [1, 0, 2, 3])
        y = tf.nn.depthwise_conv2d(x[None], across, [1] * 4, "SAME")
        y = tf.nn.depthwise_conv2d(y, kernel, [1] * 4, "SAME")
        compare(f"blur {size} {sigma}", blur(x.astype(np.float64), sigma), y[0], 1e-5)


# ---- the whole recipe -----------------------------------------------------------------------------

NAMES = ["brightness", "contrast", "saturation", "hue"]


def view(source, size, crop, flip, order, amount, is_grey, sigma):
    x, y, w, h = crop
    v = resize(source[y:y + h, x:x + w].astype(np.float64) / 255, size, size)
    v = v[:, ::-1] if flip else v
    v = np.repeat(v, 3, 2) if v.shape[2] == 1 else v
    v = v.reshape(-1, 3)
    for i in order:
        v = operations[NAMES[i]][0](v, amount[i])
    v = clip(grey(v) if is_grey else v).reshape(size, size, 3)
    return clip(blur(v, sigma)) if sigma > 0 else v


# crop, flip, order (empty: no jitter), amounts, grey, sigma, channels
draws = [((5, 7, 20, 17), 1, (2, 0, 3, 1), (1.3, 0.7, 1.5, 0.15), 0, 0, 3),
         ((0, 0, 53, 41), 0, (3, 1, 0, 2), (0.4, 1.6, 0.3, -0.18), 0, 1.4, 3),
         ((20, 1, 30, 38), 1, (1, 3, 2, 0), (1.7, 1.4, 0.9, 0.02), 1, 0.6, 3),
         ((8, 8, 24, 24), 1, (), (1, 1, 1, 0), 0, 0, 3),
         ((2, 3, 40, 30), 1, (0, 1, 2, 3), (1.2, 1.5, 1.8, 0.2), 0, 0.9, 1)]
for i, (crop, flip, order, amount, is_grey, sigma, channels) in enumerate(draws):
    golden[f"draw.{i}"] = np.array([*crop, flip, len(order) > 0, *(order or range(4)), *amount, is_grey,
                                    sigma, channels], np.float64)
    amount = np.array(amount, np.float32).astype(np.float64)
    golden[f"view.{i}"] = planes(view(picture[:, :, :channels], 24, crop, flip, order, amount, is_grey, sigma))


# ---- crops ----------------------------------------------------------------------------------------

def moments(h, w, steps=20000):
    """Mean and deviation of a random crop's x, y, w, h, area and aspect: a sum over all of them."""
    rint = lambda x: int(np.rint(x))
    total, first, second = 0.0, np.zeros(6), np.zeros(6)
    for aspect in 3 / 4 + (4 / 3 - 3 / 4) * (np.arange(steps) + 0.5) / steps:
        low, high = 0.08 * h * w, h * w
        tall = rint(np.sqrt(high / aspect))
        if rint(tall * aspect) > w:
            tall = int((w + 0.5 - 1e-7) / aspect)
            tall -= rint(tall * aspect) > w
        tall = min(tall, h)
        least = min(rint(np.sqrt(low / aspect)), tall)
        for height in range(least, tall + 1):
            ch = height
            cw = rint(ch * aspect)
            if cw * ch < low:
                ch += 1
                cw = rint(ch * aspect)
            if cw * ch > high:
                ch -= 1
                cw = rint(ch * aspect)
            if not low <= cw * ch <= high or cw > w or ch > h or cw * ch < 0.1 * h * w:
                continue
            p = 1 / (tall - least + 1)
            mx, my = max(w - cw - 1, 0), max(h - ch - 1, 0)
            value = np.array([mx / 2, my / 2, cw, ch, cw * ch / (h * w), cw / ch])
            square = value**2
            square[:2] = mx * (2 * mx + 1) / 6, my * (2 * my + 1) / 6
            total += p
            first += p * value
            second += p * square
    first, second = first / total, second / total
    return first, np.sqrt(second - first**2)


for h, w in ((32, 32), (60, 45), (20, 90)):
    mean, deviation = moments(h, w)
    golden[f"crop.{h}.{w}"] = np.array([mean, deviation])
    if tf is not None:
        box = tf.constant([0, 0, 1, 1], tf.float32, [1, 1, 4])

        def draw(_):
            begin, size, _ = tf.image.sample_distorted_bounding_box(
                [h, w, 3], box, min_object_covered=0.1, aspect_ratio_range=(3 / 4, 4 / 3),
                area_range=(0.08, 1.0), max_attempts=100, use_image_if_no_bounding_boxes=True)
            return tf.stack([begin[1], begin[0], size[1], size[0]])

        n = 20000
        got = tf.function(lambda: tf.map_fn(draw, tf.range(n)))().numpy().astype(np.float64)
        got = np.column_stack([got, got[:, 2] * got[:, 3] / (h * w), got[:, 2] / got[:, 3]])
        off = np.abs(got.mean(0) - mean) / (deviation / np.sqrt(n))
        spread = np.abs(got.std(0) / deviation - 1)
        print(f"crop {h}x{w}: TensorFlow's means are {off.max():.1f} standard errors away, "
              f"its deviations {100 * spread.max():.1f} %")
        assert off.max() < 5 and spread.max() < 0.03


def central(h, w):
    """_compute_crop_shape and center_crop of the reference, for a square view."""
    side = int(np.rint(0.875 * (w if 1 > w / h else h)))
    return (w - side + 1) // 2, (h - side + 1) // 2, side, side


golden["central"] = np.array([[h, w, *central(h, w)] for h, w in
                              ((96, 96), (97, 97), (400, 300), (300, 401), (1, 1), (2, 9), (12, 12), (36, 36))], np.int64)


# ---- the file -------------------------------------------------------------------------------------

def save(path, tensors):
    header, data = {"__metadata__": {"made_by": "make_augment.py"}}, b""
    kinds = {"uint8": "U8", "int64": "I64", "float32": "F32", "float64": "F64"}
    for name in sorted(tensors, key=lambda n: (-tensors[n].itemsize, n)):
        raw = np.ascontiguousarray(tensors[name]).tobytes()
        header[name] = {"dtype": kinds[str(tensors[name].dtype)], "shape": list(tensors[name].shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + data)


path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "augment.safetensors")
save(path, golden)
print(os.path.getsize(path), "bytes")
