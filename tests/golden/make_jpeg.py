#!/usr/bin/env python3
"""make_jpeg.py -- tiny JPEG files, and what Pillow decodes them to.

Run with Pillow in tests/golden: writes jpeg_colour.jpg (4:2:0, odd extents), jpeg_grey.jpg,
jpeg_progressive.jpg (4:4:4), and the decoded ones as .ppm or .pgm.
SPDX-License-Identifier: MIT"""
from PIL import Image


def colour(width, height):
    out = Image.new("RGB", (width, height))
    out.putdata([((x * 13 + y * 3) % 256, (y * 17 + 40) % 256, (x * y * 2 + 90) % 256)
                 for y in range(height) for x in range(width)])
    return out


picture = colour(21, 13)
picture.save("jpeg_colour.jpg", quality=80, subsampling=2, optimize=True)
picture.convert("L").save("jpeg_grey.jpg", quality=80, optimize=True)
picture.save("jpeg_progressive.jpg", quality=80, subsampling=0, progressive=True)
Image.open("jpeg_colour.jpg").save("jpeg_colour.ppm")
Image.open("jpeg_grey.jpg").save("jpeg_grey.pgm")
Image.open("jpeg_progressive.jpg").save("jpeg_progressive.ppm")
