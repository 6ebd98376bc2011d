/* pnm -- binary PGM and PPM with 8 bits a sample.
 * SPDX-License-Identifier: MIT */
#include "formats/pnm.h"

#include "lib/base/shape.h"

#include <stdio.h>
#include <string.h>

struct cursor {
    const unsigned char *at, *end;
};

static int is_blank(int c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Skip blanks and comments, then read one number of at most nine digits; -1 when there is none. */
static int number(struct cursor *in)
{
    while (in->at < in->end && (is_blank(*in->at) || *in->at == '#')) {
        if (*in->at == '#')
            while (in->at < in->end && *in->at != '\n')
                in->at++;
        else
            in->at++;
    }
    int value = -1;
    while (in->at < in->end && *in->at >= '0' && *in->at <= '9') {
        if (value > 99999999)
            return -1;
        value = (value < 0 ? 0 : 10 * value) + (*in->at++ - '0');
    }
    return value;
}

/* Read the header; `samples` is where the pixels begin. */
static int parse(struct picture *out, const unsigned char **samples, const void *bytes, size_t size,
    struct err *err)
{
    memset(out, 0, sizeof *out);
    if (!pnm_is(bytes, size))
        return err_set(err, ERR_INPUT, "not a binary PGM or PPM picture");
    struct cursor in = {(const unsigned char *)bytes + 2, (const unsigned char *)bytes + size};
    const int width = number(&in), height = number(&in), top = number(&in);
    if (width < 1 || height < 1 || in.at == in.end || !is_blank(*in.at))
        return err_set(err, ERR_INPUT, "PNM header is damaged");
    if (top != 255)
        return err_set(
            err, ERR_INPUT, "PNM has samples up to %d; only 255 is supported", top < 0 ? 0 : top);
    out->height = height;
    out->width = width;
    out->channels = ((const char *)bytes)[1] == '6' ? 3 : 1;
    *samples = in.at + 1;
    return 0;
}

int pnm_is(const void *bytes, size_t size)
{
    const unsigned char *const b = bytes;
    return size >= 3 && b[0] == 'P' && (b[1] == '5' || b[1] == '6') &&
           (is_blank(b[2]) || b[2] == '#');
}

int pnm_measure(struct picture *out, const void *bytes, size_t size, struct err *err)
{
    const unsigned char *samples = NULL;
    return parse(out, &samples, bytes, size, err);
}

int pnm_decode(
    struct picture *out, const void *bytes, size_t size, size_t max_pixels, struct err *err)
{
    const unsigned char *samples = NULL;
    if (parse(out, &samples, bytes, size, err) < 0)
        return -1;
    const size_t there = (size_t)((const unsigned char *)bytes + size - samples);
    const size_t need =
        shape_times(shape_times((size_t)out->height, (size_t)out->width), (size_t)out->channels);
    if (there < need) {
        memset(out, 0, sizeof *out);
        return err_set(err, ERR_INPUT, "PNM is cut short");
    }
    if (picture_alloc(out, out->height, out->width, out->channels, max_pixels, "PNM", err) < 0)
        return -1;
    memcpy(out->pixels, samples, need);
    return 0;
}

size_t pnm_header(char out[PNM_HEADER], int height, int width, int channels)
{
    return (size_t)snprintf(
        out, PNM_HEADER, "P%c\n%d %d\n255\n", channels == 3 ? '6' : '5', width, height);
}
