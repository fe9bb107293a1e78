//! The MPD, element by element (ISO/IEC 23009-1 5.3).

use std::fmt;
use std::time::Duration;

use super::xml::{Attributes, Xml};
use super::{
    AdaptationSet, Clock, Kind, Live, LowLatency, Period, Presentation, Properties, ReferenceTime,
    Representation, Template, timeline,
};
use crate::media::MediaKind;
use crate::time::{UtcDate, rescale};

const PROFILES: &str = "urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019";
/// Channels by their number, which every player reads.
const CHANNELS: &str = "urn:mpeg:dash:23003:3:audio_channel_configuration:2011";

impl Presentation {
    /// The text of the MPD, in UTF-8.
    #[must_use]
    pub fn mpd(&self) -> String {
        let mut xml = Xml::new();
        let low_latency = self.live().and_then(|live| live.low_latency);
        xml.element(
            "MPD",
            |mpd| self.attributes(mpd),
            |xml| {
                if let Some(url) = &self.base_url {
                    xml.text("BaseURL", url);
                }
                if let Some(low) = low_latency {
                    service(xml, &low);
                }
                for period in self.periods.iter().filter(|period| !period.is_empty()) {
                    period.write(xml, self.live());
                }
                let clocks = self.live().map_or(&[][..], |live| &live.clocks);
                clocks.iter().for_each(|clock| clock.write(xml));
            },
        );
        xml.finish()
    }

    const fn live(&self) -> Option<&Live> {
        match &self.kind {
            Kind::Live(live) => Some(live),
            Kind::Static { .. } => None,
        }
    }

    fn attributes(&self, mpd: &mut Attributes<'_>) {
        mpd.set("xmlns", "urn:mpeg:dash:schema:mpd:2011").set("profiles", PROFILES);
        match &self.kind {
            Kind::Live(live) => mpd
                .set("type", "dynamic")
                .set("availabilityStartTime", UtcDate(live.availability_start))
                .set("publishTime", UtcDate(live.publish_time))
                .set("minimumUpdatePeriod", Span(live.update_period))
                .option("timeShiftBufferDepth", live.depth.map(Span))
                .set("suggestedPresentationDelay", Span(live.delay)),
            Kind::Static { duration } => {
                mpd.set("type", "static").set("mediaPresentationDuration", Span(*duration))
            }
        };
        mpd.set("minBufferTime", Span(self.min_buffer));
        mpd.set("maxSegmentDuration", Span(self.max_segment_duration));
    }
}

/// What latency players should keep (annex K.3.2).
fn service(xml: &mut Xml, low: &LowLatency) {
    let millis = |time: Duration| time.as_millis();
    xml.element(
        "ServiceDescription",
        |service| {
            service.set("id", 0);
        },
        |xml| {
            xml.empty("Latency", |latency| {
                latency.set("target", millis(low.target));
                latency.set("min", millis(low.min)).set("max", millis(low.max));
                latency.set("referenceId", 0);
            });
            xml.empty("PlaybackRate", |rate| {
                rate.set("min", "0.96").set("max", "1.04");
            });
        },
    );
}

impl Clock {
    fn write(&self, xml: &mut Xml) {
        let (scheme, value) = match self {
            Self::HttpIso(url) => ("http-iso", url.clone()),
            Self::HttpHead(url) => ("http-head", url.clone()),
            Self::Direct(time) => ("direct", UtcDate(*time).to_string()),
        };
        xml.empty("UTCTiming", |timing| {
            timing.set("schemeIdUri", format_args!("urn:mpeg:dash:utc:{scheme}:2014"));
            timing.set("value", value);
        });
    }
}

impl Period {
    fn is_empty(&self) -> bool {
        self.sets.iter().all(AdaptationSet::is_empty)
    }

    fn write(&self, xml: &mut Xml, live: Option<&Live>) {
        xml.element(
            "Period",
            |period| {
                period.set("id", &self.id).set("start", Span(self.start));
                period.option("duration", self.duration.map(Span));
            },
            |xml| {
                for set in self.sets.iter().filter(|set| !set.is_empty()) {
                    set.write(xml, live);
                }
            },
        );
    }
}

impl AdaptationSet {
    fn is_empty(&self) -> bool {
        self.representations.iter().all(|one| one.segments.is_empty())
    }

    fn write(&self, xml: &mut Xml, live: Option<&Live>) {
        let kind = match self.kind {
            MediaKind::Video => "video",
            MediaKind::Audio => "audio",
        };
        let low_latency = live.and_then(|live| live.low_latency);
        xml.element(
            "AdaptationSet",
            |set| {
                set.set("id", self.id).set("contentType", kind);
                set.set("mimeType", format_args!("{kind}/mp4"));
                set.option("lang", self.language.as_ref());
                set.set("segmentAlignment", self.is_aligned()).set("startWithSAP", 1);
            },
            |xml| {
                // In the order of the schema.
                if let Some(label) = &self.label {
                    xml.text("Label", label);
                }
                self.reference(xml, live);
                self.captions(xml);
                let role = if self.main { "main" } else { "alternate" };
                xml.empty("Role", |entry| {
                    entry.set("schemeIdUri", "urn:mpeg:dash:role:2011").set("value", role);
                });
                for one in self.representations.iter().filter(|one| !one.segments.is_empty()) {
                    one.write(xml, low_latency.as_ref());
                }
            },
        );
    }

