//! What becomes of directives that have no key here.

/// Why a directive needs none: what it asks for is always so, or is done in another way.
pub fn not_needed(name: &str) -> Option<&'static str> {
    Some(match name {
        "hls_path" | "dash_path" => {
            "segments are kept in memory and served at http://HOST:8080/APP/NAME/index.m3u8 and index.mpd"
        }
        "hls_nested" | "dash_nested" => "every stream has a folder of its own",
        "hls_cleanup" | "dash_cleanup" => "nothing is left to clean up",
        "hls_continuous" => "segment numbers grow across restarts; hls_reconnect joins sessions",
        "hls_fragment_naming" | "hls_fragment_naming_granularity" | "hls_datetime" => {
            "names of segments never repeat"
        }
        "hls_fragment_slicing" => "segments end at key frames",
        "hls_sync" | "sync" => "times are repaired for each track",
        "hls_max_fragment"
        | "hls_flush_never"
        | "hls_max_audio_delay"
        | "hls_audio_buffer_size" => "segments are cut by what the first one shows",
        "chunk_size" => "players get chunks of one size that is made once for all of them",
        "ack_window" | "ack_size" | "max_message" | "max_streams" | "out_queue" | "out_cork"
        | "buflen" => "memory and messages have limits of their own",
        "timeout" | "ping" | "ping_timeout" | "busy" | "play_restart" | "idle_streams"
        | "publish_notify" => {
            "peers that do not answer are closed, and players wait for a publisher"
        }
        "wait_key" | "wait_video" | "interleave" | "meta" | "publish_time_fix" => {
            "players start at a key frame, with headers and metadata"
        }
        "record_notify" | "record_lock" | "record_append" => {
            "recordings are whole files, and record_reconnect goes on in one"
        }
        "access_log" | "log_format" | "error_log" => {
            "the log goes to standard error, as text or JSON"
        }
        "so_keepalive" | "tcp_nodelay" => "connections are set up so that nothing waits",
        _ => return None,
    })
}

/// Why a directive that nginx-rtmp has cannot be carried over.
pub fn cannot(name: &str) -> &'static str {
    match name {
        "hls_keys" | "hls_key_path" | "hls_key_url" | "hls_fragments_per_key" => {
            "segments are not encrypted"
        }
        "dash_repetition" => "there is no key for it",
        "hls_base_url" => "addresses in playlists are relative",
        "play" | "play_temp_path" | "play_local_path" => "files are not played over RTMP",
        _ if name.starts_with("exec") => {
            "programs are run for finished recordings only: exec_record_done"
        }
        _ if name.starts_with("push") || name.starts_with("pull") => "there is no key for it",
        _ => "there is no key for it",
    }
}
