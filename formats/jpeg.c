/* jpeg -- libjpeg-turbo behind an interface that returns errors.
 *
 * The library reports errors through callbacks that must not return; they leave by longjmp to the
 * one setjmp in guarded(). What must survive the jump lives in struct decoder.
 * SPDX-License-Identifier: MIT */
#include "formats/jpeg.h"

#include "formats/exif.h"
#include "formats/turn.h"

#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
/* Behind jpeglib.h: the numbers of its messages depend on that header's configuration. */
#include <jerror.h>

enum {
    SCANS = 100, /* usual are 1 and about 10 */
    ROWS = 16,   /* decoded at a time */
    /* The smooth upsampling takes a neighbour into account, takes the edge of what is decoded for
     * the edge of the picture, and is given up where a single chroma sample is left in a row: that
     * much more is decoded to the left and to the right. */
    MARGIN = 2,
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
    struct picture_region region; /* w 0: all */
    const struct picture_rules *rules;
    struct turn turn;
    bool cut; /* the bytes have ended too early, and that is accepted */
    struct err *err;
};

/* ---- callbacks ------------------------------------------------------------------------------ */

static const char *process_name(int marker)
{
    switch (marker) {
    case 0xc3:
    case 0xcb:
        return "lossless";
    case 0xc9:
    case 0xca:
        return "arithmetic coded";
    default:
        return "hierarchical";
    }
}

static _Noreturn void leave(j_common_ptr library)
{
    struct decoder *const d = library->client_data;
    const int number = library->err->msg_parm.i[0];
    char text[JMSG_LENGTH_MAX];
    switch (library->err->msg_code) {
    case JERR_OUT_OF_MEMORY:
        err_memory(d->err, "a JPEG picture");
        break;
    case JERR_BAD_PRECISION:
        err_set(d->err, ERR_INPUT, "JPEG has %d bits a sample, which is not supported", number);
        break;
    case JERR_SOF_UNSUPPORTED:
        err_set(d->err, ERR_INPUT, "JPEG is %s, which is not supported", process_name(number));
        break;
    case JERR_ARITH_NOTIMPL:
        err_set(d->err, ERR_INPUT, "JPEG is arithmetic coded, which is not supported");
        break;
    case JERR_FRACT_SAMPLE_NOTIMPL:
        err_set(
            d->err, ERR_INPUT, "JPEG has fractions for sampling factors, which is not supported");
        break;
    default:
        library->err->format_message(library, text);
        if (d->cut)
            err_set(d->err, ERR_INPUT, "JPEG is cut short");
        else
            err_set(d->err, ERR_INPUT, "JPEG is damaged: %s", text);
    }
    longjmp(d->leave, 1);
}

/* The library goes on after a warning and fills in what is missing; a picture that is partly made
 * up is worse than none, unless the rules say otherwise. */
