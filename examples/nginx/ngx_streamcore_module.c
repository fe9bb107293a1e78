/*
 * RTMP in nginx's own event loop:
 *
 *     streamcore {
 *         listen 1935;
 *         segment 2s;
 *         part 200ms;
 *     }
 */
#include "ngx_streamcore.h"

#define NGX_STREAMCORE_CONF 0x02000000

enum { PIECES = 64 };

static char *ngx_streamcore_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *ngx_streamcore_listen(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static void *ngx_streamcore_create_conf(ngx_cycle_t *cycle);
static char *ngx_streamcore_init_conf(ngx_cycle_t *cycle, void *conf);
static ngx_int_t ngx_streamcore_init_module(ngx_cycle_t *cycle);

#define IN_BLOCK (NGX_STREAMCORE_CONF | NGX_DIRECT_CONF | NGX_CONF_TAKE1)

static ngx_command_t ngx_streamcore_commands[] = {
    {ngx_string("streamcore"), NGX_MAIN_CONF | NGX_CONF_BLOCK | NGX_CONF_NOARGS, ngx_streamcore_block, 0, 0, NULL},
    {ngx_string("listen"), IN_BLOCK, ngx_streamcore_listen, 0, 0, NULL},
    {ngx_string("segment"), IN_BLOCK, ngx_conf_set_msec_slot, 0, offsetof(ngx_streamcore_conf_t, segment), NULL},
    {ngx_string("part"), IN_BLOCK, ngx_conf_set_msec_slot, 0, offsetof(ngx_streamcore_conf_t, part), NULL},
    {ngx_string("window"), IN_BLOCK, ngx_conf_set_msec_slot, 0, offsetof(ngx_streamcore_conf_t, window), NULL},
    {ngx_string("chunk_size"), IN_BLOCK, ngx_conf_set_num_slot, 0, offsetof(ngx_streamcore_conf_t, chunk_size), NULL},
    {ngx_string("player_buffer"), IN_BLOCK, ngx_conf_set_size_slot, 0, offsetof(ngx_streamcore_conf_t, player_buffer), NULL},
    ngx_null_command
};

static ngx_core_module_t ngx_streamcore_ctx = {
    ngx_string("streamcore"), ngx_streamcore_create_conf, ngx_streamcore_init_conf
};

ngx_module_t ngx_streamcore_module = {
    NGX_MODULE_V1, &ngx_streamcore_ctx, ngx_streamcore_commands, NGX_CORE_MODULE,
    NULL, ngx_streamcore_init_module, NULL, NULL, NULL, NULL, NULL, NGX_MODULE_V1_PADDING
};

static void *ngx_streamcore_create_conf(ngx_cycle_t *cycle) {
    ngx_streamcore_conf_t *conf = ngx_pcalloc(cycle->pool, sizeof *conf);
    if (conf == NULL)
        return NULL;
    conf->segment = NGX_CONF_UNSET_MSEC;
    conf->part = NGX_CONF_UNSET_MSEC;
    conf->window = NGX_CONF_UNSET_MSEC;
    conf->chunk_size = NGX_CONF_UNSET_UINT;
    conf->player_buffer = NGX_CONF_UNSET_SIZE;
    return conf;
}

static char *ngx_streamcore_init_conf(ngx_cycle_t *cycle, void *data) {
    ngx_streamcore_conf_t *conf = data;
    (void)cycle;
    ngx_conf_init_msec_value(conf->segment, 2000);
    ngx_conf_init_msec_value(conf->part, 200);
    ngx_conf_init_msec_value(conf->window, 30000);
    ngx_conf_init_uint_value(conf->chunk_size, 65536);
    ngx_conf_init_size_value(conf->player_buffer, 8 * 1024 * 1024);
    return NGX_CONF_OK;
}

static char *ngx_streamcore_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf) {
    (void)cmd;
    (void)conf;
    ngx_conf_t before = *cf;
    cf->module_type = NGX_CORE_MODULE;
    cf->cmd_type = NGX_STREAMCORE_CONF;
    char *parsed = ngx_conf_parse(cf, NULL);
    *cf = before;
    return parsed;
}

static void ngx_streamcore_accept(ngx_connection_t *c);

