/* jpegout -- what was written, read again.
 * SPDX-License-Identifier: MIT */
#include "formats/jpegout.h"

#include "formats/bytes.h"
#include "formats/jpeg.h"
#include "tests/unit/file.h"
#include "tests/unit/tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { H = 300, W = 410 };

/* Write, read, compare: mean absolute difference; sets the size of the file. */
static double round_trip(const char *path, int channels, int quality, size_t *size)
{
    static unsigned char pixels[H * W * 3];
    const struct picture in = {H, W, channels, pixels, 0, 0, 1};
    struct picture back = {0};
    struct err err = {0};
    double sum = 0;
    for (int y = 0; y < H; y++) /* squares of two saturated colours: what coarse chroma would mix */
        for (int x = 0; x < W * channels; x++)
            pixels[y * W * channels + x] = (x / channels / 5 + y / 5) % 2 ? 220
                                           : x % channels                 ? 30
                                                                          : 160;
    struct channel *const out = channel_create(path, &err);
    OK(out != NULL && jpegout_write(out, &in, quality, &err) == 0 && channel_finish(out, &err) == 0,
        "writes %d channels at quality %d %s", channels, quality, err.text);
    struct bytes file = load(path);
    OK(jpeg_decode(&back, file.data, file.size, NULL,
           &(struct picture_rules){PICTURE_PIXELS, false}, &err) == 0 &&
            back.height == H && back.width == W && back.channels == channels,
        "and they are read again %s", err.text);
    for (int i = 0; back.pixels != NULL && i < H * W * channels; i++)
        sum += abs(back.pixels[i] - pixels[i]);
    *size = file.size;
    picture_free(&back);
    bytes_free(&file);
    return sum / (H * W * channels);
}

/* In memory: the bytes of the file, behind what was there. */
static void test_append(const char *path)
{
    static unsigned char pixels[H * W * 3];
    const struct picture in = {H, W, 3, pixels, 0, 0, 1};
    struct err err = {0};
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (unsigned char)(i * i >> 7);
    struct channel *const out = channel_create(path, &err);
    jpegout_write(out, &in, 85, &err);
    channel_finish(out, &err);
    struct bytes file = load(path), memory = {0};
    memcpy(bytes_room(&memory, 3, &err), "abc", 3);
    memory.size = 3;
    OK(jpegout_append(&memory, &in, 85, &err) == 0 && memory.size == file.size + 3 &&
            memcmp(memory.data, "abc", 3) == 0 &&
            memcmp(memory.data + 3, file.data, file.size) == 0,
        "in memory the same %zu bytes %s", file.size, err.text);
    bytes_free(&file);
    bytes_free(&memory);
}

int main(void)
{
    char folder[] = "/tmp/jpegout-XXXXXX", path[60];
    unsigned char pixels[3] = {0};
    const struct picture wide = {1, JPEGOUT_SIDE + 1, 1, pixels, 0, 0, 1};
    const struct picture one = {1, 1, 3, pixels, 0, 0, 1};
    struct err err = {0};
    size_t best, good, grey;
    if (mkdtemp(folder) == NULL)
        printf("Bail out! no folder for temporary files\n");
    snprintf(path, sizeof path, "%s/x.jpg", folder);
    NEAR(round_trip(path, 3, 100, &best), 0, 1, "quality 100");
    OK(best > 1 << 16, "the file is larger than the buffer: %zu bytes", best);
    NEAR(round_trip(path, 3, 90, &good), 0, 6, "quality 90 keeps saturated edges");
    NEAR(round_trip(path, 1, 100, &grey), 0, 1, "grey");
    test_append(path);
    OK(good < best && grey < best, "less quality, less bytes");
    struct channel *out = channel_create(path, &err);
    OK(jpegout_write(out, &wide, 90, &err) < 0 && err.status == ERR_FAILED &&
            strstr(err.text, "65501 x 1") != NULL,
        "a side that the format cannot hold");
    channel_abandon(out);
    memset(&err, 0, sizeof err);
    out = channel_create("/dev/full", &err);
    OK(jpegout_write(out, &one, 90, &err) < 0 && err.status == ERR_FAILED &&
            strstr(err.text, "No space left") != NULL,
        "a full disk: %s", err.text);
    channel_abandon(out);
    unlink(path);
    rmdir(folder);
    return tap_done();
}
