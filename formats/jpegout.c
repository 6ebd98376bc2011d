/* jpegout -- libjpeg-turbo's writer behind an interface that returns errors.
 *
 * The library reports errors through callbacks that must not return; they leave by longjmp to the
 * one setjmp in guarded(). What must survive the jump lives in struct encoder.
 * SPDX-License-Identifier: MIT */
#include "formats/jpegout.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
/* Behind jpeglib.h: the numbers of its messages depend on that header's configuration. */
#include <jerror.h>

struct encoder {
    struct jpeg_compress_struct library;
    struct jpeg_error_mgr errors;
    struct jpeg_destination_mgr target;
    jmp_buf leave;
    struct channel *channel; /* where it goes; or NULL, then */
    struct bytes *bytes;
    struct err *err;
    unsigned char buffer[1 << 16];
};

static _Noreturn void leave(j_common_ptr library)
{
    struct encoder *const e = library->client_data;
    char text[JMSG_LENGTH_MAX];
    library->err->format_message(library, text);
    if (library->err->msg_code == JERR_OUT_OF_MEMORY)
        err_memory(e->err, "a JPEG picture");
    else
        err_set(e->err, ERR_FAILED, "cannot write '%s': libjpeg: %s",
            e->channel != NULL ? channel_name(e->channel) : "a JPEG", text);
    longjmp(e->leave, 1);
}

static void say_nothing(j_common_ptr library)
{
    (void)library;
}

static void begin(j_compress_ptr library)
{
    struct encoder *const e = library->client_data;
    e->target.next_output_byte = e->buffer;
    e->target.free_in_buffer = sizeof e->buffer;
}

static void put(struct encoder *e, size_t size)
{
    if (e->channel != NULL) {
        if (channel_write(e->channel, e->buffer, size, e->err) < 0)
            longjmp(e->leave, 1);
        return;
    }
    unsigned char *const to = bytes_room(e->bytes, size, e->err);
    if (to == NULL)
        longjmp(e->leave, 1);
    memcpy(to, e->buffer, size);
    e->bytes->size += size;
}

/* The library calls this when the buffer is full, whatever free_in_buffer says. */
static boolean empty(j_compress_ptr library)
{
    struct encoder *const e = library->client_data;
    put(e, sizeof e->buffer);
    begin(library);
    return TRUE;
}

static void end(j_compress_ptr library)
{
    struct encoder *const e = library->client_data;
    put(e, sizeof e->buffer - e->target.free_in_buffer);
}

static void write_all(struct encoder *e, const struct picture *picture, int quality)
{
    jpeg_create_compress(&e->library);
    e->library.client_data = e;
    e->library.dest = &e->target;
    e->library.image_width = (JDIMENSION)picture->width;
    e->library.image_height = (JDIMENSION)picture->height;
    e->library.input_components = picture->channels;
    e->library.in_color_space = picture->channels == 3 ? JCS_RGB : JCS_GRAYSCALE;
    jpeg_set_defaults(&e->library);
    jpeg_set_quality(&e->library, quality, TRUE);
    e->library.optimize_coding = TRUE;
    e->library.dct_method = JDCT_ISLOW;
    for (int i = 0; i < e->library.num_components; i++)
        e->library.comp_info[i].h_samp_factor = e->library.comp_info[i].v_samp_factor = 1;
    jpeg_start_compress(&e->library, TRUE);
    const size_t pitch = (size_t)picture->width * picture->channels;
    for (int y = 0; y < picture->height; y++) {
        JSAMPROW row = picture->pixels + pitch * y;
        jpeg_write_scanlines(&e->library, &row, 1);
    }
    jpeg_finish_compress(&e->library);
}

static int guarded(struct encoder *e, const struct picture *picture, int quality)
{
    e->library.err = jpeg_std_error(&e->errors);
    e->library.client_data = e;
    e->errors.error_exit = leave;
    e->errors.output_message = say_nothing;
    const int failed = setjmp(e->leave);
    if (!failed)
        write_all(e, picture, quality);
    jpeg_destroy_compress(&e->library);
    return failed ? -1 : 0;
}

static int write_to(struct channel *channel, struct bytes *bytes, const struct picture *picture,
    int quality, struct err *err)
{
    struct encoder e = {
        .channel = channel, .bytes = bytes, .err = err, .target = {NULL, 0, begin, empty, end}};
    if (picture->height > JPEGOUT_SIDE || picture->width > JPEGOUT_SIDE)
        return err_set(err, ERR_FAILED, "a JPEG of %d x %d: no side may have more than %d pixels",
            picture->width, picture->height, JPEGOUT_SIDE);
    return guarded(&e, picture, quality);
}

int jpegout_write(struct channel *out, const struct picture *picture, int quality, struct err *err)
{
    return write_to(out, NULL, picture, quality, err);
}

int jpegout_append(struct bytes *out, const struct picture *picture, int quality, struct err *err)
{
    return write_to(NULL, out, picture, quality, err);
}
