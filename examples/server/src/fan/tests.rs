use bytes::Bytes;
use streamcore::flv::TagKind;

use super::*;
use crate::player::{Line, Next, Packet};

fn video(timestamp: u32, key: bool, size: usize) -> Tag {
    let mut body = vec![0; size];
    body[..5].copy_from_slice(&[if key { 0x17 } else { 0x27 }, 1, 0, 0, 0]);
    // One NAL unit that fills the body: the first slice of an IDR picture, or of another.
    body[5..9].copy_from_slice(&u32::try_from(size - 9).unwrap().to_be_bytes());
    (body[9], body[10]) = (if key { 0x65 } else { 0x41 }, 0x88);
    Tag { kind: TagKind::Video, timestamp, body: Bytes::from(body) }
}

fn player_of(form: Form) -> Arc<Player> {
    Player::new(form, 100_000, Line::default())
}

fn player(stream_id: u32) -> Arc<Player> {
    player_of(Form::Rtmp { stream_id, chunk_size: 4096 })
}

fn fan() -> Fan {
    Fan::default()
}

fn patient(latency: Duration) -> Fan {
    let fan = Fan::default();
    fan.set_latency(latency);
    fan
}

/// What the shards' tasks do, where no runtime runs them.
fn deliver(fan: &Fan) {
    fan.flush();
    fan.shards().iter().for_each(|shard| _ = shard.deliver());
}

fn times(player: &Player) -> Vec<u32> {
    let next = || match player.next() {
        Next::Message(Packet::Rtmp(message)) => Some(message.timestamp()),
        _ => None,
    };
    std::iter::from_fn(next).collect()
}

#[test]
fn players_share_the_bytes_of_a_message() {
    let mut fan = fan();
    let players = [player(1), player(1), player(2)];
    players.iter().for_each(|player| fan.add(player.clone(), std::iter::empty()));
    fan.send(&video(0, true, 10_000));
    deliver(&fan);
    let heads: Vec<_> = players
        .iter()
        .map(|player| {
            let Next::Message(Packet::Rtmp(message)) = player.next() else { panic!("no message") };
            message.chain().iter().next().unwrap().as_ptr()
        })
        .collect();
    assert_eq!(heads[0], heads[1]);
    assert_ne!(heads[0], heads[2]);
}

#[test]
fn flv_players_share_the_payload_with_rtmp_players_and_each_other() {
    let mut fan = fan();
    let forms = [
        Form::HttpFlv,
        Form::HttpFlv,
        Form::WsFlv,
        Form::Rtmp { stream_id: 1, chunk_size: 1 << 20 },
    ];
    let players = forms.map(player_of);
    players.iter().for_each(|player| fan.add(player.clone(), std::iter::empty()));
    assert_eq!((fan.len(), fan.count(Form::is_flv)), (4, 3));
    let tag = video(7, true, 10_000);
    fan.send(&tag);
    deliver(&fan);
    let chains = players.each_ref().map(|player| match player.next() {
        Next::Message(Packet::Flv { tag, is_frame: true, .. }) => (*tag).clone(),
        Next::Message(Packet::Rtmp(message)) => message.chain().clone(),
        other => panic!("{other:?}"),
    });
    let pieces = chains.each_ref().map(|chain| chain.iter().cloned().collect::<Vec<_>>());
    // Head, payload and tail over HTTP; one message over a WebSocket; a head and the payload over RTMP.
    assert_eq!(pieces.each_ref().map(Vec::len), [3, 3, 1, 2]);
    for payload in [&pieces[0][1], &pieces[1][1], &pieces[3][1]] {
        assert_eq!(payload.as_ptr(), tag.body.as_ptr(), "no copy");
    }
    assert_eq!(chains[0].to_bytes(), pieces[2][0]);
    // What is small is one piece, the same for all.
    fan.send(&video(8, false, 100));
    deliver(&fan);
    let small = [0, 1].map(|at: usize| match players[at].next() {
        Next::Message(Packet::Flv { tag, .. }) => tag.iter().map(|part| part.as_ptr()).collect(),
        other => panic!("{other:?}"),
    });
    let [one, other]: [Vec<_>; 2] = small;
    assert!(one.len() == 1 && one == other);
}