static char *ngx_streamcore_listen(ngx_conf_t *cf, ngx_command_t *cmd, void *data) {
    ngx_streamcore_conf_t *conf = data;
    ngx_str_t *value = cf->args->elts;
    ngx_url_t url;
    (void)cmd;
    ngx_memzero(&url, sizeof url);
    url.url = value[1];
    url.listen = 1;
    url.default_port = 1935;
    if (ngx_parse_url(cf->pool, &url) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s in \"%V\"", url.err ? url.err : "error", &value[1]);
        return NGX_CONF_ERROR;
    }
    for (ngx_uint_t i = 0; i < url.naddrs; i++) {
        ngx_listening_t *ls = ngx_create_listening(cf, url.addrs[i].sockaddr, url.addrs[i].socklen);
        if (ls == NULL)
            return NGX_CONF_ERROR;
        ls->handler = ngx_streamcore_accept;
        ls->addr_ntop = 1;
        ls->pool_size = 512;
        ls->logp = &cf->cycle->new_log;
        ls->log.data = &ls->addr_text;
        ls->log.handler = ngx_accept_log_error;
        ls->backlog = NGX_LISTEN_BACKLOG;
        ls->rcvbuf = -1;
        ls->sndbuf = -1;
        conf->listens++;
    }
    return NGX_CONF_OK;
}

static ngx_int_t ngx_streamcore_init_module(ngx_cycle_t *cycle) {
    ngx_streamcore_conf_t *conf = (ngx_streamcore_conf_t *)ngx_get_conf(cycle->conf_ctx, ngx_streamcore_module);
    ngx_core_conf_t *core = (ngx_core_conf_t *)ngx_get_conf(cycle->conf_ctx, ngx_core_module);
    if (conf->listens > 0 && core->worker_processes != 1) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "streamcore: streams live in the memory of one worker: set \"worker_processes 1\"");
        return NGX_ERROR;
    }
    return NGX_OK;
}

/* ---- connections ---- */

static uint64_t now_us(void) {
    return (uint64_t)ngx_current_msec * 1000;
}

static void ngx_streamcore_close(ngx_streamcore_session_t *s) {
    ngx_connection_t *c = s->connection;
    if (s->publishes != NULL) {
        ngx_log_error(NGX_LOG_NOTICE, c->log, 0, "streamcore: %V ended", &s->publishes->path);
        ngx_streamcore_end(s->publishes);
        s->publishes = NULL;
    }
    if (s->plays != NULL) {
        ngx_queue_remove(&s->link);
    }
    sc_server_session_free(&s->session);
    ngx_pool_t *pool = c->pool;
    if (s->rest != NULL)
        ngx_free(s->rest);
    ngx_close_connection(c);
    ngx_destroy_pool(pool);
}

/* Closes later, from the event loop: not under those who are going through a list. */
static void ngx_streamcore_break(ngx_streamcore_session_t *s) {
    if (!s->broken) {
        s->broken = 1;
        ngx_post_event(s->connection->read, &ngx_posted_events);
    }
}

/* Writes what waits. */
void ngx_streamcore_flush(ngx_streamcore_session_t *s) {
    ngx_connection_t *c = s->connection;
    sc_iovec pieces[PIECES];
    size_t count = 0;
    while (!s->broken && sc_server_session_output(s->session, pieces, PIECES, &count) == SC_OK) {
        ngx_buf_t bufs[PIECES];
        ngx_chain_t links[PIECES];
        ngx_memzero(bufs, sizeof bufs);
        for (size_t i = 0; i < count; i++) {
            bufs[i].pos = (u_char *)pieces[i].data;
            bufs[i].last = bufs[i].pos + pieces[i].len;
            bufs[i].memory = 1;
            links[i].buf = &bufs[i];
            links[i].next = i + 1 < count ? &links[i + 1] : NULL;
        }
        off_t before = c->sent;
        ngx_chain_t *left = c->send_chain(c, links, 0);
        if (left == NGX_CHAIN_ERROR) {
            ngx_streamcore_break(s);
            return;
        }
        sc_server_session_sent(s->session, (size_t)(c->sent - before));
        if (left != NULL) {
            if (ngx_handle_write_event(c->write, 0) != NGX_OK)
                ngx_streamcore_break(s);
            return;
        }
    }
    bool closing = false;
    sc_server_session_is_closing(s->session, &closing);
    if (closing)
        ngx_streamcore_break(s);
}

