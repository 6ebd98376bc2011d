/* resnet.h -- the encoders: ResNet-18/34/50/101/152 (both stems, any width), and the small CIFAR
 * family.
 *
 * Input u8 [N,H,W,3], scaled to [0,1], normalised by pixel mean and deviation if given; output
 * h f32 [N,D], the global average of the last feature map. Pictures may be of several sizes: the
 * weights do not depend on it. Each size that is met has its own layouts of them: in
 * training up to 3.6 times the weights in f32, once in bf16; else half of that.
 *
 * resnet18/34: basic blocks, torchvision's structure (no projection shortcut in the first group),
 * D = 512 width. resnet50/101/152: bottleneck blocks with the stride on the 3x3 convolution,
 * D = 2048 width. Stem `imagenet`: 7x7 stride 2, 3x3 max-pool stride 2 padding 1; stem `cifar`:
 * 3x3 stride 1, no pool. resnet20/32/44/56: He et al. 2015, section 4.2: 16/32/64 channels (times
 * width), option A shortcuts (x[::2,::2], zero channels before and after), D = 64 width; always the
 * 3x3 stem. Batch norm: epsilon 1e-5, momentum 0.1, running variance with Bessel's correction.
 * Initialisation as the reference's code: convolutions truncated normal with variance 1/fan_in,
 * gamma 1 but 0 in the last batch norm of each block, beta 0.
 *
 * Source: He et al. 2015 (arXiv 1512.03385); torchvision.models.resnet for names.
 * SPDX-License-Identifier: MIT */
#ifndef RESNET_H
#define RESNET_H

#include "formats/stream.h"
#include "lib/base/parallel.h"
#include "lib/nn/model.h"
#include "lib/nn/precision.h"

#include <stdbool.h>
#include <stdint.h>

struct resnet_options {
    const char *name;          /* "resnet18", ... */
    int width;                 /* 1 and up */
    bool imagenet_stem;        /* not of the small family */
    int sizes;                 /* of the input: 1 and up */
    int size[STREAM_SIZES][2]; /* height and width; the same again is allowed */
    bool frozen; /* batch norm uses running statistics; gamma and beta are still trained */
    double mean[3], deviation[3]; /* of pixels in [0,1]; 0,0,0 and 1,1,1 for none */
    enum precision precision;     /* of activations and of the operands of convolutions */
};

struct resnet;

/* Is there an encoder of this name? NULL-terminated list for messages: resnet_names(). */
bool resnet_known(const char *name);
const char *resnet_names(void);      /* "resnet18|resnet34|..." */
bool resnet_small(const char *name); /* of the CIFAR family: no choice of stem */

/* Errors: ERR_MISUSE (unknown name; picture too small for the number of strides), ERR_FAILED. */
struct resnet *resnet_new(
    const struct resnet_options *options, struct parallel *parallel, struct err *err);
void resnet_free(struct resnet *resnet); /* NULL is fine */

/* Fresh weights, keyed by the seed and the tensor's name. */
void resnet_init(struct resnet *resnet, int64_t seed);

/* The view of it that a training stage uses; borrows resnet. */
struct model resnet_model(struct resnet *resnet);

#endif
