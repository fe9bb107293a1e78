/* Streams: from a publisher's messages to the muxer, to RTMP players and to requests that wait. */
#include "ngx_streamcore.h"

static ngx_queue_t streams = {&streams, &streams};

void ngx_streamcore_complain(ngx_log_t *log, const char *what, const void *handle) {
    sc_error error = {.struct_size = sizeof error};
    if (sc_last_error(handle, &error) == SC_OK)
        ngx_log_error(NGX_LOG_ERR, log, 0, "streamcore: %s: %s", what, error.text);
}

ngx_streamcore_stream_t *ngx_streamcore_find(const char *path, size_t len) {
    for (ngx_queue_t *q = ngx_queue_head(&streams); q != ngx_queue_sentinel(&streams); q = ngx_queue_next(q)) {
        ngx_streamcore_stream_t *stream = ngx_queue_data(q, ngx_streamcore_stream_t, link);
        if (stream->path.len == len && ngx_memcmp(stream->path.data, path, len) == 0)
            return stream;
    }
    return NULL;
}

ngx_streamcore_stream_t *ngx_streamcore_make(ngx_streamcore_conf_t *conf, const char *app, const char *name) {
    size_t len = ngx_strlen(app) + 1 + ngx_strlen(name);
    u_char path[640];
    if (len >= sizeof path)
        return NULL;
    ngx_snprintf(path, sizeof path, "%s/%s", app, name);
    ngx_streamcore_stream_t *stream = ngx_streamcore_find((char *)path, len);
    if (stream != NULL)
        return stream;
    stream = ngx_calloc(sizeof *stream + len, ngx_cycle->log);
    if (stream == NULL)
        return NULL;
    ngx_time_t *now = ngx_timeofday();
    sc_muxer_config config = {.struct_size = sizeof config};
    config.segment_ms = (uint32_t)conf->segment;
    config.part_ms = (uint32_t)conf->part;
    config.window_ms = (uint32_t)conf->window;
    config.first_sequence = (uint64_t)now->sec * 1000 + now->msec;
    sc_error error = {.struct_size = sizeof error};
    if (sc_muxer_new(SC_ABI_VERSION, &config, &stream->muxer, &error) != SC_OK ||
        sc_gop_cache_new(SC_ABI_VERSION, &stream->cache, &error) != SC_OK) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0, "streamcore: %s", error.text);
        sc_muxer_free(&stream->muxer);
        ngx_free(stream);
        return NULL;
    }
    stream->path.data = (u_char *)(stream + 1);
    stream->path.len = len;
    stream->log = ngx_cycle->log;
    ngx_memcpy(stream->path.data, path, len);
    ngx_queue_init(&stream->players);
    ngx_queue_init(&stream->waiters);
    ngx_queue_insert_tail(&streams, &stream->link);
    return stream;
}

/* Wakes requests that wait, where an answer may have changed. */
static void wake(ngx_streamcore_stream_t *stream) {
    uint64_t version = stream->version;
    sc_muxer_version(stream->muxer, &version);
    if (version == stream->version)
        return;
    stream->version = version;
    /* Those that have to wait on put themselves at the end of a queue of their own. */
    ngx_queue_t waiting;
    ngx_queue_init(&waiting);
    if (!ngx_queue_empty(&stream->waiters)) {
        ngx_queue_add(&waiting, &stream->waiters);
        ngx_queue_init(&stream->waiters);
    }
    while (!ngx_queue_empty(&waiting)) {
        ngx_streamcore_waiter_t *waiter = ngx_queue_data(ngx_queue_head(&waiting), ngx_streamcore_waiter_t, link);
        ngx_queue_remove(&waiter->link);
        ngx_queue_init(&waiter->link);
        waiter->wake(waiter);
    }
}

static void drain(ngx_streamcore_stream_t *stream) {
    sc_media_event event = {.struct_size = sizeof event};
    ngx_time_t *now = ngx_timeofday();
    int64_t wall = ((int64_t)now->sec * 1000 + (int64_t)now->msec) * 1000;
    sc_status status;
    while ((status = sc_muxer_pull(stream->muxer, stream->assembler, wall, &event)) == SC_OK)
        if (event.event == SC_MEDIA_NOTICE)
            ngx_log_error(NGX_LOG_NOTICE, stream->log, 0, "streamcore: %V: %s [%s]", &stream->path, event.text, event.clause);
    if (status != SC_NONE)
        ngx_streamcore_complain(stream->log, "HLS", stream->muxer);
}

ngx_int_t ngx_streamcore_begin(ngx_streamcore_stream_t *stream) {
    if (sc_assembler_new(SC_ABI_VERSION, &stream->assembler, NULL) != SC_OK)
        return NGX_ERROR;
    sc_muxer_resume(stream->muxer);
    stream->live = 1;
    return NGX_OK;
}

void ngx_streamcore_media(ngx_streamcore_stream_t *stream, const sc_tag *tag) {
    sc_gop_cache_handle_tag(stream->cache, tag);
    ngx_queue_t *next;
    for (ngx_queue_t *q = ngx_queue_head(&stream->players); q != ngx_queue_sentinel(&stream->players); q = next) {
        next = ngx_queue_next(q);
        ngx_streamcore_send(ngx_queue_data(q, ngx_streamcore_session_t, link), tag);
    }
    sc_assembler_handle_tag(stream->assembler, tag);
    drain(stream);
    wake(stream);
}

void ngx_streamcore_end(ngx_streamcore_stream_t *stream) {
    sc_assembler_finish(stream->assembler);
    drain(stream);
    sc_muxer_finish(stream->muxer);
    sc_assembler_free(&stream->assembler);
    sc_gop_cache_clear(stream->cache);
    stream->live = 0;
    ngx_queue_t *next;
    for (ngx_queue_t *q = ngx_queue_head(&stream->players); q != ngx_queue_sentinel(&stream->players); q = next) {
        ngx_streamcore_session_t *player = ngx_queue_data(q, ngx_streamcore_session_t, link);
        next = ngx_queue_next(q);
        ngx_queue_remove(&player->link);
        player->plays = NULL;
        sc_server_session_end_play(player->session, player->play_id);
        ngx_streamcore_flush(player);
    }
    wake(stream);
}

/* Headers and the present group of pictures, then what comes. */
void ngx_streamcore_join(ngx_streamcore_session_t *player) {
    ngx_streamcore_stream_t *stream = player->plays;
    sc_tag tag = {.struct_size = sizeof tag};
    ngx_queue_insert_tail(&stream->players, &player->link);
    sc_gop_cache_rewind(stream->cache);
    while (sc_gop_cache_next(stream->cache, &tag) == SC_OK)
        ngx_streamcore_send(player, &tag);
}
