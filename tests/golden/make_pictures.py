#!/usr/bin/env python3
"""make_pictures.py -- tiny JPEG and PNG files of all kinds, and the pixels they stand for.

Run in tests/golden with Pillow: writes pictures/NAME.jpg or NAME.png and beside each NAME.ppm (or
.pgm, where one channel comes out). The pixels are Pillow's, upright, C,M,Y,K turned into R,G,B by
Pillow; where Pillow and this project differ on purpose they are computed here: inks without an Adobe
marker (Pillow inverts them too), 16 bits (Pillow cuts off), alpha over white.
SPDX-License-Identifier: MIT"""
import io
import os
import struct
import zlib

from PIL import Image, ImageOps

WIDTH, HEIGHT = 21, 13


def colour(width=WIDTH, height=HEIGHT):
    out = Image.new("RGB", (width, height))
    out.putdata([((x * 9 + y * 3) % 256, (y * 15 + 40) % 256, (x * y + 90) % 256)
                 for y in range(height) for x in range(width)])
    return out


def save_pixels(name, picture):
    kind = "pgm" if picture.mode == "L" else "ppm"
    picture.save(f"pictures/{name}.{kind}")


# ---- JPEG --------------------------------------------------------------------------------------

def encoded(picture, **options):
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=85, optimize=True, **options)
    return out.getvalue()


def jpeg(name, data, pixels=None):
    with open(f"pictures/{name}.jpg", "wb") as file:
        file.write(data)
    if pixels is None:
        picture = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
        pixels = picture if picture.mode == "L" else picture.convert("RGB")
    save_pixels(name, pixels)


def without(data, marker):
    """Cut one segment out."""
    at = data.index(marker)
    return data[:at] + data[at + 2 + struct.unpack(">H", data[at + 2:at + 4])[0]:]


