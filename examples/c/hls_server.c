/*
 * RTMP in, HLS and LL-HLS out, in one thread with epoll.
 *
 *     cc hls_server.c $(pkg-config --cflags --libs streamcore) -o hls_server
 *     ./hls_server 1935 8080
 *
 * Publish with OBS or ffmpeg to rtmp://127.0.0.1/live/NAME, play http://127.0.0.1:8080/live/NAME/index.m3u8.
 * A port of 0 takes a free one; both are printed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <streamcore.h>

enum { MAX_CONNECTIONS = 1024, MAX_STREAMS = 64, MAX_REQUEST = 8192, PIECES = 64 };

/* One live stream, which outlives its publisher: players may still read what was listed. */
struct stream {
    char path[256];
    sc_muxer *muxer;
    sc_assembler *assembler;
    bool live;
};

enum role { FREE, LISTEN_RTMP, LISTEN_HTTP, RTMP, HTTP };

struct connection {
    enum role role;
    int fd;
    bool want_write;
    /* RTMP: the session and what it publishes. Input that the session did not take yet is kept. */
    sc_server_session *session;
    struct stream *stream;
    unsigned char *rest;
    size_t rest_len;
    /* HTTP: the request as it comes in, then the answer: a head and a file. */
    char request[MAX_REQUEST];
    size_t request_len;
    char head[1024];
    size_t head_len, head_sent;
    sc_file *file;
    uint64_t body_sent, body_len;
    bool last_request;
    /* A request that waits for a part. */
    char name[900], query[900];
    uint64_t wait_until;
};

static struct connection connections[MAX_CONNECTIONS];
static struct stream streams[MAX_STREAMS];
static int epoll;
static volatile sig_atomic_t stopping;

static void on_signal(int number) {
    (void)number;
    stopping = 1;
}

static uint64_t clock_us(clockid_t id) {
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t now_us(void) {
    return clock_us(CLOCK_MONOTONIC);
}

/* Says why a call failed, with what the library knows. */
static void complain(const char *what, const void *handle) {
    sc_error error = {.struct_size = sizeof error};
    if (sc_last_error(handle, &error) == SC_OK)
        fprintf(stderr, "%s: %s\n", what, error.text);
}

static struct connection *add(int fd, enum role role) {
    for (int i = 0; i < MAX_CONNECTIONS; i++) {
        struct connection *c = &connections[i];
        if (c->role != FREE)
            continue;
        memset(c, 0, sizeof *c);
        c->role = role;
        c->fd = fd;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0)
            return c;
        c->role = FREE;
        break;
    }
    close(fd);
    return NULL;
}

static void want_write(struct connection *c, bool want) {
    if (c->want_write == want)
        return;
    c->want_write = want;
    struct epoll_event event = {.events = EPOLLIN | (want ? EPOLLOUT : 0), .data.ptr = c};
    epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event);
}

/* ---- streams ---- */

static struct stream *find_stream(const char *path, bool make) {
    struct stream *empty = NULL;
    for (int i = 0; i < MAX_STREAMS; i++) {
        if (streams[i].muxer == NULL)
            empty = empty ? empty : &streams[i];
        else if (strcmp(streams[i].path, path) == 0)
            return &streams[i];
    }
    if (!make || empty == NULL)
        return NULL;
    sc_muxer_config config = {.struct_size = sizeof config, .segment_ms = 2000, .part_ms = 200};
    config.first_sequence = clock_us(CLOCK_REALTIME) / 1000;
    sc_error error = {.struct_size = sizeof error};
    if (sc_muxer_new(SC_ABI_VERSION, &config, &empty->muxer, &error) != SC_OK) {
        fprintf(stderr, "%s: %s\n", path, error.text);
        return NULL;
    }
    snprintf(empty->path, sizeof empty->path, "%s", path);
    return empty;
}

static void drain_assembler(struct stream *s) {
    sc_media_event event = {.struct_size = sizeof event};
    int64_t wall = (int64_t)clock_us(CLOCK_REALTIME);
    sc_status status;
    while ((status = sc_muxer_pull(s->muxer, s->assembler, wall, &event)) == SC_OK)
        if (event.event == SC_MEDIA_NOTICE)
            fprintf(stderr, "%s: %s [%s]\n", s->path, event.text, event.clause);
    if (status != SC_NONE)
        complain(s->path, s->muxer);
}

