/* An FLV through assembler, muxer and GOP cache: hls.c IN.flv prints what came of it. */
#include "check.h"

typedef struct {
    sc_assembler *assembler;
    sc_muxer *muxer;
    sc_gop_cache *cache;
    unsigned tags, units, tracks;
} work;

static void take_events(work *w) {
    sc_media_event event = {.struct_size = sizeof event};
    while (sc_assembler_poll_event(w->assembler, &event) == SC_OK) {
        if (event.event == SC_MEDIA_TRACK) {
            sc_track_info info = {.struct_size = sizeof info};
            GIVES(SC_OK, sc_track_describe(event.track, &info));
            printf("track %s\n", info.codec);
            GIVES(SC_OK, sc_muxer_handle_track(w->muxer, event.track));
            w->tracks++;
        } else if (event.event == SC_MEDIA_UNIT) {
            GIVES(SC_OK, sc_muxer_handle_unit(w->muxer, &event.unit, (int64_t)1800000000000000 + event.unit.dts));
            w->units++;
        }
    }
}

static void take_tags(work *w, sc_flv_reader *reader) {
    sc_tag tag = {.struct_size = sizeof tag};
    while (sc_flv_reader_poll_tag(reader, &tag, NULL) == SC_OK) {
        w->tags++;
        GIVES(SC_OK, sc_gop_cache_handle_tag(w->cache, &tag));
        GIVES(SC_OK, sc_assembler_handle_tag(w->assembler, &tag));
        take_events(w);
    }
}

/* Bytes of a file by its pieces, which are as many as it says. */
static size_t fetch(sc_muxer *muxer, const char *name, char *text, size_t room) {
    sc_file *file = NULL;
    GIVES(SC_OK, sc_muxer_request(muxer, name, NULL, &file, NULL));
    sc_file_info info = {.struct_size = sizeof info};
    GIVES(SC_OK, sc_file_describe(file, &info));
    CHECK(strlen(info.content_type) > 4 && info.etag[0] == '"' && strlen(info.cache_control) > 4);
    size_t at = 0, count = 0;
    sc_iovec pieces[16];
    while (sc_file_pieces(file, at, pieces, 16, &count) == SC_OK) {
        for (size_t i = 0; i < count; i++) {
            if (text != NULL && at + pieces[i].len < room) {
                memcpy(text + at, pieces[i].data, pieces[i].len);
                text[at + pieces[i].len] = 0;
            }
            at += pieces[i].len;
        }
    }
    CHECK(at == info.size);
    GIVES(SC_OK, sc_file_free(&file));
    return at;
}

