//! What players choose between: variants of video, each with the sound of its group (RFC 8216 4.3.4).

use super::playlist::{self, AudioMedia, Variant};
use super::rendition::Rendition;

#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    /// Whether sound alone is a variant beside video.
    pub(super) sound_alone: bool,
    /// Whether what was measured is all that there will be.
    pub(super) exact: bool,
}

/// The multivariant playlist of `shown`: a variant for each video track, and for the sound of a group without video.
pub(super) fn multivariant<'a>(
    shown: impl Iterator<Item = &'a Rendition> + Clone,
    options: Options,
) -> String {
    let video = |rendition: &&Rendition| rendition.is_video();
    let sound_of = |group: u8| {
        shown.clone().filter(move |rendition| !rendition.is_video() && rendition.group == group)
    };
    let mut groups: Vec<u8> = shown.clone().map(|rendition| rendition.group).collect();
    groups.sort_unstable();
    groups.dedup();
    let named = groups.len() > 1;
    let (mut audio, mut variants, mut alone) = (Vec::new(), Vec::new(), Vec::new());
    for group in groups {
        let sounds: Vec<&Rendition> = sound_of(group).collect();
        let videos = shown.clone().filter(video).filter(|one| one.group == group);
        let before = variants.len();
        // Groups are named as their first sound is.
        let name = match sounds.first() {
            Some(first) if named => first.id().to_string(),
            _ => "audio".to_owned(),
        };
        let with_sound = videos.map(|one| variant(one, &sounds, &name, options));
        variants.extend(with_sound);
        let has_video = variants.len() > before;
        if has_video {
            let media = sounds.iter().enumerate();
            audio.extend(media.map(|(index, sound)| media_of(sound, &name, index == 0)));
        }
        let lone = sounds.first().filter(|_| !has_video || options.sound_alone);
        if let Some(lone) = lone {
            let mut one = variant(lone, &[], &name, options);
            if !has_video && sounds.len() > 1 {
                // Other languages of a stream of sound.
                let media = sounds.iter().enumerate();
                audio.extend(media.map(|(index, sound)| media_of(sound, &name, index == 0)));
                one.audio = Some(name);
            }
            alone.push(one);
        }
    }
    variants.extend(alone);
    playlist::multivariant(&audio, &variants)
}

fn variant(lead: &Rendition, sounds: &[&Rendition], group: &str, options: Options) -> Variant {
    // Each sound goes with it, one at a time.
    let most = |rate: fn(&Rendition) -> u64| sounds.iter().map(|sound| rate(sound)).max();
    let peak = |rendition: &Rendition| rendition.measured.peak;
    let average = |rendition: &Rendition| rendition.measured.average();
    let highest = peak(lead).saturating_add(most(peak).unwrap_or(0));
    let all = std::iter::once(lead).chain(sounds.iter().copied());
    let mut codecs: Vec<String> = all.map(|one| one.track.config.codec_string()).collect();
    codecs.dedup();
    Variant {
        uri: uri(lead),
        codecs,
        // A peak that was measured so far is not yet the peak.
        peak: if options.exact { highest } else { highest.saturating_mul(5) / 4 },
        average: average(lead).saturating_add(most(average).unwrap_or(0)),
        resolution: lead.track.config.size(),
        frame_rate: lead.is_video().then(|| lead.measured.frame_rate()),
        audio: (!sounds.is_empty()).then(|| group.to_owned()),
        captions: lead.captions,
    }
}

fn media_of(sound: &Rendition, group: &str, default: bool) -> AudioMedia {
    AudioMedia {
        group: group.to_owned(),
        name: sound.id().to_string(),
        channels: sound.track.config.channels().unwrap_or(0),
        uri: uri(sound),
        default,
    }
}

/// Name of a rendition's playlist.
pub(super) fn uri(rendition: &Rendition) -> String {
    format!("{}.m3u8", rendition.id())
}
