/* jpeg -- libjpeg-turbo behind an interface that returns errors.
 *
 * The library reports errors through callbacks that must not return; they leave by longjmp to the
 * one setjmp in guarded(). What must survive the jump lives in struct decoder.
 * SPDX-License-Identifier: MIT */
#include "formats/jpeg.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
/* Behind jpeglib.h: the numbers of its messages depend on that header's configuration. */
#include <jerror.h>

enum {
    SCANS = 100, /* usual are 1 and about 10 */
    ROWS = 16,
    /* A Huffman code has at least one bit, and some component has a block for at least every 256
     * pixels: what claims more pixels a byte than this lacks bytes. */
    PIXELS_A_BYTE = 8 * 256
};

struct decoder {
    struct jpeg_decompress_struct library;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf leave;
    struct picture *out;
    size_t max_pixels;
    struct err *err;
};

/* ---- callbacks ------------------------------------------------------------------------------ */

static _Noreturn void leave(j_common_ptr library)
{
    struct decoder *const d = library->client_data;
    char text[JMSG_LENGTH_MAX];
    library->err->format_message(library, text);
    if (library->err->msg_code == JERR_OUT_OF_MEMORY)
        err_memory(d->err, "a JPEG picture");
    else
        err_set(d->err, ERR_INPUT, "JPEG is damaged: %s", text);
    longjmp(d->leave, 1);
}

/* The library goes on after a warning and fills in what is missing; a picture that is partly made
 * up is worse than none. */
static void message(j_common_ptr library, int level)
{
    struct decoder *const d = library->client_data;
    if (level >= 0)
        return;
    switch (library->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
        err_set(d->err, ERR_INPUT, "JPEG is cut short");
        longjmp(d->leave, 1);
    case JWRN_HUFF_BAD_CODE:
#if JPEG_LIB_VERSION >= 70 || defined(D_ARITH_CODING_SUPPORTED)
    case JWRN_ARITH_BAD_CODE:
#endif
    case JWRN_MUST_RESYNC:
        leave(library);
    default:
        break;
    }
}

static void say_nothing(j_common_ptr library)
{
    (void)library;
}

static void count_scans(j_common_ptr library)
{
    struct decoder *const d = library->client_data;
    if (d->library.input_scan_number > SCANS) {
        err_set(d->err, ERR_INPUT, "JPEG has more than %d scans", SCANS);
        longjmp(d->leave, 1);
    }
}

/* ---- decoding ------------------------------------------------------------------------------- */

/* Read the headers; what the picture will be stands in d->out. */
static int start(struct decoder *d, const void *bytes, size_t size)
{
    jpeg_create_decompress(&d->library);
    d->library.client_data = d;
    d->library.progress = &d->progress;
    jpeg_mem_src(&d->library, bytes, size);
    jpeg_read_header(&d->library, TRUE);
    switch (d->library.jpeg_color_space) {
    case JCS_GRAYSCALE:
        d->library.out_color_space = JCS_GRAYSCALE;
        break;
    case JCS_YCbCr:
    case JCS_RGB:
        d->library.out_color_space = JCS_RGB;
        break;
    case JCS_CMYK:
        return err_set(d->err, ERR_INPUT, "JPEG is of kind CMYK, which is not supported");
    case JCS_YCCK:
        return err_set(d->err, ERR_INPUT, "JPEG is of kind YCCK, which is not supported");
    default:
        return err_set(d->err, ERR_INPUT, "JPEG has %d colour components, which is not supported",
            d->library.num_components);
    }
    d->out->height = (int)d->library.image_height;
    d->out->width = (int)d->library.image_width;
    d->out->channels = d->library.out_color_space == JCS_RGB ? 3 : 1;
    return 0;
}

static int decode(struct decoder *d, const void *bytes, size_t size)
{
    struct picture *const out = d->out;
    if (start(d, bytes, size) < 0)
        return -1;
    if (!d->library.arith_code && (size_t)out->height * (size_t)out->width / PIXELS_A_BYTE > size)
        return err_set(d->err, ERR_INPUT, "JPEG is cut short: %zu bytes cannot hold %d x %d", size,
            out->width, out->height);
    if (picture_alloc(out, out->height, out->width, out->channels, d->max_pixels, "JPEG", d->err) <
        0)
        return -1;
    jpeg_start_decompress(&d->library);
    const size_t stride = (size_t)out->width * (size_t)out->channels;
    while (d->library.output_scanline < d->library.output_height) {
        JSAMPROW row[ROWS];
        for (size_t i = 0; i < ROWS && d->library.output_scanline + i < (size_t)out->height; i++)
            row[i] = out->pixels + (d->library.output_scanline + i) * stride;
        const JDIMENSION left = d->library.output_height - d->library.output_scanline;
        jpeg_read_scanlines(&d->library, row, left < ROWS ? left : ROWS);
    }
    jpeg_finish_decompress(&d->library);
    return 0;
}

static int guarded(struct decoder *d, int (*work)(struct decoder *, const void *, size_t),
    const void *bytes, size_t size)
{
    memset(d->out, 0, sizeof *d->out);
    if (!jpeg_is(bytes, size))
        return err_set(d->err, ERR_INPUT, "not a JPEG picture");
    d->library.err = jpeg_std_error(&d->errors);
    d->library.client_data = d;
    d->errors.error_exit = leave;
    d->errors.emit_message = message;
    d->errors.output_message = say_nothing;
    d->progress.progress_monitor = count_scans;
    const int failed = setjmp(d->leave) != 0 || work(d, bytes, size) < 0;
    jpeg_destroy_decompress(&d->library);
    if (failed)
        picture_free(d->out);
    return failed ? -1 : 0;
}

/* ---- interface ------------------------------------------------------------------------------ */

int jpeg_is(const void *bytes, size_t size)
{
    return size >= 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0;
}

int jpeg_decode(struct picture *out, const void *bytes, size_t size,
    const struct picture_region *region, const struct picture_rules *rules, struct err *err)
{
    struct decoder decoder = {.out = out, .max_pixels = rules->max_pixels, .err = err};
    (void)region;
    return guarded(&decoder, decode, bytes, size);
}

int jpeg_measure(struct picture *out, const void *bytes, size_t size, struct err *err)
{
    struct decoder decoder = {.out = out, .err = err};
    return guarded(&decoder, start, bytes, size);
}