static void players_join(work *w) {
    sc_tag tag = {.struct_size = sizeof tag};
    unsigned joined = 0, again = 0;
    GIVES(SC_OK, sc_gop_cache_rewind(w->cache));
    while (sc_gop_cache_next(w->cache, &tag) == SC_OK) joined++;
    GIVES(SC_OK, sc_gop_cache_rewind(w->cache));
    while (sc_gop_cache_next(w->cache, &tag) == SC_OK) again++;
    CHECK(joined > 3 && joined == again && joined < w->tags);
    GIVES(SC_OK, sc_gop_cache_clear(w->cache));
    GIVES(SC_OK, sc_gop_cache_rewind(w->cache));
    GIVES(SC_NONE, sc_gop_cache_next(w->cache, &tag));
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    size_t size = 0, at = 0, held = 0;
    unsigned char *bytes = read_file(argv[1], &size);
    work w = {0};
    sc_flv_reader *reader = NULL;
    sc_muxer_config config = {.struct_size = sizeof config, .segment_ms = 500, .part_ms = 200, .dash = true};
    GIVES(SC_OK, sc_flv_reader_new(SC_ABI_VERSION, &reader, NULL));
    GIVES(SC_OK, sc_assembler_new(SC_ABI_VERSION, &w.assembler, NULL));
    GIVES(SC_OK, sc_muxer_new(SC_ABI_VERSION, &config, &w.muxer, NULL));
    GIVES(SC_OK, sc_gop_cache_new(SC_ABI_VERSION, &w.cache, NULL));

    bool ready = true, cut = true;
    uint64_t before = 0, after = 0, wait = 0;
    sc_file *file = NULL;
    GIVES(SC_OK, sc_muxer_is_ready(w.muxer, &ready));
    CHECK(!ready);
    GIVES(SC_WAIT, sc_muxer_request(w.muxer, "index.m3u8", NULL, &file, &wait));
    CHECK(file == NULL && wait > 0);
    GIVES(SC_OK, sc_muxer_version(w.muxer, &before));
    while (at < size) {
        size_t taken = 0;
        GIVES(SC_OK, sc_flv_reader_handle_input(reader, bytes + at, size - at, &taken));
        at += taken;
        take_tags(&w, reader);
    }
    GIVES(SC_OK, sc_flv_reader_finish(reader, &cut));
    take_tags(&w, reader);
    CHECK(!cut);
    players_join(&w);
    GIVES(SC_ERR_ARGUMENT, sc_muxer_request(w.muxer, "video.m3u8", "_HLS_part=1", &file, NULL));
    static char text[1 << 16];
    fetch(w.muxer, "video.m3u8", text, sizeof text);
    CHECK(strstr(text, "#EXT-X-PART:") != NULL && strstr(text, "#EXT-X-ENDLIST") == NULL);
    GIVES(SC_OK, sc_muxer_handle_discontinuity(w.muxer));
    GIVES(SC_OK, sc_assembler_finish(w.assembler));
    take_events(&w);
    GIVES(SC_OK, sc_muxer_finish(w.muxer));
    GIVES(SC_OK, sc_muxer_is_ready(w.muxer, &ready));
    GIVES(SC_OK, sc_muxer_version(w.muxer, &after));
    GIVES(SC_OK, sc_muxer_held_bytes(w.muxer, &held));
    CHECK(ready && after > before && held > size / 2 && held < size * 2);

    fetch(w.muxer, "index.m3u8", text, sizeof text);
    CHECK(strstr(text, "#EXTM3U") == text && strstr(text, "video.m3u8") != NULL);
    fetch(w.muxer, "video.m3u8", text, sizeof text);
    // Parts are for who plays at the live edge: an ended playlist lists whole segments alone.
    CHECK(strstr(text, "#EXT-X-ENDLIST") != NULL && strstr(text, "#EXT-X-PART:") == NULL);
    size_t media = 0;
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        if (line[0] != '#') media += fetch(w.muxer, line, NULL, 0);
    }
    CHECK(media > 1000);
    fetch(w.muxer, "index.mpd", text, sizeof text);
    CHECK(strstr(text, "<MPD") != NULL && strstr(text, "</MPD>") != NULL);
    GIVES(SC_NONE, sc_muxer_request(w.muxer, "nothing.txt", NULL, &file, NULL));
    GIVES(SC_ERR_UTF8, sc_muxer_request(w.muxer, "\xff\xfe", NULL, &file, NULL));
    GIVES(SC_ERR_UTF8, sc_muxer_request(w.muxer, "video.m3u8", "\xc3(", &file, NULL));
    CHECK(file == NULL);
    GIVES(SC_OK, sc_muxer_resume(w.muxer));

    printf("tags %u units %u tracks %u\n", w.tags, w.units, w.tracks);
    GIVES(SC_OK, sc_gop_cache_free(&w.cache));
    GIVES(SC_OK, sc_muxer_free(&w.muxer));
    GIVES(SC_OK, sc_assembler_free(&w.assembler));
    GIVES(SC_OK, sc_flv_reader_free(&reader));
    CHECK(w.cache == NULL && w.muxer == NULL);
    free(bytes);
    return 0;
}
