/* What the parts of the module share. */
#ifndef NGX_STREAMCORE_H
#define NGX_STREAMCORE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <streamcore.h>

/* The block `streamcore { … }`. */
typedef struct {
    ngx_msec_t segment;
    ngx_msec_t part;
    ngx_msec_t window;
    ngx_uint_t chunk_size;
    size_t player_buffer;
    ngx_uint_t listens;
} ngx_streamcore_conf_t;

/* One stream, live or ended. It lives in the worker's memory until the worker ends. */
typedef struct {
    ngx_queue_t link;
    ngx_str_t path;
    sc_muxer *muxer;
    sc_assembler *assembler;
    sc_gop_cache *cache;
    uint64_t version;
    ngx_queue_t players;
    ngx_queue_t waiters;
    ngx_log_t *log;
    unsigned live:1;
} ngx_streamcore_stream_t;

/* A request that waits for a stream to change. */
typedef struct ngx_streamcore_waiter_s {
    ngx_queue_t link;
    void (*wake)(struct ngx_streamcore_waiter_s *waiter);
} ngx_streamcore_waiter_t;

/* One RTMP connection. */
typedef struct {
    ngx_queue_t link;
    ngx_connection_t *connection;
    sc_server_session *session;
    ngx_streamcore_stream_t *publishes;
    ngx_streamcore_stream_t *plays;
    uint32_t play_id;
    u_char *rest;
    size_t rest_len;
    unsigned broken:1;
    unsigned fresh:1;
} ngx_streamcore_session_t;

extern ngx_module_t ngx_streamcore_module;

ngx_streamcore_stream_t *ngx_streamcore_find(const char *path, size_t len);
ngx_streamcore_stream_t *ngx_streamcore_make(ngx_streamcore_conf_t *conf, const char *app, const char *name);
ngx_int_t ngx_streamcore_begin(ngx_streamcore_stream_t *stream);
void ngx_streamcore_media(ngx_streamcore_stream_t *stream, const sc_tag *tag);
void ngx_streamcore_end(ngx_streamcore_stream_t *stream);
void ngx_streamcore_complain(ngx_log_t *log, const char *what, const void *handle);
void ngx_streamcore_join(ngx_streamcore_session_t *player);
void ngx_streamcore_send(ngx_streamcore_session_t *player, const sc_tag *tag);
void ngx_streamcore_flush(ngx_streamcore_session_t *session);

#endif
