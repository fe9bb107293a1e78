/* A callback that calls back into the handle whose call it is in is refused; another handle is not. */
#include "check.h"

typedef struct {
    sc_flv_writer *within, *other;
    int calls;
} place;

static void let_go(void *opaque) {
    place *p = opaque;
    sc_error error = {.struct_size = sizeof error};
    sc_flv_writer *again = p->within;
    p->calls++;
    GIVES(SC_ERR_BUSY, sc_flv_writer_sent(p->within, 0));
    CHECK(strcmp(sc_status_text(SC_ERR_BUSY), "the handle is in another call") == 0);
    GIVES(SC_ERR_BUSY, sc_flv_writer_header(p->within, true, true));
    GIVES(SC_ERR_BUSY, sc_last_error(p->within, &error));
    GIVES(SC_ERR_BUSY, sc_flv_writer_free(&again));
    CHECK(again == p->within);
    GIVES(SC_OK, sc_flv_writer_header(p->other, true, true));
}

int main(void) {
    static const uint8_t body[] = {0xaf, 1, 2, 3};
    place p = {0};
    sc_buf *buf = NULL;
    sc_iovec pieces[8];
    size_t count = 0, size = 0;
    GIVES(SC_OK, sc_flv_writer_new(SC_ABI_VERSION, &p.within, NULL));
    GIVES(SC_OK, sc_flv_writer_new(SC_ABI_VERSION, &p.other, NULL));
    GIVES(SC_OK, sc_buf_wrap(body, sizeof body, let_go, &p, &buf));
    sc_tag tag = {.struct_size = sizeof tag, .kind = SC_KIND_AUDIO, .buf = buf};
    GIVES(SC_OK, sc_flv_writer_tag(p.within, &tag));
    GIVES(SC_OK, sc_buf_release(&buf));
    CHECK(p.calls == 0);
    /* The memory goes out as it is, and is let go within the call that says it was written. */
    GIVES(SC_OK, sc_flv_writer_output(p.within, pieces, 8, &count));
    bool lent = false;
    for (size_t i = 0; i < count; i++) {
        lent |= pieces[i].data == body;
        size += pieces[i].len;
    }
    CHECK(lent);
    GIVES(SC_OK, sc_flv_writer_sent(p.within, size));
    CHECK(p.calls == 1);
    /* The call itself did not fail: what was refused within it left no words. */
    sc_error error = {.struct_size = sizeof error};
    GIVES(SC_NONE, sc_last_error(p.within, &error));
    GIVES(SC_NONE, sc_flv_writer_output(p.within, pieces, 8, &count));
    GIVES(SC_OK, sc_flv_writer_free(&p.within));
    GIVES(SC_ERR_NULL, sc_flv_writer_sent(p.within, 0));
    GIVES(SC_OK, sc_flv_writer_free(&p.other));
    return 0;
}