void ngx_streamcore_send(ngx_streamcore_session_t *player, const sc_tag *tag) {
    if (player->broken)
        return;
    if (sc_server_session_send(player->session, player->play_id, tag) != SC_OK) {
        ngx_log_error(NGX_LOG_INFO, player->connection->log, 0, "streamcore: a player is too slow");
        ngx_streamcore_break(player);
        return;
    }
    ngx_streamcore_flush(player);
}

static void ngx_streamcore_timer(ngx_streamcore_session_t *s) {
    uint64_t at = 0, now = now_us();
    ngx_event_t *ev = s->connection->read;
    if (sc_server_session_poll_timeout(s->session, &at) == SC_OK) {
        ngx_add_timer(ev, at > now ? (ngx_msec_t)((at - now) / 1000 + 1) : 1);
    } else if (ev->timer_set) {
        ngx_del_timer(ev);
    }
}

static ngx_streamcore_conf_t *ngx_streamcore_conf(void) {
    return (ngx_streamcore_conf_t *)ngx_get_conf(ngx_cycle->conf_ctx, ngx_streamcore_module);
}

static void ngx_streamcore_request(ngx_streamcore_session_t *s, const sc_session_event *event) {
    ngx_streamcore_stream_t *stream = ngx_streamcore_make(ngx_streamcore_conf(), event->app, event->name);
    sc_rejection reason = SC_REJECT_OVERLOADED;
    bool publish = event->event == SC_SESSION_PUBLISH;
    if (stream != NULL && (s->publishes != NULL || s->plays != NULL))
        reason = SC_REJECT_NOT_FOUND;
    else if (stream != NULL && publish && stream->live)
        reason = SC_REJECT_ALREADY_PUBLISHING;
    else if (stream != NULL && (!publish || ngx_streamcore_begin(stream) == NGX_OK)) {
        sc_server_session_accept(s->session, event->request);
        if (publish) {
            ngx_log_error(NGX_LOG_NOTICE, s->connection->log, 0, "streamcore: %V is live", &stream->path);
            s->publishes = stream;
        } else {
            s->plays = stream;
            s->play_id = event->stream_id;
            ngx_streamcore_join(s);
        }
        return;
    }
    sc_server_session_reject(s->session, event->request, reason);
}

static void ngx_streamcore_events(ngx_streamcore_session_t *s) {
    sc_session_event event = {.struct_size = sizeof event};
    while (sc_server_session_poll_event(s->session, &event) == SC_OK) {
        switch (event.event) {
        case SC_SESSION_PUBLISH:
        case SC_SESSION_PLAY:
            ngx_streamcore_request(s, &event);
            break;
        case SC_SESSION_MEDIA:
            if (s->publishes != NULL) {
                sc_tag tag = {.struct_size = sizeof tag, .kind = event.kind, .timestamp = event.timestamp, .buf = event.buf};
                ngx_streamcore_media(s->publishes, &tag);
            }
            break;
        case SC_SESSION_UNPUBLISHED:
            if (s->publishes != NULL)
                ngx_streamcore_end(s->publishes);
            s->publishes = NULL;
            break;
        case SC_SESSION_PLAY_ENDED:
            if (s->plays != NULL) {
                ngx_queue_remove(&s->link);
            }
            s->plays = NULL;
            break;
        case SC_SESSION_NOTICE:
            ngx_log_error(NGX_LOG_NOTICE, s->connection->log, 0, "streamcore: %s [%s]", event.text, event.clause);
            break;
        default:
            break;
        }
    }
}

/* Gives bytes to the session until it takes no more. Returns how many it took, or NGX_ERROR. */
static ssize_t ngx_streamcore_feed(ngx_streamcore_session_t *s, const u_char *data, size_t len) {
    size_t at = 0, taken = 1;
    while (at < len && taken > 0 && !s->broken) {
        sc_status status = sc_server_session_handle_input(s->session, now_us(), data + at, len - at, &taken);
        at += taken;
        ngx_streamcore_events(s);
        ngx_streamcore_flush(s);
        if (status != SC_OK) {
            ngx_streamcore_complain(s->connection->log, "RTMP", s->session);
            return NGX_ERROR;
        }
    }
    return (ssize_t)at;
}

