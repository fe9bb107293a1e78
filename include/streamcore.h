/*
 * streamcore: live media for C.
 *
 * Ownership: a function whose name ends in _new, _copy, _wrap or _retain gives something to the caller, who ends it with the _free or
 * _release of the same type; those set the caller's pointer to NULL, so that a second time does nothing. What events lend is valid until
 * the next call on the same handle. On failure nothing is given and output parameters keep their values, but for those that the
 * function says it sets to 0.
 *
 * Threads: the library has none of its own, and no global state. A handle is used by one thread at a time and may move between threads;
 * a call on a handle that is in another call gives SC_ERR_BUSY: always within a callback, and between threads as a help, not as a lock.
 * Different handles are independent. Buffers and tracks may be read, retained and released on any thread.
 *
 * Errors: negative statuses. sc_last_error says what was wrong, where and at which byte. A panic inside the library is caught,
 * poisons that handle alone (SC_ERR_PANIC), and never crosses into C.
 *
 * Structs that the caller shares begin with struct_size: set it to sizeof. Fields that later releases add come at the end.
 *
 * Made by cbindgen from ffi/src; do not edit.
 */


#ifndef STREAMCORE_H
#define STREAMCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The release that this header belongs to, as one number: major * 1,000,000 + minor * 1,000 + patch. */
#define SC_VERSION_NUMBER (SC_VERSION_MAJOR * 1000000 + SC_VERSION_MINOR * 1000 + SC_VERSION_PATCH)


/**
 * Bytes of `sc_error.text`, its final NUL included. Longer texts are cut.
 */
#define SC_ERROR_TEXT_SIZE 256

/**
 * The wall clock of a unit is not known.
 */
#define SC_NO_WALL_CLOCK INT64_MIN

/**
 * The size of a file is not known: it comes through a pipe.
 */
#define SC_UNKNOWN_SIZE UINT64_MAX

/**
 * Number of the binary interface. It grows only when programs have to be compiled anew, is part of the SONAME
 * (`libstreamcore.so.0`), and is checked by every function that makes a handle.
 */
#define SC_ABI_VERSION 0

/**
 * Major number of the release that this header belongs to.
 */
#define SC_VERSION_MAJOR 0

/**
 * Minor number of the release that this header belongs to.
 */
#define SC_VERSION_MINOR 1

/**
 * Patch number of the release that this header belongs to.
 */
#define SC_VERSION_PATCH 0

/**
 * Makes tracks and access units of tags or messages, on one time line, and repairs what real encoders get wrong: give tags with
 * `sc_assembler_handle_tag`, take events with `sc_assembler_poll_event` until it gives `SC_NONE`, and at the end call
 * `sc_assembler_finish` and take what is left. Times are in microseconds.
 *
 * One thread at a time.
 */
typedef struct sc_assembler sc_assembler;

/**
 * A reference to shared bytes that never change. Events lend one; `sc_buf_retain` makes one of the caller's own.
 *
 * Any thread may read, retain and release: references are counted atomically.
 */
typedef struct sc_buf sc_buf;

/**
 * The client's end of one RTMP connection: it publishes or plays one stream. It has no socket and no clock.
 *
 * 1. Connect to `sc_client_session_address`;
 * 2. `sc_client_session_output`, `writev`, `sc_client_session_sent` until `SC_NONE`: the client speaks first;
 * 3. `sc_client_session_handle_input` with the bytes that came;
 * 4. `sc_client_session_poll_event` until `SC_NONE`; a publisher calls `sc_client_session_send` from `SC_CLIENT_PUBLISHING` on, and
 *    `sc_client_session_finish` at the end;
 * 5. `sc_client_session_handle_timeout` at the time that `sc_client_session_poll_timeout` names.
 *
 * Once `sc_client_session_is_closing`, write the output and close.
 *
 * All times are microseconds on one monotonic clock of the caller's. One thread at a time; sessions are independent of each other.
 */
typedef struct sc_client_session sc_client_session;

/**
 * One file of a stream: a playlist, an init segment, a segment or a part. It never changes, and outlives the muxer that gave it: its bytes
 * are shared, not copied.
 *
 * One thread at a time.
 */
typedef struct sc_file sc_file;

/**
 * Reads an FLV file or stream as its bytes come in: give bytes with `sc_flv_reader_handle_input`, take tags with
 * `sc_flv_reader_poll_tag` until it gives `SC_NONE`, and at the end call `sc_flv_reader_finish` and take what is left.
 *
 * One thread at a time.
 */
typedef struct sc_flv_reader sc_flv_reader;

/**
 * Writes a live stream to an FLV file: give tags with `sc_flv_recorder_handle_tag`, append what `sc_flv_recorder_output` lists, and at the
 * end call `sc_flv_recorder_finish`, append again, and write the patches of `sc_flv_recorder_poll_patch` in their places.
 * A file that was never finished is whole as well, but for its duration and size.
 *
 * One thread at a time.
 */
typedef struct sc_flv_recorder sc_flv_recorder;

/**
 * Writes an FLV file: `sc_flv_writer_header` once, then `sc_flv_writer_tag` for each tag. What is to be written gathers in the writer:
 * take it with `sc_flv_writer_output` and say how much was written with `sc_flv_writer_sent`.
 *
 * One thread at a time.
 */
typedef struct sc_flv_writer sc_flv_writer;

/**
 * The headers of a live stream and its present group of pictures, for RTMP players that join: give every tag of the publisher to
 * `sc_gop_cache_handle_tag`; for a new player call `sc_gop_cache_rewind`, take tags with `sc_gop_cache_next` until `SC_NONE`, and send
 * them to it. Bytes are referenced, at most 32 MiB.
 *
 * One thread at a time.
 */
typedef struct sc_gop_cache sc_gop_cache;

/**
 * Makes an MP4 of the tracks and access units of a live stream: one in fragments, which plays up to where it was written whatever
 * happens, and at the end a plain one with an index, in place and without another look at the media.
 *
 * Give `sc_mp4_recorder_handle_track` and `sc_mp4_recorder_handle_unit` what an assembler tells, and do what
 * `sc_mp4_recorder_poll_write` says until `SC_NONE`; at the end `sc_mp4_recorder_finish`, and poll again.
 *
 * One thread at a time.
 */
typedef struct sc_mp4_recorder sc_mp4_recorder;

/**
 * A live HLS stream in memory, LL-HLS with parts, and DASH over the same segments. Give tracks before their units and units in the order
 * of their arrival; answer requests with `sc_muxer_request` at any time. Where it says `SC_WAIT`, ask again when `sc_muxer_version` has
 * changed: it changes only within `sc_muxer_handle_*`, `sc_muxer_finish` and `sc_muxer_resume`.
 *
 * One thread at a time; files that it gave are independent of it.
 */
typedef struct sc_muxer sc_muxer;

/**
 * What `sc_probe_file` found. It never changes.
 *
 * One thread at a time.
 */
typedef struct sc_probe sc_probe;

/**
 * Makes an MP4 of an FLV without decoding: the index stands in front, the media is copied as it is.
 *
 * Of a file whose size is known it reads the index alone: read what `sc_remuxer_poll_read` names and give it to
 * `sc_remuxer_handle_read`, until `SC_NONE`. Of a pipe it takes all bytes by `sc_remuxer_handle_input`. Then call
 * `sc_remuxer_finish`, and write what `sc_remuxer_poll_piece` gives, in order, until `SC_NONE`.
 *
 * `sc_remux_file` does all of it on file names.
 *
 * One thread at a time.
 */
typedef struct sc_remuxer sc_remuxer;

/**
 * The server's end of one RTMP connection. It has no socket and no clock: give it what the socket gives and take events and output.
 *
 * 1. `sc_server_session_handle_input` with the bytes that came;
 * 2. `sc_server_session_poll_event` until `SC_NONE`, answering requests;
 * 3. `sc_server_session_output`, `writev`, `sc_server_session_sent` until `SC_NONE`;
 * 4. `sc_server_session_handle_timeout` at the time that `sc_server_session_poll_timeout` names.
 *
 * Once `sc_server_session_is_closing`, write the output and close.
 *
 * All times are microseconds on one monotonic clock of the caller's. One thread at a time; sessions are independent of each other.
 */
typedef struct sc_server_session sc_server_session;

/**
 * A track in one configuration. It never changes, and any thread may use it. Events lend one; `sc_track_retain` keeps it.
 */
typedef struct sc_track sc_track;

/**
 * What a call came to: `SC_OK` (0), a positive number where there is nothing to give, or a negative `SC_ERR_*`.
 * Numbers are never given a new meaning.
 */
typedef int32_t sc_status;

/**
 * What went wrong, where and at which byte. Set `struct_size` before the call; the library fills in the rest and keeps no
 * reference to it.
 */
typedef struct sc_error {
    /**
     * `sizeof(sc_error)`, set by the caller.
     */
    size_t struct_size;
    /**
     * The status that the call gave.
     */
    sc_status status;
    /**
     * Offset in bytes from the start of the connection, file or buffer; -1 where it is not known.
     */
    int64_t offset;
    /**
     * The layer, the field by its name in the specification, what was found, and the clause. UTF-8, ends with NUL.
     */
    char text[SC_ERROR_TEXT_SIZE];
} sc_error;

/**
 * What a message, a tag or a track carries. The numbers are the types of RTMP messages and FLV tags (RTMP 1.0 7.1).
 */
typedef uint8_t sc_kind;

