use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;

use super::playback::{now, signature};
use super::*;

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn there() -> IpAddr {
    "192.0.2.7".parse().unwrap()
}

async fn open(folder: &Path) -> Arc<Keys> {
    Keys::open(Store::open(folder, &[SCHEMA]).unwrap()).await.unwrap()
}

fn publish(keys: &Keys, name: &str, peer: IpAddr) -> Result<Option<Granted>, NoKey> {
    keys.publish(("live", name, ""), peer, Require::Remote)
}

fn signed() -> New {
    New { policies: vec![Policy::Signed], ..New::default() }
}

#[tokio::test]
async fn f_17_a_key_publishes_under_another_name_which_is_no_key() {
    let dir = tempfile::tempdir().unwrap();
    let keys = open(dir.path()).await;
    let (stream, key) = keys.create(New::default()).await.unwrap();
    let id = &stream.playback_ids[0].id;
    assert_eq!(stream.path, format!("live/{id}"));
    let granted = publish(&keys, &key, there()).unwrap().unwrap();
    assert_eq!(granted.path, stream.path);
    assert_eq!(
        keys.publish(("live", "x", &format!("a=b&key={key}")), there(), Require::Always).unwrap(),
        Some(granted)
    );
    // What players know opens nothing to publishers, and the other way round.
    assert_eq!(publish(&keys, id, there()), Err(NoKey::Unknown));
    assert_eq!(publish(&keys, id, HERE), Err(NoKey::NeedsKey));
    assert_eq!(keys.play(&stream.path, ""), Ok(stream.path.clone()));
    assert_ne!(keys.play(&format!("live/{key}"), ""), Ok(stream.path.clone()));
}

#[tokio::test]
async fn a_key_is_needed_from_other_machines() {
    let dir = tempfile::tempdir().unwrap();
    let keys = open(dir.path()).await;
    assert_eq!(publish(&keys, "demo", HERE), Ok(None));
    assert_eq!(publish(&keys, "demo", "::ffff:127.0.0.1".parse().unwrap()), Ok(None));
    assert_eq!(publish(&keys, "demo", there()), Err(NoKey::Unknown));
    assert_eq!(keys.publish(("live", "demo", ""), HERE, Require::Always), Err(NoKey::Unknown));
    assert_eq!(keys.publish(("live", "demo", ""), there(), Require::Never), Ok(None));
}

#[tokio::test]
async fn keys_are_rotated_disabled_and_revoked() {
    let dir = tempfile::tempdir().unwrap();
    let keys = open(dir.path()).await;
    let (stream, first) = keys.create(New::default()).await.unwrap();
    let (stream, second) = keys.add_key(&stream.id, false).await.unwrap();
    assert!(publish(&keys, &first, there()).is_ok() && publish(&keys, &second, there()).is_ok());
    let second_id = stream.keys[1].id.clone();
    keys.set_key_enabled(&stream.id, &second_id, false).await.unwrap();
    assert_eq!(publish(&keys, &second, there()), Err(NoKey::Disabled));
    keys.remove_key(&stream.id, &second_id).await.unwrap();
    assert_eq!(publish(&keys, &second, there()), Err(NoKey::Unknown));
    let (_, third) = keys.add_key(&stream.id, true).await.unwrap();
    assert_eq!(publish(&keys, &first, there()), Err(NoKey::Unknown));
    keys.set_disabled(&stream.id, true).await.unwrap();
    assert_eq!(publish(&keys, &third, there()), Err(NoKey::Disabled));
    keys.set_disabled(&stream.id, false).await.unwrap();
    // Another run of the server knows the same.
    let keys = open(dir.path()).await;
    assert!(publish(&keys, &third, there()).unwrap().is_some());
    keys.delete(&stream.id).await.unwrap();
    assert_eq!(publish(&keys, &third, there()), Err(NoKey::Unknown));
    assert_eq!(keys.play(&stream.path, ""), Err(Denied::NotFound));
    assert_eq!(publish(&keys, &stream.playback_ids[0].id, HERE), Err(NoKey::NeedsKey));
    assert!(matches!(keys.delete(&stream.id).await, Err(ChangeError::NotFound)));
}

#[tokio::test]
async fn f_18_neither_keys_nor_tokens_stand_in_the_database() {
    let dir = tempfile::tempdir().unwrap();
    let keys = open(dir.path()).await;
    let (_, key) = keys.create(New::default()).await.unwrap();
    let token = keys.add_api_token().await.unwrap();
    assert!(keys.is_api_token(&token) && !keys.is_api_token(&key) && !keys.is_api_token(""));
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for secret in [&key, &token] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "a secret stands in the clear");
        }
    }
}

