//! What real encoders sent, replayed through a server session: the events do not depend on how the bytes arrive.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]

use proptest::prelude::*;
use proptest::sample::Index;
use streamcore::rtmp::message::CodecSupport;
use streamcore::rtmp::session::{Notice, ServerSession, SessionConfig, SessionEvent};
use streamcore::time::Micros;

const OBS_29: &[u8] = include_bytes!("data/obs-29.0.2/publish.c2s");
const FFMPEG_5: &[u8] = include_bytes!("data/ffmpeg-5.1/publish.c2s");
const FFMPEG_8: &[u8] = include_bytes!("data/ffmpeg-8.1/publish.c2s");
const FFMPEG_8_HEVC: &[u8] = include_bytes!("data/ffmpeg-8.1/publish-hevc-enhanced.c2s");
const FFMPEG_9: &[u8] = include_bytes!("data/ffmpeg-9.0/publish.c2s");
const FFMPEG_9_AV1: &[u8] = include_bytes!("data/ffmpeg-9.0/publish-av1-enhanced.c2s");

const ALL: [&[u8]; 6] = [OBS_29, FFMPEG_5, FFMPEG_8, FFMPEG_8_HEVC, FFMPEG_9, FFMPEG_9_AV1];

/// Feeds the pieces, accepts what is asked, and gives all events.
fn replay<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<SessionEvent> {
    let mut session = ServerSession::new(SessionConfig::default(), 7, Micros::ZERO);
    let mut events = Vec::new();
    for mut piece in pieces {
        loop {
            let taken = session.handle_input(Micros::ZERO, piece).unwrap();
            piece = &piece[taken..];
            while let Some(event) = session.poll_event() {
                if let SessionEvent::Publish { request, .. } = &event {
                    session.accept(*request).unwrap();
                }
                events.push(event);
            }
            while session.poll_output().is_some() {}
            if piece.is_empty() {
                break;
            }
        }
    }
    events
}

fn whole(capture: &[u8]) -> Vec<SessionEvent> {
    replay(std::iter::once(capture))
}

/// Numbers of audio, video and data messages.
fn counts(events: &[SessionEvent]) -> [usize; 3] {
    [8, 9, 18].map(|wanted| {
        let is_wanted = |event: &&SessionEvent| matches!(event, SessionEvent::Media { type_id, .. } if *type_id == wanted);
        events.iter().filter(is_wanted).count()
    })
}

/// The events that are no media.
fn signals(events: &[SessionEvent]) -> Vec<&SessionEvent> {
    events.iter().filter(|event| !matches!(event, SessionEvent::Media { .. })).collect()
}

#[test]
fn every_message_of_each_capture_comes_out() {
    assert_eq!(counts(&whole(OBS_29)), [408, 132, 1]);
    for capture in [FFMPEG_5, FFMPEG_8, FFMPEG_9] {
        assert_eq!(counts(&whole(capture)), [189, 124, 1]);
    }
    assert_eq!(counts(&whole(FFMPEG_8_HEVC)), [190, 62, 1]);
    assert_eq!(counts(&whole(FFMPEG_9_AV1)), [203, 62, 1]);
}

#[test]
fn a5_04_obs_connects_publishes_and_stops() {
    let events = whole(OBS_29);
    let [
        SessionEvent::Notice(Notice::HandshakeEchoMismatch),
        SessionEvent::Connected { app, agent, .. },
        SessionEvent::Publish { stream_id: 1, path, .. },
        SessionEvent::Unpublished { stream_id: 1 },
    ] = signals(&events)[..]
    else {
        panic!("{:?}", signals(&events));
    };
    assert_eq!((app.as_str(), agent.as_str()), ("live", "FMLE/3.0 (compatible; FMSc/1.0)"));
    assert_eq!(path.path(), "live/obs1");
}

#[test]
fn a5_04_each_ffmpeg_connects_publishes_and_stops_without_a_notice() {
    for (capture, name) in [
        (FFMPEG_5, "cap5"),
        (FFMPEG_8, "capS"),
        (FFMPEG_8_HEVC, "hevc"),
        (FFMPEG_9, "cap9"),
        (FFMPEG_9_AV1, "eav1"),
    ] {
        let events = whole(capture);
        let [
            SessionEvent::Connected { app, agent, .. },
            SessionEvent::Publish { stream_id: 1, path, .. },
            SessionEvent::Unpublished { stream_id: 1 },
        ] = signals(&events)[..]
        else {
            panic!("{:?}", signals(&events));
        };
        assert!(app == "live" && agent.starts_with("FMLE/3.0 (compatible; Lavf"), "{agent}");
        assert_eq!(path.path(), format!("live/{name}"));
    }
}

#[test]
fn a6_18_ffmpeg_names_its_codecs_where_it_is_told_to_and_says_nothing_else() {
    let told = |capture| {
        let told = signals(&whole(capture)).into_iter().find_map(|event| match event {
            SessionEvent::Connected { capabilities, .. } => Some(capabilities.clone()),
            _ => None,
        });
        told.unwrap_or_default()
    };
    // `-rtmp_enhanced_codecs hvc1,av01,vp09`
    let named = told(FFMPEG_9_AV1);
    for id in [*b"hvc1", *b"av01", *b"vp09"] {
        assert_eq!(named.video(id), CodecSupport::ALL);
    }
    assert!(!named.video(*b"vp08").any_of(CodecSupport::ALL));
    for capture in [OBS_29, FFMPEG_5, FFMPEG_8, FFMPEG_9] {
        assert!(!told(capture).is_enhanced());
    }
}

#[test]
fn byte_by_byte_gives_the_same_events() {
    for capture in ALL {
        assert_eq!(replay(capture.chunks(1)), whole(capture));
    }
}

#[test]
fn any_fixed_piece_size_gives_the_same_events() {
    for capture in ALL {
        for size in [2, 3, 11, 127, 128, 129, 1460, 4096, 4097, 65_536] {
            assert_eq!(replay(capture.chunks(size)), whole(capture), "pieces of {size}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_splits_give_the_same_events(
        which in 0..ALL.len(),
        cuts in proptest::collection::vec(any::<Index>(), 0..400),
    ) {
        let capture = ALL[which];
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(capture.len())).collect();
        cuts.extend([0, capture.len()]);
        cuts.sort_unstable();
        let events = replay(cuts.windows(2).map(|pair| &capture[pair[0]..pair[1]]));
        prop_assert_eq!(events, whole(capture));
    }
}
