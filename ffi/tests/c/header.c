/* The header alone, in every language that it is for, and the layouts that the binary interface promises on 64-bit machines. */
#include "streamcore.h"

#if defined(__cplusplus)
#define ASSERT(condition) static_assert(condition, #condition)
#elif __STDC_VERSION__ >= 201112L
#define ASSERT(condition) _Static_assert(condition, #condition)
#else
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define ASSERT(condition) struct JOIN(assert_, __LINE__) { int check : (condition) ? 1 : -1; }
#endif

ASSERT(SC_VERSION_NUMBER == SC_VERSION_MAJOR * 1000000 + SC_VERSION_MINOR * 1000 + SC_VERSION_PATCH);
ASSERT(sizeof(sc_status) == 4);
ASSERT(sizeof(bool) == 1);

#if UINTPTR_MAX == UINT64_MAX
ASSERT(sizeof(sc_error) == 280);
ASSERT(offsetof(sc_error, status) == 8);
ASSERT(offsetof(sc_error, offset) == 16);
ASSERT(offsetof(sc_error, text) == 24);

ASSERT(sizeof(sc_iovec) == 16);
ASSERT(offsetof(sc_iovec, len) == 8);

ASSERT(sizeof(sc_tag) == 40);
ASSERT(offsetof(sc_tag, kind) == 8);
ASSERT(offsetof(sc_tag, timestamp) == 12);
ASSERT(offsetof(sc_tag, data) == 16);
ASSERT(offsetof(sc_tag, size) == 24);
ASSERT(offsetof(sc_tag, buf) == 32);

ASSERT(sizeof(sc_unit) == 56);
ASSERT(offsetof(sc_unit, kind) == 8);
ASSERT(offsetof(sc_unit, index) == 9);
ASSERT(offsetof(sc_unit, key) == 10);
ASSERT(offsetof(sc_unit, dts) == 16);
ASSERT(offsetof(sc_unit, pts_offset) == 24);
ASSERT(offsetof(sc_unit, data) == 32);
ASSERT(offsetof(sc_unit, size) == 40);
ASSERT(offsetof(sc_unit, buf) == 48);

ASSERT(sizeof(sc_track_info) == 40);
ASSERT(offsetof(sc_track_info, timescale) == 12);
ASSERT(offsetof(sc_track_info, codec) == 16);
ASSERT(offsetof(sc_track_info, width) == 24);
ASSERT(offsetof(sc_track_info, channels) == 36);
ASSERT(offsetof(sc_track_info, fits_mp4) == 38);

ASSERT(sizeof(sc_media_event) == 104);
ASSERT(offsetof(sc_media_event, track) == 16);
ASSERT(offsetof(sc_media_event, unit) == 24);
ASSERT(offsetof(sc_media_event, kind) == 80);
ASSERT(offsetof(sc_media_event, text) == 88);

ASSERT(sizeof(sc_session_event) == 112);
ASSERT(offsetof(sc_session_event, request) == 12);
ASSERT(offsetof(sc_session_event, kind) == 20);
ASSERT(offsetof(sc_session_event, timestamp) == 24);
ASSERT(offsetof(sc_session_event, data) == 32);
ASSERT(offsetof(sc_session_event, app) == 56);
ASSERT(offsetof(sc_session_event, clause) == 104);

ASSERT(sizeof(sc_session_config) == 56);
ASSERT(offsetof(sc_session_config, message_bytes) == 16);
ASSERT(offsetof(sc_session_config, handshake_timeout_ms) == 32);
ASSERT(offsetof(sc_session_config, seed) == 48);

ASSERT(sizeof(sc_client_config) == 56);
ASSERT(offsetof(sc_client_config, chunk_size) == 8);
ASSERT(offsetof(sc_client_config, window_ack_size) == 12);
ASSERT(offsetof(sc_client_config, message_bytes) == 16);
ASSERT(offsetof(sc_client_config, queued_output_bytes) == 24);
ASSERT(offsetof(sc_client_config, handshake_timeout_ms) == 32);
ASSERT(offsetof(sc_client_config, command_timeout_ms) == 36);
ASSERT(offsetof(sc_client_config, silence_timeout_ms) == 40);
ASSERT(offsetof(sc_client_config, seed) == 48);

ASSERT(sizeof(sc_client_address) == 24);
ASSERT(offsetof(sc_client_address, host) == 8);
ASSERT(offsetof(sc_client_address, port) == 16);
ASSERT(offsetof(sc_client_address, tls) == 18);

ASSERT(sizeof(sc_client_event) == 88);
ASSERT(offsetof(sc_client_event, event) == 8);
ASSERT(offsetof(sc_client_event, stream_id) == 12);
ASSERT(offsetof(sc_client_event, kind) == 16);
ASSERT(offsetof(sc_client_event, timestamp) == 20);
ASSERT(offsetof(sc_client_event, data) == 24);
ASSERT(offsetof(sc_client_event, size) == 32);
ASSERT(offsetof(sc_client_event, buf) == 40);
ASSERT(offsetof(sc_client_event, level) == 48);
ASSERT(offsetof(sc_client_event, code) == 56);
ASSERT(offsetof(sc_client_event, text) == 64);
ASSERT(offsetof(sc_client_event, clause) == 72);
ASSERT(offsetof(sc_client_event, url) == 80);

