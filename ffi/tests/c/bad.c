/* What is wrong comes to a status and a message: bad.c OUT, with STREAMCORE_FLV. */
#include "misuse.h"

static const uint32_t other_abis[] = {SC_ABI_VERSION + 1, UINT32_MAX};

/* The handle has the words for what failed on it. */
static void says(const void *handle, sc_status status, const char *words) {
    sc_error error = {.struct_size = sizeof error};
    GIVES(SC_OK, sc_last_error(handle, &error));
    if (error.status != status || strstr(error.text, words) == NULL) {
        fprintf(stderr, "%d: %s, not %d: …%s…\n", error.status, error.text, status, words);
        exit(1);
    }
}

/* So has the error of a call that has no handle. */
static void told(const sc_error *error, sc_status status, const char *words) {
    CHECK(error->struct_size == sizeof *error && error->status == status && strstr(error->text, words) != NULL);
}

/* And each status, for who has neither. */
static void named(sc_status status, const char *words) {
    CHECK(strstr(sc_status_text(status), words) != NULL);
}

static void nulls(void) {
    sc_error error = {.struct_size = sizeof error};
    size_t taken = 0;
    named(SC_ERR_NULL, "NULL");
    GIVES(SC_ERR_NULL, sc_flv_reader_handle_input(NULL, NULL, 0, &taken));
    GIVES(SC_ERR_NULL, sc_flv_reader_handle_input(live_sc_flv_reader, NULL, 1, &taken));
    says(live_sc_flv_reader, SC_ERR_NULL, "NULL");
    GIVES(SC_ERR_NULL, sc_server_session_new(SC_ABI_VERSION, NULL, 0, NULL, &error));
    told(&error, SC_ERR_NULL, "NULL");
    GIVES(SC_ERR_NULL, sc_client_session_new(SC_ABI_VERSION, NULL, SC_ROLE_PLAY, NULL, 0, (sc_client_session **)&slot, &error));
    told(&error, SC_ERR_NULL, "NULL");
    GIVES(SC_ERR_NULL, sc_remux_file(SC_ABI_VERSION, NULL, "x", NULL, NULL, &error));
    told(&error, SC_ERR_NULL, "NULL");
}

/* A freed handle is NULL; what never was one, is of another kind or is lent is told. */
static void handles(void) {
    sc_error error = {.struct_size = sizeof error};
    sc_flv_reader *reader = NULL;
    sc_buf *buf = NULL, *lent = NULL;
    named(SC_ERR_HANDLE, "not a handle of this kind");
    GIVES(SC_OK, sc_flv_reader_new(SC_ABI_VERSION, &reader, NULL));
    GIVES(SC_OK, sc_flv_reader_free(&reader));
    CHECK(reader == NULL);
    GIVES(SC_ERR_NULL, sc_flv_reader_finish(reader, NULL));
    GIVES(SC_ERR_NULL, sc_last_error(reader, &error));
    GIVES(SC_OK, sc_flv_reader_free(&reader));
    GIVES(SC_OK, sc_buf_copy((const uint8_t *)"abc", 3, &buf));
    GIVES(SC_OK, sc_buf_release(&buf));
    CHECK(buf == NULL && sc_buf_data(buf) == NULL && sc_buf_size(buf) == 0);
    GIVES(SC_ERR_NULL, sc_buf_retain(buf, &buf));

    GIVES(SC_ERR_HANDLE, sc_flv_reader_finish((void *)live_sc_flv_writer, NULL));
    GIVES(SC_ERR_HANDLE, sc_flv_reader_finish((void *)live_sc_buf, NULL));
    GIVES(SC_ERR_HANDLE, sc_flv_reader_finish((void *)noise, NULL));
    /* Any pointer goes into a `const void *`. */
    GIVES(SC_ERR_HANDLE, sc_last_error(live_sc_buf, &error));
    GIVES(SC_ERR_HANDLE, sc_last_error(live_sc_track, &error));
    GIVES(SC_ERR_HANDLE, sc_last_error((void *)noise, &error));
    GIVES(SC_ERR_HANDLE, sc_buf_retain((void *)live_sc_flv_writer, &buf));
    GIVES(SC_ERR_HANDLE, sc_buf_retain((void *)live_sc_track, &buf));
    sc_tag tag = {.struct_size = sizeof tag, .kind = SC_KIND_AUDIO, .buf = (void *)live_sc_flv_writer};
    GIVES(SC_ERR_HANDLE, sc_flv_writer_tag(live_sc_flv_writer, &tag));
    says(live_sc_flv_writer, SC_ERR_HANDLE, "not a handle of this kind");
    GIVES(SC_ERR_HANDLE, sc_muxer_handle_track(live_sc_muxer, (void *)live_sc_buf));
    says(live_sc_muxer, SC_ERR_HANDLE, "not a handle of this kind");

    /* What is lent is not the caller's to release. */
    size_t size = 0, taken = 0;
    unsigned char *flv = read_file(getenv("STREAMCORE_FLV"), &size);
    GIVES(SC_OK, sc_flv_reader_new(SC_ABI_VERSION, &reader, NULL));
    GIVES(SC_OK, sc_flv_reader_handle_input(reader, flv, size, &taken));
    GIVES(SC_OK, sc_flv_reader_poll_tag(reader, &tag, NULL));
    lent = (sc_buf *)(void *)(uintptr_t)tag.buf;
    GIVES(SC_ERR_HANDLE, sc_buf_release(&lent));
    CHECK(lent != NULL && sc_buf_size(lent) == tag.size);
    GIVES(SC_OK, sc_flv_reader_free(&reader));
    free(flv);
}