/**
 * One FLV tag, which is one RTMP media message.
 *
 * Given to the library: `buf`, where it is not NULL, is referenced and not copied, with `data` and `size` naming the part of it that
 * is the body (`data` NULL: all of it). Where `buf` is NULL the body is copied. The struct itself is not kept.
 * Given by the library: `data` and `buf` are lent until the next call on the handle; `sc_buf_retain` keeps them.
 */
typedef struct sc_tag {
    /**
     * `sizeof(sc_tag)`, set by the caller.
     */
    size_t struct_size;
    /**
     * What it carries: one of `SC_KIND_*`.
     */
    sc_kind kind;
    /**
     * Milliseconds, wrapping at 2^32.
     */
    uint32_t timestamp;
    /**
     * The body behind the tag header.
     */
    const uint8_t *data;
    /**
     * Bytes of the body.
     */
    size_t size;
    /**
     * The memory of the body, or NULL.
     */
    const struct sc_buf *buf;
} sc_tag;

/**
 * What an assembler tells. Numbers are never given a new meaning; a program passes over those that it does not know.
 */
typedef uint32_t sc_media_event_kind;

/**
 * One coded picture or one audio frame: what becomes one sample of an MP4. The same rules of memory as for `sc_tag`.
 */
typedef struct sc_unit {
    /**
     * `sizeof(sc_unit)`, set by the caller.
     */
    size_t struct_size;
    /**
     * `SC_KIND_AUDIO` or `SC_KIND_VIDEO`.
     */
    sc_kind kind;
    /**
     * Number of the track among those of its kind.
     */
    uint8_t index;
    /**
     * Whether decoding can start here.
     */
    bool key;
    /**
     * Decode time in ticks of the track's timescale.
     */
    int64_t dts;
    /**
     * Presentation time minus decode time in ticks; may be negative.
     */
    int64_t pts_offset;
    /**
     * The coded bytes as an MP4 sample has them.
     */
    const uint8_t *data;
    /**
     * Bytes.
     */
    size_t size;
    /**
     * The memory of the bytes, or NULL.
     */
    const struct sc_buf *buf;
} sc_unit;

/**
 * What an assembler tells. Pointers are lent until the next call on the assembler.
 */
typedef struct sc_media_event {
    /**
     * `sizeof(sc_media_event)`, set by the caller.
     */
    size_t struct_size;
    /**
     * One of `SC_MEDIA_*`, which says which of the fields below are set.
     */
    sc_media_event_kind event;
    /**
     * `SC_MEDIA_TRACK`: the track, or NULL.
     */
    const struct sc_track *track;
    /**
     * `SC_MEDIA_UNIT`: the unit.
     */
    struct sc_unit unit;
    /**
     * `SC_MEDIA_END_OF_TRACK`: `SC_KIND_AUDIO` or `SC_KIND_VIDEO`.
     */
    sc_kind kind;
    /**
     * `SC_MEDIA_END_OF_TRACK`: number of the track among those of its kind.
     */
    uint8_t index;
    /**
     * `SC_MEDIA_NOTICE`: what was met, or NULL.
     */
    const char *text;
    /**
     * `SC_MEDIA_NOTICE`: the clause of the specification that says otherwise, may be empty, or NULL.
     */
    const char *clause;
} sc_media_event;

/**
 * Frees memory of the caller's, once, when the last reference is gone. Called on the thread that drops it, possibly inside
 * another call of this library: it must not call back with the handle of that call.
 */
typedef void (*sc_free_fn)(void *opaque);

/**
 * What a client wants of the server.
 */
typedef uint32_t sc_role;

/**
 * How a client session behaves. Zero the struct, set `struct_size`, and set what shall differ: a field of 0 keeps its default.
 */
typedef struct sc_client_config {
    /**
     * `sizeof(sc_client_config)`, set by the caller.
     */
    size_t struct_size;
    /**
     * Bytes of payload in the chunks that this side sends, 128 to 0xFFFFFF. Default 65,536.
     */
    uint32_t chunk_size;
    /**
     * Bytes after which the server is to acknowledge. Default 2,500,000.
     */
    uint32_t window_ack_size;
    /**
     * Bytes of one message. Default 10 MiB.
     */
    size_t message_bytes;
    /**
     * Bytes that are queued for the server before the session stops to take messages. Default 4 MiB.
     */
    size_t queued_output_bytes;
    /**
     * Milliseconds from the first byte to the end of the handshake. Default 10,000.
     */
    uint32_t handshake_timeout_ms;
    /**
     * Milliseconds from the handshake until media flows. Default 10,000.
     */
    uint32_t command_timeout_ms;
    /**
     * Milliseconds without a byte of the server after which a player gives it up. Default 150,000.
     */
    uint32_t silence_timeout_ms;
    /**
     * Start of the random bytes of the handshake: something that differs between connections. 0 is a number like any other.
     */
    uint64_t seed;
} sc_client_config;

/**
 * Where a session wants to be connected. The text is lent as long as the session.
 */
typedef struct sc_client_address {
    /**
     * `sizeof(sc_client_address)`, set by the caller.
     */
    size_t struct_size;
    /**
     * Name or address of the host; an IPv6 address without brackets.
     */
    const char *host;
    /**
     * TCP port.
     */
    uint16_t port;
    /**
     * Whether the connection is TLS (`rtmps`), which is the caller's to make.
     */
    bool tls;
} sc_client_address;

/**
 * What a server did. Numbers are never given a new meaning; a program passes over those that it does not know.
 */
typedef uint32_t sc_client_event_kind;

/**
 * What a server did. Pointers are lent until the next call on the session; texts are UTF-8 and end with NUL. Fields that an event does not
 * name are 0 or NULL.
 */
typedef struct sc_client_event {
    /**
     * `sizeof(sc_client_event)`, set by the caller.
     */
    size_t struct_size;
    /**
     * One of `SC_CLIENT_*`, which says which of the fields below are set.
     */
    sc_client_event_kind event;
    /**
     * Message stream.
     */
    uint32_t stream_id;
    /**
     * What a message carries: one of `SC_KIND_*`.
     */
    sc_kind kind;
    /**
     * Wire time of a message in milliseconds, wrapping at 2^32, not repaired.
     */
    uint32_t timestamp;
    /**
     * Body of a message; empty for a silent period of audio.
     */
    const uint8_t *data;
    /**
     * Bytes of the body.
     */
    size_t size;
    /**
     * Memory of the body: `sc_buf_retain` keeps it.
     */
    const struct sc_buf *buf;
    /**
     * `status`, `warning` or `error`.
     */
    const char *level;
    /**
     * Code of a status, such as `NetStream.Publish.BadName`.
     */
    const char *code;
    /**
     * The server's words, or what was met.
     */
    const char *text;
    /**
     * Clause of the specification that says otherwise; may be empty.
     */
    const char *clause;
    /**
     * Where to connect next, in the server's words. It may hold secrets.
     */
    const char *url;
} sc_client_event;

/**
 * A piece of output, laid out as POSIX's `struct iovec`: an array of them goes to `writev` by a cast.
 */
typedef struct sc_iovec {
    /**
     * First byte; not to be changed.
     */
    const uint8_t *data;
    /**
     * Bytes.
     */
    size_t len;
} sc_iovec;

/**
 * The headers of a file. Texts are lent as long as the file.
 */
typedef struct sc_file_info {
    /**
     * `sizeof(sc_file_info)`, set by the caller.
     */
    size_t struct_size;
    /**
     * Bytes.
     */
    uint64_t size;
    /**
     * Value of the `Content-Type` header.
     */
    const char *content_type;
    /**
     * Value of the `Cache-Control` header.
     */
    const char *cache_control;
    /**
     * Value of the `ETag` header, quotes included.
     */
    const char *etag;
} sc_file_info;

/**
 * Told how far the work is: `done` of `total`, in bytes of a scale that does not change during a call. 0 goes on; anything else cancels
 * the call, which leaves nothing behind and gives `SC_ERR_CANCELLED`. Called on the thread of the call.
 */
typedef int32_t (*sc_progress_fn)(void *opaque, uint64_t done, uint64_t total);

/**
 * How a file is packaged. Zero the struct, set `struct_size`, and set what shall differ: a field of 0 keeps its default.
 */
typedef struct sc_package_options {
    /**
     * `sizeof(sc_package_options)`, set by the caller.
     */
    size_t struct_size;
    /**
     * A segment ends at the first key frame after so many milliseconds. Default 6,000.
     */
    uint32_t segment_ms;
    /**
     * Milliseconds of the fragments that segments are made of. Default: each is one.
     */
    uint32_t part_ms;
    /**
     * Told how far the work is, and able to cancel it; may be NULL.
     */
    sc_progress_fn progress;
    /**
     * The first argument of `progress`.
     */
    void *opaque;
} sc_package_options;

/**
 * Where the media goes in an MP4.
 */
typedef uint32_t sc_layout;

/**
 * How a file is remuxed. Zero the struct, set `struct_size`, and set what shall differ.
 */
typedef struct sc_remux_options {
    /**
     * `sizeof(sc_remux_options)`, set by the caller.
     */
    size_t struct_size;
    /**
     * Where the media goes: one of `SC_LAYOUT_*`.
     */
    sc_layout layout;
    /**
     * Whether to wait until the file is on the disk.
     */
    bool sync;
    /**
     * Told how far the work is, and able to cancel it; may be NULL.
     */
    sc_progress_fn progress;
    /**
     * The first argument of `progress`.
     */
    void *opaque;
} sc_remux_options;

/**
 * What a remux found. Zero the struct and set `struct_size`.
 */
