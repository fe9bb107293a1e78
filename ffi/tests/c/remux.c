/* The remuxer as an engine and by file names: remux.c IN.flv FOLDER. All ways give the same bytes. */
#include "check.h"

static void join(char *path, size_t room, const char *folder, const char *name) {
    CHECK((size_t)snprintf(path, room, "%s/%s", folder, name) < room);
}

/* Writes the pieces of a plan. */
static void write_pieces(sc_remuxer *remuxer, const unsigned char *source, const char *path, uint64_t wanted) {
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL);
    sc_remux_piece piece = {.struct_size = sizeof piece};
    uint64_t size = 0;
    while (sc_remuxer_poll_piece(remuxer, &piece) == SC_OK) {
        const unsigned char *from = piece.data != NULL ? piece.data : source + piece.offset;
        CHECK(fwrite(from, 1, (size_t)piece.size, file) == (size_t)piece.size);
        size += piece.size;
    }
    CHECK(fclose(file) == 0 && size == wanted);
}

static void by_engine(const unsigned char *source, size_t size, bool pipe, const char *path) {
    sc_remuxer *remuxer = NULL;
    sc_remux_report report = {.struct_size = sizeof report};
    sc_remux_track track = {.struct_size = sizeof track};
    sc_remux_piece piece = {.struct_size = sizeof piece};
    uint64_t offset = 0, length = 0, read = 0;
    GIVES(SC_OK, sc_remuxer_new(SC_ABI_VERSION, pipe ? SC_UNKNOWN_SIZE : size, &remuxer, NULL));
    GIVES(SC_ERR_MISUSE, sc_remuxer_poll_piece(remuxer, &piece));
    GIVES(SC_ERR_MISUSE, sc_remuxer_track(remuxer, 0, &track));
    if (pipe) {
        GIVES(SC_ERR_MISUSE, sc_remuxer_poll_read(remuxer, &offset, &length));
        for (size_t at = 0; at < size; at += 1000) {
            GIVES(SC_OK, sc_remuxer_handle_input(remuxer, source + at, size - at < 1000 ? size - at : 1000));
        }
    } else {
        GIVES(SC_ERR_MISUSE, sc_remuxer_handle_input(remuxer, source, size));
        while (sc_remuxer_poll_read(remuxer, &offset, &length) == SC_OK) {
            CHECK(offset + length <= size);
            GIVES(SC_OK, sc_remuxer_handle_read(remuxer, source + offset, (size_t)length));
            read += length;
        }
        CHECK(read < size);
    }
    GIVES(SC_ERR_ARGUMENT, sc_remuxer_finish(remuxer, 99, 1, &report));
    GIVES(SC_OK, sc_remuxer_finish(remuxer, SC_LAYOUT_COMPACT, 4096, &report));
    GIVES(SC_ERR_MISUSE, sc_remuxer_finish(remuxer, SC_LAYOUT_COMPACT, 4096, &report));
    CHECK(report.tracks == 2 && report.cut_at == -1 && report.encrypted_at == -1 && report.left_out == 0 && !report.whole);
    uint64_t units = 0;
    for (size_t i = 0; sc_remuxer_track(remuxer, i, &track) == SC_OK; i++) {
        CHECK(strlen(track.codec) > 5 && track.duration > 1000000);
        units += track.units;
    }
    CHECK(units == report.units && units > 100);
    write_pieces(remuxer, source, path, report.size);
    GIVES(SC_OK, sc_remuxer_free(&remuxer));
}

typedef struct {
    uint64_t last, total;
    int calls, cancel_at;
} watcher;

static int32_t watch(void *opaque, uint64_t done, uint64_t total) {
    watcher *w = opaque;
    CHECK(done >= w->last && done <= total && (w->total == 0 || w->total == total));
    w->last = done;
    w->total = total;
    /* The library may be called from here. */
    sc_flv_writer *writer = NULL;
    GIVES(SC_OK, sc_flv_writer_new(SC_ABI_VERSION, &writer, NULL));
    GIVES(SC_OK, sc_flv_writer_free(&writer));
    return ++w->calls == w->cancel_at;
}

static void same(const char *a, const char *b) {
    size_t x = 0, y = 0;
    unsigned char *one = read_file(a, &x), *two = read_file(b, &y);
    CHECK(x == y && memcmp(one, two, x) == 0);
    free(one);
    free(two);
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    char engine[4096], pipe[4096], named[4096], package[4096], index[8192];
    join(engine, sizeof engine, argv[2], "engine.mp4");
    join(pipe, sizeof pipe, argv[2], "pipe.mp4");
    join(named, sizeof named, argv[2], "named.mp4");
    join(package, sizeof package, argv[2], "package");
    size_t size = 0;
    unsigned char *source = read_file(argv[1], &size);
    by_engine(source, size, false, engine);
    by_engine(source, size, true, pipe);
    same(engine, pipe);

    sc_error error = {.struct_size = sizeof error};
    sc_remux_report report = {.struct_size = sizeof report};
    watcher w = {.cancel_at = 1};
    sc_remux_options options = {.struct_size = sizeof options, .layout = SC_LAYOUT_COMPACT, .sync = true, .progress = watch, .opaque = &w};
    GIVES(SC_ERR_CANCELLED, sc_remux_file(SC_ABI_VERSION, argv[1], named, &options, &report, &error));
    CHECK(error.status == SC_ERR_CANCELLED && fopen(named, "rb") == NULL);
    w = (watcher){0};
    GIVES(SC_OK, sc_remux_file(SC_ABI_VERSION, argv[1], named, &options, &report, &error));
    CHECK(w.calls > 1 && w.last == w.total && report.tracks == 2);
    same(engine, named);
    GIVES(SC_OK, sc_remux_file(SC_ABI_VERSION, argv[1], named, NULL, NULL, NULL));
    GIVES(SC_ERR_ARGUMENT, sc_remux_file(SC_ABI_VERSION, argv[1], argv[1], NULL, NULL, &error));
    GIVES(SC_ERR_IO, sc_remux_file(SC_ABI_VERSION, "/nonexistent.flv", named, NULL, NULL, &error));
    CHECK(strstr(error.text, "/nonexistent.flv") != NULL);
    GIVES(SC_ERR_MALFORMED, sc_remux_file(SC_ABI_VERSION, engine, named, NULL, NULL, &error));
    CHECK(strstr(error.text, "engine.mp4") != NULL);
    GIVES(SC_ERR_ABI, sc_remux_file(SC_ABI_VERSION + 1, argv[1], named, NULL, NULL, &error));
    report.struct_size = 3;
    GIVES(SC_ERR_STRUCT_SIZE, sc_remux_file(SC_ABI_VERSION, argv[1], named, NULL, &report, &error));

    sc_package_options wanted = {.struct_size = sizeof wanted, .segment_ms = 1000, .part_ms = 500, .progress = watch, .opaque = &w};
    w = (watcher){.cancel_at = 2};
    GIVES(SC_ERR_CANCELLED, sc_package_file(SC_ABI_VERSION, argv[1], package, &wanted, &error));
    w = (watcher){0};
    GIVES(SC_OK, sc_package_file(SC_ABI_VERSION, argv[1], package, &wanted, &error));
    CHECK(w.last == size);
    GIVES(SC_ERR_IO, sc_package_file(SC_ABI_VERSION, argv[1], package, NULL, &error));
    static const char *const names[] = {"index.m3u8", "index.mpd", "video.m3u8"};
    for (int i = 0; i < 3; i++) {
        join(index, sizeof index, package, names[i]);
        free(read_file(index, &size));
        CHECK(size > 100);
    }
    free(source);
    return 0;
}
