/*
 * HLS and LL-HLS from the worker's memory:
 *
 *     location /hls/ {
 *         streamcore_hls;
 *     }
 *
 * answers for /hls/APP/NAME/index.m3u8 and the files that it names.
 */
#include "ngx_streamcore.h"

#include <ngx_http.h>

typedef struct {
    ngx_streamcore_waiter_t waiter;
    ngx_http_request_t *request;
    ngx_event_t timer;
    ngx_msec_t deadline;
    unsigned waiting:1;
} ngx_streamcore_http_ctx_t;

static char *ngx_streamcore_hls(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

static ngx_command_t ngx_streamcore_http_commands[] = {
    {ngx_string("streamcore_hls"), NGX_HTTP_LOC_CONF | NGX_CONF_NOARGS, ngx_streamcore_hls, NGX_HTTP_LOC_CONF_OFFSET, 0, NULL},
    ngx_null_command
};

static ngx_http_module_t ngx_streamcore_http_ctx = {NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL};

ngx_module_t ngx_streamcore_http_module = {
    NGX_MODULE_V1, &ngx_streamcore_http_ctx, ngx_streamcore_http_commands, NGX_HTTP_MODULE,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NGX_MODULE_V1_PADDING
};

static ngx_int_t header(ngx_http_request_t *r, const char *name, const char *value) {
    ngx_table_elt_t *h = ngx_list_push(&r->headers_out.headers);
    size_t len = ngx_strlen(value);
    if (h == NULL)
        return NGX_ERROR;
    h->hash = 1;
    ngx_str_set(&h->key, "");
    h->key.data = (u_char *)name;
    h->key.len = ngx_strlen(name);
    h->value.data = ngx_pnalloc(r->pool, len);
    if (h->value.data == NULL)
        return NGX_ERROR;
    ngx_memcpy(h->value.data, value, len);
    h->value.len = len;
    return NGX_OK;
}

static void free_file(void *data) {
    sc_file *file = data;
    sc_file_free(&file);
}

/* Sends a file: its pieces stay where they are until the request is done. */
static ngx_int_t send_file(ngx_http_request_t *r, sc_file *file) {
    ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(r->pool, 0);
    if (cleanup == NULL) {
        sc_file_free(&file);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    cleanup->handler = free_file;
    cleanup->data = file;
    sc_file_info info = {.struct_size = sizeof info};
    sc_file_describe(file, &info);
    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = (off_t)info.size;
    r->headers_out.content_type.len = ngx_strlen(info.content_type);
    r->headers_out.content_type.data = (u_char *)info.content_type;
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->allow_ranges = 1;
    if (header(r, "Cache-Control", info.cache_control) != NGX_OK || header(r, "ETag", info.etag) != NGX_OK ||
        header(r, "Access-Control-Allow-Origin", "*") != NGX_OK)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    ngx_int_t rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only)
        return rc;
    ngx_chain_t *first = NULL, **end = &first;
    uint64_t at = 0;
    sc_iovec pieces[64];
    size_t count = 0;
    ngx_buf_t *b = NULL;
    while (sc_file_pieces(file, at, pieces, 64, &count) == SC_OK) {
        for (size_t i = 0; i < count; i++) {
            ngx_chain_t *link = ngx_alloc_chain_link(r->pool);
            b = ngx_calloc_buf(r->pool);
            if (link == NULL || b == NULL)
                return NGX_ERROR;
            b->pos = b->start = (u_char *)pieces[i].data;
            b->last = b->end = b->pos + pieces[i].len;
            b->memory = 1;
            link->buf = b;
            link->next = NULL;
            *end = link;
            end = &link->next;
            at += pieces[i].len;
        }
    }
    if (b == NULL)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    b->last_buf = r == r->main;
    b->last_in_chain = 1;
    return ngx_http_output_filter(r, first);
}

static void stop_waiting(ngx_streamcore_http_ctx_t *ctx) {
    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }
    if (ctx->waiting) {
        ngx_queue_remove(&ctx->waiter.link);
    }
    ngx_queue_init(&ctx->waiter.link);
    ctx->waiting = 0;
}

static void cleanup_ctx(void *data) {
    stop_waiting(data);
}

static ngx_int_t answer(ngx_http_request_t *r, ngx_streamcore_http_ctx_t *ctx);

