use bytes::Bytes;

use super::*;
use crate::error::ErrorKind;
use crate::rtmp::notice::Notice;
use crate::testing::{Chop, pieces};

fn feed(server: &mut ServerHandshake, bytes: &[u8], chop: Chop) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in pieces(bytes, chop) {
        assert_eq!(server.handle_input(piece).unwrap(), piece.len());
        out.extend(server.poll_output().unwrap_or_default());
    }
    out
}

/// Both sides to the end: what the server sent, and the notices of server and client.
fn shake(mut client: ClientHandshake, chop: Chop) -> (Vec<u8>, Option<Notice>, Option<Notice>) {
    let mut server = ServerHandshake::new(9);
    let hello = client.poll_output().unwrap();
    let answer = feed(&mut server, &hello, chop);
    for piece in pieces(&answer, chop) {
        assert_eq!(client.handle_input(piece).unwrap(), piece.len());
    }
    let c2 = client.poll_output().unwrap();
    assert_eq!(c2[..], answer[1..=PACKET], "A1-13: C2 is an exact echo of S1");
    assert!(feed(&mut server, &c2, chop).is_empty());
    assert!(server.is_complete() && client.is_complete());
    (answer, server.poll_notice(), client.poll_notice())
}

#[test]
fn a1_01_any_split_gives_the_same_bytes() {
    let whole = shake(ClientHandshake::new(1), Chop::Whole);
    assert_eq!((whole.0.len(), whole.1, whole.2), (TOTAL, None, None));
    for chop in [Chop::Every(1), Chop::Every(1536), Chop::Every(1537), Chop::Random(3)] {
        assert_eq!(shake(ClientHandshake::new(1), chop), whole);
    }
}

#[test]
fn a1_02_bytes_behind_c2_are_left() {
    let mut server = ServerHandshake::new(1);
    let input = [&[3][..], &[0; 2 * PACKET], b"chunks"].concat();
    assert_eq!(server.handle_input(&input).unwrap(), TOTAL);
    assert_eq!(server.handle_input(b"chunks").unwrap(), 0);
}

#[test]
fn a1_03_the_answer_comes_in_one_buffer_as_soon_as_c1_is_whole() {
    let mut server = ServerHandshake::new(1);
    let c0_c1 = [&[3][..], &[0; PACKET]].concat();
    server.handle_input(&c0_c1[..PACKET]).unwrap();
    assert_eq!(server.poll_output(), None);
    server.handle_input(&c0_c1[PACKET..]).unwrap();
    let answer = server.poll_output().unwrap();
    assert_eq!((answer.len(), answer[0], &answer[1 + PACKET..]), (TOTAL, 3, &c0_c1[1..]));
    assert!(!server.is_complete());
}