/* Memory of the caller's that says `size`, with `fill` behind it; what the library must not touch is 0xa5. */
static unsigned char *sized_as(size_t size, size_t zeroed) {
    static union {
        size_t size;
        max_align_t align;
        unsigned char bytes[1024];
    } memory;
    memset(&memory, 0xa5, sizeof memory);
    memset(memory.bytes, 0, zeroed);
    memory.size = size;
    return memory.bytes;
}

static bool untouched(const unsigned char *memory, size_t from) {
    for (size_t i = from; i < 1024; i++) {
        if (memory[i] != 0xa5) return false;
    }
    return true;
}

/* Every size below the first release's is refused and nothing is written; the smallest is accepted, and one of a later release, of which
 * nothing is touched behind what this release knows. `call` has the struct at `at`; `where` says the words: `handle` or `error`. */
#define SIZES(type, wanted, call, words)                                                   \
    do {                                                                                   \
        unsigned char *memory = NULL;                                                      \
        type *at = NULL;                                                                   \
        const size_t small[] = {0, 1, sizeof(size_t), sizeof(type) / 2, sizeof(type) - 1}; \
        for (size_t i = 0; i < sizeof small / sizeof *small; i++) {                        \
            at = (void *)(memory = sized_as(small[i], 0));                                 \
            GIVES(SC_ERR_STRUCT_SIZE, call);                                               \
            CHECK(at->struct_size == small[i] && untouched(memory, sizeof(size_t)));       \
            words;                                                                         \
        }                                                                                  \
        for (size_t more = 0; more <= 64; more += 32) {                                    \
            at = (void *)(memory = sized_as(sizeof(type) + more, sizeof(type)));           \
            GIVES(wanted, call);                                                           \
            CHECK(at->struct_size == sizeof(type) + more && untouched(memory, sizeof(type))); \
        }                                                                                  \
    } while (0)

#define ON(handle) says(handle, SC_ERR_STRUCT_SIZE, "struct_size")
#define IN_ERROR told(&error, SC_ERR_STRUCT_SIZE, "struct_size")

/* Makes a handle and frees it. */
#define MADE(type, make) made(make, (void **)&slot, type##_free_any)
typedef sc_status free_any(void **);
#define FREE_ANY(type) \
    static sc_status type##_free_any(void **place) { return type##_free((type **)(void *)place); }
FREE_ANY(sc_server_session)
FREE_ANY(sc_client_session)
FREE_ANY(sc_muxer)
FREE_ANY(sc_mp4_recorder)

static sc_status made(sc_status status, void **place, free_any *end) {
    if (status == SC_OK) GIVES(SC_OK, end(place));
    return status;
}

static void configurations(void) {
    sc_error error = {.struct_size = sizeof error};
    SIZES(sc_session_config, SC_OK,
          MADE(sc_server_session, sc_server_session_new(SC_ABI_VERSION, at, 0, (sc_server_session **)&slot, &error)), IN_ERROR);
    SIZES(sc_client_config, SC_OK,
          MADE(sc_client_session, sc_client_session_new(SC_ABI_VERSION, "rtmp://h/a/n", SC_ROLE_PLAY, at, 0,
                                                        (sc_client_session **)&slot, &error)), IN_ERROR);
    SIZES(sc_muxer_config, SC_OK, MADE(sc_muxer, sc_muxer_new(SC_ABI_VERSION, at, (sc_muxer **)&slot, &error)), IN_ERROR);
    SIZES(sc_mp4_config, SC_OK,
          MADE(sc_mp4_recorder, sc_mp4_recorder_new(SC_ABI_VERSION, at, (sc_mp4_recorder **)&slot, &error)), IN_ERROR);
    /* The options come before the file is looked for. */
    SIZES(sc_remux_options, SC_ERR_IO, sc_remux_file(SC_ABI_VERSION, "/nonexistent", "/nonexistent/x", at, NULL, &error), IN_ERROR);
    SIZES(sc_package_options, SC_ERR_IO, sc_package_file(SC_ABI_VERSION, "/nonexistent", "/nonexistent/x", at, &error), IN_ERROR);
    SIZES(sc_remux_report, SC_ERR_IO, sc_remux_file(SC_ABI_VERSION, "/nonexistent", "/nonexistent/x", NULL, at, &error), IN_ERROR);
}

