//! Every kind of notice: provoked twice, said once, counted, with a clause.

use super::*;

const MP3S: &[u8] = include_bytes!("../../../tests/data/eflv/mp3.frames.bin");
const HVCC: &[u8] = include_bytes!("../../../tests/data/eflv/hevc.hvcC");

/// A place in the list for each kind: a new one does not compile without.
const fn place(kind: NoticeKind) -> usize {
    match kind {
        NoticeKind::MalformedBody => 0,
        NoticeKind::UnsupportedVideo => 1,
        NoticeKind::UnsupportedAudio => 2,
        NoticeKind::EmptyConfig => 3,
        NoticeKind::BadConfig => 4,
        NoticeKind::BeforeConfig => 5,
        NoticeKind::InBandConfig => 6,
        NoticeKind::AnnexB => 7,
        NoticeKind::InnerStartCode => 8,
        NoticeKind::EmptyNal => 9,
        NoticeKind::NalOverrun => 10,
        NoticeKind::Delimiter => 11,
        NoticeKind::NoPicture => 12,
        NoticeKind::SplitPicture => 13,
        NoticeKind::LateSlice => 14,
        NoticeKind::FieldPair => 15,
        NoticeKind::Rebuilt => 16,
        NoticeKind::KeyFlag => 17,
        NoticeKind::CompositionTime => 18,
        NoticeKind::NonMonotonic => 19,
        NoticeKind::TimeJump => 20,
        NoticeKind::BeforeKey => 21,
        NoticeKind::TooManyTracks => 22,
        NoticeKind::Adts => 23,
        NoticeKind::LegacyHevc => 24,
        NoticeKind::EmptyFrame => 25,
    }
}

const KINDS: usize = 26;

/// A stream with the deviation twice or more.
fn provoke(at: usize) -> Vec<Tag> {
    let start = || vec![header(), video(0, &[IDR])];
    let then = |tags: &[Tag]| [&start()[..], tags].concat();
    let odd =
        |payload: &[u8]| then(&[message(40, 0, payload, false), message(80, 0, payload, false)]);
    let key_flag = |time| message(time, 0, &avcc(&[INTER]), true);
    let raw = |kind, body: &[u8]| tag(kind, 0, body, &[]);
    let adts = [0xff, 0xf1, 0x4c, 0x80, 1, 0x3f, 0xfc, 1, 2];
    match at {
        0 => vec![
            raw(TagKind::Video, &[0x17]),
            tag(TagKind::Audio, 0, &[0x2e], &[MP3S, &[1, 2]].concat()),
        ],
        1 => then(&[raw(TagKind::Video, &[0x2f, 1]), raw(TagKind::Video, &[0x2f, 1])]),
        2 => vec![raw(TagKind::Audio, &[0xd2, 1]), raw(TagKind::Audio, &[0xd2, 1])],
        3 => vec![video_header(&[]), audio_header(&[])],
        4 => vec![video_header(&[9, 9]), audio_header(&[0x11])],
        5 => vec![video(0, &[IDR]), audio(0, &[1, 2])],
        6 => then(&[video(40, &[OTHER_SPS, PPS, IDR]), video(80, &[SPS, PPS, IDR])]),
        7 => odd(&annex_b(&[INTER])),
        8 => odd(&avcc(&[&[INTER, &[0, 0, 1], INTER_2].concat()])),
        9 => odd(&avcc(&[INTER, &[]])),
        10 => odd(&[&avcc(&[INTER])[..], &[0, 0, 9, 9, 1]].concat()),
        11 => odd(&avcc(&[AUD, INTER])),
        12 => odd(&avcc(&[SEI])),
        13 => then(&[video(0, &[IDR_2]), video(40, &[INTER]), video(40, &[INTER_2])]),
        14 => then(&[
            video(40, &[INTER]),
            video(80, &[INTER]),
            video(80, &[INTER_2]),
            video(80, &[INTER_2]),
        ])
        .into_iter()
        .chain([video(120, &[INTER]), audio_header(LC_48K), audio(900, &[1]), audio(950, &[1])])
        .chain([video(120, &[INTER_2]), video(120, &[INTER_2])])
        .collect(),
        15 => super::pictures::fields_apart(),
        16 => odd(&annex_b(&[INTER])),
        17 => then(&[key_flag(40), key_flag(80)]),
        18 => then(&[40, 80].map(|time| message(time, 7_000_000, &avcc(&[INTER]), false))),
        19 => then(&[video(0, &[INTER]), video(0, &[INTER])]),
        20 => jumps(),
        21 => (0..2).map(|at| super::pictures::hevc_nal(at * 40, &[0x02, 1, 0xd0, 0x80])).collect(),
        22 => (0..20)
            .map(|number| {
                tag(
                    TagKind::Audio,
                    0,
                    &[0x95, 0x01],
                    &[b"Opus", &[number][..], &[0xfc, 1]].concat(),
                )
            })
            .collect(),
        23 => vec![audio(0, &adts), audio(21, &adts)],
        24 => vec![
            tag(TagKind::Video, 0, &[0x1c, 0, 0, 0, 0], HVCC),
            tag(TagKind::Video, 0, &[0x17, 0, 0, 0, 0], HVCC),
        ],
        _ => vec![audio_header(LC_48K), audio(0, &[]), audio(21, &[])],
    }
}

/// Two wild times of the pictures, with sound beside them.
fn jumps() -> Vec<Tag> {
    let mut tags = vec![header(), audio_header(LC_48K)];
    for n in 0..60_u32 {
        let wild = matches!(n, 20 | 40);
        tags.push(video(
            if wild { 0x7000_0000 } else { n * 40 },
            &[if n == 0 { IDR } else { INTER }],
        ));
        tags.push(audio(n * 40, &[1, 2]));
    }
    tags
}

#[test]
fn every_kind_is_counted_said_once_and_names_its_clause() {
    for at in 0..KINDS {
        let mut assembler = Assembler::new(&Limits::default());
        let mut said = Vec::new();
        for tag in provoke(at) {
            assembler.handle_tag(&tag);
            said.extend(poll(&mut assembler));
        }
        assembler.finish();
        said.extend(poll(&mut assembler));
        let said: Vec<_> = said
            .iter()
            .filter_map(|event| match event {
                Event::Notice(notice) if place(notice.kind) == at => Some(notice),
                _ => None,
            })
            .collect();
        let counted = assembler.notices().iter().find(|notice| place(notice.kind) == at);
        let Some(counted) = counted else { panic!("kind {at}: {:?}", assembler.notices()) };
        assert!(counted.count >= 2, "{counted:?}");
        assert_eq!((said.len(), said[0].count), (1, 1), "{counted:?}");
        let known = [
            "FLV 10.1 ",
            "RTMP 1.0 ",
            "ISO/IEC ",
            "H.26",
            "Enhanced RTMP v2",
            "RFC ",
            "TS 102 366 ",
            "AV1",
        ];
        assert!(known.iter().any(|start| counted.clause.starts_with(start)), "{counted:?}");
    }
}
