//! `/metrics`: what is counted, and what is looked up now, as OpenMetrics.

use std::fmt::Debug;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::api::Api;
use crate::relay::Status;
use crate::sessions::{Role, Via};

/// OpenMetrics, which Prometheus and others read.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Streams that have series of their own, at most.
const STREAMS: usize = 1000;

type Label = Vec<(&'static str, String)>;

/// Adds what is looked up.
struct Page<'a>(&'a mut Registry);

impl Page<'_> {
    fn gauge(&mut self, name: &str, help: &str, value: i64) {
        self.gauges(name, help, [(Label::new(), value)]);
    }

    fn gauges(&mut self, name: &str, help: &str, values: impl IntoIterator<Item = (Label, i64)>) {
        let family = Family::<Label, Gauge>::default();
        for (label, value) in values {
            family.get_or_create(&label).set(value);
        }
        self.0.register(name, help, family);
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.counters(name, help, [(Label::new(), value)]);
    }

    fn counters(&mut self, name: &str, help: &str, values: impl IntoIterator<Item = (Label, u64)>) {
        let family = Family::<Label, Counter>::default();
        for (label, value) in values {
            family.get_or_create(&label).inc_by(value);
        }
        self.0.register(name, help, family);
    }
}

fn number(value: impl TryInto<i64, Error: Debug>) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}

/// All metrics as text.
///
/// # Errors
/// The database does not answer.
pub async fn scrape(api: &Api) -> Result<String, crate::store::StoreError> {
    let mut registry = Registry::with_prefix("streamcore");
    let services = api.hub.services();
    let mut page = Page(&mut registry);
    page.0.register(
        "build",
        "The program",
        Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]),
    );
    let uptime = api.run.began.1.elapsed().as_secs();
    page.gauge("uptime_seconds", "Time since the start", number(uptime));
    sessions(api, &mut page);
    streams(api, &mut page);
    targets(api, &mut page);
    let (mut pending, mut failed) = (0, 0);
    for (_, waits, gone) in services.journal.receivers().await? {
        pending += waits;
        failed += gone;
    }
    page.gauge("events_pending", "Deliveries of events that wait", number(pending));
    page.gauge(
        "events_failed",
        "Deliveries of events that were given up and are kept",
        number(failed),
    );
    page.counter("events_lost", "Events that could not be kept", services.bus.lost());
    let uploads = api.uploader.catalogue().states().await?;
    let by_state = uploads.iter().map(|(state, count, _)| (label("state", state.text()), *count));
    page.gauges("assets", "Recordings in the catalogue", by_state);
    let bytes = uploads.iter().map(|(state, _, bytes)| (label("state", state.text()), *bytes));
    page.gauges("asset_bytes", "Bytes of recordings in the catalogue", bytes);
    let (active, finishing, failed, lost) = api.hub.recordings().figures();
    page.gauge("recordings_active", "Recordings that are being written", number(active));
    page.gauge("recordings_finishing", "Recordings that are being made whole", number(finishing));
    page.gauge("recordings_failed", "Recordings that could not be made whole", number(failed));
    page.gauge(
        "recordings_lost_frames",
        "Frames that recordings being written lost to a slow disk",
        number(lost),
    );
    page.counter("tls_failures", "TLS connections that did not come about", api.hub.tls_failures());
    services.metrics.register(page.0);
    let mut text = String::new();
    // Writing to memory does not fail.
    let _ = encode(&mut text, &registry);
    Ok(text)
}

fn label(name: &'static str, value: &str) -> Label {
    vec![(name, value.to_owned())]
}