static void events(void) {
    SIZES(sc_tag, SC_NONE, sc_flv_reader_poll_tag(live_sc_flv_reader, at, NULL), ON(live_sc_flv_reader));
    SIZES(sc_media_event, SC_NONE, sc_assembler_poll_event(live_sc_assembler, at), ON(live_sc_assembler));
    SIZES(sc_media_event, SC_NONE, sc_muxer_pull(live_sc_muxer, live_sc_assembler, 0, at), ON(live_sc_muxer));
    SIZES(sc_session_event, SC_NONE, sc_server_session_poll_event(live_sc_server_session, at), ON(live_sc_server_session));
    SIZES(sc_client_event, SC_NONE, sc_client_session_poll_event(live_sc_client_session, at), ON(live_sc_client_session));
    SIZES(sc_client_address, SC_OK, sc_client_session_address(live_sc_client_session, at), ON(live_sc_client_session));
    SIZES(sc_write, SC_NONE, sc_mp4_recorder_poll_write(live_sc_mp4_recorder, at), ON(live_sc_mp4_recorder));
    SIZES(sc_file_info, SC_OK, sc_file_describe(live_sc_file, at), ON(live_sc_file));
    SIZES(sc_track_info, SC_OK, sc_track_describe(live_sc_track, at), named(SC_ERR_STRUCT_SIZE, "struct_size"));
    SIZES(sc_probe_info, SC_OK, sc_probe_describe(live_sc_probe, at), ON(live_sc_probe));
    SIZES(sc_probe_track_info, SC_OK, sc_probe_track(live_sc_probe, 0, at), ON(live_sc_probe));
    /* A kind of 0 is none: what follows the size is read where the size is right. */
    SIZES(sc_tag, SC_ERR_ARGUMENT, sc_flv_writer_tag(live_sc_flv_writer, at), ON(live_sc_flv_writer));
    SIZES(sc_unit, SC_ERR_ARGUMENT, sc_muxer_handle_unit(live_sc_muxer, at, 0), ON(live_sc_muxer));
}

static void remuxed(void) {
    size_t size = 0;
    unsigned char *bytes = read_file(getenv("STREAMCORE_FLV"), &size);
    sc_remuxer *remuxer = NULL;
    GIVES(SC_OK, sc_remuxer_new(SC_ABI_VERSION, SC_UNKNOWN_SIZE, &remuxer, NULL));
    GIVES(SC_OK, sc_remuxer_handle_input(remuxer, bytes, size));
    GIVES(SC_OK, sc_remuxer_finish(remuxer, SC_LAYOUT_COMPACT, 1, NULL));
    SIZES(sc_remux_track, SC_OK, sc_remuxer_track(remuxer, 0, at), ON(remuxer));
    SIZES(sc_remux_piece, SC_OK, sc_remuxer_poll_piece(remuxer, at), ON(remuxer));
    /* The error itself. */
    GIVES(SC_ERR_MISUSE, sc_remuxer_finish(remuxer, SC_LAYOUT_COMPACT, 1, NULL));
    says(remuxer, SC_ERR_MISUSE, "documented order");
    SIZES(sc_error, SC_OK, sc_last_error(remuxer, at), named(SC_ERR_STRUCT_SIZE, "struct_size"));
    /* One of the wrong size costs the words alone. */
    SIZES(sc_error, SC_ERR_STRUCT_SIZE, at->struct_size < sizeof *at ? SC_ERR_STRUCT_SIZE : sc_server_session_new(
              SC_ABI_VERSION, (sc_session_config *)sized(3), 0, (sc_server_session **)&slot, at), (void)0);
    GIVES(SC_OK, sc_remuxer_free(&remuxer));
    free(bytes);
}

#define OTHER_ABI(type, ...)                                                 \
    do {                                                                     \
        for (size_t i = 0; i < sizeof other_abis / sizeof *other_abis; i++) { \
            const uint32_t abi = other_abis[i];                              \
            type *out = (type *)room;                                        \
            sc_error error = {.struct_size = sizeof error};                  \
            GIVES(SC_ERR_ABI, __VA_ARGS__);                                  \
            told(&error, SC_ERR_ABI, "SC_ABI_VERSION");                      \
            CHECK((void *)out == room);                                      \
        }                                                                    \
    } while (0)