typedef struct sc_remux_report {
    /**
     * `sizeof(sc_remux_report)`, set by the caller.
     */
    size_t struct_size;
    /**
     * Bytes of the MP4.
     */
    uint64_t size;
    /**
     * Microseconds from zero to the end of the longest track.
     */
    uint64_t duration;
    /**
     * Tracks in the MP4.
     */
    uint32_t tracks;
    /**
     * Tracks of codecs that no MP4 takes, which are not in it.
     */
    uint32_t left_out;
    /**
     * Places where all times jumped: what follows stands right behind what was before.
     */
    uint32_t discontinuities;
    /**
     * Whether the media is one range of the source.
     */
    bool whole;
    /**
     * Access units in the MP4.
     */
    uint64_t units;
    /**
     * Where the source ends in the middle of a tag: the offset of that tag, else -1. All whole tags are in the MP4.
     */
    int64_t cut_at;
    /**
     * Offset of the first encrypted tag, else -1. Those are not in the MP4.
     */
    int64_t encrypted_at;
} sc_remux_report;

/**
 * What a track is. Texts are lent as long as the track.
 */
typedef struct sc_track_info {
    /**
     * `sizeof(sc_track_info)`, set by the caller.
     */
    size_t struct_size;
    /**
     * `SC_KIND_AUDIO` or `SC_KIND_VIDEO`.
     */
    sc_kind kind;
    /**
     * Number of the track among those of its kind.
     */
    uint8_t index;
    /**
     * Ticks a second of its units' times.
     */
    uint32_t timescale;
    /**
     * The codec as RFC 6381 writes it, for example `avc1.64001f`.
     */
    const char *codec;
    /**
     * Width in pixels, 0 where not known.
     */
    uint32_t width;
    /**
     * Height in pixels, 0 where not known.
     */
    uint32_t height;
    /**
     * Hz, 0 for video and where not known.
     */
    uint32_t sample_rate;
    /**
     * Channels, 0 for video and where not known.
     */
    uint16_t channels;
    /**
     * Whether MP4, HLS and DASH can carry it.
     */
    bool fits_mp4;
} sc_track_info;

/**
 * How an MP4 is recorded. Zero the struct, set `struct_size`, and set what shall differ: a field of 0 keeps its default.
 */
typedef struct sc_mp4_config {
    /**
     * `sizeof(sc_mp4_config)`, set by the caller.
     */
    size_t struct_size;
    /**
     * Milliseconds of a fragment: so much is lost when nothing more is written. At least 100; default 1,000.
     */
    uint32_t fragment_ms;
    /**
     * Bytes kept free behind the first index, for tracks that come later: some 700 each. Default 4,096.
     */
    uint32_t room;
} sc_mp4_config;

/**
 * Something to write to a file: `pwritev(fd, pieces, count, offset)`, in parts where `count` is more than the system takes at once
 * (`IOV_MAX`, mostly 1,024). Pointers are lent until the next call on the recorder.
 */
typedef struct sc_write {
    /**
     * `sizeof(sc_write)`, set by the caller.
     */
    size_t struct_size;
    /**
     * Where in the file, in bytes from its start: its end so far, or a place that was written before.
     */
    uint64_t offset;
    /**
     * Bytes of all pieces.
     */
    uint64_t size;
    /**
     * The pieces, in order.
     */
    const struct sc_iovec *pieces;
    /**
     * How many.
     */
    size_t count;
    /**
     * Whether all earlier writes must be on the disk (`fdatasync`) before this one is made. Without that the file may be lost in a power cut
     * at the wrong moment; a crash of the program does no harm.
     */
    bool sync_before;
} sc_write;

/**
 * How a stream is cut and how much of it is listed. Zero the struct, set `struct_size`, and set what shall differ: a field of 0 keeps its
 * default.
 */
typedef struct sc_muxer_config {
    /**
     * `sizeof(sc_muxer_config)`, set by the caller.
     */
    size_t struct_size;
    /**
     * A segment ends at the first key frame after so many milliseconds. Default 2,000.
     */
    uint32_t segment_ms;
    /**
     * Milliseconds of a part of LL-HLS; 0, the default, makes whole segments only.
     */
    uint32_t part_ms;
    /**
     * Milliseconds that a playlist lists, three segments at least. Default 30,000. About twice that is held in memory.
     */
    uint32_t window_ms;
    /**
     * Bytes of all segments that are held. Default 512 MiB.
     */
    size_t max_bytes;
    /**
     * Number of the first segment. Where a muxer takes over the addresses of an earlier one it must be past all numbers of that one:
     * milliseconds since 1970 are.
     */
    uint64_t first_sequence;
    /**
     * Whether `index.mpd` is made as well: DASH over the same segments. It needs units with a wall clock while the stream is live.
     */
    bool dash;
} sc_muxer_config;

/**
 * What a file holds. The text is lent as long as the probe.
 */
typedef struct sc_probe_info {
    /**
     * `sizeof(sc_probe_info)`, set by the caller.
     */
    size_t struct_size;
    /**
     * `flv` or `mp4`.
     */
    const char *format;
    /**
     * Bytes of the file.
     */
    uint64_t size;
    /**
     * Microseconds from the first presentation to the end of the last.
     */
    uint64_t duration;
    /**
     * Tracks of video and audio.
     */
    size_t tracks;
    /**
     * Things that are wrong or odd.
     */
    size_t problems;
    /**
     * Fragments of an MP4; 0 for other files.
     */
    uint64_t fragments;
    /**
     * Whether an MP4's index stands in front of its media, so that it plays from the first byte.
     */
    bool index_first;
} sc_probe_info;

/**
 * What a track of a file holds. The text is lent as long as the probe.
 */
typedef struct sc_probe_track_info {
    /**
     * `sizeof(sc_probe_track_info)`, set by the caller.
     */
    size_t struct_size;
    /**
     * `SC_KIND_AUDIO` or `SC_KIND_VIDEO`.
     */
    sc_kind kind;
    /**
     * Number of the track among those of its kind.
     */
    uint8_t index;
    /**
     * The codec as RFC 6381 writes it; its four characters where no more is known.
     */
    const char *codec;
    /**
     * Width in pixels, 0 where not known.
     */
    uint32_t width;
    /**
     * Height in pixels, 0 where not known.
     */
    uint32_t height;
    /**
     * Hz, 0 for video and where not known.
     */
    uint32_t sample_rate;
    /**
     * Channels, 0 for video and where not known.
     */
    uint16_t channels;
    /**
     * Access units.
     */
    uint64_t units;
    /**
     * Those of them where decoding can start.
     */
    uint64_t keys;
    /**
     * Bytes of all access units.
     */
    uint64_t bytes;
    /**
     * First presentation time in microseconds; may be negative.
     */
    int64_t start;
    /**
     * Microseconds from the first presentation to the end of the last.
     */
    uint64_t duration;
} sc_probe_track_info;

/**
 * One track of a remuxed MP4. The text is lent as long as the remuxer.
 */
typedef struct sc_remux_track {
    /**
     * `sizeof(sc_remux_track)`, set by the caller.
     */
    size_t struct_size;
    /**
     * `SC_KIND_AUDIO` or `SC_KIND_VIDEO`.
     */
    sc_kind kind;
    /**
     * Number of the track among those of its kind.
     */
    uint8_t index;
    /**
     * The codec as RFC 6381 writes it.
     */
    const char *codec;
    /**
     * Access units.
     */
    uint64_t units;
    /**
     * Bytes of all of them.
     */
    uint64_t bytes;
    /**
     * Presentation time of the first in microseconds.
     */
    uint64_t start;
    /**
     * Microseconds that are presented behind that.
     */
    uint64_t duration;
} sc_remux_track;

/**
 * A piece of an MP4: bytes, or a range of the source to copy.
 */
typedef struct sc_remux_piece {
    /**
     * `sizeof(sc_remux_piece)`, set by the caller.
     */
    size_t struct_size;
    /**
     * The bytes, lent until the next call on the remuxer; NULL for a range of the source.
     */
    const uint8_t *data;
    /**
     * Bytes of the piece.
     */
    uint64_t size;
    /**
     * Where the range begins in the source; 0 where `data` is not NULL.
     */
    uint64_t offset;
} sc_remux_piece;

/**
 * How a session behaves. Zero the struct, set `struct_size`, and set what shall differ: a field of 0 keeps its default.
 */
typedef struct sc_session_config {
    /**
     * `sizeof(sc_session_config)`, set by the caller.
     */
    size_t struct_size;
    /**
     * Bytes of payload in the chunks that this side sends, 128 to 0xFFFFFF. Default 65,536.
     */
    uint32_t chunk_size;
    /**
     * Bytes after which the peer is to acknowledge. Default 2,500,000.
     */
    uint32_t window_ack_size;
    /**
     * Bytes of one message. Default 10 MiB.
     */
    size_t message_bytes;
    /**
     * Bytes that are queued for the peer before the session stops to take input. Default 4 MiB.
     */
    size_t queued_output_bytes;
    /**
     * Milliseconds from the first byte to the end of the handshake. Default 10,000.
     */
    uint32_t handshake_timeout_ms;
    /**
     * Milliseconds from the handshake to `publish` or `play`. Default 10,000.
     */
    uint32_t command_timeout_ms;
    /**
     * Milliseconds without a byte of a publisher after which it is given up. Default 30,000.
     */
    uint32_t idle_timeout_ms;
    /**
     * Start of the random bytes of the handshake: something that differs between connections. 0 is a number like any other.
     */
    uint64_t seed;
} sc_session_config;