ASSERT(sizeof(sc_mp4_config) == 16);
ASSERT(offsetof(sc_mp4_config, fragment_ms) == 8);
ASSERT(offsetof(sc_mp4_config, room) == 12);

ASSERT(sizeof(sc_write) == 48);
ASSERT(offsetof(sc_write, offset) == 8);
ASSERT(offsetof(sc_write, size) == 16);
ASSERT(offsetof(sc_write, pieces) == 24);
ASSERT(offsetof(sc_write, count) == 32);
ASSERT(offsetof(sc_write, sync_before) == 40);

ASSERT(sizeof(sc_remux_report) == 64);
ASSERT(offsetof(sc_remux_report, size) == 8);
ASSERT(offsetof(sc_remux_report, duration) == 16);
ASSERT(offsetof(sc_remux_report, tracks) == 24);
ASSERT(offsetof(sc_remux_report, left_out) == 28);
ASSERT(offsetof(sc_remux_report, discontinuities) == 32);
ASSERT(offsetof(sc_remux_report, whole) == 36);
ASSERT(offsetof(sc_remux_report, units) == 40);
ASSERT(offsetof(sc_remux_report, cut_at) == 48);
ASSERT(offsetof(sc_remux_report, encrypted_at) == 56);

ASSERT(sizeof(sc_remux_track) == 56);
ASSERT(offsetof(sc_remux_track, kind) == 8);
ASSERT(offsetof(sc_remux_track, index) == 9);
ASSERT(offsetof(sc_remux_track, codec) == 16);
ASSERT(offsetof(sc_remux_track, units) == 24);
ASSERT(offsetof(sc_remux_track, bytes) == 32);
ASSERT(offsetof(sc_remux_track, start) == 40);
ASSERT(offsetof(sc_remux_track, duration) == 48);

ASSERT(sizeof(sc_remux_piece) == 32);
ASSERT(offsetof(sc_remux_piece, data) == 8);
ASSERT(offsetof(sc_remux_piece, size) == 16);
ASSERT(offsetof(sc_remux_piece, offset) == 24);

ASSERT(sizeof(sc_remux_options) == 32);
ASSERT(offsetof(sc_remux_options, layout) == 8);
ASSERT(offsetof(sc_remux_options, sync) == 12);
ASSERT(offsetof(sc_remux_options, progress) == 16);
ASSERT(offsetof(sc_remux_options, opaque) == 24);

ASSERT(sizeof(sc_package_options) == 32);
ASSERT(offsetof(sc_package_options, segment_ms) == 8);
ASSERT(offsetof(sc_package_options, part_ms) == 12);
ASSERT(offsetof(sc_package_options, progress) == 16);
ASSERT(offsetof(sc_package_options, opaque) == 24);

ASSERT(sizeof(sc_probe_info) == 64);
ASSERT(offsetof(sc_probe_info, format) == 8);
ASSERT(offsetof(sc_probe_info, size) == 16);
ASSERT(offsetof(sc_probe_info, duration) == 24);
ASSERT(offsetof(sc_probe_info, tracks) == 32);
ASSERT(offsetof(sc_probe_info, problems) == 40);
ASSERT(offsetof(sc_probe_info, fragments) == 48);
ASSERT(offsetof(sc_probe_info, index_first) == 56);

ASSERT(sizeof(sc_probe_track_info) == 80);
ASSERT(offsetof(sc_probe_track_info, kind) == 8);
ASSERT(offsetof(sc_probe_track_info, index) == 9);
ASSERT(offsetof(sc_probe_track_info, codec) == 16);
ASSERT(offsetof(sc_probe_track_info, width) == 24);
ASSERT(offsetof(sc_probe_track_info, height) == 28);
ASSERT(offsetof(sc_probe_track_info, sample_rate) == 32);
ASSERT(offsetof(sc_probe_track_info, channels) == 36);
ASSERT(offsetof(sc_probe_track_info, units) == 40);
ASSERT(offsetof(sc_probe_track_info, keys) == 48);
ASSERT(offsetof(sc_probe_track_info, bytes) == 56);
ASSERT(offsetof(sc_probe_track_info, start) == 64);
ASSERT(offsetof(sc_probe_track_info, duration) == 72);

ASSERT(sizeof(sc_muxer_config) == 48);
ASSERT(offsetof(sc_muxer_config, segment_ms) == 8);
ASSERT(offsetof(sc_muxer_config, part_ms) == 12);
ASSERT(offsetof(sc_muxer_config, window_ms) == 16);
ASSERT(offsetof(sc_muxer_config, max_bytes) == 24);
ASSERT(offsetof(sc_muxer_config, first_sequence) == 32);
ASSERT(offsetof(sc_muxer_config, dash) == 40);

ASSERT(sizeof(sc_file_info) == 40);
ASSERT(offsetof(sc_file_info, size) == 8);
ASSERT(offsetof(sc_file_info, content_type) == 16);
ASSERT(offsetof(sc_file_info, cache_control) == 24);
ASSERT(offsetof(sc_file_info, etag) == 32);
#endif

int main(void) {
    return sc_abi_version() == SC_ABI_VERSION && sc_version_number() == SC_VERSION_NUMBER ? 0 : 1;
}
