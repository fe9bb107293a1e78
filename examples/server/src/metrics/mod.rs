//! Prometheus metrics: what is counted as it happens, and what is looked up when it is asked for.
//!
//! No label holds what a client chooses: all labels are of fixed sets, except those of streams, which have to be asked for
//! (`metrics_streams`).

mod scrape;

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

pub use scrape::{CONTENT_TYPE, scrape};

/// Labels with their values.
type Labels<const N: usize> = [(&'static str, &'static str); N];

/// Upper bounds of latencies, in seconds: 5 ms to 20 s.
const LATENCIES: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0];
/// Upper bounds of uploads, in seconds: 100 ms to an hour.
const UPLOADS: [f64; 8] = [0.1, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0];

/// What became of a request to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Ok,
    Refused,
    Failed,
}

impl Outcome {
    const ALL: [Self; 3] = [Self::Ok, Self::Refused, Self::Failed];

    const fn text(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// What is counted as it happens. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics {
    pictures: Counter,
    key_frames: Counter,
    sounds: Counter,
    refused: Family<Labels<1>, Counter>,
    hooks: Family<Labels<1>, Counter>,
    hook_time: Histogram,
    events: Family<Labels<1>, Counter>,
    event_time: Histogram,
    hls_wait: Histogram,
    http: Family<Labels<1>, Counter>,
    recordings: Counter,
    recorded_bytes: Counter,
    uploads: Family<Labels<1>, Counter>,
    uploaded_bytes: Counter,
    upload_time: Histogram,
}

/// Classes of answers over HTTP.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
/// What a client is refused.
const REFUSED: [&str; 3] = ["connect", "publish", "play"];

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            pictures: Counter::default(),
            key_frames: Counter::default(),
            sounds: Counter::default(),
            refused: Family::default(),
            hooks: Family::default(),
            hook_time: Histogram::new(LATENCIES),
            events: Family::default(),
            event_time: Histogram::new(LATENCIES),
            hls_wait: Histogram::new(LATENCIES),
            http: Family::default(),
            recordings: Counter::default(),
            recorded_bytes: Counter::default(),
            uploads: Family::default(),
            uploaded_bytes: Counter::default(),
            upload_time: Histogram::new(UPLOADS),
        };
        // All series are there from the start, so that rates are right from the first event on.
        for outcome in Outcome::ALL {
            let label = [("result", outcome.text())];
            drop(metrics.hooks.get_or_create(&label));
            drop(metrics.events.get_or_create(&label));
        }
        for result in ["ok", "failed"] {
            drop(metrics.uploads.get_or_create(&[("result", result)]));
        }
        CLASSES.iter().for_each(|class| drop(metrics.http.get_or_create(&[("code", class)])));
        REFUSED.iter().for_each(|what| drop(metrics.refused.get_or_create(&[("action", what)])));
        metrics
    }
}

impl Metrics {
    /// A picture has come.
    pub fn picture(&self, key: bool) {
        self.pictures.inc();
        if key {
            self.key_frames.inc();
        }
    }

    /// A sound has come.
    pub fn sound(&self) {
        self.sounds.inc();
    }

    /// A client was refused.
    pub fn refused(&self, action: crate::access::Action) {
        let action = match action {
            crate::access::Action::Connect => "connect",
            crate::access::Action::Publish { .. } => "publish",
            crate::access::Action::Play { .. } => "play",
        };
        self.refused.get_or_create(&[("action", action)]).inc();
    }

    /// A hook was asked.
    pub fn hook(&self, outcome: Outcome, time: Duration) {
        self.hooks.get_or_create(&[("result", outcome.text())]).inc();
        self.hook_time.observe(time.as_secs_f64());
    }

    /// An event was sent.
    pub fn event(&self, outcome: Outcome, time: Duration) {
        self.events.get_or_create(&[("result", outcome.text())]).inc();
        self.event_time.observe(time.as_secs_f64());
    }

    /// A request for HLS that had to wait has its answer.
    pub fn hls_wait(&self, time: Duration) {
        self.hls_wait.observe(time.as_secs_f64());
    }

    /// A request over HTTP has its answer.
    pub fn http(&self, status: u16) {
        let class = usize::from(status / 100).checked_sub(1).and_then(|it| CLASSES.get(it));
        self.http.get_or_create(&[("code", class.copied().unwrap_or("5xx"))]).inc();
    }

    /// A recording is whole.
    pub fn recording(&self, bytes: u64) {
        self.recordings.inc();
        self.recorded_bytes.inc_by(bytes);
    }

    /// An attempt to upload has ended.
    pub fn upload(&self, bytes: Option<u64>, time: Duration) {
        let result = if bytes.is_some() { "ok" } else { "failed" };
        self.uploads.get_or_create(&[("result", result)]).inc();
        self.uploaded_bytes.inc_by(bytes.unwrap_or_default());
        self.upload_time.observe(time.as_secs_f64());
    }

    fn register(&self, registry: &mut Registry) {
        let it = self.clone();
        registry.register("pictures", "Pictures that publishers sent", it.pictures);
        registry.register("key_frames", "Key frames among them", it.key_frames);
        registry.register("sounds", "Audio frames that publishers sent", it.sounds);
        registry.register("refused", "Clients that were refused, by what they wanted", it.refused);
        registry.register("hooks", "Hooks that were asked, by what came of it", it.hooks);
        registry.register("hook_duration_seconds", "Time until a hook had answered", it.hook_time);
        registry.register("event_deliveries", "Attempts to deliver an event", it.events);
        registry.register(
            "event_delivery_duration_seconds",
            "Time until a receiver of events had answered",
            it.event_time,
        );
        registry.register(
            "hls_wait_seconds",
            "Time that requests for HLS were held which had to wait",
            it.hls_wait,
        );
        registry.register("http_responses", "Answers over HTTP, by class of status", it.http);
        registry.register("recordings", "Recordings that were made whole", it.recordings);
        registry.register("recorded_bytes", "Bytes of whole recordings", it.recorded_bytes);
        registry.register("uploads", "Attempts to upload a recording", it.uploads);
        registry.register("uploaded_bytes", "Bytes of uploaded recordings", it.uploaded_bytes);
        registry.register(
            "upload_duration_seconds",
            "Time of an attempt to upload a recording",
            it.upload_time,
        );
    }
}