/**
 * What a client did. Numbers are never given a new meaning; a program passes over those that it does not know.
 */
typedef uint32_t sc_session_event_kind;

/**
 * What a client did. Pointers are lent until the next call on the session; texts are UTF-8 and end with NUL. Fields that an event does not
 * name are 0 or NULL.
 */
typedef struct sc_session_event {
    /**
     * `sizeof(sc_session_event)`, set by the caller.
     */
    size_t struct_size;
    /**
     * One of `SC_SESSION_*`, which says which of the fields below are set.
     */
    sc_session_event_kind event;
    /**
     * Number of the request, for the answer.
     */
    uint32_t request;
    /**
     * Message stream.
     */
    uint32_t stream_id;
    /**
     * What a message carries: one of `SC_KIND_*`.
     */
    sc_kind kind;
    /**
     * Whether the player is paused now.
     */
    bool paused;
    /**
     * Wire time of a message in milliseconds, wrapping at 2^32, not repaired.
     */
    uint32_t timestamp;
    /**
     * Position that the player asked for, in milliseconds.
     */
    uint32_t position;
    /**
     * Body of a message.
     */
    const uint8_t *data;
    /**
     * Bytes of the body.
     */
    size_t size;
    /**
     * Memory of the body: `sc_buf_retain` keeps it.
     */
    const struct sc_buf *buf;
    /**
     * Application: the first segment of the path; as it came in `SC_SESSION_CONNECTED`.
     */
    const char *app;
    /**
     * Name of the stream: safe below a directory.
     */
    const char *name;
    /**
     * What stood behind a `?`, raw. It may hold secrets.
     */
    const char *query;
    /**
     * `tcUrl` of `connect`. It may hold secrets.
     */
    const char *tc_url;
    /**
     * `flashVer`: the client's name for itself.
     */
    const char *agent;
    /**
     * What was met.
     */
    const char *text;
    /**
     * Clause of the specification that says otherwise; may be empty.
     */
    const char *clause;
} sc_session_event;

/**
 * Why a publisher or player is refused.
 */
typedef uint32_t sc_rejection;

/**
 * A track, or a new configuration of one: `track`. It comes before the units that it describes.
 */
#define SC_MEDIA_TRACK 1

/**
 * An access unit: `unit`.
 */
#define SC_MEDIA_UNIT 2

/**
 * All tracks jumped in time: a new epoch begins with the next unit.
 */
#define SC_MEDIA_DISCONTINUITY 3

/**
 * A track ended by the encoder's word: `kind` and `index`.
 */
#define SC_MEDIA_END_OF_TRACK 4

/**
 * A deviation that was repaired or left out, the first of its kind: `text` and `clause`.
 */
#define SC_MEDIA_NOTICE 5

/**
 * The server has taken `connect`: `text` is its name and version, may be empty.
 */
#define SC_CLIENT_CONNECTED 1

/**
 * The server takes media: send metadata, headers and frames with `sc_client_session_send`.
 */
#define SC_CLIENT_PUBLISHING 2

/**
 * The server has begun to play, or goes on after `SC_CLIENT_ENDED`.
 */
#define SC_CLIENT_PLAYING 3

/**
 * One message of the stream that is played: `kind`, `timestamp`, `data`, `size`, `buf`.
 */
#define SC_CLIENT_MEDIA 4

/**
 * An `onStatus` that means none of the other events: `level`, `code`, `text`.
 */
#define SC_CLIENT_STATUS 5

/**
 * Stream Begin of a message stream: `stream_id`.
 */
#define SC_CLIENT_STREAM_BEGIN 6

/**
 * Stream EOF of a message stream: `stream_id`.
 */
#define SC_CLIENT_STREAM_EOF 7

/**
 * The server asks the client to connect anew when it suits it, and goes on until then: `url` (NULL: the same), `text`.
 * `sc_client_session_next` makes the session of the next connection.
 */
#define SC_CLIENT_RECONNECT_REQUEST 8

/**
 * The server sends the client on to another one: `url`. This session is closing; `sc_client_session_next` makes the next.
 */
#define SC_CLIENT_REDIRECT 9

/**
 * The server wants user and password, which the URL has. This session is closing; `sc_client_session_next` makes the next.
 */
#define SC_CLIENT_AUTHENTICATE 10

/**
 * The server refused: `code` (may be empty) and `text`. The session is closing.
 */
#define SC_CLIENT_REJECTED 11

/**
 * The stream has ended. A player may stay; where the server ended the connection, the session is closing.
 */
#define SC_CLIENT_ENDED 12

/**
 * A deviation that was repaired or ignored, the first of its kind: `text` and `clause`.
 */
#define SC_CLIENT_NOTICE 13

/**
 * To publish a live stream.
 */
#define SC_ROLE_PUBLISH 1

/**
 * To play a stream: a live one, or else a recorded one.
 */
#define SC_ROLE_PLAY 2

/**
 * Sound.
 */
#define SC_KIND_AUDIO 8

/**
 * Pictures.
 */
#define SC_KIND_VIDEO 9

/**
 * Data in AMF0 that begin with their name, for example `onMetaData`.
 */
#define SC_KIND_DATA 18

/**
 * Whole, but compact where much has to be rewritten.
 */
#define SC_LAYOUT_AUTO 0

/**
 * The source from its first access unit to its last is one range to copy, which the kernel does, or the file system shares.
 */
#define SC_LAYOUT_WHOLE 1

/**
 * The access units alone, each after the other.
 */
#define SC_LAYOUT_COMPACT 2

/**
 * Another client publishes under this name.
 */
#define SC_REJECT_ALREADY_PUBLISHING 1

/**
 * The client may not do this.
 */
#define SC_REJECT_DENIED 2

/**
 * The name is not allowed, or nothing of this name is there to play.
 */
#define SC_REJECT_NOT_FOUND 3

/**
 * There is no room.
 */
#define SC_REJECT_OVERLOADED 4

/**
 * The client is connected: `app`, `tc_url`, `agent`.
 */
#define SC_SESSION_CONNECTED 1

/**
 * The client asks to publish: `request`, `stream_id`, `app`, `name`, `query`. Answer with `sc_server_session_accept` or
 * `sc_server_session_reject`; media is held back until then.
 */
#define SC_SESSION_PUBLISH 2

/**
 * The client asks to play: `request`, `stream_id`, `app`, `name`, `query`. Answer as above.
 */
#define SC_SESSION_PLAY 3

/**
 * One message of a published stream: `stream_id`, `kind`, `timestamp`, `data`, `size`, `buf`.
 */
#define SC_SESSION_MEDIA 4

/**
 * A published stream ended, or a request to publish was taken back: `stream_id`. Once per stream.
 */
#define SC_SESSION_UNPUBLISHED 5

/**
 * The client stopped playing, or took back its request: `stream_id`. Once per stream.
 */
#define SC_SESSION_PLAY_ENDED 6

/**
 * The player paused or goes on: `stream_id`, `paused`. When it goes on, send it headers and a key frame again.
 */
#define SC_SESSION_PAUSED 7

/**
 * The player asked for another position: `stream_id`, `position`. Send it headers and a key frame again.
 */
#define SC_SESSION_SEEK 8

/**
 * A deviation that was repaired or ignored, the first of its kind: `text` and `clause`.
 */
#define SC_SESSION_NOTICE 9

/**
 * It is done; output parameters are set.
 */
#define SC_OK 0

/**
 * There is nothing to give now. Not an error; output parameters are untouched.
 */
#define SC_NONE 1

/**
 * The answer is not there yet: ask again when the muxer's version has changed. Not an error.
 */
#define SC_WAIT 2

/**
 * What was asked for is not there any more. Not an error.
 */
#define SC_GONE 3

/**
 * This file has no place for the track: a new one has. Not an error.
 */
#define SC_NEW_FILE 4

/**
 * The bytes do not follow their format.
 */
#define SC_ERR_MALFORMED -1

/**
 * The bytes follow the format and break the rules of the protocol.
 */
#define SC_ERR_VIOLATION -2

/**
 * The input is larger than a limit allows.
 */
#define SC_ERR_LIMIT -3

/**
 * The input is valid and uses something that the library does not implement.
 */
#define SC_ERR_UNSUPPORTED -4

/**
 * A call against the documented order.
 */
#define SC_ERR_MISUSE -5

/**
 * A fault of the library.
 */
#define SC_ERR_INTERNAL -6

/**
 * A pointer that must not be NULL is NULL.
 */
#define SC_ERR_NULL -32

/**
 * A pointer that is no handle of this kind, as far as that can be told: of another kind, or freed.
 */
#define SC_ERR_HANDLE -33

/**
 * The library panicked in this call or in an earlier one on this handle. The handle can only be freed; others are not touched.
 */
#define SC_ERR_PANIC -34

/**
 * The program was compiled with a header of another `SC_ABI_VERSION`.
 */
#define SC_ERR_ABI -35

/**
 * `struct_size` is not set, or is smaller than the first release's.
 */
#define SC_ERR_STRUCT_SIZE -36

/**
 * A text is not UTF-8.
 */
#define SC_ERR_UTF8 -37

/**
 * The handle is in another call: of this thread further up, which called back, or of another thread, where it can be told.
 */
#define SC_ERR_BUSY -38

/**
 * Reading or writing a file failed.
 */
#define SC_ERR_IO -39

/**
 * The caller's callback cancelled the work.
 */
#define SC_ERR_CANCELLED -40

/**
 * A value that is none of those allowed.
 */
