/* Handles on different threads, and buffers that go from one to another: threads.c IN.flv. Run by helgrind. */
#include <pthread.h>

#include "check.h"

enum { THREADS = 4, KEPT = 64 };

static unsigned char *bytes;
static size_t size;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static sc_buf *kept[KEPT];
static size_t filled;

/* Bodies of one thread are read and released by another. */
static void pass_on(const sc_buf *buf) {
    sc_buf *mine = NULL, *other = NULL;
    GIVES(SC_OK, sc_buf_retain(buf, &mine));
    pthread_mutex_lock(&lock);
    size_t at = filled++ % KEPT;
    other = kept[at];
    kept[at] = mine;
    pthread_mutex_unlock(&lock);
    if (other != NULL) {
        CHECK(sc_buf_size(other) == 0 || sc_buf_data(other)[0] != 0xfe);
        GIVES(SC_OK, sc_buf_release(&other));
    }
}

static void *read_all(void *opaque) {
    sc_flv_reader *reader = NULL;
    sc_assembler *assembler = NULL;
    sc_muxer *muxer = NULL;
    GIVES(SC_OK, sc_flv_reader_new(SC_ABI_VERSION, &reader, NULL));
    GIVES(SC_OK, sc_assembler_new(SC_ABI_VERSION, &assembler, NULL));
    GIVES(SC_OK, sc_muxer_new(SC_ABI_VERSION, NULL, &muxer, NULL));
    sc_tag tag = {.struct_size = sizeof tag};
    sc_media_event event = {.struct_size = sizeof event};
    size_t at = 0, end = size < 400000 ? size : 400000;
    unsigned *count = opaque;
    while (at < end) {
        size_t taken = 0;
        GIVES(SC_OK, sc_flv_reader_handle_input(reader, bytes + at, end - at, &taken));
        at += taken;
        while (sc_flv_reader_poll_tag(reader, &tag, NULL) == SC_OK) {
            pass_on(tag.buf);
            ++*count;
            GIVES(SC_OK, sc_assembler_handle_tag(assembler, &tag));
            while (sc_assembler_poll_event(assembler, &event) == SC_OK) {
                if (event.event == SC_MEDIA_TRACK) GIVES(SC_OK, sc_muxer_handle_track(muxer, event.track));
                if (event.event == SC_MEDIA_UNIT) GIVES(SC_OK, sc_muxer_handle_unit(muxer, &event.unit, SC_NO_WALL_CLOCK));
            }
        }
    }
    GIVES(SC_OK, sc_muxer_free(&muxer));
    GIVES(SC_OK, sc_assembler_free(&assembler));
    GIVES(SC_OK, sc_flv_reader_free(&reader));
    return NULL;
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    bytes = read_file(argv[1], &size);
    pthread_t threads[THREADS];
    unsigned counts[THREADS] = {0};
    for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, read_all, &counts[i]) == 0);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    for (int i = 0; i < THREADS; i++) CHECK(counts[i] > 30 && counts[i] == counts[0]);
    for (int i = 0; i < KEPT; i++) GIVES(SC_OK, sc_buf_release(&kept[i]));
    free(bytes);
    printf("tags %u\n", counts[0]);
    return 0;
}