static void unpublish(struct connection *c) {
    struct stream *s = c->stream;
    if (s == NULL)
        return;
    sc_assembler_finish(s->assembler);
    drain_assembler(s);
    sc_muxer_finish(s->muxer);
    sc_assembler_free(&s->assembler);
    s->live = false;
    c->stream = NULL;
    printf("%s ended\n", s->path);
}

static sc_status publish(struct connection *c, const sc_session_event *event) {
    char path[256];
    if (c->stream != NULL || snprintf(path, sizeof path, "%s/%s", event->app, event->name) >= (int)sizeof path)
        return sc_server_session_reject(c->session, event->request, SC_REJECT_NOT_FOUND);
    struct stream *s = find_stream(path, true);
    if (s == NULL)
        return sc_server_session_reject(c->session, event->request, SC_REJECT_OVERLOADED);
    if (s->live)
        return sc_server_session_reject(c->session, event->request, SC_REJECT_ALREADY_PUBLISHING);
    if (sc_assembler_new(SC_ABI_VERSION, &s->assembler, NULL) != SC_OK)
        return sc_server_session_reject(c->session, event->request, SC_REJECT_OVERLOADED);
    sc_muxer_resume(s->muxer);
    s->live = true;
    c->stream = s;
    printf("%s is live\n", s->path);
    return sc_server_session_accept(c->session, event->request);
}

/* ---- RTMP ---- */

static void close_connection(struct connection *c) {
    unpublish(c);
    sc_server_session_free(&c->session);
    sc_file_free(&c->file);
    free(c->rest);
    close(c->fd);
    c->role = FREE;
}

static void rtmp_events(struct connection *c) {
    sc_session_event event = {.struct_size = sizeof event};
    while (sc_server_session_poll_event(c->session, &event) == SC_OK) {
        if (event.event == SC_SESSION_PUBLISH) {
            publish(c, &event);
        } else if (event.event == SC_SESSION_PLAY) {
            sc_server_session_reject(c->session, event.request, SC_REJECT_NOT_FOUND);
        } else if (event.event == SC_SESSION_MEDIA && c->stream != NULL) {
            sc_tag tag = {.struct_size = sizeof tag, .kind = event.kind, .timestamp = event.timestamp, .buf = event.buf};
            sc_assembler_handle_tag(c->stream->assembler, &tag);
            drain_assembler(c->stream);
        } else if (event.event == SC_SESSION_UNPUBLISHED) {
            unpublish(c);
        } else if (event.event == SC_SESSION_NOTICE) {
            fprintf(stderr, "rtmp: %s [%s]\n", event.text, event.clause);
        }
    }
}

/* Writes what waits; false where the connection is done for. */
static bool rtmp_write(struct connection *c) {
    sc_iovec pieces[PIECES];
    size_t count = 0;
    while (sc_server_session_output(c->session, pieces, PIECES, &count) == SC_OK) {
        ssize_t sent = writev(c->fd, (const struct iovec *)pieces, (int)count);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
            want_write(c, true);
            return true;
        }
        if (sent < 0 || sc_server_session_sent(c->session, (size_t)sent) != SC_OK)
            return false;
    }
    want_write(c, false);
    bool closing = false;
    sc_server_session_is_closing(c->session, &closing);
    return !closing;
}

/* Gives `data` to the session until it takes no more, and keeps the rest. */
static bool rtmp_input(struct connection *c, const unsigned char *data, size_t len) {
    size_t at = 0, taken = 1;
    while (at < len && taken > 0) {
        if (sc_server_session_handle_input(c->session, now_us(), data + at, len - at, &taken) != SC_OK) {
            complain("rtmp", c->session);
            rtmp_events(c);
            rtmp_write(c);
            return false;
        }
        at += taken;
        rtmp_events(c);
        if (!rtmp_write(c))
            return false;
    }
    unsigned char *rest = NULL;
    if (at < len) {
        rest = malloc(len - at);
        if (rest == NULL)
            return false;
        memcpy(rest, data + at, len - at);
    }
    free(c->rest);
    c->rest = rest;
    c->rest_len = len - at;
    return true;
}

