#!/usr/bin/env python3
"""make_samples.py -- what Pillow makes of the JPEG files in a folder, in short.

Run in tests/golden with the folder (what the test finds in SIMCLR_DATA/jpeg-samples), Pillow, numpy and
safetensors: writes samples.safetensors. For each file that Pillow reads, upright and as R,G,B: NAME, U8
[8,8,3], the means of 8 x 8 pieces of it, and NAME.extents, I64 [2], height and width. A file that is cut short is read as far as it goes.
SPDX-License-Identifier: MIT"""
import glob
import sys

import numpy as np
from PIL import Image, ImageFile, ImageOps
from safetensors.numpy import save_file

ImageFile.LOAD_TRUNCATED_IMAGES = True
ROOT = sys.argv[1].rstrip("/") + "/"
out = {}
for path in sorted(glob.glob(ROOT + "*/*.jpg")):
    try:
        picture = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    except OSError as error:
        print(path, error)
        continue
    pixels = np.asarray(picture).astype(float)
    h, w, _ = pixels.shape
    grid = [[pixels[h * i // 8:h * (i + 1) // 8, w * j // 8:w * (j + 1) // 8].mean((0, 1))
             for j in range(8)] for i in range(8)]
    name = path[len(ROOT):]
    out[name] = np.rint(grid).astype(np.uint8)
    out[name + ".extents"] = np.array([h, w])
save_file(out, "samples.safetensors")
