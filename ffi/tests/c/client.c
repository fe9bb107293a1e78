/* A publisher, a server and a player in one process, joined by their bytes: client.c IN.flv. */
#include "check.h"

typedef struct {
    sc_flv_reader *reader;
    sc_client_session *publisher, *player;
    sc_server_session *in, *out;
    uint32_t playing;      /* message stream of the player, or 0 */
    bool publishing, over;
    unsigned sent, got, ended;
} world;

static uint64_t now = 1;

/* What one side wrote goes into the other. */
#define JOIN(name, from, to, output, input, sent)                                          \
    static bool name(from *a, to *b) {                                                     \
        sc_iovec pieces[8];                                                                \
        size_t count = 0, moved = 0;                                                       \
        if (output(a, pieces, 8, &count) != SC_OK) return false;                           \
        for (size_t i = 0; i < count; i++) {                                               \
            size_t taken = 0;                                                              \
            GIVES(SC_OK, input(b, now, pieces[i].data, pieces[i].len, &taken));            \
            moved += taken;                                                                \
            if (taken < pieces[i].len) break;                                              \
        }                                                                                  \
        GIVES(SC_OK, sent(a, moved));                                                      \
        return moved > 0;                                                                  \
    }
JOIN(client_to_server, sc_client_session, sc_server_session, sc_client_session_output, sc_server_session_handle_input,
     sc_client_session_sent)
JOIN(server_to_client, sc_server_session, sc_client_session, sc_server_session_output, sc_client_session_handle_input,
     sc_server_session_sent)

static void serve(world *w, sc_server_session *session) {
    sc_session_event event = {.struct_size = sizeof event};
    while (sc_server_session_poll_event(session, &event) == SC_OK) {
        if (event.event == SC_SESSION_PUBLISH || event.event == SC_SESSION_PLAY) {
            CHECK(strcmp(event.app, "live") == 0 && strcmp(event.name, "film") == 0);
            GIVES(SC_OK, sc_server_session_accept(session, event.request));
            if (event.event == SC_SESSION_PLAY) w->playing = event.stream_id;
        } else if (event.event == SC_SESSION_MEDIA && w->playing != 0) {
            sc_tag tag = {.struct_size = sizeof tag, .kind = event.kind, .timestamp = event.timestamp, .buf = event.buf};
            GIVES(SC_OK, sc_server_session_send(w->out, w->playing, &tag));
        } else if (event.event == SC_SESSION_UNPUBLISHED) {
            GIVES(SC_OK, sc_server_session_end_play(w->out, w->playing));
            w->over = true;
        }
    }
}

static void watch(world *w, sc_client_session *session) {
    sc_client_event event = {.struct_size = sizeof event};
    while (sc_client_session_poll_event(session, &event) == SC_OK) {
        if (event.event == SC_CLIENT_PUBLISHING) w->publishing = true;
        if (event.event == SC_CLIENT_ENDED) w->ended++;
        if (event.event == SC_CLIENT_MEDIA && event.kind != SC_KIND_DATA) {
            CHECK(event.size == sc_buf_size(event.buf) && event.data == sc_buf_data(event.buf));
            w->got++;
        }
        CHECK(event.event != SC_CLIENT_REJECTED);
    }
}

/* The next tags of the film go out; at its end the publisher finishes. */
static void publish(world *w) {
    bool wants = false;
    GIVES(SC_OK, sc_client_session_wants_media(w->publisher, &wants));
    sc_tag tag = {.struct_size = sizeof tag};
    for (int i = 0; i < 20 && wants; i++) {
        if (sc_flv_reader_poll_tag(w->reader, &tag, NULL) != SC_OK) {
            GIVES(SC_OK, sc_client_session_finish(w->publisher));
            w->publishing = false;
            return;
        }
        GIVES(SC_OK, sc_client_session_send(w->publisher, &tag));
        if (tag.kind != SC_KIND_DATA) w->sent++;
    }
}

static void addresses(const char *url, const char *host, unsigned port, bool tls) {
    sc_client_session *session = NULL;
    sc_client_address address = {.struct_size = sizeof address};
    GIVES(SC_OK, sc_client_session_new(SC_ABI_VERSION, url, SC_ROLE_PLAY, NULL, 0, &session, NULL));
    GIVES(SC_OK, sc_client_session_address(session, &address));
    CHECK(strcmp(address.host, host) == 0 && address.port == port && address.tls == tls);
    sc_client_session *next = session;
    GIVES(SC_NONE, sc_client_session_next(session, 0, &next));
    CHECK(next == NULL);
    uint64_t at = 0;
    GIVES(SC_OK, sc_client_session_poll_timeout(session, &at));
    GIVES(SC_OK, sc_client_session_handle_timeout(session, at - 1));
    GIVES(SC_ERR_VIOLATION, sc_client_session_handle_timeout(session, at));
    GIVES(SC_OK, sc_client_session_free(&session));
}

