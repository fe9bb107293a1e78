//! What a stream consists of, to read: for other manifests over the same files.

use std::time::Duration;

use super::config::MuxerConfig;
use super::measured::Measured;
use super::mpd::Mpd;
use super::muxer::Muxer;
use super::open::Open;
use super::rendition::Rendition;
use super::segment::{Part, Segment, part_name, segment_name};
use crate::buf::Chain;
use crate::codec::captions::Captions;
use crate::media::{Track, TrackId};

/// All renditions of a stream as they are now.
#[derive(Clone, Copy, Debug)]
pub struct Presentation<'a> {
    muxer: &'a Muxer,
}

impl<'a> Presentation<'a> {
    pub(super) const fn new(muxer: &'a Muxer) -> Self {
        Self { muxer }
    }

    pub(super) const fn config(&self) -> &'a MuxerConfig {
        self.muxer.config()
    }

    /// Changes with every part and every segment, and at the end.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.muxer.version()
    }

    /// The longest segment that there will be, once the first one is whole.
    #[must_use]
    pub fn target_duration(&self) -> Option<Duration> {
        self.muxer.target_duration()
    }

    /// Whether the stream is over.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        self.muxer.is_ended()
    }

    /// The MPD of what is over, as one that was made at once. `None` where there is nothing to play, and while the stream goes on:
    /// [`MuxerConfig::dash`](super::MuxerConfig::dash) is for that.
    #[must_use]
    pub fn mpd(&self) -> Option<String> {
        let mut mpd = Mpd::default();
        mpd.update(self);
        self.is_ended().then(|| mpd.text(self, false, "")).flatten()
    }

    /// The renditions that players can choose from: video first, then the tracks in the order of their numbers.
    pub fn renditions(&self) -> impl Iterator<Item = RenditionView<'a>> + use<'a> {
        self.muxer.shown().map(|rendition| RenditionView { rendition })
    }
}

/// One rendition: one track, one file a segment.
#[derive(Clone, Copy, Debug)]
pub struct RenditionView<'a> {
    rendition: &'a Rendition,
}

impl<'a> RenditionView<'a> {
    /// Its track in the present configuration. The times here are not in its timescale but in [`timescale`](Self::timescale).
    #[must_use]
    pub const fn track(&self) -> &'a Track {
        &self.rendition.track
    }

    /// The track's identity, which is the start of the names of all its files.
    #[must_use]
    pub const fn id(&self) -> TrackId {
        self.rendition.id()
    }

    /// What is played together: the tracks of one publisher.
    #[must_use]
    pub const fn group(&self) -> u8 {
        self.rendition.group
    }

    /// Ticks a second of the times of what comes next. Earlier segments may have another: [`SegmentView::timescale`].
    #[must_use]
    pub const fn timescale(&self) -> u32 {
        self.rendition.timescale()
    }

    /// The longest part that there will be, where parts are made, once it is decided.
    #[must_use]
    pub fn part_target(&self) -> Option<Duration> {
        self.rendition.part_target.map(|target| Duration::from_micros(target.micros))
    }

    /// Highest bits a second of one segment so far.
    #[must_use]
    pub const fn peak_bandwidth(&self) -> u64 {
        self.measured().peak
    }

    /// Mean bits a second so far.
    #[must_use]
    pub fn average_bandwidth(&self) -> u64 {
        self.measured().average()
    }

    /// Samples in a thousand seconds so far.
    #[must_use]
    pub fn frame_rate(&self) -> u64 {
        self.measured().frame_rate()
    }

    /// Closed captions that its pictures were seen to carry so far.
    #[must_use]
    pub const fn captions(&self) -> Captions {
        self.rendition.captions
    }

    const fn measured(&self) -> &'a Measured {
        &self.rendition.measured
    }

    /// Number of the segment that is being made, as in its name: the one after the last that is whole.
    #[must_use]
    pub fn next_number(&self) -> u64 {
        self.rendition.window.next_number()
    }

    /// What the playlist lists, oldest first, and at last the segment that is being made, where parts of it are out already.
    pub fn segments(&self) -> impl Iterator<Item = SegmentView<'a>> + use<'a> {
        let rendition = self.rendition;
        let window = &rendition.window;
        let mut epoch = window.discontinuity_sequence;
        let mut epoch_of = move |discontinuity: bool| {
            epoch = epoch.saturating_add(u64::from(discontinuity));
            epoch
        };
        let open = (!rendition.open.is_empty()).then_some(State::Open(&rendition.open));
        window.live().map(State::Whole).chain(open).map(move |state| SegmentView {
            rendition,
            state,
            epoch: epoch_of(state.begins_epoch(rendition)),
        })
    }
}

#[derive(Clone, Copy, Debug)]
enum State<'a> {
    Whole(&'a Segment),
    Open(&'a Open),
}

impl State<'_> {
    const fn begins_epoch(&self, rendition: &Rendition) -> bool {
        match self {
            Self::Whole(segment) => segment.discontinuity,
            Self::Open(_) => rendition.opens_epoch(),
        }
    }
}