#define SC_ERR_ARGUMENT -41

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Makes an assembler. On success `*out` is freed with `sc_assembler_free`; on failure it is untouched and `error` says why.
 *
 * Errors: `SC_ERR_ABI`, `SC_ERR_NULL`.
 */
sc_status sc_assembler_new(uint32_t abi,
                           struct sc_assembler **out,
                           struct sc_error *error);

/**
 * Frees an assembler and sets `*assembler` to NULL. `assembler` or `*assembler` may be NULL.
 */
sc_status sc_assembler_free(struct sc_assembler **assembler);

/**
 * Takes a tag. A body with a `buf` is referenced, not copied. What is wrong in it is told by notices; it is never an error.
 *
 * Errors: `SC_ERR_ARGUMENT` for a kind that is none, `SC_ERR_STRUCT_SIZE`, `SC_ERR_NULL`.
 */
sc_status sc_assembler_handle_tag(struct sc_assembler *assembler,
                                  const struct sc_tag *tag);

/**
 * Ends the stream: what waited for more becomes events.
 */
sc_status sc_assembler_finish(struct sc_assembler *assembler);

/**
 * Gives the next event, or `SC_NONE`. Its pointers are lent until the next call on the assembler.
 */
sc_status sc_assembler_poll_event(struct sc_assembler *assembler, struct sc_media_event *event);

/**
 * Makes a buffer of a copy of `len` bytes at `data`. On success `*out` is the caller's and released with `sc_buf_release`.
 *
 * Errors: `SC_ERR_NULL`.
 */
sc_status sc_buf_copy(const uint8_t *data,
                      size_t len,
                      struct sc_buf **out);

/**
 * Makes a buffer of `len` bytes at `data` that stay where they are: no byte is copied. They must not change until `free` is called
 * with `opaque`, once, when the last reference is gone; `free` may be NULL for memory that is never freed.
 *
 * On success `*out` is the caller's and released with `sc_buf_release`. On failure `free` is not called.
 * Errors: `SC_ERR_NULL`, `SC_ERR_ARGUMENT` for a length past half of the address space.
 */
sc_status sc_buf_wrap(const uint8_t *data,
                      size_t len,
                      sc_free_fn free,
                      void *opaque,
                      struct sc_buf **out);

/**
 * Makes a reference of the caller's own to the bytes of `buf`, which may be one that an event lends. No byte is copied. On success
 * `*out` is released with `sc_buf_release`, on any thread, and outlives the handle that it came from.
 *
 * Errors: `SC_ERR_NULL`, `SC_ERR_HANDLE`.
 */
sc_status sc_buf_retain(const struct sc_buf *buf,
                        struct sc_buf **out);

/**
 * Gives up the caller's reference and sets `*buf` to NULL. `buf` or `*buf` may be NULL: nothing happens then.
 *
 * Errors: `SC_ERR_HANDLE` for a buffer that an event lends, which is not the caller's to release.
 */
sc_status sc_buf_release(struct sc_buf **buf);

/**
 * The bytes of a buffer: valid while the reference lives. NULL for NULL.
 */
const uint8_t *sc_buf_data(const struct sc_buf *buf);

/**
 * Length of a buffer in bytes; 0 for NULL.
 */
size_t sc_buf_size(const struct sc_buf *buf);

/**
 * Makes a session for `url` (`rtmp://host[:port]/app/name` or `rtmps://…`, with `user:password@` where the server asks for them).
 * `role` is one of `SC_ROLE_*`. `config` may be NULL for the defaults; neither it nor `url` is kept. `now` is the time of the caller's clock.
 * On success `*out` is freed with `sc_client_session_free`; on failure it is untouched and `error` says why.
 *
 * Errors: `SC_ERR_ABI`, `SC_ERR_NULL`, `SC_ERR_UTF8`, `SC_ERR_STRUCT_SIZE`, `SC_ERR_ARGUMENT` for a role that is none; `SC_ERR_MALFORMED`,
 * `SC_ERR_UNSUPPORTED` and `SC_ERR_LIMIT` for the URL.
 */
sc_status sc_client_session_new(uint32_t abi,
                                const char *url,
                                sc_role role,
                                const struct sc_client_config *config,
                                uint64_t now,
                                struct sc_client_session **out,
                                struct sc_error *error);

/**
 * Frees a session and sets `*session` to NULL. `session` or `*session` may be NULL. Buffers that were retained live on.
 */
sc_status sc_client_session_free(struct sc_client_session **session);

/**
 * Says where to connect: `address` is filled in, its text lent as long as the session.
 *
 * Errors: `SC_ERR_NULL`, `SC_ERR_STRUCT_SIZE`.
 */
sc_status sc_client_session_address(struct sc_client_session *session, struct sc_client_address *address);

/**
 * Takes `size` bytes that came at `now`. `*taken` says how many were taken, 0 on failure: fewer than all while a queue is full; poll, write, and give the
 * rest again. The bytes are copied once, into the messages.
 *
 * Errors: those of the protocol, with the byte: `SC_ERR_MALFORMED`, `SC_ERR_VIOLATION`, `SC_ERR_LIMIT`, `SC_ERR_UNSUPPORTED`. They are final:
 * close the connection.
 */
sc_status sc_client_session_handle_input(struct sc_client_session *session,
                                         uint64_t now,
                                         const uint8_t *data,
                                         size_t size,
                                         size_t *taken);

/**
 * Gives the next event, or `SC_NONE`. Its pointers are lent until the next call on the session.
 */
sc_status sc_client_session_poll_event(struct sc_client_session *session, struct sc_client_event *event);

/**
 * Queues one message for the server. A body with a `buf` is referenced, not copied. `onMetaData` goes out behind `@setDataFrame`.
 *
 * Errors: `SC_ERR_MISUSE` where nothing is published or the body is too long; `SC_ERR_LIMIT` where `queued_output_bytes` wait: nothing was
 * queued, write the output and send it again.
 */
sc_status sc_client_session_send(struct sc_client_session *session,
                                 const struct sc_tag *tag);

/**
 * Whether `sc_client_session_send` would take a message now: `*wants`.
 */
sc_status sc_client_session_wants_media(struct sc_client_session *session, bool *wants);

/**
 * Ends the stream from this side. The session is closing then: write the output first.
 */
sc_status sc_client_session_finish(struct sc_client_session *session);

/**
 * Makes the session of the connection that the server asked for, once: behind `SC_CLIENT_REDIRECT`, `SC_CLIENT_AUTHENTICATE` and
 * `SC_CLIENT_RECONNECT_REQUEST`. On `SC_OK` `*out` is freed with `sc_client_session_free`; this session stays the caller's too.
 * `SC_NONE`, and `*out` is NULL: none was asked for, or the client was sent on too often.
 */
sc_status sc_client_session_next(struct sc_client_session *session,
                                 uint64_t now,
                                 struct sc_client_session **out);

/**
 * Lists up to `capacity` pieces that wait to be written, in order; `*count` says how many, `SC_NONE` that there are none. They are lent until
 * the next call on the session and stay queued until `sc_client_session_sent`.
 */
sc_status sc_client_session_output(struct sc_client_session *session,
                                   struct sc_iovec *pieces,
                                   size_t capacity,
                                   size_t *count);

/**
 * Says that the first `size` bytes of the output were written.
 *
 * Errors: `SC_ERR_ARGUMENT` for more than were listed.
 */
sc_status sc_client_session_sent(struct sc_client_session *session, size_t size);

/**
 * Gives the time at which `sc_client_session_handle_timeout` is to be called next, or `SC_NONE`. It may change with every other call.
 */
sc_status sc_client_session_poll_timeout(struct sc_client_session *session,
                                         uint64_t *at);

/**
 * Does what is due at `now`. A call before its time does nothing.
 *
 * Errors: `SC_ERR_VIOLATION` where a deadline has passed: close the connection.
 */
sc_status sc_client_session_handle_timeout(struct sc_client_session *session, uint64_t now);

/**
 * Whether the connection is to be closed once the output is written: `*closing`.
 */
sc_status sc_client_session_is_closing(struct sc_client_session *session, bool *closing);

/**
 * Tells of the last call on `handle` that failed: a server session, a reader, any handle of this library. `error` is filled in;
 * it is the caller's.
 *
 * Returns `SC_OK`; `SC_NONE` where no call has failed; `SC_ERR_NULL`, `SC_ERR_STRUCT_SIZE`, or `SC_ERR_BUSY` inside a callback.
 * Works for a poisoned handle.
 */
sc_status sc_last_error(const void *handle,
                        struct sc_error *error);

/**
 * Frees a file and sets `*file` to NULL. `file` or `*file` may be NULL.
 */
sc_status sc_file_free(struct sc_file **file);

/**
 * Says what a file is: `info` is filled in.
 *
 * Errors: `SC_ERR_NULL`, `SC_ERR_STRUCT_SIZE`.
 */
sc_status sc_file_describe(struct sc_file *file, struct sc_file_info *info);

/**
 * Lists up to `capacity` pieces of the file from byte `offset` on, in order; `*count` says how many, `SC_NONE` that `offset` is the end.
 * They are lent until the next call on the file.
 *
 * Errors: `SC_ERR_ARGUMENT` for an offset past the end or a capacity of 0, `SC_ERR_NULL`.
 */
sc_status sc_file_pieces(struct sc_file *file,
                         uint64_t offset,
                         struct sc_iovec *pieces,
                         size_t capacity,
                         size_t *count);

