/* A panic within a call, seen from C. With the library of `ffi/testing`, which has two functions that panic on purpose. */
#include "check.h"

sc_status sc_testing_panic(sc_server_session *session);
sc_status sc_testing_lost(void);

static void works(sc_server_session *session) {
    size_t taken = 0, queued = 0;
    uint8_t hello[1537] = {3};
    sc_session_event event = {.struct_size = sizeof event};
    GIVES(SC_OK, sc_server_session_handle_input(session, 1, hello, sizeof hello, &taken));
    CHECK(taken == sizeof hello);
    GIVES(SC_NONE, sc_server_session_poll_event(session, &event));
    GIVES(SC_OK, sc_server_session_queued(session, &queued));
    CHECK(queued == 1 + 2 * 1536);
}

int main(void) {
    sc_server_session *bad = NULL, *good = NULL, *later = NULL;
    sc_flv_writer *writer = NULL;
    sc_error error = {.struct_size = sizeof error};
    sc_iovec pieces[4];
    size_t count = 77;
    GIVES(SC_OK, sc_server_session_new(SC_ABI_VERSION, NULL, 0, &bad, NULL));
    GIVES(SC_OK, sc_server_session_new(SC_ABI_VERSION, NULL, 0, &good, NULL));
    GIVES(SC_OK, sc_flv_writer_new(SC_ABI_VERSION, &writer, NULL));
    works(bad);

    GIVES(SC_ERR_PANIC, sc_testing_panic(bad));
    GIVES(SC_OK, sc_last_error(bad, &error));
    CHECK(error.status == SC_ERR_PANIC && strcmp(error.text, "internal error: on purpose") == 0 && error.offset == -1);
    /* That handle is poisoned: it does nothing, and gives nothing. */
    GIVES(SC_ERR_PANIC, sc_server_session_output(bad, pieces, 4, &count));
    GIVES(SC_ERR_PANIC, sc_server_session_close(bad));
    GIVES(SC_ERR_PANIC, sc_testing_panic(bad));
    CHECK(count == 77 && strstr(sc_status_text(SC_ERR_PANIC), "poisoned") != NULL);
    /* The others, old and new, go on. */
    works(good);
    GIVES(SC_OK, sc_flv_writer_header(writer, true, true));
    GIVES(SC_OK, sc_server_session_new(SC_ABI_VERSION, NULL, 0, &later, &error));
    works(later);
    GIVES(SC_ERR_PANIC, sc_testing_lost());
    GIVES(SC_OK, sc_flv_writer_header(writer, true, true));
    /* It can be freed. */
    GIVES(SC_OK, sc_server_session_free(&bad));
    CHECK(bad == NULL);
    GIVES(SC_ERR_NULL, sc_testing_panic(bad));
    GIVES(SC_OK, sc_server_session_free(&good));
    GIVES(SC_OK, sc_server_session_free(&later));
    GIVES(SC_OK, sc_flv_writer_free(&writer));
    puts("goes on");
    return 0;
}
