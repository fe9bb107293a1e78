/* An FLV through assembler, muxer and GOP cache: hls.c IN.flv prints what came of it. */
#include "check.h"

typedef struct {
    sc_assembler *assembler;
    sc_muxer *muxer;
    sc_gop_cache *cache;
    sc_assembler *pulled;
    sc_muxer *pulling;
    unsigned tags, units, tracks, pulled_tracks;
} work;

static int64_t wall(const work *w) {
    return (int64_t)1800000000000000 + (int64_t)w->tags * 15000;
}

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
            GIVES(SC_OK, sc_muxer_handle_unit(w->muxer, &event.unit, wall(w)));
            w->units++;
        }
    }
}

/* The same stream once more, without an eye on the units: a second muxer pulls. */
static void pull(work *w) {
    sc_media_event event = {.struct_size = sizeof event};
    sc_status status = SC_OK;
    while ((status = sc_muxer_pull(w->pulling, w->pulled, wall(w), &event)) == SC_OK) {
        CHECK(event.event != SC_MEDIA_UNIT);
        w->pulled_tracks += event.event == SC_MEDIA_TRACK;
    }
    CHECK(status == SC_NONE);
}

static void take_tags(work *w, sc_flv_reader *reader) {
    sc_tag tag = {.struct_size = sizeof tag};
    while (sc_flv_reader_poll_tag(reader, &tag, NULL) == SC_OK) {
        w->tags++;
        GIVES(SC_OK, sc_gop_cache_handle_tag(w->cache, &tag));
        GIVES(SC_OK, sc_assembler_handle_tag(w->assembler, &tag));
        take_events(w);
        GIVES(SC_OK, sc_assembler_handle_tag(w->pulled, &tag));
        pull(w);
    }
}

/* What the muxer cannot use is told once, when the rest is taken: VP6, which no MP4 carries, in one pull with AAC. */
static void what_cannot_be_pulled(void) {
    static const uint8_t vp6[] = {0x14, 0, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a};
    static const uint8_t aac[] = {0xaf, 0, 0x12, 0x10}, frame[] = {0xaf, 1, 0x21, 0x10, 4, 0x60, 0x8c, 0x1c};
    sc_assembler *assembler = NULL;
    sc_muxer *muxer = NULL;
    sc_error error = {.struct_size = sizeof error};
    GIVES(SC_OK, sc_assembler_new(SC_ABI_VERSION, &assembler, NULL));
    GIVES(SC_OK, sc_muxer_new(SC_ABI_VERSION, NULL, &muxer, NULL));
    GIVES(SC_NONE, sc_muxer_pull(muxer, assembler, 0, NULL));
    sc_tag tags[] = {
        {.struct_size = sizeof(sc_tag), .kind = SC_KIND_VIDEO, .data = vp6, .size = sizeof vp6},
        {.struct_size = sizeof(sc_tag), .kind = SC_KIND_AUDIO, .data = aac, .size = sizeof aac},
        {.struct_size = sizeof(sc_tag), .kind = SC_KIND_AUDIO, .data = frame, .size = sizeof frame},
    };
    for (size_t i = 0; i < 3; i++) GIVES(SC_OK, sc_assembler_handle_tag(assembler, &tags[i]));
    GIVES(SC_OK, sc_assembler_finish(assembler));
    unsigned told = 0;
    sc_media_event event = {.struct_size = sizeof event};
    sc_status status = SC_OK;
    while ((status = sc_muxer_pull(muxer, assembler, 0, &event)) == SC_OK) told += event.event == SC_MEDIA_TRACK;
    CHECK(status == SC_ERR_UNSUPPORTED && told == 2);
    GIVES(SC_OK, sc_last_error(muxer, &error));
    CHECK(error.status == SC_ERR_UNSUPPORTED && strlen(error.text) > 5);
    GIVES(SC_NONE, sc_muxer_pull(muxer, assembler, 0, &event));
    GIVES(SC_OK, sc_muxer_finish(muxer));
    size_t held = 0;
    GIVES(SC_OK, sc_muxer_held_bytes(muxer, &held));
    CHECK(held >= sizeof frame - 2); /* the sound is there */
    GIVES(SC_ERR_NULL, sc_muxer_pull(muxer, NULL, 0, NULL));
    GIVES(SC_ERR_NULL, sc_muxer_pull(NULL, assembler, 0, NULL));
    GIVES(SC_ERR_HANDLE, sc_muxer_pull(muxer, (sc_assembler *)(void *)muxer, 0, NULL));
    GIVES(SC_ERR_HANDLE, sc_muxer_pull((sc_muxer *)(void *)assembler, assembler, 0, NULL));
    GIVES(SC_OK, sc_muxer_free(&muxer));
    GIVES(SC_OK, sc_assembler_free(&assembler));
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

/* Both list the same segments, and the bytes in them are the same. */
static void same_media(sc_muxer *one, sc_muxer *other) {
    static char names[1 << 16], text[2][1 << 20];
    for (size_t kind = 0; kind < 2; kind++) {
        fetch(one, kind ? "audio.m3u8" : "video.m3u8", names, sizeof names);
        size_t media = 0;
        for (char *line = strtok(names, "\n"); line != NULL; line = strtok(NULL, "\n")) {
            if (line[0] == '#') continue;
            size_t size = fetch(one, line, text[0], sizeof text[0]);
            CHECK(size < sizeof text[0] && size == fetch(other, line, text[1], sizeof text[1]));
            CHECK(memcmp(text[0], text[1], size) == 0);
            media += size;
        }
        CHECK(media > 1000);
    }
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
    GIVES(SC_OK, sc_assembler_new(SC_ABI_VERSION, &w.pulled, NULL));
    GIVES(SC_OK, sc_muxer_new(SC_ABI_VERSION, &config, &w.pulling, NULL));
    what_cannot_be_pulled();

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

    GIVES(SC_OK, sc_muxer_handle_discontinuity(w.pulling));
    GIVES(SC_OK, sc_assembler_finish(w.pulled));
    pull(&w);
    GIVES(SC_OK, sc_muxer_finish(w.pulling));
    same_media(w.muxer, w.pulling);
    CHECK(w.pulled_tracks == w.tracks);

    fetch(w.muxer, "index.m3u8", text, sizeof text);
    CHECK(strstr(text, "#EXTM3U") == text && strstr(text, "video.m3u8") != NULL);
    fetch(w.muxer, "video.m3u8", text, sizeof text);
    // The end: nothing is hinted at any more.
    CHECK(strstr(text, "#EXT-X-ENDLIST") != NULL && strstr(text, "#EXT-X-PRELOAD-HINT") == NULL);
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
    GIVES(SC_OK, sc_muxer_free(&w.pulling));
    GIVES(SC_OK, sc_assembler_free(&w.pulled));
    GIVES(SC_OK, sc_flv_reader_free(&reader));
    CHECK(w.cache == NULL && w.muxer == NULL);
    free(bytes);
    return 0;
}