/* The stream changed, or the time is over. */
static void resume(ngx_streamcore_http_ctx_t *ctx) {
    ngx_http_request_t *r = ctx->request;
    ngx_connection_t *c = r->connection;
    stop_waiting(ctx);
    ngx_int_t rc = answer(r, ctx);
    if (rc == NGX_AGAIN)
        return;
    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}

static void on_wake(ngx_streamcore_waiter_t *waiter) {
    ngx_streamcore_http_ctx_t *ctx = (ngx_streamcore_http_ctx_t *)waiter;
    ctx->waiting = 0;
    resume(ctx);
}

static void on_timer(ngx_event_t *ev) {
    resume(ev->data);
}

static char *text(ngx_pool_t *pool, const u_char *data, size_t len) {
    char *copy = ngx_pnalloc(pool, len + 1);
    if (copy != NULL) {
        ngx_memcpy(copy, data, len);
        copy[len] = '\0';
    }
    return copy;
}

/* Answers, or puts the request among those that wait: NGX_AGAIN. */
static ngx_int_t answer(ngx_http_request_t *r, ngx_streamcore_http_ctx_t *ctx) {
    ngx_http_core_loc_conf_t *loc = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    if (r->uri.len <= loc->name.len)
        return NGX_HTTP_NOT_FOUND;
    u_char *path = r->uri.data + loc->name.len, *end = r->uri.data + r->uri.len, *slash = end;
    while (path < end && *path == '/')
        path++;
    while (slash > path && slash[-1] != '/')
        slash--;
    if (slash == path)
        return NGX_HTTP_NOT_FOUND;
    ngx_streamcore_stream_t *stream = ngx_streamcore_find((char *)path, (size_t)(slash - 1 - path));
    if (stream == NULL)
        return NGX_HTTP_NOT_FOUND;
    char *name = text(r->pool, slash, (size_t)(end - slash));
    char *query = text(r->pool, r->args.data, r->args.len);
    if (name == NULL || query == NULL)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    sc_file *file = NULL;
    uint64_t limit = 0;
    switch (sc_muxer_request(stream->muxer, name, query, &file, &limit)) {
    case SC_OK:
        return send_file(r, file);
    case SC_WAIT:
        if (ctx->deadline == 0)
            ctx->deadline = ngx_current_msec + (ngx_msec_t)limit;
        if ((ngx_msec_int_t)(ctx->deadline - ngx_current_msec) <= 0)
            return NGX_HTTP_SERVICE_UNAVAILABLE;
        ngx_queue_insert_tail(&stream->waiters, &ctx->waiter.link);
        ctx->waiting = 1;
        ngx_add_timer(&ctx->timer, ctx->deadline - ngx_current_msec);
        return NGX_AGAIN;
    case SC_ERR_ARGUMENT:
        ngx_streamcore_complain(r->connection->log, "HLS", stream->muxer);
        return NGX_HTTP_BAD_REQUEST;
    default:
        return NGX_HTTP_NOT_FOUND;
    }
}

static ngx_int_t ngx_streamcore_hls_handler(ngx_http_request_t *r) {
    if (!(r->method & (NGX_HTTP_GET | NGX_HTTP_HEAD)))
        return NGX_HTTP_NOT_ALLOWED;
    ngx_int_t rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK)
        return rc;
    ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(r->pool, sizeof(ngx_streamcore_http_ctx_t));
    if (cleanup == NULL)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    ngx_streamcore_http_ctx_t *ctx = cleanup->data;
    ngx_memzero(ctx, sizeof *ctx);
    cleanup->handler = cleanup_ctx;
    ngx_queue_init(&ctx->waiter.link);
    ctx->waiter.wake = on_wake;
    ctx->request = r;
    ctx->timer.handler = on_timer;
    ctx->timer.data = ctx;
    ctx->timer.log = r->connection->log;
    rc = answer(r, ctx);
    if (rc == NGX_AGAIN) {
        /* Kept by its own reference until the stream changes; a client that goes away is noticed. */
        r->main->count++;
        r->read_event_handler = ngx_http_test_reading;
        return NGX_DONE;
    }
    return rc;
}

static char *ngx_streamcore_hls(ngx_conf_t *cf, ngx_command_t *cmd, void *conf) {
    ngx_http_core_loc_conf_t *loc = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    (void)cmd;
    (void)conf;
    loc->handler = ngx_streamcore_hls_handler;
    return NGX_CONF_OK;
}