/**
 * Makes of the FLV file `input` the folder `output` of HLS (`index.m3u8`) and DASH (`index.mpd`), for any web server. The folder must
 * not be there, or be empty; it appears when it is whole, and on failure nothing is left behind. `options` may be NULL.
 *
 * Errors: `SC_ERR_IO`, `SC_ERR_CANCELLED`; `SC_ERR_MALFORMED`, `SC_ERR_UNSUPPORTED` (nothing in it fits a segment) and `SC_ERR_LIMIT` for the
 * input; `SC_ERR_ABI`, `SC_ERR_NULL`, `SC_ERR_STRUCT_SIZE`, `SC_ERR_ARGUMENT`. `error` (may be NULL) says why.
 */
sc_status sc_package_file(uint32_t abi,
                          const char *input,
                          const char *output,
                          const struct sc_package_options *options,
                          struct sc_error *error);

/**
 * Makes the MP4 file `output` of the FLV file `input`, index in front, nothing decoded. `output` appears when it is whole, and replaces
 * what had its name; on failure nothing is left behind. `options` may be NULL. `report` (may be NULL) is filled in on success.
 *
 * Errors: `SC_ERR_IO`, `SC_ERR_CANCELLED`; `SC_ERR_MALFORMED`, `SC_ERR_UNSUPPORTED` (encrypted, or nothing in it fits an MP4) and
 * `SC_ERR_LIMIT` for the input; `SC_ERR_ABI`, `SC_ERR_NULL`, `SC_ERR_STRUCT_SIZE`, `SC_ERR_ARGUMENT` also where both are one file. `error`
 * (may be NULL) says why.
 */
sc_status sc_remux_file(uint32_t abi,
                        const char *input,
                        const char *output,
                        const struct sc_remux_options *options,
                        struct sc_remux_report *report,
                        struct sc_error *error);

/**
 * Makes a reader at the start of a file. `abi` is `SC_ABI_VERSION`. On success `*out` is freed with `sc_flv_reader_free`; on failure
 * it is untouched and `error`, which may be NULL, says why.
 *
 * Errors: `SC_ERR_ABI`, `SC_ERR_NULL`.
 */
sc_status sc_flv_reader_new(uint32_t abi,
                            struct sc_flv_reader **out,
                            struct sc_error *error);

/**
 * Frees a reader and sets `*reader` to NULL. `reader` or `*reader` may be NULL. Buffers that were retained live on.
 */
sc_status sc_flv_reader_free(struct sc_flv_reader **reader);

/**
 * Takes `size` bytes of the file. `*taken` says how many were taken, 0 on failure: fewer than all only while tags wait to be polled; poll and give
 * the rest again. The bytes are copied.
 *
 * Errors: `SC_ERR_MALFORMED` where the file is no FLV, or 32 MiB hold no tag; `SC_ERR_UNSUPPORTED` for versions past 4. The error stays.
 */
sc_status sc_flv_reader_handle_input(struct sc_flv_reader *reader,
                                     const uint8_t *data,
                                     size_t size,
                                     size_t *taken);

/**
 * Takes the bytes of `buf` from `offset` on, as `sc_flv_reader_handle_input`, but bodies that lie in it whole are references to it and not
 * copied: the memory lives as long as one of them. With `sc_buf_wrap` that memory is the caller's own.
 *
 * Errors: those of `sc_flv_reader_handle_input`; `SC_ERR_HANDLE`, and `SC_ERR_ARGUMENT` for an offset past the end.
 */
sc_status sc_flv_reader_handle_buf(struct sc_flv_reader *reader,
                                   const struct sc_buf *buf,
                                   size_t offset,
                                   size_t *taken);

/**
 * Ends the file; call it again after polling until `sc_flv_reader_poll_tag` gives `SC_NONE`. `*cut` (may be NULL) says whether the
 * file ends in the middle of something.
 */
sc_status sc_flv_reader_finish(struct sc_flv_reader *reader,
                               bool *cut);

/**
 * Gives the next tag, or `SC_NONE`. Its body is lent until the next call on the reader. `*offset` (may be NULL) is the place of the body
 * in the file, in bytes.
 */
sc_status sc_flv_reader_poll_tag(struct sc_flv_reader *reader,
                                 struct sc_tag *tag,
                                 uint64_t *offset);

/**
 * Makes a writer. On success `*out` is freed with `sc_flv_writer_free`; on failure it is untouched and `error` says why.
 *
 * Errors: `SC_ERR_ABI`, `SC_ERR_NULL`.
 */
sc_status sc_flv_writer_new(uint32_t abi,
                            struct sc_flv_writer **out,
                            struct sc_error *error);

/**
 * Frees a writer and sets `*writer` to NULL. `writer` or `*writer` may be NULL.
 */
sc_status sc_flv_writer_free(struct sc_flv_writer **writer);

/**
 * Adds the file header, with the flags that say which kinds of tags follow (FLV 10.1 E.2).
 */
sc_status sc_flv_writer_header(struct sc_flv_writer *writer, bool audio, bool video);

/**
 * Adds a tag. A body with a `buf` is referenced, not copied.
 *
 * Errors: `SC_ERR_LIMIT` for a body of 2^24 bytes or more, `SC_ERR_ARGUMENT` for a kind that is none.
 */
sc_status sc_flv_writer_tag(struct sc_flv_writer *writer, const struct sc_tag *tag);

/**
 * Lists up to `capacity` pieces that wait to be written, in order; `*count` says how many, `SC_NONE` that there are none. They are lent until
 * the next call on the writer and stay queued until `sc_flv_writer_sent`.
 */
sc_status sc_flv_writer_output(struct sc_flv_writer *writer,
                               struct sc_iovec *pieces,
                               size_t capacity,
                               size_t *count);

/**
 * Says that the first `size` bytes of the output were written.
 *
 * Errors: `SC_ERR_ARGUMENT` for more than there are.
 */
sc_status sc_flv_writer_sent(struct sc_flv_writer *writer, size_t size);

/**
 * Makes an empty cache. On success `*out` is freed with `sc_gop_cache_free`; on failure it is untouched and `error` says why.
 *
 * Errors: `SC_ERR_ABI`, `SC_ERR_NULL`.
 */
sc_status sc_gop_cache_new(uint32_t abi,
                           struct sc_gop_cache **out,
                           struct sc_error *error);

/**
 * Frees a cache and sets `*cache` to NULL. `cache` or `*cache` may be NULL.
 */
sc_status sc_gop_cache_free(struct sc_gop_cache **cache);

/**
 * Takes a tag of the publisher. A body with a `buf` is referenced, not copied.
 *
 * Errors: `SC_ERR_ARGUMENT` for a kind that is none, `SC_ERR_NULL`, `SC_ERR_STRUCT_SIZE`.
 */
sc_status sc_gop_cache_handle_tag(struct sc_gop_cache *cache, const struct sc_tag *tag);

/**
 * Begins anew with the first tag: what the cache holds now is what `sc_gop_cache_next` gives.
 */
sc_status sc_gop_cache_rewind(struct sc_gop_cache *cache);

/**
 * Gives the next tag, or `SC_NONE`. Its body is lent until the next call on the cache.
 */
sc_status sc_gop_cache_next(struct sc_gop_cache *cache, struct sc_tag *tag);

/**
 * Forgets all: the publisher has left.
 */
sc_status sc_gop_cache_clear(struct sc_gop_cache *cache);

/**
 * Says what a track is. `info` is filled in and keeps no more than the track's text.
 *
 * Errors: `SC_ERR_NULL`, `SC_ERR_HANDLE`, `SC_ERR_STRUCT_SIZE`.
 */
sc_status sc_track_describe(const struct sc_track *track, struct sc_track_info *info);

/**
 * Makes a reference of the caller's own to `track`. On success `*out` is released with `sc_track_release`.
 *
 * Errors: `SC_ERR_NULL`, `SC_ERR_HANDLE`.
 */
sc_status sc_track_retain(const struct sc_track *track, struct sc_track **out);

/**
 * Gives up the caller's reference and sets `*track` to NULL. `track` or `*track` may be NULL: nothing happens then.
 *
 * Errors: `SC_ERR_HANDLE` for a track that an event lends.
 */
sc_status sc_track_release(struct sc_track **track);

/**
 * Makes a recorder at the start of a file. `config` may be NULL for the defaults; it is not kept. On success `*out` is freed with
 * `sc_mp4_recorder_free`; on failure it is untouched and `error` says why.
 *
 * Errors: `SC_ERR_ABI`, `SC_ERR_NULL`, `SC_ERR_STRUCT_SIZE`.
 */
sc_status sc_mp4_recorder_new(uint32_t abi,
                              const struct sc_mp4_config *config,
                              struct sc_mp4_recorder **out,
                              struct sc_error *error);

/**
 * Frees a recorder and sets `*recorder` to NULL. `recorder` or `*recorder` may be NULL. What was written so far plays.
 */
sc_status sc_mp4_recorder_free(struct sc_mp4_recorder **recorder);

/**
 * Announces a track, or a new configuration of one. The track is referenced. `SC_NEW_FILE`: this file has no place for it; its units are
 * left out, and a new recorder takes them.
 *
 * Errors: `SC_ERR_UNSUPPORTED` for a codec that MP4 cannot carry, `SC_ERR_LIMIT` for too many tracks: the units of the track are left out, the
 * others go on. `SC_ERR_MISUSE` once finished; `SC_ERR_NULL`, `SC_ERR_HANDLE`.
 */
sc_status sc_mp4_recorder_handle_track(struct sc_mp4_recorder *recorder,
                                       const struct sc_track *track);