/// One segment of a rendition. Times are in ticks of [`timescale`](Self::timescale), on one time line for the whole life
/// of the rendition, that all renditions share.
#[derive(Clone, Copy, Debug)]
pub struct SegmentView<'a> {
    rendition: &'a Rendition,
    state: State<'a>,
    epoch: u64,
}

impl<'a> SegmentView<'a> {
    /// Number, as in its name, the same for all renditions.
    #[must_use]
    pub fn number(&self) -> u64 {
        match self.state {
            State::Whole(segment) => segment.number,
            State::Open(_) => self.rendition.window.next_number(),
        }
    }

    /// Discontinuities before it: grows by one with each epoch, for all renditions alike.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Name of its file. There is none of a gap, and none yet of a segment that is not whole.
    #[must_use]
    pub fn name(&self) -> String {
        segment_name(self.rendition.id(), self.number())
    }

    /// Name of the init segment that it needs.
    #[must_use]
    pub fn init_name(&self) -> &'a str {
        match self.state {
            State::Whole(segment) => &segment.init.name,
            State::Open(_) => &self.rendition.current_init().name,
        }
    }

    /// The track's configuration in this segment.
    #[must_use]
    pub fn track(&self) -> &'a Track {
        match self.state {
            State::Whole(segment) => &segment.init.track,
            State::Open(_) => &self.rendition.track,
        }
    }

    /// Ticks a second.
    #[must_use]
    pub const fn timescale(&self) -> u32 {
        match self.state {
            State::Whole(segment) => segment.timescale,
            State::Open(_) => self.rendition.timescale(),
        }
    }

    /// Decode time of the first sample (`tfdt`), or where the gap begins.
    #[must_use]
    pub fn start(&self) -> i64 {
        match self.state {
            State::Whole(segment) => segment.start,
            State::Open(open) => open.start().unwrap_or(0),
        }
    }

    /// Presentation time of the first sample.
    #[must_use]
    pub const fn presentation_start(&self) -> i64 {
        match self.state {
            State::Whole(segment) => segment.present,
            State::Open(open) => open.present(),
        }
    }

    /// From the start to the end of the last sample, so far.
    #[must_use]
    pub fn duration(&self) -> u64 {
        match self.state {
            State::Whole(segment) => segment.duration,
            State::Open(open) => open.duration(),
        }
    }

    /// Presentation time where the sample that is shown last ends, so far. Where a stream breaks off between pictures, that is later than the
    /// presentation start and the duration together.
    #[must_use]
    pub fn presentation_end(&self) -> i64 {
        let parts = match self.state {
            State::Whole(segment) => segment.parts.as_slice(),
            State::Open(open) => open.parts(),
        };
        let duration = i64::try_from(self.duration()).unwrap_or(i64::MAX);
        let end = self.presentation_start().saturating_add(duration);
        parts.iter().map(|part| part.shown).fold(end, i64::max)
    }

    /// Wall clock at [`presentation_start`](Self::presentation_start), in microseconds since 1970, where it is known.
    #[must_use]
    pub const fn wall(&self) -> Option<i64> {
        match self.state {
            State::Whole(segment) => segment.wall,
            State::Open(open) => open.wall(),
        }
    }

    /// Whether nothing came for this time.
    #[must_use]
    pub const fn is_gap(&self) -> bool {
        matches!(self.state, State::Whole(segment) if segment.parts.is_empty())
    }

    /// Whether nothing more comes to it.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        matches!(self.state, State::Whole(_))
    }

    /// Its parts so far: one for all of it where no parts are made, none of a gap. The file of the segment is `styp` and
    /// the parts one behind the other.
    pub fn parts(&self) -> impl ExactSizeIterator<Item = PartView<'a>> + use<'a> {
        let parts = match self.state {
            State::Whole(segment) => segment.parts.as_slice(),
            State::Open(open) => open.parts(),
        };
        let (id, segment) = (self.rendition.id(), self.number());
        parts.iter().enumerate().map(move |(index, part)| PartView { id, segment, index, part })
    }
}

/// One part of a segment.
#[derive(Clone, Copy, Debug)]
pub struct PartView<'a> {
    id: TrackId,
    segment: u64,
    index: usize,
    part: &'a Part,
}

impl<'a> PartView<'a> {
    /// Name of its file.
    #[must_use]
    pub fn name(&self) -> String {
        part_name(self.id, self.segment, self.index)
    }

    /// Decode time of the first sample in ticks of the segment.
    #[must_use]
    pub const fn start(&self) -> i64 {
        self.part.start
    }

    /// Ticks to the end of the last sample.
    #[must_use]
    pub const fn duration(&self) -> u64 {
        self.part.duration
    }

    /// Whether decoding can start within it.
    #[must_use]
    pub const fn is_independent(&self) -> bool {
        self.part.independent
    }

    /// Access units in it.
    #[must_use]
    pub const fn samples(&self) -> usize {
        self.part.samples
    }

    /// The bytes, shared with the muxer.
    #[must_use]
    pub const fn body(&self) -> &'a Chain {
        &self.part.body
    }
}
