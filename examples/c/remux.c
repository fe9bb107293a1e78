/*
 * FLV to MP4, and what came of it: remux IN.flv OUT.mp4
 *
 *     cc remux.c -o remux $(pkg-config --cflags --libs streamcore)
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <streamcore.h>

static volatile sig_atomic_t interrupted;

static void interrupt(int number) {
    (void)number;
    interrupted = 1;
}

/* Shows how far the work is on a terminal. Ctrl-C cancels it: nothing half-made is left behind. */
static int32_t show(void *opaque, uint64_t done, uint64_t total) {
    (void)opaque;
    if (isatty(STDERR_FILENO)) fprintf(stderr, "\r%3u %%", total == 0 ? 100 : (unsigned)(100 * done / total));
    return interrupted;
}

/* Prints the tracks of a file and what is odd in it. */
static sc_status print(const char *path, sc_error *error) {
    sc_probe *probe = NULL;
    sc_status status = sc_probe_file(SC_ABI_VERSION, path, &probe, error);
    if (status != SC_OK) return status;
    sc_probe_info info = {.struct_size = sizeof info};
    sc_probe_describe(probe, &info);
    printf("%s  %s  %.3f s  %" PRIu64 " bytes\n", path, info.format, (double)info.duration / 1e6, info.size);
    sc_probe_track_info track = {.struct_size = sizeof track};
    for (size_t i = 0; sc_probe_track(probe, i, &track) == SC_OK; i++) {
        printf("  %s %u  %s  %" PRIu64 " units  ", track.kind == SC_KIND_VIDEO ? "video" : "audio", track.index,
               track.codec, track.units);
        if (track.kind == SC_KIND_VIDEO) printf("%" PRIu32 "x%" PRIu32 "\n", track.width, track.height);
        else printf("%" PRIu32 " Hz, %u channels\n", track.sample_rate, track.channels);
    }
    const char *text = NULL;
    for (size_t i = 0; sc_probe_problem(probe, i, &text) == SC_OK; i++) printf("  problem: %s\n", text);
    return sc_probe_free(&probe);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: remux IN.flv OUT.mp4\n");
        return 2;
    }
    signal(SIGINT, interrupt);
    sc_error error = {.struct_size = sizeof error};
    sc_remux_report report = {.struct_size = sizeof report};
    sc_remux_options options = {.struct_size = sizeof options, .progress = show};
    sc_status status = sc_remux_file(SC_ABI_VERSION, argv[1], argv[2], &options, &report, &error);
    if (isatty(STDERR_FILENO)) fprintf(stderr, "\r      \r");
    if (status == SC_OK) {
        if (report.cut_at >= 0) fprintf(stderr, "%s is cut off at byte %" PRId64 "\n", argv[1], report.cut_at);
        if (report.left_out > 0) fprintf(stderr, "%" PRIu32 " tracks fit no MP4\n", report.left_out);
        status = print(argv[2], &error);
    }
    if (status != SC_OK) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    return 0;
}
