/* What the program that the tests make from the header needs: a live handle of each type, and memory to point at. */
#ifndef MISUSE_H
#define MISUSE_H

#include <stddef.h>

#include "check.h"

static sc_flv_reader *live_sc_flv_reader;
static sc_flv_writer *live_sc_flv_writer;
static sc_flv_recorder *live_sc_flv_recorder;
static sc_mp4_recorder *live_sc_mp4_recorder;
static sc_assembler *live_sc_assembler;
static sc_muxer *live_sc_muxer;
static sc_gop_cache *live_sc_gop_cache;
static sc_remuxer *live_sc_remuxer;
static sc_server_session *live_sc_server_session;
static sc_client_session *live_sc_client_session;
static sc_probe *live_sc_probe;
static sc_file *live_sc_file;
static sc_buf *live_sc_buf;
static sc_track *live_sc_track;

static uint64_t noise[128];
static uint64_t room_of[8];
static void *const room = room_of;
static sc_iovec pieces[4];
static void *slot;
static void *text;
static void *wrong;

/* A zeroed struct that says its size. */
static inline void *sized(size_t size) {
    static union {
        size_t size;
        max_align_t align;
        unsigned char bytes[1024];
    } memory;
    CHECK(size <= sizeof memory);
    memset(&memory, 0, sizeof memory);
    memory.size = size;
    return &memory;
}

/* A status that the header names, and no panic. */
static inline void known(sc_status status) {
    CHECK(strcmp(sc_status_text(status), "unknown status") != 0);
    CHECK(status != SC_ERR_PANIC && status != SC_ERR_INTERNAL);
}

/* An audio track of AAC, and a muxer with something to give. */
static inline void feed(void) {
    static const uint8_t config[] = {0xaf, 0, 0x12, 0x10}, frame[] = {0xaf, 1, 0x21, 0x10, 4, 0x60, 0x8c, 0x1c};
    sc_media_event event = {.struct_size = sizeof event};
    for (uint32_t i = 0; i < 300; i++) {
        sc_tag tag = {.struct_size = sizeof tag, .kind = SC_KIND_AUDIO, .timestamp = i * 23, .data = i ? frame : config};
        tag.size = i ? sizeof frame : sizeof config;
        GIVES(SC_OK, sc_assembler_handle_tag(live_sc_assembler, &tag));
        while (sc_muxer_pull(live_sc_muxer, live_sc_assembler, SC_NO_WALL_CLOCK, &event) == SC_OK)
            if (event.event == SC_MEDIA_TRACK)
                GIVES(SC_OK, sc_track_retain(event.track, &live_sc_track));
    }
}

static inline void begin(void) {
    memset(noise, 0xa5, sizeof noise);
    GIVES(SC_OK, sc_flv_reader_new(SC_ABI_VERSION, &live_sc_flv_reader, NULL));
    GIVES(SC_OK, sc_flv_writer_new(SC_ABI_VERSION, &live_sc_flv_writer, NULL));
    GIVES(SC_OK, sc_flv_recorder_new(SC_ABI_VERSION, &live_sc_flv_recorder, NULL));
    GIVES(SC_OK, sc_mp4_recorder_new(SC_ABI_VERSION, NULL, &live_sc_mp4_recorder, NULL));
    GIVES(SC_OK, sc_assembler_new(SC_ABI_VERSION, &live_sc_assembler, NULL));
    GIVES(SC_OK, sc_muxer_new(SC_ABI_VERSION, NULL, &live_sc_muxer, NULL));
    GIVES(SC_OK, sc_gop_cache_new(SC_ABI_VERSION, &live_sc_gop_cache, NULL));
    GIVES(SC_OK, sc_remuxer_new(SC_ABI_VERSION, 100, &live_sc_remuxer, NULL));
    GIVES(SC_OK, sc_server_session_new(SC_ABI_VERSION, NULL, 0, &live_sc_server_session, NULL));
    GIVES(SC_OK, sc_client_session_new(SC_ABI_VERSION, "rtmp://h/a/n", SC_ROLE_PLAY, NULL, 0, &live_sc_client_session, NULL));
    GIVES(SC_OK, sc_buf_copy((const uint8_t *)"abc", 3, &live_sc_buf));
    feed();
    GIVES(SC_OK, sc_muxer_request(live_sc_muxer, "index.m3u8", NULL, &live_sc_file, NULL));
    GIVES(SC_OK, sc_probe_file(SC_ABI_VERSION, getenv("STREAMCORE_FLV"), &live_sc_probe, NULL));
}

/* Freed handles are NULL, and freeing nothing is no error. */
static inline void end(void) {
    GIVES(SC_OK, sc_flv_reader_free(&live_sc_flv_reader));
    GIVES(SC_ERR_NULL, sc_flv_reader_finish(live_sc_flv_reader, NULL));
    GIVES(SC_OK, sc_flv_reader_free(&live_sc_flv_reader));
    GIVES(SC_OK, sc_flv_writer_free(&live_sc_flv_writer));
    GIVES(SC_OK, sc_flv_recorder_free(&live_sc_flv_recorder));
    GIVES(SC_OK, sc_mp4_recorder_free(&live_sc_mp4_recorder));
    GIVES(SC_OK, sc_assembler_free(&live_sc_assembler));
    GIVES(SC_OK, sc_muxer_free(&live_sc_muxer));
    GIVES(SC_OK, sc_gop_cache_free(&live_sc_gop_cache));
    GIVES(SC_OK, sc_remuxer_free(&live_sc_remuxer));
    GIVES(SC_OK, sc_server_session_free(&live_sc_server_session));
    GIVES(SC_OK, sc_client_session_free(&live_sc_client_session));
    GIVES(SC_OK, sc_probe_free(&live_sc_probe));
    GIVES(SC_OK, sc_file_free(&live_sc_file));
    GIVES(SC_OK, sc_buf_release(&live_sc_buf));
    GIVES(SC_OK, sc_track_release(&live_sc_track));
    CHECK(live_sc_buf == NULL && live_sc_track == NULL && live_sc_probe == NULL);
}

#endif