fn sessions(api: &Api, page: &mut Page<'_>) {
    let sessions = &api.hub.services().sessions;
    let (counts, totals) = (sessions.counts(), sessions.totals());
    let of = |role: Role, kinds: &[Via]| {
        let kinds = kinds.iter().map(move |via| (label("protocol", via.text()), (role, *via)));
        kinds.collect::<Vec<_>>()
    };
    let players =
        of(Role::Player, &[Via::Rtmp, Via::Rtmps, Via::Hls, Via::Dash, Via::HttpFlv, Via::WsFlv]);
    let publishers = of(Role::Publisher, &[Via::Rtmp, Via::Rtmps, Via::Pull]);
    let now = |kinds: &[(Label, (Role, Via))]| {
        let count = |key| counts.get(key).copied().unwrap_or_default();
        kinds.iter().map(|(label, key)| (label.clone(), number(count(key)))).collect::<Vec<_>>()
    };
    page.gauges("players", "Players now, by protocol", now(&players));
    page.gauges("publishers", "Publishers now, by protocol", now(&publishers));
    let total = |key: &(Role, Via)| totals.get(key).copied().unwrap_or_default();
    let all: Vec<_> = publishers.iter().chain(&players).collect();
    let role = |role: Role| if role == Role::Publisher { "publisher" } else { "player" };
    let sums = all.iter().map(|(protocol, key)| {
        let mut label = protocol.clone();
        label.push(("role", role(key.0).to_owned()));
        (label, total(key).sessions)
    });
    page.counters("sessions", "Publishers and players so far", sums.collect::<Vec<_>>());
    let bytes = |kinds: &[(Label, (Role, Via))]| {
        kinds.iter().map(|(label, key)| (label.clone(), total(key).bytes)).collect::<Vec<_>>()
    };
    page.counters("received_bytes", "Payload that publishers sent", bytes(&publishers));
    page.counters("sent_bytes", "Bytes that players were sent", bytes(&players));
    let messages = publishers.iter().map(|(label, key)| (label.clone(), total(key).messages));
    page.counters(
        "received_messages",
        "Messages that publishers sent",
        messages.collect::<Vec<_>>(),
    );
    let dropped = players.iter().map(|(label, key)| (label.clone(), total(key).dropped));
    page.counters(
        "dropped_messages",
        "Messages that were left out because a player is slow",
        dropped.collect::<Vec<_>>(),
    );
}

fn streams(api: &Api, page: &mut Page<'_>) {
    let streams = api.hub.all();
    let live = streams.iter().filter(|stream| stream.is_live()).count();
    page.gauge("streams", "Streams that are live", number(live));
    page.gauge(
        "streams_known",
        "Streams that are live, waited for, or may still be read",
        number(streams.len()),
    );
    let waiting: usize = streams.iter().map(|stream| stream.waiting()).sum();
    page.gauge("hls_waiting", "Requests for HLS that are held", number(waiting));
    let queued: usize = streams.iter().map(|stream| stream.queued_bytes()).sum();
    page.gauge("player_queue_bytes", "Bytes that wait for RTMP players", number(queued));
    if !api.hub.config().server.metrics_streams {
        return;
    }
    let infos = api.hub.page(0, STREAMS);
    let each = |value: &dyn Fn(&crate::stats::StreamInfo) -> i64| {
        infos.iter().map(|info| (label("stream", &info.path), value(info))).collect::<Vec<_>>()
    };
    let rate = each(&|info| number(info.bitrate_kbps.saturating_mul(1000)));
    page.gauges("stream_bits_per_second", "Bit rate of a stream over five seconds", rate);
    page.gauges("stream_viewers", "Players of a stream", each(&|info| number(info.viewers)));
    let bytes = infos.iter().map(|info| (label("stream", &info.path), info.bytes_in));
    page.counters(
        "stream_received_bytes",
        "Payload of a stream's publisher",
        bytes.collect::<Vec<_>>(),
    );
}

fn targets(api: &Api, page: &mut Page<'_>) {
    let infos: Vec<_> = api.hub.services().relay.all().iter().map(|it| it.info()).collect();
    let states = [
        ("idle", Status::Idle),
        ("starting", Status::Starting),
        ("broadcasting", Status::Broadcasting),
        ("errored", Status::Errored),
    ];
    let by_state = states.map(|(name, status)| {
        let count = infos.iter().filter(|info| info.status == status).count();
        (label("status", name), number(count))
    });
    page.gauges("simulcast_targets", "Simulcast targets, by status", by_state);
    let queued: usize = infos.iter().map(|info| info.queued_bytes).sum();
    page.gauge("simulcast_queue_bytes", "Bytes that wait for simulcast targets", number(queued));
    let sums = api.hub.services().relay.sums();
    page.counter("simulcast_sent_bytes", "Payload that simulcast targets were sent", sums.bytes);
    page.counter(
        "simulcast_dropped_messages",
        "Messages that were left out for slow targets",
        sums.dropped,
    );
    page.counter(
        "simulcast_attempts",
        "Connections to simulcast targets that were tried",
        sums.sessions,
    );
}