/* What was kept goes first. True where all of it was taken. */
static ngx_int_t ngx_streamcore_rest(ngx_streamcore_session_t *s) {
    if (s->rest == NULL)
        return NGX_OK;
    u_char *rest = s->rest;
    size_t len = s->rest_len;
    s->rest = NULL;
    ssize_t taken = ngx_streamcore_feed(s, rest, len);
    if (taken >= 0 && (size_t)taken < len) {
        ngx_memmove(rest, rest + taken, len - (size_t)taken);
        s->rest = rest;
        s->rest_len = len - (size_t)taken;
        return NGX_AGAIN;
    }
    ngx_free(rest);
    return taken < 0 ? NGX_ERROR : NGX_OK;
}

static ngx_int_t ngx_streamcore_input(ngx_streamcore_session_t *s) {
    static u_char buffer[65536];
    ngx_connection_t *c = s->connection;
    ngx_int_t rc = ngx_streamcore_rest(s);
    while (rc == NGX_OK && !s->broken) {
        ssize_t got = c->recv(c, buffer, sizeof buffer);
        if (got == NGX_AGAIN)
            return ngx_handle_read_event(c->read, 0);
        if (got <= 0)
            return NGX_ERROR;
        ssize_t taken = ngx_streamcore_feed(s, buffer, (size_t)got);
        if (taken < 0)
            return NGX_ERROR;
        if (taken < got) {
            s->rest_len = (size_t)(got - taken);
            s->rest = ngx_alloc(s->rest_len, c->log);
            if (s->rest == NULL)
                return NGX_ERROR;
            ngx_memcpy(s->rest, buffer + taken, s->rest_len);
            return NGX_OK;
        }
    }
    return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
}

static void ngx_streamcore_read(ngx_event_t *ev) {
    ngx_connection_t *c = ev->data;
    ngx_streamcore_session_t *s = c->data;
    ngx_int_t rc = s->broken ? NGX_ERROR : NGX_OK;
    if (rc == NGX_OK && ev->timedout) {
        ev->timedout = 0;
        if (sc_server_session_handle_timeout(s->session, now_us()) != SC_OK) {
            ngx_streamcore_complain(c->log, "RTMP", s->session);
            rc = NGX_ERROR;
        }
        ngx_streamcore_events(s);
        ngx_streamcore_flush(s);
    }
    if (rc == NGX_OK)
        rc = ngx_streamcore_input(s);
    if (rc != NGX_OK || s->broken) {
        ngx_streamcore_close(s);
        return;
    }
    ngx_streamcore_timer(s);
}

static void ngx_streamcore_write(ngx_event_t *ev) {
    ngx_connection_t *c = ev->data;
    ngx_streamcore_session_t *s = c->data;
    ngx_streamcore_flush(s);
    /* Room in the queue may let the session take what was kept. */
    if (!s->broken && s->rest != NULL) {
        ngx_post_event(c->read, &ngx_posted_events);
    }
}

static void ngx_streamcore_accept(ngx_connection_t *c) {
    ngx_streamcore_conf_t *conf = ngx_streamcore_conf();
    ngx_streamcore_session_t *s = ngx_pcalloc(c->pool, sizeof *s);
    sc_session_config config = {.struct_size = sizeof config};
    config.chunk_size = (uint32_t)conf->chunk_size;
    config.queued_output_bytes = conf->player_buffer;
    config.seed = (uint64_t)ngx_random() << 32 | (uint64_t)c->number;
    if (s == NULL || sc_server_session_new(SC_ABI_VERSION, &config, now_us(), &s->session, NULL) != SC_OK) {
        ngx_pool_t *pool = c->pool;
        ngx_close_connection(c);
        ngx_destroy_pool(pool);
        return;
    }
    int on = 1;
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, (const void *)&on, sizeof on);
    s->connection = c;
    c->data = s;
    c->log->action = "serving RTMP";
    c->read->handler = ngx_streamcore_read;
    c->write->handler = ngx_streamcore_write;
    ngx_streamcore_read(c->read);
}
