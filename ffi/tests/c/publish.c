/* The captured bytes of an encoder through a session, to a recording: publish.c CAPTURE CHUNK OUT.flv prints what it saw. */
#include "check.h"

static void drain(sc_flv_recorder *recorder, FILE *out) {
    sc_iovec pieces[8];
    size_t count = 0;
    while (sc_flv_recorder_output(recorder, pieces, 8, &count) == SC_OK) {
        size_t written = 0;
        for (size_t i = 0; i < count; i++) {
            CHECK(fwrite(pieces[i].data, 1, pieces[i].len, out) == pieces[i].len);
            written += pieces[i].len;
        }
        GIVES(SC_OK, sc_flv_recorder_sent(recorder, written));
    }
}

int main(int argc, char **argv) {
    CHECK(argc == 4);
    size_t size = 0;
    unsigned char *capture = read_file(argv[1], &size);
    size_t step = (size_t)strtoul(argv[2], NULL, 10);
    FILE *out = fopen(argv[3], "wb");
    CHECK(out != NULL);

    sc_session_config config = {.struct_size = sizeof config, .seed = 7};
    sc_server_session *session = NULL;
    sc_flv_recorder *recorder = NULL;
    GIVES(SC_OK, sc_server_session_new(SC_ABI_VERSION, &config, 0, &session, NULL));
    GIVES(SC_OK, sc_flv_recorder_new(SC_ABI_VERSION, &recorder, NULL));

    unsigned messages[32] = {0};
    size_t sent = 0, at = 0;
    sc_buf *kept = NULL;
    uint64_t now = 0;
    while (at < size) {
        size_t taken = 0, part = size - at < step ? size - at : step;
        GIVES(SC_OK, sc_server_session_handle_input(session, now++, capture + at, part, &taken));
        at += taken;
        sc_session_event event = {.struct_size = sizeof event};
        bool any = taken > 0;
        while (sc_server_session_poll_event(session, &event) == SC_OK) {
            any = true;
            if (event.event == SC_SESSION_PUBLISH) {
                printf("publish %s/%s\n", event.app, event.name);
                GIVES(SC_OK, sc_server_session_accept(session, event.request));
            } else if (event.event == SC_SESSION_MEDIA) {
                CHECK(event.kind < 32 && event.size == sc_buf_size(event.buf) && event.data == sc_buf_data(event.buf));
                messages[event.kind]++;
                sc_tag tag = {.struct_size = sizeof tag, .kind = event.kind, .timestamp = event.timestamp, .buf = event.buf};
                GIVES(SC_OK, sc_flv_recorder_handle_tag(recorder, &tag));
                if (kept == NULL) {
                    GIVES(SC_OK, sc_buf_retain(event.buf, &kept));
                    GIVES(SC_ERR_HANDLE, sc_buf_release((sc_buf **)(void *)&event.buf));
                }
            }
        }
        sc_iovec pieces[4];
        size_t count = 0;
        while (sc_server_session_output(session, pieces, 4, &count) == SC_OK) {
            any = true;
            GIVES(SC_OK, sc_server_session_sent(session, pieces[0].len));
            sent += pieces[0].len;
        }
        drain(recorder, out);
        CHECK(any);
    }
    GIVES(SC_OK, sc_flv_recorder_finish(recorder));
    drain(recorder, out);
    uint64_t offset = 0;
    const uint8_t *data = NULL;
    size_t length = 0;
    while (sc_flv_recorder_poll_patch(recorder, &offset, &data, &length) == SC_OK) {
        CHECK(fseek(out, (long)offset, SEEK_SET) == 0 && fwrite(data, 1, length, out) == length);
    }
    CHECK(fclose(out) == 0 && sent > 3000);
    GIVES(SC_OK, sc_server_session_free(&session));
    GIVES(SC_OK, sc_flv_recorder_free(&recorder));
    /* What was retained outlives the session. */
    CHECK(kept != NULL && sc_buf_size(kept) > 0 && sc_buf_data(kept)[0] != 0xff);
    GIVES(SC_OK, sc_buf_release(&kept));
    CHECK(kept == NULL);
    free(capture);
    printf("audio %u video %u data %u\n", messages[SC_KIND_AUDIO], messages[SC_KIND_VIDEO], messages[SC_KIND_DATA]);
    return 0;
}