def make_jpegs():
    picture = colour()
    jpeg("420", encoded(picture, subsampling=2))
    jpeg("422", encoded(picture, subsampling=1))
    jpeg("444-progressive", encoded(picture, subsampling=0, progressive=True))
    jpeg("420-progressive", encoded(picture, subsampling=2, progressive=True))
    jpeg("restart", encoded(picture, subsampling=2, restart_marker_blocks=1))
    jpeg("grey", encoded(picture.convert("L")))
    jpeg("adobe-rgb", encoded(picture, keep_rgb=True))

    inks = Image.merge("CMYK", [*picture.split(), picture.convert("L").point(lambda v: v // 2)])
    cmyk = encoded(inks)
    jpeg("cmyk", cmyk)
    # Adobe's transform 2 is YCCK: the same numbers, read as luma and chroma.
    adobe = cmyk.index(b"\xff\xee\0\x0eAdobe")
    jpeg("ycck", cmyk[:adobe + 15] + b"\2" + cmyk[adobe + 16:])
    # Not inverted, as there is no marker: all four channels are the complement of Pillow's.
    plain = without(cmyk, b"\xff\xee")
    inverted = Image.open(io.BytesIO(plain)).point(lambda v: 255 - v)
    jpeg("cmyk-plain", plain, inverted.convert("RGB"))

    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        jpeg(f"orientation-{orientation}", encoded(picture, subsampling=2, exif=exif.tobytes()))
    small = Image.Exif()
    small.endian = "<"
    small[0x0112] = 6
    jpeg("orientation-6-intel", encoded(picture, subsampling=2, exif=small.tobytes()))


# ---- PNG ---------------------------------------------------------------------------------------

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed_row(samples, bits):
    if bits == 16:
        return struct.pack(f">{len(samples)}H", *samples)
    number, count = 0, 0
    for sample in samples:
        number, count = number << bits | sample, count + bits
    padding = -count % 8
    return (number << padding).to_bytes((count + padding) // 8, "big")


PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def write_png(name, kind, bits, sample, interlaced=False, palette=b"", transparent=b""):
    """sample(x, y) gives the samples of a pixel."""
    rows = b""
    for left, top, right, down in (PASSES if interlaced else [(0, 0, 1, 1)]):
        for y in range(top, HEIGHT, down):
            samples = [s for x in range(left, WIDTH, right) for s in sample(x, y)]
            if samples:
                rows += b"\0" + packed_row(samples, bits)
    data = b"\x89PNG\r\n\x1a\n" + chunk(
        b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, bits, kind, 0, 0, int(interlaced)))
    data += chunk(b"gAMA", struct.pack(">I", 30000))  # to be ignored
    data += chunk(b"PLTE", palette) if palette else b""
    data += chunk(b"tRNS", transparent) if transparent else b""
    data += chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    with open(f"pictures/{name}.png", "wb") as file:
        file.write(data)
    Image.open(io.BytesIO(data)).load()  # Pillow takes it, too


def over_white(value, alpha):
    return (value * alpha + 255 * (255 - alpha) + 127) // 255


def to_8(value, bits):
    return (value * 255 * 2 + (1 << bits) - 1) // (2 * ((1 << bits) - 1))


def png(name, kind, bits, sample, interlaced=False, palette=b"", transparent=b""):
    write_png(name, kind, bits, sample, interlaced, palette, transparent)
    key = struct.unpack(f">{len(transparent) // 2}H", transparent) if kind in (GREY, RGB) else ()

    def pixel(x, y):
        s = sample(x, y)
        if kind == PALETTE:
            alpha = transparent[s[0]] if s[0] < len(transparent) else 255
            return tuple(over_white(v, alpha) for v in palette[3 * s[0]:3 * s[0] + 3])
        alpha = 255
        if kind in (GREY_ALPHA, RGBA):
            alpha, s = to_8(s[-1], bits), s[:-1]
        elif key and tuple(s) == key:
            alpha = 0
        out = tuple(over_white(to_8(v, bits), alpha) for v in s)
        return out[0] if len(out) == 1 else out

    out = Image.new("L" if kind in (GREY, GREY_ALPHA) else "RGB", (WIDTH, HEIGHT))
    out.putdata([pixel(x, y) for y in range(HEIGHT) for x in range(WIDTH)])
    save_pixels(name, out)


def make_pngs():
    def samples(count, bits):
        top = 1 << bits
        return lambda x, y: [(x * (2 * i + 3) * 71 + y * (i + 1) * 37 + i * 50 + x * y * 1009) % top
                             for i in range(count)]

    for bits in (1, 2, 4, 8, 16):
        png(f"grey-{bits}", GREY, bits, samples(1, bits))
        png(f"grey-{bits}-interlaced", GREY, bits, samples(1, bits), interlaced=True)
    for bits in (1, 2, 4, 8):
        colours = bytes((i * 53 + 20) % 256 for i in range(3 * min(1 << bits, 64)))
        png(f"palette-{bits}", PALETTE, bits, lambda x, y, n=len(colours) // 3: [(x + 5 * y) % n],
            palette=colours)
    png("palette-alpha", PALETTE, 4, lambda x, y: [(x + y) % 16], interlaced=True,
        palette=bytes(range(0, 240, 5)), transparent=bytes(range(0, 250, 25)))
    for bits in (8, 16):
        png(f"rgb-{bits}", RGB, bits, samples(3, bits))
        png(f"rgba-{bits}", RGBA, bits, samples(4, bits))
        png(f"grey-alpha-{bits}", GREY_ALPHA, bits, samples(2, bits))
        png(f"rgba-{bits}-interlaced", RGBA, bits, samples(4, bits), interlaced=True)
    png("rgb-interlaced", RGB, 8, samples(3, 8), interlaced=True)
    png("grey-key", GREY, 4, samples(1, 4), transparent=struct.pack(">H", 5))
    png("grey-key-16", GREY, 16, lambda x, y: [x * 256 + y], transparent=struct.pack(">H", 1284))
    png("rgb-key", RGB, 8, lambda x, y: [x % 3, 100, y % 2], transparent=struct.pack(">HHH", 2, 100, 1))


os.makedirs("pictures", exist_ok=True)
make_jpegs()
make_pngs()