static void message(j_common_ptr library, int level)
{
    struct decoder *const d = library->client_data;
    if (level >= 0)
        return;
    switch (library->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
        d->cut |= library->err->msg_code == JWRN_JPEG_EOF;
        if (d->rules->accept_truncated)
            return;
        err_set(d->err, ERR_INPUT, "JPEG is cut short");
        longjmp(d->leave, 1);
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
        if (!d->cut)
            leave(library);
        break;
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

/* ---- headers -------------------------------------------------------------------------------- */

static struct turn find_turn(const struct jpeg_decompress_struct *library)
{
    const struct jpeg_marker_struct *marker = library->marker_list;
    for (; marker != NULL; marker = marker->next) {
        const int orientation = exif_orientation(marker->data, marker->data_length);
        if (orientation > 0)
            return turn_of(orientation);
    }
    return turn_of(1);
}

/* Read the headers; what the picture will be stands in d->out. */
static int start(struct decoder *d, const void *bytes, size_t size)
{
    jpeg_create_decompress(&d->library);
    d->library.client_data = d;
    d->library.progress = &d->progress;
    jpeg_mem_src(&d->library, bytes, size);
    jpeg_save_markers(&d->library, JPEG_APP0 + 1, 0xffff);
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
    case JCS_YCCK:
        d->library.out_color_space = JCS_CMYK;
        break;
    default:
        return err_set(d->err, ERR_INPUT, "JPEG has %d colour components, which is not supported",
            d->library.num_components);
    }
    d->turn = find_turn(&d->library);
    d->out->height = (int)(d->turn.swap ? d->library.image_width : d->library.image_height);
    d->out->width = (int)(d->turn.swap ? d->library.image_height : d->library.image_width);
    d->out->channels = d->library.out_color_space == JCS_GRAYSCALE ? 1 : 3;
    return 0;
}

/* ---- pixels --------------------------------------------------------------------------------- */

/* How far the picture is reduced: mirrored squares must begin where those of the upright one do.
 * Where a sampling factor is above 2, libjpeg-turbo 2.1 decodes components of one reduced picture at
 * several scales, and then miscounts their columns: those are not reduced. */
static int reduction(const struct decoder *d)
{
    int reduce = 8;
    if (d->library.max_h_samp_factor > 2 || d->library.max_v_samp_factor > 2)
        return 1;
    while (reduce > 1 && reduce > d->region.reduce)
        reduce /= 2;
    while ((d->turn.mirror_x && d->library.image_width % (unsigned)reduce != 0) ||
           (d->turn.mirror_y && d->library.image_height % (unsigned)reduce != 0))
        reduce /= 2;
    return reduce;
}

/* The region, reduced: a rectangle of the upright picture as it will be decoded. */
static int find_rectangle(struct decoder *d, struct picture_region *rect)
{
    struct picture_region *const r = &d->region;
    const int height = d->out->height, width = d->out->width;
    if (r->w == 0)
        *r = (struct picture_region){0, 0, width, height, 1};
    if (r->x < 0 || r->y < 0 || r->w < 1 || r->h < 1 || r->x > width - r->w || r->y > height - r->h)
        return err_set(d->err, ERR_FAILED, "a region is not inside its picture");
    const int reduce = reduction(d), x = r->x / reduce, y = r->y / reduce;
    *rect = (struct picture_region){
        x, y, (r->x + r->w - 1) / reduce + 1 - x, (r->y + r->h - 1) / reduce + 1 - y, reduce};
    return 0;
}

/* Turn C,M,Y,K into R,G,B in place. `none` is the sample that means no ink: 0 or 255. */
static void remove_ink(unsigned char *pixels, int count, int none)
{
    for (int i = 0; i < count; i++) {
        unsigned char *const to = pixels + 3 * i, *const from = pixels + 4 * i;
        const int black = 255 - (from[3] ^ none);
        for (int c = 0; c < 3; c++)
            to[c] = (unsigned char)(((255 - (from[c] ^ none)) * black + 127) / 255);
    }
}

/* Decode no more columns than the rectangle needs; returns the first of them. */
static int crop_columns(j_decompress_ptr library, const struct picture_region *stored)
{
    JDIMENSION left = stored->x > MARGIN ? (JDIMENSION)stored->x - MARGIN : 0;
    JDIMENSION right = (JDIMENSION)(stored->x + stored->w + MARGIN);
    right = right < library->output_width ? right : library->output_width;
    JDIMENSION width = right - left;
    if (width == library->output_width)
        return 0;
    jpeg_crop_scanline(library, &left, &width);
    return (int)left;
}

/* Decode rows to where they belong. */
static void read_straight(struct decoder *d)
{
    const struct picture *const out = d->out;
    const size_t line = (size_t)out->width * (size_t)out->channels;
    for (int y = 0; y < out->height;) {
        const int wanted = out->height - y < ROWS ? out->height - y : ROWS;
        JSAMPROW row[ROWS];
        for (int i = 0; i < wanted; i++)
            row[i] = out->pixels + (size_t)(y + i) * line;
        y += (int)jpeg_read_scanlines(&d->library, row, (JDIMENSION)wanted);
    }
}

/* Decode rows into a strip, then put the rectangle's part of it to its place; `left` is the first
 * column that is decoded. */
static void read_turned(struct decoder *d, const struct picture_region *stored, int left)
{
    j_decompress_ptr library = &d->library;
    const JDIMENSION components = (JDIMENSION)library->output_components;
    const JSAMPARRAY strip = library->mem->alloc_sarray(
        (j_common_ptr)library, JPOOL_IMAGE, library->output_width * components, ROWS);
    JSAMPROW row[ROWS];
    for (int i = 0; i < ROWS; i++)
        row[i] = strip[i] + (JDIMENSION)(stored->x - left) * components;
    for (int y = 0; y < stored->h;) {
        const int wanted = stored->h - y < ROWS ? stored->h - y : ROWS;
        int got = 0;
        while (got < wanted)
            got += (int)jpeg_read_scanlines(library, strip + got, (JDIMENSION)(wanted - got));
        for (int i = 0; i < got && components == 4; i++)
            remove_ink(row[i], stored->w, library->saw_Adobe_marker ? 255 : 0);
        turn_rows(d->out, stored, d->turn, y, got, row);
        y += got;
    }
}

/* Decode a rectangle; what can be taken as it comes is taken with the columns beside it. */
static int read_rectangle(struct decoder *d, struct picture_region rect)
{
    j_decompress_ptr library = &d->library;
    struct picture_region stored = rect;
    const bool turned = d->turn.swap || d->turn.mirror_x || d->turn.mirror_y;
    turn_stored(&stored, d->turn, (int)library->output_height, (int)library->output_width);
    const int left = crop_columns(library, &stored);
    const bool straight = !turned && library->output_components == d->out->channels;
    if (straight) {
        rect.x = left;
        rect.w = (int)library->output_width;
    }
    if (picture_alloc(
            d->out, rect.h, rect.w, d->out->channels, d->rules->max_pixels, "JPEG", d->err) < 0)
        return -1;
    d->out->x = rect.x;
    d->out->y = rect.y;
    d->out->reduce = rect.reduce;
    if (stored.y > 0)
        jpeg_skip_scanlines(library, (JDIMENSION)stored.y);
    if (straight)
        read_straight(d);
    else
        read_turned(d, &stored, left);
    return 0;
}

/* Is there an end marker behind the first scan's header? Within a scan the two bytes cannot stand. A
 * region does not show whether what is below it is there. */
static bool has_end(const struct jpeg_decompress_struct *library)
{
    const unsigned char *at = library->src->next_input_byte;
    const unsigned char *const end = at + library->src->bytes_in_buffer;
    while (end - at >= 2 && (at = memchr(at, 0xff, (size_t)(end - at) - 1)) != NULL) {
        if (at[1] == JPEG_EOI)
            return true;
        at++;
    }
    return false;
}

static int decode(struct decoder *d, const void *bytes, size_t size)
{
    const struct picture *const out = d->out;
    j_decompress_ptr library = &d->library;
    struct picture_region rect = {0};
    if (start(d, bytes, size) < 0)
        return -1;
    if (picture_check(out->height, out->width, d->rules->max_pixels, "JPEG", d->err) < 0)
        return -1;
    if (!library->arith_code && (size_t)out->height * (size_t)out->width / PIXELS_A_BYTE > size)
        return err_set(d->err, ERR_INPUT, "JPEG is cut short: %zu bytes cannot hold %d x %d", size,
            out->width, out->height);
    if (!d->rules->accept_truncated && !has_end(library))
        return err_set(d->err, ERR_INPUT, "JPEG is cut short");
    if (find_rectangle(d, &rect) < 0)
        return -1;
    library->scale_num = 1;
    library->scale_denom = (unsigned)rect.reduce;
    library->do_block_smoothing = FALSE; /* it looks at neighbours that a region may lack */
    jpeg_start_decompress(library);
    if (read_rectangle(d, rect) < 0)
        return -1;
    if (library->output_scanline == library->output_height)
        jpeg_finish_decompress(library);
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
    static const struct picture_region all = {0};
    struct decoder decoder = {
        .out = out, .region = region == NULL ? all : *region, .rules = rules, .err = err};
    return guarded(&decoder, decode, bytes, size);
}

int jpeg_measure(struct picture *out, const void *bytes, size_t size, struct err *err)
{
    static const struct picture_rules any = {SIZE_MAX, false};
    struct decoder decoder = {.out = out, .rules = &any, .err = err};
    return guarded(&decoder, start, bytes, size);
}

#define QUOTED(x) #x
#define TEXT(x)   QUOTED(x)

const char *jpeg_version(void)
{
#ifdef LIBJPEG_TURBO_VERSION
    return "libjpeg-turbo: " TEXT(LIBJPEG_TURBO_VERSION);
#else
    return "libjpeg: " TEXT(JPEG_LIB_VERSION);
#endif
}