#[test]
fn f_21_a_player_who_stalls_is_bounded_counted_and_given_up() {
    let mut fan = fan();
    let (stalled, reading) = (player(1), player(1));
    fan.add(stalled.clone(), std::iter::empty());
    fan.add(reading.clone(), std::iter::empty());
    let mut received = Vec::new();
    for n in 0..3000 {
        fan.send(&video(n * 33, n % 30 == 0, 2000));
        deliver(&fan);
        assert!(stalled.bytes() <= 100_000);
        received.extend(times(&reading));
    }
    assert!(received.iter().copied().eq((0..3000).map(|n| n * 33)), "the other gets all, in order");
    assert!(matches!(stalled.next(), Next::GiveUp));
    let waiting = stalled.bytes() as u64 / 2000;
    assert_eq!(fan.losses().counts(), [(3000 - waiting, 0), (0, 0)]);
}

#[test]
fn pictures_start_at_a_key_frame() {
    let mut fan = fan();
    let player = player(1);
    fan.add(player.clone(), std::iter::empty());
    fan.send(&video(0, false, 100));
    deliver(&fan);
    assert!(matches!(player.next(), Next::Wait));
    fan.send(&video(33, true, 100));
    deliver(&fan);
    assert!(matches!(player.next(), Next::Message(_)));
}

#[test]
fn who_joins_gets_nothing_twice() {
    let mut fan = fan();
    let (early, late) = (player(1), player(1));
    fan.add(early.clone(), std::iter::empty());
    let tags: Vec<Tag> = (0..5).map(|n| video(n * 33, n == 0, 100)).collect();
    tags.iter().for_each(|tag| fan.send(tag));
    // The first five are in line still, and the newcomer has them by its group of pictures.
    fan.add(late.clone(), tags.iter().cloned());
    fan.send(&video(165, false, 100));
    deliver(&fan);
    let all = [0, 33, 66, 99, 132, 165];
    assert_eq!((times(&early), times(&late)), (all.to_vec(), all.to_vec()));
    // The same after a pause.
    late.pause();
    fan.send(&video(198, true, 100));
    fan.resume(&late, [video(198, true, 100)].into_iter());
    deliver(&fan);
    assert_eq!(times(&late), [198]);
}

#[test]
fn who_has_left_gets_nothing_more_and_shards_go_with_their_last_player() {
    let mut fan = fan();
    let players: Vec<_> = (0..SHARD_PLAYERS + 1).map(|_| player(1)).collect();
    players.iter().for_each(|player| fan.add(player.clone(), std::iter::empty()));
    assert_eq!((fan.len(), fan.shards().len()), (SHARD_PLAYERS + 1, 2));
    fan.send(&video(0, true, 100));
    fan.remove(&players[0]);
    deliver(&fan);
    assert_eq!((times(&players[0]).len(), times(&players[1]).len()), (0, 1));
    players.iter().skip(1).for_each(|player| fan.remove(player));
    assert!(fan.is_empty() && fan.forms.is_empty());
}

#[tokio::test]
async fn a5_24_the_end_comes_after_what_was_in_line_and_shards_end_cleanly() {
    let mut fan = patient(Duration::from_secs(1));
    let player = player(1);
    fan.add(player.clone(), std::iter::empty());
    let shard = Arc::downgrade(&fan.shards()[0]);
    fan.send(&video(0, true, 100));
    fan.flush();
    fan.end();
    assert!(fan.is_empty());
    while shard.upgrade().is_some() {
        tokio::task::yield_now().await;
    }
    assert!(matches!(player.next(), Next::Message(_)));
    assert!(matches!(player.next(), Next::End));
}

#[tokio::test]
async fn latency_gathers_messages_until_it_has_passed_or_they_are_many() {
    let form = Form::Rtmp { stream_id: 1, chunk_size: 4096 };
    let player = Player::new(form, 1 << 20, Line::default());
    // Only bytes end this wait.
    let mut fan = patient(Duration::from_secs(3600));
    fan.add(player.clone(), std::iter::empty());
    for n in 0..300 {
        fan.send(&video(n, n == 0, 1000));
        fan.flush();
        tokio::task::yield_now().await;
        assert!(n > 250 || player.bytes() == 0, "{n}");
    }
    while player.bytes() == 0 {
        tokio::task::yield_now().await;
    }
    let got = times(&player);
    assert!(got.len() > 250 && got.iter().copied().eq(0..u32::try_from(got.len()).unwrap()));

    // Only time ends this one.
    let player = Player::new(form, 1 << 20, Line::default());
    let mut fan = patient(Duration::from_millis(20));
    fan.add(player.clone(), std::iter::empty());
    (0..3).for_each(|n| fan.send(&video(n, n == 0, 1000)));
    fan.flush();
    let arrives = async {
        while player.bytes() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), arrives).await.expect("it never arrives");
    assert_eq!(times(&player), [0, 1, 2]);
}
