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
#endif

int main(void) {
    return sc_abi_version() == SC_ABI_VERSION && sc_version_number() == SC_VERSION_NUMBER ? 0 : 1;
}