static bool rtmp_readable(struct connection *c) {
    static unsigned char buffer[65536];
    if (c->rest_len > 0) {
        unsigned char *rest = c->rest;
        size_t len = c->rest_len;
        c->rest = NULL;
        c->rest_len = 0;
        bool alive = rtmp_input(c, rest, len);
        free(rest);
        return alive;
    }
    ssize_t got = recv(c->fd, buffer, sizeof buffer, 0);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    return got > 0 && rtmp_input(c, buffer, (size_t)got);
}

/* ---- HTTP ---- */

static void http_head(struct connection *c, const char *status, const char *fields, uint64_t length) {
    int len = snprintf(c->head, sizeof c->head,
                       "HTTP/1.1 %s\r\nAccess-Control-Allow-Origin: *\r\n%sContent-Length: %llu\r\n\r\n", status, fields,
                       (unsigned long long)length);
    c->head_len = len > 0 && (size_t)len < sizeof c->head ? (size_t)len : 0;
    c->head_sent = 0;
    c->body_sent = 0;
    c->body_len = length;
    c->wait_until = 0;
}

/* Answers the request in `name` and `query`, or lets it wait. */
static void http_answer(struct connection *c) {
    char *slash = strrchr(c->name, '/');
    struct stream *s = NULL;
    if (slash != NULL) {
        *slash = '\0';
        s = find_stream(c->name, false);
        *slash = '/';
    }
    uint64_t wait_ms = 0;
    sc_status status = s ? sc_muxer_request(s->muxer, slash + 1, c->query, &c->file, &wait_ms) : SC_NONE;
    if (status == SC_OK) {
        sc_file_info info = {.struct_size = sizeof info};
        sc_file_describe(c->file, &info);
        char fields[512];
        snprintf(fields, sizeof fields, "Content-Type: %s\r\nCache-Control: %s\r\nETag: %s\r\n", info.content_type,
                 info.cache_control, info.etag);
        http_head(c, "200 OK", fields, info.size);
    } else if (status == SC_WAIT) {
        if (c->wait_until == 0)
            c->wait_until = now_us() + wait_ms * 1000;
        else if (now_us() >= c->wait_until)
            http_head(c, "503 Service Unavailable", "", 0);
    } else if (status == SC_ERR_ARGUMENT) {
        complain("http", s->muxer);
        http_head(c, "400 Bad Request", "", 0);
    } else {
        http_head(c, status == SC_GONE ? "410 Gone" : "404 Not Found", "", 0);
    }
}

static bool http_write(struct connection *c) {
    while (c->head_sent < c->head_len || c->body_sent < c->body_len) {
        struct iovec all[1 + PIECES] = {{c->head + c->head_sent, c->head_len - c->head_sent}};
        size_t count = 0;
        if (c->body_sent < c->body_len)
            sc_file_pieces(c->file, c->body_sent, (sc_iovec *)(all + 1), PIECES, &count);
        ssize_t sent = writev(c->fd, all, (int)count + 1);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
            want_write(c, true);
            return true;
        }
        if (sent < 0)
            return false;
        size_t of_head = c->head_len - c->head_sent;
        of_head = (size_t)sent < of_head ? (size_t)sent : of_head;
        c->head_sent += of_head;
        c->body_sent += (size_t)sent - of_head;
    }
    want_write(c, false);
    bool answered = c->head_len > 0;
    if (answered)
        sc_file_free(&c->file);
    c->head_len = c->head_sent = 0;
    c->body_len = c->body_sent = 0;
    return !(answered && c->last_request);
}

