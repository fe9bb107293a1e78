/* Every function with NULL, and with handles of another kind: a status, never a crash. */
#include "check.h"

/* Functions that take a handle, with harmless other arguments. `H` is the handle. */
#define FLV_READER(H)                                                                       \
    X(sc_flv_reader_handle_input(H, (const uint8_t *)"x", 1, &number))                      \
    X(sc_flv_reader_finish(H, &flag))                                                       \
    X(sc_flv_reader_poll_tag(H, &tag, &wide))
#define FLV_WRITER(H)                                                                       \
    X(sc_flv_writer_header(H, true, true))                                                  \
    X(sc_flv_writer_tag(H, &tag))                                                           \
    X(sc_flv_writer_output(H, pieces, 4, &number))                                          \
    X(sc_flv_writer_sent(H, 0))
#define ASSEMBLER(H)                                                                        \
    X(sc_assembler_handle_tag(H, &tag))                                                     \
    X(sc_assembler_finish(H))                                                               \
    X(sc_assembler_poll_event(H, &media))                                                   \
    X(sc_muxer_pull((void *)(H), (void *)(H), 0, &media))
#define RECORDER(H)                                                                         \
    X(sc_flv_recorder_handle_tag(H, &tag))                                                  \
    X(sc_flv_recorder_finish(H))                                                            \
    X(sc_flv_recorder_poll_patch(H, &wide, &data, &number))                                 \
    X(sc_flv_recorder_output(H, pieces, 4, &number))                                        \
    X(sc_flv_recorder_sent(H, 0))
#define SESSION(H)                                                                          \
    X(sc_server_session_handle_input(H, 1, (const uint8_t *)"x", 1, &number))               \
    X(sc_server_session_poll_event(H, &event))                                              \
    X(sc_server_session_accept(H, 1))                                                       \
    X(sc_server_session_reject(H, 1, SC_REJECT_DENIED))                                     \
    X(sc_server_session_send(H, 1, &tag))                                                   \
    X(sc_server_session_end_play(H, 1))                                                     \
    X(sc_server_session_close(H))                                                           \
    X(sc_server_session_output(H, pieces, 4, &number))                                      \
    X(sc_server_session_sent(H, 0))                                                         \
    X(sc_server_session_poll_timeout(H, &wide))                                             \
    X(sc_server_session_handle_timeout(H, 1))                                               \
    X(sc_server_session_is_closing(H, &flag))                                               \
    X(sc_server_session_queued(H, &number))