static void refusals(void) {
    sc_client_session *session = NULL;
    sc_error error = {.struct_size = sizeof error};
    GIVES(SC_ERR_MALFORMED, sc_client_session_new(SC_ABI_VERSION, "http://x/y/z", SC_ROLE_PLAY, NULL, 0, &session, &error));
    CHECK(strlen(error.text) > 10);
    GIVES(SC_ERR_UTF8, sc_client_session_new(SC_ABI_VERSION, "rtmp://x/y/\xff", SC_ROLE_PLAY, NULL, 0, &session, &error));
    CHECK(error.status == SC_ERR_UTF8);
    GIVES(SC_ERR_ARGUMENT, sc_client_session_new(SC_ABI_VERSION, "rtmp://x/y/z", 77, NULL, 0, &session, NULL));
    CHECK(session == NULL);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    addresses("rtmp://example.org/live/film", "example.org", 1935, false);
    addresses("rtmps://[::1]:8443/live/film", "::1", 8443, true);
    refusals();
    size_t size = 0, at = 0;
    unsigned char *bytes = read_file(argv[1], &size);
    sc_client_config config = {.struct_size = sizeof config, .chunk_size = 4096, .seed = 5};
    world w = {0};
    sc_buf *file = NULL;
    GIVES(SC_OK, sc_buf_wrap(bytes, size, free, bytes, &file));
    GIVES(SC_OK, sc_flv_reader_new(SC_ABI_VERSION, &w.reader, NULL));
    GIVES(SC_OK, sc_client_session_new(SC_ABI_VERSION, "rtmp://h/live/film", SC_ROLE_PUBLISH, &config, now, &w.publisher, NULL));
    GIVES(SC_OK, sc_client_session_new(SC_ABI_VERSION, "rtmp://h/live/film", SC_ROLE_PLAY, NULL, now, &w.player, NULL));
    GIVES(SC_OK, sc_server_session_new(SC_ABI_VERSION, NULL, now, &w.in, NULL));
    GIVES(SC_OK, sc_server_session_new(SC_ABI_VERSION, NULL, now, &w.out, NULL));
    bool any = true;
    while (any || !w.over) {
        now += 1000;
        if (at < size) {
            /* The file is the caller's memory: what the publisher sends are references to it. */
            size_t taken = 0;
            GIVES(SC_OK, sc_flv_reader_handle_buf(w.reader, file, at, &taken));
            at += taken;
            if (at == size) GIVES(SC_OK, sc_flv_reader_finish(w.reader, NULL));
        }
        if (w.publishing && w.playing != 0) publish(&w);
        any = client_to_server(w.publisher, w.in);
        any |= client_to_server(w.player, w.out);
        serve(&w, w.in);
        serve(&w, w.out);
        any |= server_to_client(w.in, w.publisher);
        any |= server_to_client(w.out, w.player);
        watch(&w, w.publisher);
        watch(&w, w.player);
        CHECK(now < 1000000000);
    }
    bool closing = false;
    GIVES(SC_OK, sc_client_session_is_closing(w.publisher, &closing));
    CHECK(closing && w.got == w.sent && w.sent > 100 && w.ended > 0);
    GIVES(SC_ERR_HANDLE, sc_flv_reader_handle_buf(w.reader, (const sc_buf *)(const void *)w.in, 0, &at));
    GIVES(SC_ERR_ARGUMENT, sc_flv_reader_handle_buf(w.reader, file, size + 1, &at));
    GIVES(SC_OK, sc_buf_release(&file));
    GIVES(SC_OK, sc_flv_reader_free(&w.reader));
    GIVES(SC_OK, sc_client_session_free(&w.publisher));
    GIVES(SC_OK, sc_client_session_free(&w.player));
    GIVES(SC_OK, sc_server_session_free(&w.in));
    GIVES(SC_OK, sc_server_session_free(&w.out));
    printf("sent %u got %u\n", w.sent, w.got);
    return 0;
}