/**
 * Takes an access unit; bytes with a `buf` are referenced, not copied. Units of tracks without a place in the file are left out.
 *
 * Errors: `SC_ERR_LIMIT` where a value does not fit the file, `SC_ERR_MISUSE` once finished; `SC_ERR_ARGUMENT`, `SC_ERR_NULL`,
 * `SC_ERR_STRUCT_SIZE`.
 */
sc_status sc_mp4_recorder_handle_unit(struct sc_mp4_recorder *recorder,
                                      const struct sc_unit *unit);

/**
 * All tracks jumped in time, or another publisher goes on: what follows stands right behind what was before.
 *
 * Errors: `SC_ERR_LIMIT`.
 */
sc_status sc_mp4_recorder_handle_discontinuity(struct sc_mp4_recorder *recorder);

/**
 * Gives out all that came, while nothing follows: for a stream that pauses.
 *
 * Errors: `SC_ERR_LIMIT`.
 */
sc_status sc_mp4_recorder_flush(struct sc_mp4_recorder *recorder);

/**
 * Ends the recording: `sc_mp4_recorder_poll_write` gives what is left, and what makes a plain MP4 of the file. A second time does nothing.
 *
 * Errors: `SC_ERR_LIMIT`.
 */
sc_status sc_mp4_recorder_finish(struct sc_mp4_recorder *recorder);

/**
 * Gives what to write next, or `SC_NONE`. Writes are to be made in this order; each is lent until the next call on the recorder and is
 * given once.
 *
 * Errors: `SC_ERR_LIMIT` where an index does not fit the file: it stays one in fragments. `SC_ERR_NULL`, `SC_ERR_STRUCT_SIZE`.
 */
sc_status sc_mp4_recorder_poll_write(struct sc_mp4_recorder *recorder,
                                     struct sc_write *write);

/**
 * Microseconds of the recording so far, the open fragment included: `*micros`.
 */
sc_status sc_mp4_recorder_duration(struct sc_mp4_recorder *recorder, uint64_t *micros);

/**
 * Makes an empty stream. `config` may be NULL for the defaults; it is not kept. On success `*out` is freed with `sc_muxer_free`; on
 * failure it is untouched and `error` says why.
 *
 * Errors: `SC_ERR_ABI`, `SC_ERR_NULL`, `SC_ERR_STRUCT_SIZE`.
 */
sc_status sc_muxer_new(uint32_t abi,
                       const struct sc_muxer_config *config,
                       struct sc_muxer **out,
                       struct sc_error *error);

/**
 * Frees a muxer and sets `*muxer` to NULL. `muxer` or `*muxer` may be NULL. Files that it gave live on.
 */
sc_status sc_muxer_free(struct sc_muxer **muxer);

/**
 * Announces a track, or a new configuration of one, which applies from the next key frame. The track is referenced.
 *
 * Errors: `SC_ERR_UNSUPPORTED` for a codec that MP4 cannot carry: its units are dropped, the other tracks go on. `SC_ERR_NULL`,
 * `SC_ERR_HANDLE`.
 */
sc_status sc_muxer_handle_track(struct sc_muxer *muxer,
                                const struct sc_track *track);

/**
 * Takes an access unit; bytes with a `buf` are referenced, not copied. `wall` is the time of capture or arrival in microseconds since
 * 1970, or `SC_NO_WALL_CLOCK`. A unit that cannot be used is dropped.
 *
 * Errors: `SC_ERR_LIMIT` where a segment cannot be described by its boxes; `SC_ERR_ARGUMENT`, `SC_ERR_NULL`, `SC_ERR_STRUCT_SIZE`.
 */
sc_status sc_muxer_handle_unit(struct sc_muxer *muxer,
                               const struct sc_unit *unit,
                               int64_t wall);

/**
 * Takes all events that the assembler has, as `sc_muxer_handle_track`, `sc_muxer_handle_unit` and `sc_muxer_handle_discontinuity` would
 * one by one: the way from tags to HLS where nothing else wants the units. Gives each event but units in `event`, which may be NULL, when
 * the muxer has had it; its pointers are lent until the next call on the assembler. `SC_NONE` when there is no more. `wall` as above.
 *
 * Errors: those of the functions above. What could not be used is dropped and the rest is taken; the first error is given in the place of
 * `SC_NONE`, and `sc_last_error` of the muxer tells it. `SC_ERR_BUSY`, `SC_ERR_HANDLE`, `SC_ERR_NULL` and `SC_ERR_STRUCT_SIZE` take nothing.
 */
sc_status sc_muxer_pull(struct sc_muxer *muxer,
                        struct sc_assembler *assembler,
                        int64_t wall,
                        struct sc_media_event *event);

/**
 * All tracks jumped in time, or the publisher is gone for now: a new epoch begins with the next unit, behind `EXT-X-DISCONTINUITY`.
 *
 * Errors: `SC_ERR_LIMIT`.
 */
sc_status sc_muxer_handle_discontinuity(struct sc_muxer *muxer);

/**
 * The stream is over: ends the playlists with `EXT-X-ENDLIST`.
 *
 * Errors: `SC_ERR_LIMIT`.
 */
sc_status sc_muxer_finish(struct sc_muxer *muxer);

/**
 * A new publisher under the same name, also after `sc_muxer_finish`: a discontinuity; tracks that are not announced again are not
 * waited for.
 *
 * Errors: `SC_ERR_LIMIT`.
 */
sc_status sc_muxer_resume(struct sc_muxer *muxer);

/**
 * Whether players can begin: `*ready`.
 */
sc_status sc_muxer_is_ready(struct sc_muxer *muxer, bool *ready);

/**
 * A number that is another one whenever an answer may have changed: `*version`.
 */
sc_status sc_muxer_version(struct sc_muxer *muxer, uint64_t *version);

/**
 * Bytes of all segments that are held: `*size`.
 */
sc_status sc_muxer_held_bytes(struct sc_muxer *muxer, size_t *size);

/**
 * Answers a request for a file by its name, without folders: `index.m3u8`, `index.mpd` (where `dash` is set), `video_17.m4s` and so on. `query` is what stands
 * behind the `?` of the address, with the directives of LL-HLS, or NULL.
 *
 * `SC_OK`: `*out` is the file, freed with `sc_file_free`; it is NULL otherwise. `SC_WAIT`: not yet; hold the request, ask again when `sc_muxer_version` has
 * changed, and give up (status 503) after `*wait_ms` (may be NULL) in all. `SC_GONE`: it was there and will not be again (404 or 410).
 * `SC_NONE`: there is no such file (404). `SC_ERR_ARGUMENT`: the directives are wrong (400), `sc_last_error` says how.
 * Errors: `SC_ERR_NULL`, `SC_ERR_UTF8`.
 */
sc_status sc_muxer_request(struct sc_muxer *muxer,
                           const char *name,
                           const char *query,
                           struct sc_file **out,
                           uint64_t *wait_ms);

/**
 * Reads what the FLV or MP4 file `input` holds: an FLV from its start to its end, of an MP4 the index. On success `*out` is freed with
 * `sc_probe_free`; on failure it is untouched and `error` says why. What is odd in a file that can be read is a problem of it, not an error.
 *
 * Errors: `SC_ERR_IO`; `SC_ERR_UNSUPPORTED` for another format, `SC_ERR_MALFORMED` and `SC_ERR_LIMIT` for the file; `SC_ERR_ABI`, `SC_ERR_NULL`.
 */
sc_status sc_probe_file(uint32_t abi,
                        const char *input,
                        struct sc_probe **out,
                        struct sc_error *error);

/**
 * Frees a probe and sets `*probe` to NULL. `probe` or `*probe` may be NULL.
 */
sc_status sc_probe_free(struct sc_probe **probe);

/**
 * Says what the file holds: `info` is filled in.
 *
 * Errors: `SC_ERR_NULL`, `SC_ERR_STRUCT_SIZE`.
 */
sc_status sc_probe_describe(struct sc_probe *probe, struct sc_probe_info *info);

/**
 * Says what the track of this number is, from 0 on; `SC_NONE` past the last.
 *
 * Errors: `SC_ERR_NULL`, `SC_ERR_STRUCT_SIZE`.
 */
sc_status sc_probe_track(struct sc_probe *probe, size_t number, struct sc_probe_track_info *info);

/**
 * Gives the problem of this number, from 0 on, in English: `*text`, lent as long as the probe; `SC_NONE` past the last.
 */
sc_status sc_probe_problem(struct sc_probe *probe,
                           size_t number,
                           const char **text);

/**
 * Makes a recorder at the start of a file. On success `*out` is freed with `sc_flv_recorder_free`; on failure it is untouched and
 * `error` says why.
 *
 * Errors: `SC_ERR_ABI`, `SC_ERR_NULL`.
 */
sc_status sc_flv_recorder_new(uint32_t abi,
                              struct sc_flv_recorder **out,
                              struct sc_error *error);

/**
 * Frees a recorder and sets `*recorder` to NULL. `recorder` or `*recorder` may be NULL.
 */
sc_status sc_flv_recorder_free(struct sc_flv_recorder **recorder);

/**
 * Takes the next tag. A body with a `buf` is referenced, not copied.
 *
 * Errors: `SC_ERR_LIMIT` for a body of 2^24 bytes or more: the tag is left out and the recording may go on. `SC_ERR_MISUSE` once finished.
 */
sc_status sc_flv_recorder_handle_tag(struct sc_flv_recorder *recorder,
                                     const struct sc_tag *tag);

/**
 * Ends the recording: append what `sc_flv_recorder_output` lists, then apply the patches.
 */
sc_status sc_flv_recorder_finish(struct sc_flv_recorder *recorder);