int main(void) {
    size_t number = 0;
    uint64_t wide = 0;
    bool flag = false;
    const uint8_t *data = NULL;
    sc_iovec pieces[4];
    sc_tag tag = {.struct_size = sizeof tag, .kind = SC_KIND_AUDIO, .data = (const uint8_t *)"\xaf\x01", .size = 2};
    sc_media_event media = {.struct_size = sizeof media};
    sc_session_event event = {.struct_size = sizeof event};
    sc_error error = {.struct_size = sizeof error};
    sc_track_info info = {.struct_size = sizeof info};

#define X(call) GIVES(SC_ERR_NULL, call);
    FLV_READER(NULL) FLV_WRITER(NULL) ASSEMBLER(NULL) RECORDER(NULL) SESSION(NULL)
#undef X

    /* Constructors: nowhere to put the handle, and another ABI. */
    sc_flv_reader *reader = NULL;
    sc_flv_writer *writer = NULL;
    sc_assembler *assembler = NULL;
    sc_flv_recorder *recorder = NULL;
    sc_server_session *session = NULL;
    GIVES(SC_ERR_NULL, sc_flv_reader_new(SC_ABI_VERSION, NULL, NULL));
    GIVES(SC_ERR_NULL, sc_flv_writer_new(SC_ABI_VERSION, NULL, NULL));
    GIVES(SC_ERR_NULL, sc_assembler_new(SC_ABI_VERSION, NULL, NULL));
    GIVES(SC_ERR_NULL, sc_flv_recorder_new(SC_ABI_VERSION, NULL, &error));
    CHECK(error.status == SC_ERR_NULL && strlen(error.text) > 10 && error.offset == -1);
    GIVES(SC_ERR_NULL, sc_server_session_new(SC_ABI_VERSION, NULL, 0, NULL, NULL));
    GIVES(SC_ERR_ABI, sc_flv_reader_new(SC_ABI_VERSION + 1, &reader, &error));
    CHECK(error.status == SC_ERR_ABI && strstr(error.text, "SC_ABI_VERSION") != NULL);
    GIVES(SC_ERR_ABI, sc_flv_writer_new(SC_ABI_VERSION + 1, &writer, NULL));
    GIVES(SC_ERR_ABI, sc_assembler_new(SC_ABI_VERSION + 1, &assembler, NULL));
    GIVES(SC_ERR_ABI, sc_flv_recorder_new(SC_ABI_VERSION + 1, &recorder, NULL));
    GIVES(SC_ERR_ABI, sc_server_session_new(SC_ABI_VERSION + 1, NULL, 0, &session, NULL));
    CHECK(reader == NULL && writer == NULL && assembler == NULL && recorder == NULL && session == NULL);

    /* A struct whose size is not set, or is of no release. */
    sc_session_config config = {.struct_size = 3};
    GIVES(SC_ERR_STRUCT_SIZE, sc_server_session_new(SC_ABI_VERSION, &config, 0, &session, &error));
    CHECK(session == NULL && strstr(error.text, "struct_size") != NULL);
    error.struct_size = 0;
    GIVES(SC_ERR_ABI, sc_flv_reader_new(SC_ABI_VERSION + 1, &reader, &error));

    GIVES(SC_OK, sc_flv_reader_new(SC_ABI_VERSION, &reader, NULL));
    GIVES(SC_OK, sc_flv_writer_new(SC_ABI_VERSION, &writer, NULL));
    GIVES(SC_OK, sc_assembler_new(SC_ABI_VERSION, &assembler, NULL));
    GIVES(SC_OK, sc_flv_recorder_new(SC_ABI_VERSION, &recorder, NULL));
    GIVES(SC_OK, sc_server_session_new(SC_ABI_VERSION, NULL, 0, &session, NULL));

    /* Handles of another kind. */
#define X(call) GIVES(SC_ERR_HANDLE, call);
    FLV_READER((void *)writer) FLV_WRITER((void *)assembler) ASSEMBLER((void *)recorder)
    RECORDER((void *)session) SESSION((void *)reader)
    /* No handles at all, but readable. */
    uint64_t noise[64];
    memset(noise, 0xa5, sizeof noise);
    FLV_READER((void *)noise) FLV_WRITER((void *)noise) ASSEMBLER((void *)noise) RECORDER((void *)noise)
    SESSION((void *)noise)
    FLV_READER((void *)((char *)noise + 1))
#undef X
    GIVES(SC_ERR_HANDLE, sc_flv_reader_free((sc_flv_reader **)(void *)&writer));
    GIVES(SC_ERR_HANDLE, sc_flv_writer_free((sc_flv_writer **)(void *)&reader));
    GIVES(SC_ERR_HANDLE, sc_assembler_free((sc_assembler **)(void *)&reader));
    GIVES(SC_ERR_HANDLE, sc_flv_recorder_free((sc_flv_recorder **)(void *)&reader));
    GIVES(SC_ERR_HANDLE, sc_server_session_free((sc_server_session **)(void *)&reader));
    CHECK(reader != NULL && writer != NULL);

    /* Good handles, and NULL for the rest. */
    GIVES(SC_ERR_NULL, sc_flv_reader_handle_input(reader, NULL, 1, &number));
    GIVES(SC_ERR_NULL, sc_flv_reader_handle_input(reader, (const uint8_t *)"F", 1, NULL));
    GIVES(SC_OK, sc_flv_reader_handle_input(reader, NULL, 0, &number));
    GIVES(SC_OK, sc_flv_reader_finish(reader, NULL));
    GIVES(SC_ERR_NULL, sc_flv_reader_poll_tag(reader, NULL, NULL));
    GIVES(SC_ERR_NULL, sc_flv_writer_tag(writer, NULL));
    GIVES(SC_ERR_NULL, sc_flv_writer_output(writer, NULL, 1, &number));
    GIVES(SC_ERR_NULL, sc_flv_writer_output(writer, pieces, 1, NULL));
    GIVES(SC_ERR_ARGUMENT, sc_flv_writer_output(writer, pieces, 0, &number));
    GIVES(SC_ERR_ARGUMENT, sc_flv_writer_sent(writer, 1));
    GIVES(SC_ERR_NULL, sc_assembler_handle_tag(assembler, NULL));
    GIVES(SC_ERR_NULL, sc_assembler_poll_event(assembler, NULL));
    GIVES(SC_ERR_NULL, sc_flv_recorder_handle_tag(recorder, NULL));
    GIVES(SC_ERR_NULL, sc_flv_recorder_poll_patch(recorder, NULL, &data, &number));
    GIVES(SC_ERR_NULL, sc_flv_recorder_poll_patch(recorder, &wide, NULL, &number));
    GIVES(SC_ERR_NULL, sc_flv_recorder_poll_patch(recorder, &wide, &data, NULL));
    GIVES(SC_ERR_NULL, sc_flv_recorder_output(recorder, NULL, 1, &number));
    GIVES(SC_ERR_ARGUMENT, sc_flv_recorder_sent(recorder, 1));
    GIVES(SC_ERR_NULL, sc_server_session_handle_input(session, 0, NULL, 1, &number));
    GIVES(SC_ERR_NULL, sc_server_session_poll_event(session, NULL));
    GIVES(SC_ERR_NULL, sc_server_session_send(session, 1, NULL));
    GIVES(SC_ERR_NULL, sc_server_session_output(session, NULL, 1, &number));
    GIVES(SC_ERR_NULL, sc_server_session_poll_timeout(session, NULL));
    GIVES(SC_ERR_NULL, sc_server_session_is_closing(session, NULL));
    GIVES(SC_ERR_NULL, sc_server_session_queued(session, NULL));
    GIVES(SC_ERR_MISUSE, sc_server_session_accept(session, 77));
    GIVES(SC_ERR_MISUSE, sc_server_session_send(session, 1, &tag));
    GIVES(SC_ERR_ARGUMENT, sc_server_session_reject(session, 1, 999));
    tag.kind = 77;
    GIVES(SC_ERR_ARGUMENT, sc_flv_writer_tag(writer, &tag));
    tag.struct_size = 1;
    GIVES(SC_ERR_STRUCT_SIZE, sc_flv_writer_tag(writer, &tag));
    error.struct_size = sizeof error;
    GIVES(SC_OK, sc_last_error(writer, &error));
    CHECK(error.status == SC_ERR_STRUCT_SIZE);

    /* Buffers, tracks, errors. */
    sc_buf *buf = NULL;
    GIVES(SC_ERR_NULL, sc_buf_copy((const uint8_t *)"x", 1, NULL));
    GIVES(SC_ERR_NULL, sc_buf_copy(NULL, 1, &buf));
    GIVES(SC_ERR_NULL, sc_buf_wrap(NULL, 1, NULL, NULL, &buf));
    GIVES(SC_ERR_ARGUMENT, sc_buf_wrap((const uint8_t *)"x", SIZE_MAX, NULL, NULL, &buf));
    GIVES(SC_ERR_NULL, sc_buf_retain(NULL, &buf));
    GIVES(SC_ERR_HANDLE, sc_buf_retain((const sc_buf *)(const void *)noise, &buf));
    CHECK(buf == NULL && sc_buf_data(NULL) == NULL && sc_buf_size(NULL) == 0);
    GIVES(SC_OK, sc_buf_release(NULL));
    GIVES(SC_OK, sc_buf_release(&buf));
    sc_track *track = NULL;
    GIVES(SC_ERR_NULL, sc_track_describe(NULL, &info));
    GIVES(SC_ERR_HANDLE, sc_track_describe((const sc_track *)(const void *)noise, &info));
    GIVES(SC_ERR_NULL, sc_track_retain(NULL, &track));
    GIVES(SC_OK, sc_track_release(NULL));
    GIVES(SC_OK, sc_track_release(&track));
    GIVES(SC_ERR_NULL, sc_last_error(NULL, &error));
    GIVES(SC_ERR_NULL, sc_last_error(writer, NULL));
    GIVES(SC_ERR_HANDLE, sc_last_error(noise, &error));
    CHECK(strlen(sc_status_text(12345)) > 0 && strlen(sc_version()) > 0);

    /* Freeing twice, and nothing. */
    GIVES(SC_OK, sc_flv_reader_free(&reader));
    CHECK(reader == NULL);
    GIVES(SC_OK, sc_flv_reader_free(&reader));
    GIVES(SC_OK, sc_flv_reader_free(NULL));
    GIVES(SC_OK, sc_flv_writer_free(&writer));
    GIVES(SC_OK, sc_assembler_free(&assembler));
    GIVES(SC_OK, sc_flv_recorder_free(&recorder));
    GIVES(SC_OK, sc_server_session_free(&session));
    GIVES(SC_OK, sc_flv_writer_free(NULL));
    GIVES(SC_OK, sc_assembler_free(NULL));
    GIVES(SC_OK, sc_flv_recorder_free(NULL));
    GIVES(SC_OK, sc_server_session_free(NULL));
    return 0;
}