/* Takes one request off the buffer, if a whole one is there and the last one is answered. */
static bool http_next(struct connection *c) {
    while (c->head_len == 0 && c->wait_until == 0) {
        char *end = memmem(c->request, c->request_len, "\r\n\r\n", 4);
        if (end == NULL)
            return c->request_len < sizeof c->request;
        *end = '\0';
        char method[8] = "", target[900] = "", version[16] = ""; /* as long as the fields of the connection */
        if (sscanf(c->request, "%7s %899s %15s", method, target, version) != 3 || target[0] != '/')
            return false;
        c->last_request = strcmp(version, "HTTP/1.0") == 0 || strcasestr(c->request, "\r\nconnection: close") != NULL;
        c->request_len -= (size_t)(end + 4 - c->request);
        memmove(c->request, end + 4, c->request_len);
        char *question = strchr(target, '?');
        if (question != NULL)
            *question = '\0';
        snprintf(c->query, sizeof c->query, "%s", question ? question + 1 : "");
        snprintf(c->name, sizeof c->name, "%s", target + 1);
        if (strcmp(method, "GET") != 0)
            http_head(c, "405 Method Not Allowed", "Allow: GET\r\n", 0);
        else
            http_answer(c);
        if (!http_write(c))
            return false;
    }
    return true;
}

static bool http_readable(struct connection *c) {
    size_t room = sizeof c->request - c->request_len;
    if (room == 0)
        return false;
    ssize_t got = recv(c->fd, c->request + c->request_len, room, 0);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    c->request_len += (size_t)got;
    return got > 0 && http_next(c);
}

/* ---- the loop ---- */

static void accept_all(struct connection *listener) {
    int fd;
    while ((fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct connection *c = add(fd, listener->role == LISTEN_RTMP ? RTMP : HTTP);
        if (c == NULL || c->role == HTTP)
            continue;
        sc_session_config config = {.struct_size = sizeof config, .seed = now_us()};
        if (sc_server_session_new(SC_ABI_VERSION, &config, now_us(), &c->session, NULL) != SC_OK)
            close_connection(c);
    }
}

static void handle(struct connection *c, uint32_t events) {
    bool alive = true;
    if (c->role == LISTEN_RTMP || c->role == LISTEN_HTTP) {
        accept_all(c);
        return;
    }
    if (events & EPOLLOUT)
        alive = c->role == RTMP ? rtmp_write(c) && (c->rest_len == 0 || rtmp_readable(c)) : http_write(c) && http_next(c);
    if (alive && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        alive = c->role == RTMP ? rtmp_readable(c) : http_readable(c);
    if (!alive)
        close_connection(c);
}

/* Wakes requests that wait, and does what is due. Gives the milliseconds until the next thing is. */
static int tend(void) {
    uint64_t now = now_us(), next = now + 1000000;
    for (int i = 0; i < MAX_CONNECTIONS; i++) {
        struct connection *c = &connections[i];
        uint64_t at = 0;
        bool alive = true;
        if (c->role == HTTP && c->wait_until != 0) {
            http_answer(c);
            alive = http_write(c) && http_next(c);
            at = c->wait_until;
        } else if (c->role == RTMP && sc_server_session_poll_timeout(c->session, &at) == SC_OK && at <= now) {
            alive = sc_server_session_handle_timeout(c->session, now) == SC_OK;
            if (!alive)
                complain("rtmp", c->session);
            rtmp_events(c);
            alive = rtmp_write(c) && alive;
        }
        if (!alive)
            close_connection(c);
        else if (at > now && at < next)
            next = at;
    }
    return (int)((next - now + 999) / 1000);
}

static int listen_on(int port, enum role role, const char *what) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t len = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 128) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0 || add(fd, role) == NULL) {
        fprintf(stderr, "port %d: %s\n", port, strerror(errno));
        return -1;
    }
    printf("%s %d\n", what, ntohs(address.sin_port));
    return 0;
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (listen_on(argc > 1 ? atoi(argv[1]) : 1935, LISTEN_RTMP, "rtmp") != 0 ||
        listen_on(argc > 2 ? atoi(argv[2]) : 8080, LISTEN_HTTP, "http") != 0)
        return 1;
    int wait = 1000;
    while (!stopping) {
        struct epoll_event events[64];
        int count = epoll_wait(epoll, events, 64, wait);
        for (int i = 0; i < count; i++) {
            struct connection *c = events[i].data.ptr;
            if (c->role != FREE)
                handle(c, events[i].events);
        }
        wait = tend();
    }
    for (int i = 0; i < MAX_CONNECTIONS; i++)
        if (connections[i].role != FREE)
            close_connection(&connections[i]);
    for (int i = 0; i < MAX_STREAMS; i++)
        sc_muxer_free(&streams[i].muxer);
    return 0;
}
