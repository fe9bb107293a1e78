//! A stream that is written to files and not watched while it is made.

use super::Muxer;
use crate::buf::Chain;
use crate::error::Result;
use crate::hls::rendition::Playlists;
use crate::media::TrackId;

impl Muxer {
    /// Takes the bytes of a segment out, by its number. The playlists go on to list it, and nothing of it is held any more:
    /// its file is the caller's now. `None` of a gap, and of what is not whole or not there.
    pub fn take_segment(&mut self, track: TrackId, number: u64) -> Option<Chain> {
        let rendition = self.renditions.iter_mut().find(|rendition| rendition.id() == track)?;
        rendition.window.take(number)
    }

    /// Ends a stream that nobody has seen yet, as [`finish`](Self::finish) does. Since no promise was made, the target duration becomes that of
    /// the longest segment, and the highest rate is what it was.
    ///
    /// Fails as [`finish`](Self::finish) does.
    pub fn finish_unseen(&mut self) -> Result<()> {
        self.end_epoch(false)?;
        let segments = self.renditions.iter().flat_map(|rendition| rendition.window.live());
        let longest = segments.map(crate::hls::segment::Segment::micros).max().unwrap_or(0);
        // To the nearest second, as EXTINF is held against it (RFC 8216 4.3.3.1).
        self.target = Some((longest.saturating_add(500_000) / 1_000_000).max(1));
        (self.ended, self.is_unseen) = (true, true);
        self.renditions.iter_mut().for_each(|rendition| rendition.playlist = Playlists::default());
        self.publish();
        Ok(())
    }
}