    /// Says what captions there are, of a language that nobody told (ANSI/SCTE 214-1 7.2.3).
    fn captions(&self, xml: &mut Xml) {
        let mut of = |scheme: &str, value: String| {
            xml.empty("Accessibility", |entry| {
                entry.set("schemeIdUri", scheme).set("value", value);
            });
        };
        let channels: Vec<String> =
            self.captions.cea_608().map(|channel| format!("{channel}=und")).collect();
        if !channels.is_empty() {
            of("urn:scte:dash:cc:cea-608:2015", channels.join(";"));
        } else if self.captions.has_cea_708() {
            of("urn:scte:dash:cc:cea-708:2015", "1=lang:und".to_owned());
        }
    }

    /// Whether no segment of one representation overlaps one of another number of another (5.3.3.2).
    fn is_aligned(&self) -> bool {
        let Some((first, others)) = self.representations.split_first() else { return true };
        others.iter().all(|other| first.is_aligned_with(other))
    }

    fn reference(&self, xml: &mut Xml, live: Option<&Live>) {
        let (Some(ReferenceTime { media_time, wall }), Some(live)) = (self.reference, live) else {
            return;
        };
        xml.element(
            "ProducerReferenceTime",
            |time| {
                time.set("id", 0).set("inband", "true").set("type", "encoder");
                time.set("wallClockTime", UtcDate(wall)).set("presentationTime", media_time);
            },
            |xml| live.clocks.iter().take(1).for_each(|clock| clock.write(xml)),
        );
    }
}

impl Representation {
    fn write(&self, xml: &mut Xml, low_latency: Option<&LowLatency>) {
        xml.element(
            "Representation",
            |one| {
                one.set("id", &self.id).set("codecs", &self.codecs);
                one.set("bandwidth", self.bandwidth.max(1));
                self.properties.attributes(one);
            },
            |xml| {
                if let Properties::Audio { channels: Some(channels), .. } = self.properties {
                    xml.empty("AudioChannelConfiguration", |entry| {
                        entry.set("schemeIdUri", CHANNELS).set("value", channels);
                    });
                }
                xml.element(
                    "SegmentTemplate",
                    |template| self.template(template, low_latency),
                    |xml| timeline::write(xml, &self.segments),
                );
            },
        );
    }

    fn is_aligned_with(&self, other: &Self) -> bool {
        let micros = |one: &Self, ticks: u64| {
            let ticks = i64::try_from(ticks).unwrap_or(i64::MAX);
            rescale(ticks, one.timescale, 1_000_000)
        };
        let number = |one: &Self| match one.media {
            Template::Number { first, .. } => Some(first),
            Template::Time { .. } => None,
        };
        // The rounding of the wire, and of timescales.
        let near = |a: i64, b: i64| a.abs_diff(b) <= 1000;
        let (Some(mine), Some(theirs)) = (number(self), number(other)) else {
            let starts = |one: &Self| -> Vec<i64> {
                one.segments.iter().map(|segment| micros(one, segment.start)).collect()
            };
            return starts(self).iter().zip(&starts(other)).all(|(&a, &b)| near(a, b));
        };
        let skip =
            |from: u64, to: u64| usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX);
        let first = self.segments.iter().skip(skip(mine, theirs));
        let second = other.segments.iter().skip(skip(theirs, mine));
        first.zip(second).all(|(a, b)| near(micros(self, a.start), micros(other, b.start)))
    }

    fn template(&self, template: &mut Attributes<'_>, low_latency: Option<&LowLatency>) {
        template.set("timescale", self.timescale);
        template.set("presentationTimeOffset", self.presentation_time_offset);
        if let Some(low) = low_latency {
            let offset = low.availability_offset;
            let text = format_args!("{}.{:03}", offset.as_secs(), offset.subsec_millis());
            template.set("availabilityTimeOffset", text);
            template.set("availabilityTimeComplete", "false");
        }
        template.set("initialization", Url(&self.init));
        match &self.media {
            Template::Number { prefix, first, suffix } => {
                let media = format_args!("{}$Number${}", Url(prefix), Url(suffix));
                template.set("media", media).set("startNumber", first)
            }
            Template::Time { prefix, suffix } => {
                template.set("media", format_args!("{}$Time${}", Url(prefix), Url(suffix)))
            }
        };
    }
}

impl Properties {
    fn attributes(&self, one: &mut Attributes<'_>) {
        match *self {
            Self::Video { size, frame_rate, sample_aspect_ratio } => {
                one.option("width", size.map(|size| size.0));
                one.option("height", size.map(|size| size.1));
                // Zero breaks players.
                let sane = frame_rate.filter(|&(num, den)| num > 0 && den > 0);
                match sane {
                    Some((num, 1)) => one.set("frameRate", num),
                    Some((num, den)) => one.set("frameRate", format_args!("{num}/{den}")),
                    None => one,
                };
                let (width, height) = sample_aspect_ratio.unwrap_or((1, 1));
                one.set("sar", format_args!("{width}:{height}"));
            }
            Self::Audio { sample_rate, .. } => {
                one.option("audioSamplingRate", sample_rate);
            }
        }
    }
}

/// A length of time as `xs:duration`, to the millisecond and finer where it has finer parts.
struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, micros) = (self.0.as_secs(), self.0.subsec_micros());
        if micros % 1000 == 0 {
            write!(f, "PT{seconds}.{:03}S", micros / 1000)
        } else {
            write!(f, "PT{seconds}.{micros:06}S")
        }
    }
}

/// A part of a URL template, with `$` escaped (5.3.9.4.4).
struct Url<'a>(&'a str);

impl fmt::Display for Url<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = self.0.split('$');
        f.write_str(parts.next().unwrap_or(""))?;
        parts.try_for_each(|part| write!(f, "$${part}"))
    }
}