static void other_abi(const char *output) {
    const char *flv = getenv("STREAMCORE_FLV");
    named(SC_ERR_ABI, "SC_ABI_VERSION");
    OTHER_ABI(sc_flv_reader, sc_flv_reader_new(abi, &out, &error));
    OTHER_ABI(sc_flv_writer, sc_flv_writer_new(abi, &out, &error));
    OTHER_ABI(sc_flv_recorder, sc_flv_recorder_new(abi, &out, &error));
    OTHER_ABI(sc_mp4_recorder, sc_mp4_recorder_new(abi, NULL, &out, &error));
    OTHER_ABI(sc_assembler, sc_assembler_new(abi, &out, &error));
    OTHER_ABI(sc_muxer, sc_muxer_new(abi, NULL, &out, &error));
    OTHER_ABI(sc_gop_cache, sc_gop_cache_new(abi, &out, &error));
    OTHER_ABI(sc_remuxer, sc_remuxer_new(abi, 1, &out, &error));
    OTHER_ABI(sc_server_session, sc_server_session_new(abi, NULL, 0, &out, &error));
    OTHER_ABI(sc_client_session, sc_client_session_new(abi, "rtmp://h/a/n", SC_ROLE_PLAY, NULL, 0, &out, &error));
    OTHER_ABI(sc_probe, sc_probe_file(abi, flv, &out, &error));
    OTHER_ABI(void, sc_remux_file(abi, flv, output, NULL, NULL, &error));
    OTHER_ABI(void, sc_package_file(abi, flv, output, NULL, &error));
    CHECK(fopen(output, "rb") == NULL);
}

static void not_utf8(void) {
    sc_error error = {.struct_size = sizeof error};
    sc_file *file = (sc_file *)room;
    named(SC_ERR_UTF8, "UTF-8");
    slot = room;
    GIVES(SC_ERR_UTF8, sc_client_session_new(SC_ABI_VERSION, "rtmp://h/a/\xff", SC_ROLE_PLAY, NULL, 0, (sc_client_session **)&slot, &error));
    told(&error, SC_ERR_UTF8, "UTF-8");
    CHECK(slot == room);
    GIVES(SC_ERR_UTF8, sc_muxer_request(live_sc_muxer, "\xc3.m3u8", NULL, &file, NULL));
    says(live_sc_muxer, SC_ERR_UTF8, "UTF-8");
    GIVES(SC_ERR_UTF8, sc_muxer_request(live_sc_muxer, "index.m3u8", "\xed\xa0\x80", &file, NULL));
    says(live_sc_muxer, SC_ERR_UTF8, "UTF-8");
    /* Names of files are bytes. */
    GIVES(SC_ERR_IO, sc_probe_file(SC_ABI_VERSION, "/nonexistent/\xff", (sc_probe **)&slot, &error));
    told(&error, SC_ERR_IO, "cannot open /nonexistent/");
}

/* A `bool` that a program filled with any number is true. */
static void odd_bools(void) {
    static const unsigned char numbers[] = {0, 1, 0x7e};
    sc_status given[3];
    for (int i = 0; i < 3; i++) {
        sc_unit unit = {.struct_size = sizeof unit, .kind = SC_KIND_AUDIO, .dts = 7000000};
        sc_muxer_config config = {.struct_size = sizeof config};
        sc_muxer *muxer = NULL;
        sc_file *file = NULL;
        ((unsigned char *)&unit)[offsetof(sc_unit, key)] = numbers[i];
        ((unsigned char *)&config)[offsetof(sc_muxer_config, dash)] = numbers[i];
        GIVES(SC_OK, sc_mp4_recorder_handle_unit(live_sc_mp4_recorder, &unit));
        GIVES(SC_OK, sc_muxer_new(SC_ABI_VERSION, &config, &muxer, NULL));
        GIVES(SC_OK, sc_muxer_handle_unit(muxer, &unit, SC_NO_WALL_CLOCK));
        given[i] = sc_muxer_request(muxer, "index.mpd", NULL, &file, NULL);
        CHECK(file == NULL);
        GIVES(SC_OK, sc_muxer_free(&muxer));
    }
    CHECK(given[1] != given[0] && given[2] == given[1]);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    (void)text, (void)wrong, (void)pieces;
    begin();
    nulls();
    handles();
    configurations();
    events();
    remuxed();
    other_abi(argv[1]);
    not_utf8();
    odd_bools();
    end();
    return 0;
}
