/* archive -- a table of places in a file.
 * SPDX-License-Identifier: MIT */
#include "formats/archive.h"

#include "formats/tar.h"
#include "formats/unpack.h"
#include "formats/webdataset.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- a plain tar ---------------------------------------------------------------------------- */

static int no_pictures(const char *path, int64_t ignored, struct err *err)
{
    return err_set(err, ERR_MISUSE, "'%s' has no pictures (%lld other files were left out)", path,
        (long long)ignored);
}

static int list_pictures(struct archive *out, struct webdataset *set, struct err *err)
{
    struct webdataset_picture picture;
    int got;
    while ((got = webdataset_next(set, &picture, err)) == 1)
        if (table_add(&out->table, picture.at, picture.size, picture.name, picture.label, err) < 0)
            return -1;
    out->ignored = webdataset_ignored(set);
    if (got < 0)
        return -1;
    if (out->table.count == 0)
        return no_pictures(out->path, out->ignored, err);
    return webdataset_labelled(set) ? table_finish(&out->table, false, err)
                                    : table_finish_folders(&out->table, err);
}

int archive_open(struct archive *out, const char *path, struct err *err)
{
    memset(out, 0, sizeof *out);
    out->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (out->fd < 0 || fstat(out->fd, &out->status) < 0)
        err_set(err, ERR_MISUSE, "cannot open '%s': %s", path, strerror(errno));
    else if ((out->path = strdup(path)) == NULL)
        err_memory(err, "a file name");
    struct unpack *const unpack = out->path == NULL ? NULL : unpack_file(out->fd, out->path, err);
    struct tar *const tar = unpack == NULL ? NULL : tar_new(unpack, err);
    struct webdataset *const set = tar == NULL ? NULL : webdataset_new(tar, path, false, err);
    const int failed = set == NULL ? -1 : list_pictures(out, set, err);
    webdataset_free(set);
    tar_free(tar);
    unpack_free(unpack);
    if (failed) {
        archive_close(out);
        return -1;
    }
    if (out->fd >= ARCHIVE_OPEN) {
        close(out->fd);
        out->fd = -1;
    }
    return 0;
}

/* ---- a copy --------------------------------------------------------------------------------- */

static int copy_pictures(struct archive *out, struct passing *passing, struct spool *spool,
    int64_t limit, struct err *err)
{
    struct bytes picture = {0};
    struct passing_row row;
    int got = 1;
    while ((limit == 0 || out->table.count < limit) &&
           (got = passing_next(passing, &row, &picture, err)) == 1) {
        const int64_t at = spool->size;
        got = spool_add(spool, picture.data, picture.size, err);
        if (got == 0)
            got = table_add(&out->table, at, (int64_t)picture.size, row.name, row.text, err);
        if (got < 0)
            break;
        if (row.text == NULL)
            out->table.row[out->table.count - 1].label = row.label;
        picture.size = 0;
    }
    bytes_free(&picture);
    return got < 0 ? -1 : 0;
}

/* Labels of a stream are numbers of its classes already. */
static int take_labels(struct archive *out, struct passing *passing, bool tar, struct err *err)
{
    if (tar)
        return passing->labelled ? table_finish(&out->table, false, err)
                                 : table_finish_folders(&out->table, err);
    out->table.classes = passing->classes;
    passing->classes = (struct classes){0};
    return 0;
}

int archive_copy(struct archive *out, struct passing *passing, struct spool *spool, int64_t limit,
    struct err *err)
{
    const bool tar = passing->kind == PASSING_TAR;
    const char *const name = passing->path != NULL ? passing->path : channel_name(passing->channel);
    char *const shown = strdup(name); /* the channel goes with its last picture */
    memset(out, 0, sizeof *out);
    out->borrowed = true;
    int failed = spool_open(spool, err);
    if (!failed)
        out->path = strdup(spool->folder);
    if (!failed)
        failed = shown == NULL || out->path == NULL
                     ? err_memory(err, "a file name")
                     : copy_pictures(out, passing, spool, limit, err);
    out->fd = spool->fd;
    out->ignored = passing->ignored;
    if (!failed && out->table.count == 0)
        failed = no_pictures(shown, out->ignored, err);
    if (!failed)
        failed = take_labels(out, passing, tar, err);
    free(shown);
    if (failed)
        archive_close(out);
    return failed;
}

/* ---- both ----------------------------------------------------------------------------------- */

void archive_close(struct archive *archive)
{
    if (archive->fd >= 0 && !archive->borrowed)
        close(archive->fd);
    table_free(&archive->table);
    free(archive->path);
    memset(archive, 0, sizeof *archive);
    archive->fd = -1;
}

/* Open the tar once more; it must be the one that was listed. */
static int open_again(const struct archive *archive, struct err *err)
{
    struct stat now;
    const struct stat *const then = &archive->status;
    const int fd = open(archive->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, "cannot open '%s'", archive->path);
    if (fstat(fd, &now) == 0 && now.st_dev == then->st_dev && now.st_ino == then->st_ino &&
        now.st_size == then->st_size && now.st_mtim.tv_sec == then->st_mtim.tv_sec &&
        now.st_mtim.tv_nsec == then->st_mtim.tv_nsec)
        return fd;
    close(fd);
    return err_set(err, ERR_FAILED, "'%s' was changed while it was read", archive->path);
}

int archive_read(const struct archive *archive, int64_t row, struct bytes *out, struct err *err)
{
    const struct table_row *const r = &archive->table.row[row];
    const int fd = archive->fd >= 0 ? archive->fd : open_again(archive, err);
    if (fd < 0)
        return -1;
    const int failed = bytes_read_at(out, fd, r->at, (size_t)r->size, archive->path, err);
    if (fd != archive->fd)
        close(fd);
    return failed;
}
