//! Streams that HLS can make little of, and what the server says of each.

use bytes::Bytes;

use super::client::{Client, picture, video_header};

/// What is wrong with a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bad {
    /// Sound, and pictures of which none is a key frame.
    NoKeyFrame,
    /// The first picture alone is a key frame.
    OneKeyFrame,
    /// Key frames that are ten seconds apart.
    LongGroups,
    /// Every tenth picture has a time of a second before.
    TimesRunBack,
    /// Sound, and pictures of VP6.
    NoPlace,
}

impl Bad {
    pub const ALL: [Self; 5] =
        [Self::NoKeyFrame, Self::OneKeyFrame, Self::LongGroups, Self::TimesRunBack, Self::NoPlace];

    /// What is said of it, as docs/packaging.md has it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::NoKeyFrame => {
                "pictures before the first key frame are left out: HLS players wait for one"
            }
            Self::OneKeyFrame => {
                "no key frame in 11 s: HLS players may start or switch with a broken picture; set the encoder's key frame interval"
            }
            Self::LongGroups => {
                "key frames are up to 10 s apart: HLS segments are so long, not 2 s, and players start later; set the encoder's key frame interval"
            }
            Self::TimesRunBack => "times do not increase and are repaired",
            Self::NoPlace => "not all of it is in HLS",
        }
    }

    /// Publishes it, without waiting for anything.
    pub fn send(self, client: &mut Client) {
        if self == Self::NoPlace {
            return vp6(client);
        }
        client.send(9, 1, 0, video_header());
        if self == Self::NoKeyFrame {
            sound(client, 0);
        }
        let count = match self {
            Self::OneKeyFrame => 1000,
            Self::LongGroups => 600,
            _ => 300,
        };
        for n in 0..count {
            let (key, time) = match self {
                Self::NoKeyFrame => (false, n * 40),
                Self::OneKeyFrame => (n == 0, n * 40),
                Self::LongGroups => (n % 250 == 0, n * 40),
                _ => (n % 50 == 0, 2000 + n * 40 - if n % 10 == 9 { 1000 } else { 0 }),
            };
            client.send(9, 1, time, picture(key, 1000));
            if self == Self::NoKeyFrame {
                sound(client, time);
            }
        }
    }
}

impl Bad {
    /// One more of the same at `time`, so that its publisher is not taken for gone.
    pub fn go_on(self, client: &mut Client, time: u32) {
        if self == Self::NoPlace {
            sound(client, time);
        } else {
            client.send(9, 1, time, picture(false, 1000));
        }
    }
}

/// The configuration of AAC-LC, 48 kHz, stereo at time 0, and a frame.
fn sound(client: &mut Client, time: u32) {
    if time == 0 {
        client.send(8, 1, 0, Bytes::from_static(&[0xaf, 0, 0x11, 0x90]));
    }
    client.send(8, 1, time, Bytes::from_static(&[0xaf, 1, 0x21, 0x10, 4, 0x60, 0x8c, 0x1c]));
}

/// What no MP4 has a place for, in the first of its two bytes, and sound.
fn vp6(client: &mut Client) {
    let mut body = vec![0x5a; 500];
    for n in 0..300u32 {
        body[..2].copy_from_slice(&[if n % 50 == 0 { 0x14 } else { 0x24 }, 0]);
        client.send(9, 1, n * 21, Bytes::copy_from_slice(&body));
        sound(client, n * 21);
    }
}
