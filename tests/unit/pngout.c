/* pngout -- what was written, read again.
 * SPDX-License-Identifier: MIT */
#include "formats/pngout.h"

#include "tests/unit/file.h"
#include "tests/unit/tap.h"

#include <fcntl.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int read_back(const char *path, const struct picture *want)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    unsigned char pixels[40 * 50 * 3];
    if (!png_image_begin_read_from_file(&image, path))
        return 0;
    const int good = (int)image.height == want->height && (int)image.width == want->width &&
                     image.format == (want->channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY) &&
                     png_image_finish_read(&image, NULL, pixels, 0, NULL);
    png_image_free(&image);
    return good &&
           memcmp(pixels, want->pixels, (size_t)(want->height * want->width * want->channels)) == 0;
}

static void check(int channels, const char *path)
{
    unsigned char pixels[37 * 41 * 3];
    const struct picture in = {37, 41, channels, pixels, 0, 0, 1};
    struct err err = {0};
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (unsigned char)(i * i >> 3);
    struct channel *const out = channel_create(path, &err);
    OK(out != NULL && pngout_write(out, &in, &err) == 0 && channel_finish(out, &err) == 0,
        "writes %d channels %s", channels, err.text);
    OK(read_back(path, &in), "and they are read again");
    struct bytes same = {0}, file = load(path);
    OK(pngout_append(&same, &in, &err) == 0 && same.size == file.size &&
            memcmp(same.data, file.data, file.size) == 0,
        "in memory it is the same file");
    bytes_free(&same);
    bytes_free(&file);
}

int main(void)
{
    char folder[] = "/tmp/pngout-XXXXXX", path[60];
    unsigned char pixels[3] = {0};
    const struct picture wide = {1, PNGOUT_SIDE + 1, 1, pixels, 0, 0, 1};
    const struct picture one = {1, 1, 3, pixels, 0, 0, 1};
    struct err err = {0};
    if (mkdtemp(folder) == NULL)
        printf("Bail out! no folder for temporary files\n");
    snprintf(path, sizeof path, "%s/x.png", folder);
    check(3, path);
    check(1, path);
    struct channel *out = channel_create(path, &err);
    OK(pngout_write(out, &wide, &err) < 0 && err.status == ERR_FAILED &&
            strstr(err.text, "1000001 x 1") != NULL,
        "a side that libpng would not read");
    channel_abandon(out);
    memset(&err, 0, sizeof err);
    out = channel_create("/dev/full", &err);
    OK(pngout_write(out, &one, &err) < 0 && err.status == ERR_FAILED &&
            strstr(err.text, "No space left") != NULL,
        "a full disk: %s", err.text);
    channel_abandon(out);
    unlink(path);
    rmdir(folder);
    return tap_done();
}
