//! HLS: segments, window and playlists.
