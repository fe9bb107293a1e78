//! A receiver of events that fails now and then, and what it took.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use kit::receiver::{Answer, Receiver, Request};
use serde_json::Value;

use crate::common::assets::hex;

pub const SECRET: &str = "s3cret-word";

/// Takes events, but for those attempts that it is told to fail.
pub struct Events {
    receiver: Receiver,
    /// Those that it said it took, in order.
    taken: Arc<Mutex<Vec<Value>>>,
    /// How many it refused.
    failed: Arc<AtomicUsize>,
}

impl Events {
    /// `fails` says of an attempt, by its number from 0, with which status it is refused.
    pub fn start(fails: impl Fn(usize) -> Option<u16> + Send + Sync + 'static) -> Self {
        let (taken, failed) = (Arc::<Mutex<Vec<Value>>>::default(), Arc::<AtomicUsize>::default());
        let (kept, refused, count) = (taken.clone(), failed.clone(), AtomicUsize::new(0));
        let receiver = Receiver::start(move |request| {
            verify(request);
            // One attempt after the other: the receiver waits for nothing else.
            let mut kept = kept.lock().expect("no thread panics");
            if let Some(status) = fails(count.fetch_add(1, Ordering::Relaxed)) {
                refused.fetch_add(1, Ordering::Relaxed);
                return Answer::status(status);
            }
            kept.push(serde_json::from_slice(&request.body).expect("JSON"));
            Answer::status(200)
        });
        Self { receiver, taken, failed }
    }

    /// Where to send them.
    pub fn url(&self) -> String {
        self.receiver.url("events")
    }

    /// Those that were taken.
    pub fn taken(&self) -> Vec<Value> {
        self.taken.lock().expect("no thread panics").clone()
    }

    /// How many attempts were refused.
    pub fn failed(&self) -> usize {
        self.failed.load(Ordering::Relaxed)
    }
}

/// The signature is HMAC-SHA256 over its time, a dot and the body.
fn verify(request: &Request) {
    let header = request.header("streamcore-signature").expect("a signature");
    let (time, signature) =
        header.strip_prefix("t=").and_then(|rest| rest.split_once(",v1=")).expect("its form");
    let signed = [time.as_bytes(), b".", &request.body].concat();
    assert_eq!(signature, hex(&hmac_sha256::HMAC::mac(signed, SECRET)), "{header}");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let age = now.expect("later").as_secs().abs_diff(time.parse().expect("seconds"));
    assert!(age < 60, "signed when it was sent: {header}");
}

/// Last words of the types of events about one object.
pub fn types<'a>(events: &'a [Value], object: &str) -> Vec<&'a str> {
    let of = events.iter().filter(|event| event["object"]["id"] == object);
    of.filter_map(|event| event["type"].as_str()?.rsplit('.').next()).collect()
}