#[tokio::test]
async fn signed_addresses_open_one_playback_id_until_their_end() {
    let dir = tempfile::tempdir().unwrap();
    let keys = open(dir.path()).await;
    let (stream, _) = keys.create(signed()).await.unwrap();
    let (other, _) = keys.create(signed()).await.unwrap();
    let (kid, secret) = keys.add_signing_key(Algorithm::Hmac, None).await.unwrap();
    let secret = secret.unwrap();
    let id = &stream.playback_ids[0].id;
    let query = |id: &str, end: u64| {
        format!("kid={kid}&expires={end}&sig={}", signature(secret.as_bytes(), id, end))
    };
    assert_eq!(keys.play(&stream.path, ""), Err(Denied::Unsigned));
    assert_eq!(keys.play(&stream.path, &query(id, now() + 60)), Ok(stream.path.clone()));
    assert_eq!(keys.play(&stream.path, &query(id, now() - 60)), Err(Denied::Expired));
    assert_eq!(keys.play(&other.path, &query(id, now() + 60)), Err(Denied::Forged));
    let later = query(id, now() + 60).replace("expires=", "expires=9");
    assert_eq!(keys.play(&stream.path, &later), Err(Denied::Forged));
    for bad in ["kid=&expires=&sig=", "kid=x&expires=1&sig=y", "token=x", "token=a.b.c"] {
        assert!(keys.play(&stream.path, bad).is_err(), "{bad}");
    }
    let open = keys.add_playback_id(&stream.id, Policy::Public).await.unwrap();
    assert_eq!(keys.play(&format!("live/{open}"), ""), Ok(stream.path.clone()));
    keys.remove_playback_id(&stream.id, &open).await.unwrap();
    assert_ne!(keys.play(&format!("live/{open}"), ""), Ok(stream.path.clone()));
    keys.remove_signing_key(&kid).await.unwrap();
    assert_eq!(keys.play(&stream.path, &query(id, now() + 60)), Err(Denied::Forged));
}

#[tokio::test]
async fn tokens_with_the_claims_of_mux_are_verified_with_a_public_key() {
    let dir = tempfile::tempdir().unwrap();
    let keys = open(dir.path()).await;
    let (stream, _) = keys.create(signed()).await.unwrap();
    let pair = rcgen::KeyPair::generate().unwrap();
    let (kid, secret) =
        keys.add_signing_key(Algorithm::Es256, Some(pair.public_key_pem())).await.unwrap();
    assert_eq!(secret, None);
    let private = EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap();
    let id = &stream.playback_ids[0].id;
    let play = |header: Header, claims: serde_json::Value, key: &EncodingKey| {
        let token = jsonwebtoken::encode(&header, &claims, key).unwrap();
        keys.play(&stream.path, &format!("token={token}"))
    };
    let header =
        || Header { kid: Some(kid.clone()), ..Header::new(jsonwebtoken::Algorithm::ES256) };
    let good = json!({ "sub": id, "aud": "v", "exp": now() + 60 });
    assert_eq!(play(header(), good.clone(), &private), Ok(stream.path.clone()));
    let bare = Header { kid: None, ..header() };
    let inside = json!({ "sub": id, "aud": "v", "exp": now() + 60, "kid": kid });
    assert_eq!(play(bare.clone(), inside, &private), Ok(stream.path.clone()));
    assert_eq!(play(bare, good.clone(), &private), Err(Denied::Forged));
    let with = |name: &str, value: serde_json::Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    assert_eq!(play(header(), with("exp", json!(now() - 60)), &private), Err(Denied::Expired));
    for (name, value) in [
        ("sub", json!("another")),
        ("aud", json!("t")),
        ("nbf", json!(now() + 60)),
        ("exp", json!(null)),
    ] {
        assert_eq!(play(header(), with(name, value), &private), Err(Denied::Forged), "{name}");
    }
    // A secret made of the public key (RFC 8725 2.1), and another's key.
    let confused = EncodingKey::from_secret(pair.public_key_pem().as_bytes()).unwrap();
    let hs = Header { kid: Some(kid.clone()), ..Header::new(jsonwebtoken::Algorithm::HS256) };
    assert_eq!(play(hs, good.clone(), &confused), Err(Denied::Forged));
    let stranger = rcgen::KeyPair::generate().unwrap();
    let stranger = EncodingKey::from_ec_pem(stranger.serialize_pem().as_bytes()).unwrap();
    assert_eq!(play(header(), good, &stranger), Err(Denied::Forged));
}

#[tokio::test]
async fn public_keys_that_are_none_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let keys = open(dir.path()).await;
    for (algorithm, public) in
        [(Algorithm::Rs256, Some("no key")), (Algorithm::Es256, None), (Algorithm::Hmac, Some("x"))]
    {
        let made = keys.add_signing_key(algorithm, public.map(str::to_owned)).await;
        assert!(matches!(made, Err(ChangeError::Invalid(_))), "{algorithm:?}");
    }
}

#[tokio::test]
async fn recordings_are_as_guarded_as_their_stream_says_even_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let keys = open(dir.path()).await;
    let settings = AssetSettings { playback_policy: Policy::Signed };
    let changes = Changes { new_asset_settings: Some(settings), ..Changes::default() };
    let (stream, _) = keys.create(New { changes, ..New::default() }).await.unwrap();
    let (kid, secret) = keys.add_signing_key(Algorithm::Hmac, None).await.unwrap();
    let end = now() + 60;
    let sig = signature(secret.unwrap().as_bytes(), &stream.playback_ids[0].id, end);
    let query = format!("kid={kid}&expires={end}&sig={sig}");
    keys.delete(&stream.id).await.unwrap();
    assert_eq!(keys.play_recording(&format!("{}/x.mp4", stream.path), ""), Err(Denied::Unsigned));
    assert_eq!(keys.play_recording(&format!("{}-1.mp4", stream.path), &query), Ok(()));
    assert_eq!(keys.play_recording("live/demo/x.mp4", ""), Ok(()));
}