/**
 * Gives the next patch, or `SC_NONE`: `*size` bytes at `*data`, lent until the next call, to be written at `*offset` of the file.
 */
sc_status sc_flv_recorder_poll_patch(struct sc_flv_recorder *recorder,
                                     uint64_t *offset,
                                     const uint8_t **data,
                                     size_t *size);

/**
 * Lists up to `capacity` pieces to append to the file, in order; `*count` says how many, `SC_NONE` that there are none. They are lent until
 * the next call on the recorder and stay queued until `sc_flv_recorder_sent`.
 */
sc_status sc_flv_recorder_output(struct sc_flv_recorder *recorder,
                                 struct sc_iovec *pieces,
                                 size_t capacity,
                                 size_t *count);

/**
 * Says that the first `size` bytes of the output were written.
 *
 * Errors: `SC_ERR_ARGUMENT` for more than there are.
 */
sc_status sc_flv_recorder_sent(struct sc_flv_recorder *recorder, size_t size);

/**
 * Makes a remuxer for an FLV of `size` bytes, or of `SC_UNKNOWN_SIZE`. On success `*out` is freed with `sc_remuxer_free`; on failure it is
 * untouched and `error` says why.
 *
 * Errors: `SC_ERR_ABI`, `SC_ERR_NULL`.
 */
sc_status sc_remuxer_new(uint32_t abi,
                         uint64_t size,
                         struct sc_remuxer **out,
                         struct sc_error *error);

/**
 * Frees a remuxer and sets `*remuxer` to NULL. `remuxer` or `*remuxer` may be NULL.
 */
sc_status sc_remuxer_free(struct sc_remuxer **remuxer);

/**
 * Takes the next `size` bytes of a pipe, all of them.
 *
 * Errors: `SC_ERR_MALFORMED` where it is no FLV, `SC_ERR_LIMIT`; `SC_ERR_MISUSE` for a file of known size and once finished.
 */
sc_status sc_remuxer_handle_input(struct sc_remuxer *remuxer,
                                  const uint8_t *data,
                                  size_t size);

/**
 * Says which bytes of the file to read next: `*size` at `*offset`; `SC_NONE` where all that is needed was read. More bytes may be
 * given: some 1,500 at once are best where the file is in memory, and more where it is on a disk.
 *
 * Errors: `SC_ERR_MISUSE` for a pipe and once finished.
 */
sc_status sc_remuxer_poll_read(struct sc_remuxer *remuxer,
                               uint64_t *offset,
                               uint64_t *size);

/**
 * Takes what was read at the offset that `sc_remuxer_poll_read` named, at least as much as it named.
 *
 * Errors: `SC_ERR_MALFORMED` where it is no FLV, `SC_ERR_LIMIT`; `SC_ERR_MISUSE` for a pipe, for fewer bytes, and once finished.
 */
sc_status sc_remuxer_handle_read(struct sc_remuxer *remuxer,
                                 const uint8_t *data,
                                 size_t size);

/**
 * Ends the source and lays out the MP4 by `layout`, one of `SC_LAYOUT_*`. `block` is what file systems share, 4,096 for most, or 1 where
 * ranges are not copied by the system. `report` (may be NULL) is filled in.
 *
 * Errors: `SC_ERR_UNSUPPORTED` where nothing in it fits an MP4, `SC_ERR_MALFORMED`, `SC_ERR_LIMIT`, and `SC_ERR_MISUSE` a second time: the
 * remuxer can only be freed then. `SC_ERR_ARGUMENT`, `SC_ERR_STRUCT_SIZE`.
 */
sc_status sc_remuxer_finish(struct sc_remuxer *remuxer,
                            sc_layout layout,
                            uint32_t block,
                            struct sc_remux_report *report);

/**
 * Says what the MP4's track of this number is, from 0 on; `SC_NONE` past the last.
 *
 * Errors: `SC_ERR_MISUSE` before `sc_remuxer_finish`; `SC_ERR_NULL`, `SC_ERR_STRUCT_SIZE`.
 */
sc_status sc_remuxer_track(struct sc_remuxer *remuxer, size_t number, struct sc_remux_track *track);

/**
 * Gives the next piece of the MP4, or `SC_NONE`. Its bytes are lent until the next call on the remuxer.
 *
 * Errors: `SC_ERR_MISUSE` before `sc_remuxer_finish`; `SC_ERR_NULL`, `SC_ERR_STRUCT_SIZE`.
 */
sc_status sc_remuxer_poll_piece(struct sc_remuxer *remuxer, struct sc_remux_piece *piece);

/**
 * Makes a session at the first byte of a connection. `config` may be NULL for the defaults; it is not kept. `now` is the time of the
 * caller's clock. On success `*out` is freed with `sc_server_session_free`; on failure it is untouched and `error` says why.
 *
 * Errors: `SC_ERR_ABI`, `SC_ERR_NULL`, `SC_ERR_STRUCT_SIZE`.
 */
sc_status sc_server_session_new(uint32_t abi,
                                const struct sc_session_config *config,
                                uint64_t now,
                                struct sc_server_session **out,
                                struct sc_error *error);

/**
 * Frees a session and sets `*session` to NULL. `session` or `*session` may be NULL. Buffers that were retained live on.
 */
sc_status sc_server_session_free(struct sc_server_session **session);

/**
 * Takes `size` bytes that came at `now`. `*taken` says how many were taken, 0 on failure: fewer than all while a queue is full or a request waits for its
 * answer; poll, answer, and give the rest again. The bytes are copied once, into the messages.
 *
 * Errors: those of the protocol, with the byte: `SC_ERR_MALFORMED`, `SC_ERR_VIOLATION`, `SC_ERR_LIMIT`, `SC_ERR_UNSUPPORTED`. They are final:
 * write what output there is and close.
 */
sc_status sc_server_session_handle_input(struct sc_server_session *session,
                                         uint64_t now,
                                         const uint8_t *data,
                                         size_t size,
                                         size_t *taken);

/**
 * Gives the next event, or `SC_NONE`. Its pointers are lent until the next call on the session.
 */
sc_status sc_server_session_poll_event(struct sc_server_session *session, struct sc_session_event *event);

/**
 * Lets a publisher or player begin.
 *
 * Errors: `SC_ERR_MISUSE` where the request is not open: it was answered, or the client took it back.
 */
sc_status sc_server_session_accept(struct sc_server_session *session, uint32_t request);

/**
 * Refuses a publisher or player, with the status codes that clients know. The session is closing then.
 *
 * Errors: `SC_ERR_MISUSE` where the request is not open, `SC_ERR_ARGUMENT` for a reason that is none.
 */
sc_status sc_server_session_reject(struct sc_server_session *session, uint32_t request, sc_rejection reason);

/**
 * Queues one message for a player of this session. A body with a `buf` is referenced, not copied. Dropped while the player is paused.
 *
 * Errors: `SC_ERR_MISUSE` where the stream is not played or the body is too long; `SC_ERR_LIMIT` where `queued_output_bytes` wait: write
 * the output first.
 */
sc_status sc_server_session_send(struct sc_server_session *session,
                                 uint32_t stream_id,
                                 const struct sc_tag *tag);

/**
 * Tells a player that the stream has ended. Nothing happens where the stream is not played.
 */
sc_status sc_server_session_end_play(struct sc_server_session *session, uint32_t stream_id);

/**
 * Ends the connection from this side: players get the end of their streams, publishers a status. The session is closing then.
 */
sc_status sc_server_session_close(struct sc_server_session *session);

/**
 * Lists up to `capacity` pieces that wait to be written, in order; `*count` says how many, `SC_NONE` that there are none. They are lent until
 * the next call on the session and stay queued until `sc_server_session_sent`.
 */
sc_status sc_server_session_output(struct sc_server_session *session,
                                   struct sc_iovec *pieces,
                                   size_t capacity,
                                   size_t *count);

/**
 * Says that the first `size` bytes of the output were written.
 *
 * Errors: `SC_ERR_ARGUMENT` for more than were listed.
 */
sc_status sc_server_session_sent(struct sc_server_session *session, size_t size);

/**
 * Gives the time at which `sc_server_session_handle_timeout` is to be called next, or `SC_NONE`. It may change with every other call.
 */
sc_status sc_server_session_poll_timeout(struct sc_server_session *session,
                                         uint64_t *at);

/**
 * Does what is due at `now`. A call before its time does nothing.
 *
 * Errors: `SC_ERR_VIOLATION` where a deadline has passed: close the connection.
 */
sc_status sc_server_session_handle_timeout(struct sc_server_session *session, uint64_t now);

/**
 * Whether the connection is to be closed once the output is written: `*closing`.
 */
sc_status sc_server_session_is_closing(struct sc_server_session *session, bool *closing);

/**
 * Bytes that wait to be written: `*size`.
 */
sc_status sc_server_session_queued(struct sc_server_session *session, size_t *size);

/**
 * A sentence for a status, in English. A text that lives as long as the process; never NULL.
 */
const char *sc_status_text(sc_status status);

/**
 * The release of the library that runs, for example `0.1.0`. A text that lives as long as the process.
 */
const char *sc_version(void);

/**
 * The release of the library that runs as one number: major * 1,000,000 + minor * 1,000 + patch.
 * `SC_VERSION_NUMBER` is the header's.
 */
uint32_t sc_version_number(void);

/**
 * The binary interface of the library that runs; programs pass their header's `SC_ABI_VERSION` to every `sc_*_new`.
 */
uint32_t sc_abi_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* STREAMCORE_H */