#[test]
fn a1_05_a1_06_other_first_bytes_are_refused_by_name() {
    let cases: [(u8, ErrorKind, &str); 9] = [
        (0, ErrorKind::Unsupported, "deprecated"),
        (6, ErrorKind::Unsupported, "RTMPE"),
        (8, ErrorKind::Unsupported, "RTMPE"),
        (b'G', ErrorKind::Malformed, "HTTP"),
        (b'P', ErrorKind::Malformed, "HTTP"),
        (0x16, ErrorKind::Malformed, "TLS"),
        (0xf3, ErrorKind::Unsupported, "proxy"),
        (31, ErrorKind::Malformed, "reserved"),
        (0xff, ErrorKind::Malformed, "not RTMP"),
    ];
    for (byte, kind, text) in cases {
        let error = ServerHandshake::new(1).handle_input(&[byte, 1, 2]).unwrap_err();
        assert_eq!((error.kind(), error.offset()), (kind, Some(0)));
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[test]
fn a1_07_a1_14_a_client_without_a_version_gets_the_simple_answer() {
    let (answer, _, _) = shake(ClientHandshake::new(1), Chop::Whole);
    assert_eq!(answer[5..9], [0; 4], "a version in S1 would promise a digest");
}

#[test]
fn a1_11_a_server_that_does_not_echo_is_a_notice_for_the_client() {
    let mut client = ClientHandshake::new(1);
    client.poll_output();
    client.handle_input(&[&[3][..], &[7; 2 * PACKET]].concat()).unwrap();
    assert!(client.is_complete());
    assert_eq!(client.poll_notice(), Some(Notice::HandshakeEchoMismatch));
}

#[test]
fn a1_12_a_client_that_does_not_echo_is_a_notice_for_the_server() {
    let mut server = ServerHandshake::new(1);
    server.handle_input(&[&[3][..], &[0; 2 * PACKET]].concat()).unwrap();
    assert!(server.is_complete());
    assert_eq!(server.poll_notice(), Some(Notice::HandshakeEchoMismatch));
}

#[test]
fn a1_13_a_client_that_polls_late_still_says_hello_first() {
    let mut client = ClientHandshake::new(1);
    client.handle_input(&[&[3][..], &[7; PACKET]].concat()).unwrap();
    let out = client.poll_output().unwrap();
    assert_eq!((out.len(), out[0], &out[1 + PACKET..]), (TOTAL, 3, &[7; PACKET][..]));
    assert!(ClientHandshake::new(1).handle_input(&[6]).is_err());
}

#[test]
fn a1_17_the_random_bytes_differ_by_seed_and_are_not_zero() {
    let s1 = |seed| {
        let mut server = ServerHandshake::new(seed);
        server.handle_input(&[&[3][..], &[0; PACKET]].concat()).unwrap();
        server.poll_output().unwrap().slice(9..=PACKET)
    };
    assert_ne!(s1(1), s1(2));
    for seed in [0, u64::MAX] {
        assert!(s1(seed).iter().filter(|&&byte| byte == 0).count() < 30);
    }
}

#[cfg(feature = "digest-handshake")]
mod digests {
    use super::*;
    use crate::rtmp::handshake::digest::{self, DIGEST, SCHEMES};

    #[test]
    fn a1_08_a1_10_a1_14_both_schemes_get_a_digest_answer() {
        for first in [true, false] {
            let (answer, notice, _) =
                shake(ClientHandshake::with_digest(5, first), Chop::Random(1));
            assert_eq!(notice, None);
            let (s1, s2) = answer[1..].split_at(PACKET);
            assert!(s1[4] >= 3);
            let (scheme, _) = digest::find(s1, digest::SERVER_KEY).unwrap();
            assert_eq!(scheme, SCHEMES[usize::from(!first)]);
            let mut client = ClientHandshake::with_digest(5, first);
            let hello = client.poll_output().unwrap();
            let (_, c1_digest) = digest::find(&hello[1..], digest::CLIENT_KEY).unwrap();
            let mut expected = s2.to_vec();
            digest::sign_answer(&mut expected, &c1_digest, digest::SERVER_FULL_KEY);
            assert_eq!(expected[PACKET - DIGEST..], s2[PACKET - DIGEST..]);
        }
    }

    #[test]
    fn a1_08_the_digest_itself_is_not_hashed() {
        let mut packet = vec![5; PACKET];
        digest::sign(&mut packet, SCHEMES[0], digest::CLIENT_KEY);
        assert!(digest::find(&packet, digest::CLIENT_KEY).is_some());
        for at in [0, 700, PACKET - 1] {
            let mut damaged = packet.clone();
            damaged[at] ^= 1;
            assert_eq!(digest::find(&damaged, digest::CLIENT_KEY), None, "byte {at}");
        }
    }

    #[test]
    fn a1_08_the_digest_that_ffmpeg_sends_is_found() {
        let capture: &[u8] = include_bytes!("../../../tests/data/ffmpeg-9.0/publish.c2s");
        assert!(digest::find(&capture[1..=PACKET], digest::CLIENT_KEY).is_some());
    }

    #[test]
    fn a1_09_a_version_without_a_digest_falls_back_to_the_simple_answer() {
        let mut server = ServerHandshake::new(1);
        let c1 = [&[0, 0, 0, 0, 9, 0, 124, 2][..], &[1; PACKET - 8]].concat();
        server.handle_input(&[&[3][..], &c1].concat()).unwrap();
        let answer = server.poll_output().unwrap();
        assert_eq!(answer[1 + PACKET..], c1);
        assert_eq!(answer[5..9], [0; 4]);
        assert_eq!(server.poll_notice(), Some(Notice::HandshakeNoDigest));
    }

    #[test]
    fn a1_08_every_offset_of_both_schemes_lies_within_the_packet() {
        for scheme in SCHEMES {
            for byte in 0..=255 {
                let mut packet = vec![byte; PACKET];
                digest::sign(&mut packet, scheme, digest::SERVER_KEY);
                assert!(digest::find(&packet, digest::SERVER_KEY).is_some(), "{byte}");
            }
        }
    }
}

#[test]
fn a1_12_a_strict_server_refuses_a_c2_that_is_no_echo() {
    for (policy, damaged, fails) in [
        (EchoPolicy::Strict, true, true),
        (EchoPolicy::Strict, false, false),
        (EchoPolicy::Tolerant, true, false),
    ] {
        for chop in [Chop::Whole, Chop::Every(1), Chop::Random(4)] {
            let mut server = ServerHandshake::new(9).with_policy(policy);
            let mut client = ClientHandshake::new(1);
            let answer = feed(&mut server, &client.poll_output().unwrap(), chop);
            client.handle_input(&answer).unwrap();
            let mut c2 = client.poll_output().unwrap().to_vec();
            c2[1000] ^= u8::from(damaged);
            let result: Result<Vec<usize>, _> =
                pieces(&c2, chop).into_iter().map(|piece| server.handle_input(piece)).collect();
            assert_eq!(
                result.as_ref().err().map(|error| error.kind()),
                fails.then_some(ErrorKind::Violation)
            );
            let noticed = server.poll_notice() == Some(Notice::HandshakeEchoMismatch);
            assert_eq!(noticed, damaged && !fails);
        }
    }
    assert_eq!(EchoPolicy::default(), EchoPolicy::Tolerant);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a1_01_both_sides_meet_at_any_split(seeds: (u64, u64), digest: bool) {
        let client = || {
            #[cfg(feature = "digest-handshake")]
            if digest {
                return ClientHandshake::with_digest(seeds.0, seeds.1 % 2 == 0);
            }
            let _ = digest;
            ClientHandshake::new(seeds.0)
        };
        proptest::prop_assert_eq!(shake(client(), Chop::Random(seeds.1)), shake(client(), Chop::Whole));
    }

    #[test]
    fn a1_01_any_c1_and_c2_are_answered_alike_at_any_split(
        seed: u64,
        body in proptest::collection::vec(proptest::prelude::any::<u8>(), 2 * PACKET..2 * PACKET + 40),
    ) {
        let input = [&[VERSION][..], &body].concat();
        let shake = |chop| {
            let mut server = ServerHandshake::new(1);
            let (mut out, mut taken) = (Vec::new(), 0);
            for piece in pieces(&input, chop) {
                taken += server.handle_input(piece).unwrap();
                out.extend(server.poll_output().unwrap_or_default());
            }
            let notices: Vec<Notice> = std::iter::from_fn(|| server.poll_notice()).collect();
            (out, taken, server.is_complete(), notices)
        };
        let whole = shake(Chop::Whole);
        proptest::prop_assert_eq!((whole.0.len(), whole.1, whole.2), (TOTAL, TOTAL, true));
        proptest::prop_assert_eq!(&shake(Chop::Random(seed)), &whole);
        proptest::prop_assert_eq!(&shake(Chop::Every(1)), &whole);
    }
}

#[test]
fn an_empty_input_changes_nothing() {
    let mut server = ServerHandshake::new(1);
    assert_eq!(server.handle_input(&[]).unwrap(), 0);
    assert!(server.is_untouched());
    assert_eq!(server.poll_output(), None::<Bytes>);
}
