/* An FLV as a live stream into an MP4 recording: record.c IN.flv CRASHED.mp4 WHOLE.mp4. The first is what a killed program leaves. */
#include "check.h"

typedef struct {
    sc_assembler *assembler;
    sc_mp4_recorder *recorder;
    FILE *file;
    unsigned units, writes, syncs;
    uint64_t end;
} work;

static void write_all(work *w) {
    sc_write write = {.struct_size = sizeof write};
    while (sc_mp4_recorder_poll_write(w->recorder, &write) == SC_OK) {
        uint64_t size = 0;
        CHECK(write.offset <= w->end && fseek(w->file, (long)write.offset, SEEK_SET) == 0);
        if (write.sync_before) w->syncs++;
        for (size_t i = 0; i < write.count; i++) {
            CHECK(fwrite(write.pieces[i].data, 1, write.pieces[i].len, w->file) == write.pieces[i].len);
            size += write.pieces[i].len;
        }
        CHECK(size == write.size);
        if (write.offset + size > w->end) w->end = write.offset + size;
        w->writes++;
    }
}

static void take(work *w) {
    sc_media_event event = {.struct_size = sizeof event};
    while (sc_assembler_poll_event(w->assembler, &event) == SC_OK) {
        if (event.event == SC_MEDIA_TRACK) GIVES(SC_OK, sc_mp4_recorder_handle_track(w->recorder, event.track));
        if (event.event == SC_MEDIA_UNIT) {
            GIVES(SC_OK, sc_mp4_recorder_handle_unit(w->recorder, &event.unit));
            w->units++;
        }
        if (event.event == SC_MEDIA_DISCONTINUITY) GIVES(SC_OK, sc_mp4_recorder_handle_discontinuity(w->recorder));
    }
    write_all(w);
}

static void record(const char *input, const char *output, bool finish) {
    size_t size = 0, at = 0;
    unsigned char *bytes = read_file(input, &size);
    work w = {.file = fopen(output, "wb")};
    sc_flv_reader *reader = NULL;
    sc_mp4_config config = {.struct_size = sizeof config, .fragment_ms = 500};
    CHECK(w.file != NULL);
    GIVES(SC_OK, sc_flv_reader_new(SC_ABI_VERSION, &reader, NULL));
    GIVES(SC_OK, sc_assembler_new(SC_ABI_VERSION, &w.assembler, NULL));
    GIVES(SC_OK, sc_mp4_recorder_new(SC_ABI_VERSION, &config, &w.recorder, NULL));
    sc_tag tag = {.struct_size = sizeof tag};
    while (at < size) {
        size_t taken = 0;
        GIVES(SC_OK, sc_flv_reader_handle_input(reader, bytes + at, size - at, &taken));
        at += taken;
        if (at == size) GIVES(SC_OK, sc_flv_reader_finish(reader, NULL));
        while (sc_flv_reader_poll_tag(reader, &tag, NULL) == SC_OK) {
            GIVES(SC_OK, sc_assembler_handle_tag(w.assembler, &tag));
            take(&w);
        }
    }
    GIVES(SC_OK, sc_assembler_finish(w.assembler));
    take(&w);
    GIVES(SC_OK, sc_mp4_recorder_flush(w.recorder));
    write_all(&w);
    uint64_t micros = 0;
    GIVES(SC_OK, sc_mp4_recorder_duration(w.recorder, &micros));
    CHECK(micros > 1000000 && w.units > 100 && w.writes > 3 && w.syncs == 0);
    if (finish) {
        GIVES(SC_OK, sc_mp4_recorder_handle_discontinuity(w.recorder));
        GIVES(SC_OK, sc_mp4_recorder_finish(w.recorder));
        GIVES(SC_OK, sc_mp4_recorder_finish(w.recorder));
        write_all(&w);
        CHECK(w.syncs == 1);
        sc_unit late = {.struct_size = sizeof late, .kind = SC_KIND_VIDEO, .data = bytes, .size = 9};
        GIVES(SC_ERR_MISUSE, sc_mp4_recorder_handle_unit(w.recorder, &late));
    }
    CHECK(fclose(w.file) == 0);
    GIVES(SC_OK, sc_flv_reader_free(&reader));
    GIVES(SC_OK, sc_assembler_free(&w.assembler));
    GIVES(SC_OK, sc_mp4_recorder_free(&w.recorder));
    free(bytes);
}

/* Tracks, units of both, and whether the index is in front. */
static uint64_t probe(const char *path, const char *format, bool fragments, bool first) {
    sc_probe *probe = NULL;
    sc_error error = {.struct_size = sizeof error};
    sc_probe_info info = {.struct_size = sizeof info};
    sc_probe_track_info track = {.struct_size = sizeof track};
    if (sc_probe_file(SC_ABI_VERSION, path, &probe, &error) != SC_OK) {
        fprintf(stderr, "%s\n", error.text);
        exit(1);
    }
    GIVES(SC_OK, sc_probe_describe(probe, &info));
    CHECK(strcmp(info.format, format) == 0 && info.tracks == 2 && info.duration > 1000000);
    CHECK((info.fragments > 0) == fragments && info.index_first == first);
    uint64_t units = 0;
    for (size_t i = 0; i < info.tracks; i++) {
        GIVES(SC_OK, sc_probe_track(probe, i, &track));
        CHECK(track.kind == (i == 0 ? SC_KIND_VIDEO : SC_KIND_AUDIO) && track.keys > 0 && track.bytes > 1000);
        CHECK(strncmp(track.codec, i == 0 ? "avc1." : "mp4a.40", 5) == 0);
        CHECK(i == 0 ? track.width > 0 && track.height > 0 : track.sample_rate > 0 && track.channels > 0);
        units += track.units;
    }
    GIVES(SC_NONE, sc_probe_track(probe, info.tracks, &track));
    const char *text = NULL;
    for (size_t i = 0; i < info.problems; i++) {
        GIVES(SC_OK, sc_probe_problem(probe, i, &text));
        CHECK(strlen(text) > 3);
    }
    GIVES(SC_NONE, sc_probe_problem(probe, info.problems, &text));
    GIVES(SC_OK, sc_probe_free(&probe));
    return units;
}

int main(int argc, char **argv) {
    CHECK(argc == 4);
    record(argv[1], argv[2], false);
    record(argv[1], argv[3], true);
    uint64_t flv = probe(argv[1], "flv", false, false);
    uint64_t crashed = probe(argv[2], "mp4", true, true);
    uint64_t whole = probe(argv[3], "mp4", false, false);
    printf("flv %llu crashed %llu whole %llu\n", (unsigned long long)flv, (unsigned long long)crashed, (unsigned long long)whole);
    CHECK(flv == whole && flv == crashed);
    sc_probe *none = NULL;
    sc_error error = {.struct_size = sizeof error};
    GIVES(SC_ERR_IO, sc_probe_file(SC_ABI_VERSION, "/nonexistent/\xff", &none, &error));
    CHECK(none == NULL && strlen(error.text) > 10);
    GIVES(SC_ERR_UNSUPPORTED, sc_probe_file(SC_ABI_VERSION, argv[0], &none, &error));
    return 0;
}
