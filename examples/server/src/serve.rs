//! `streamcore serve`: the listeners, the banner, and a run until Ctrl-C or SIGTERM.

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use axum::middleware::from_fn_with_state;
use streamcore::driver::tokio as driver;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use crate::api::{Api, Run};
use crate::catalogue::Catalogue;
use crate::cli::{LogFormat, ServeArgs};
use crate::config::{Config, Given, Shared, reload_on_hangup};
use crate::finish::{self, Finisher, Listener};
use crate::http::{Files, Ports, Web};
use crate::hub::{Hub, Phase};
use crate::keys::{Keys, Require};
use crate::metrics::Metrics;
use crate::net::{self, Arrival, Door, Sockets};
use crate::numbering::Numbering;
use crate::origin::{self, OriginConfig};
use crate::recorder::{Disk, RecordEnv};
use crate::recordings::Recordings;
use crate::recordings::elsewhere::{Elsewhere, Left};
use crate::rtmp::Peer;
use crate::rtmps::Tls;
use crate::services::Services;
use crate::store::{SCHEMAS, Store};
use crate::systemd;
use crate::upload::Uploader;
use crate::welcome::{First, others, welcome};

/// How often it is looked whether a stream is still live.
const DRAIN_LOOK: Duration = Duration::from_millis(200);

/// Runs the server until it is told to stop.
pub fn run(given: Given, config: Config) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(serve(given, config))
}

async fn serve(given: Given, config: Config) -> anyhow::Result<()> {
    let began = (jiff::Timestamp::now(), std::time::Instant::now());
    let args = config.server.clone();
    let recordings = Arc::new(Recordings::open(&args.data_dir)?);
    net::raise_open_files();
    let listeners = Listeners::open(&args).await?;
    let addresses = listeners.addresses()?;
    // Only now is it sure that no other server works on these recordings.
    let store = Store::open(&args.data_dir, SCHEMAS)?;
    let (server_id, _) = store.server_id().await?;
    let store_start = store.count_start().await?;
    let shared = Shared::new(config);
    let keys = Keys::open(store.clone()).await?;
    let uploads = args.upload.upload.is_some();
    let catalogue =
        Catalogue::open(store.clone(), recordings.clone(), keys.clone(), &args.data_dir, uploads)?;
    let metrics = Arc::<Metrics>::default();
    let uploader =
        Uploader::new(catalogue.clone(), &args.upload, args.retain.clone(), metrics.clone())?;
    let runtime = tokio::runtime::Handle::current();
    let numbering = Numbering::open(store.clone()).await?;
    let services =
        Services::start(&shared, &store, keys.clone(), (metrics.clone(), numbering.clone()))?;
    services.relay.load().await?;
    let (told, recorded) = (services.told.clone(), metrics.clone());
    let noted = take_up_the_rest(&services, &catalogue, &recordings).await?;
    let uploads_told = told.clone();
    let done: Vec<Listener> = vec![
        Box::new(move |done| {
            recorded.recording(done.bytes);
            let asset = catalogue.add(&runtime, done);
            // Who found the file first has told of it.
            if !matches!(asset, Some((_, false))) {
                let live_stream = catalogue.live_stream(&done.app, &done.name);
                let id = asset.as_ref().map(|(id, _)| id.as_str());
                told.recorded(done, id, live_stream.as_deref());
            }
        }),
        Box::new(|done| finish::exec_done(done)),
        Box::new(services.hooks.record_listener()),
    ];
    let finisher = Finisher::start(recordings.clone(), done)?;
    finisher.submit_left_over(&shared.get().record_settings(), &noted);
    let record = RecordEnv {
        disk: Disk::start()?,
        recordings: recordings.clone(),
        finisher: finisher.clone(),
    };
    let origin = open_origin(&args, &store).await?;
    let hub = Hub::new(shared.clone(), record, origin, keys.clone(), services);
    hub.restore();

    tracing::debug!(server_id, start = store_start, "this server");
    crate::config::warnings(&shared.get()).iter().for_each(|text| tracing::debug!("{text}"));
    let first = welcome(&keys).await?;
    banner(&args, &addresses, recordings.root(), first.as_ref());
    let (stopping, stopped) = watch::channel(false);
    let api = Api {
        hub: hub.clone(),
        keys,
        uploader: uploader.clone(),
        run: Arc::new(Run { server_id, ports: addresses.ports(), began }),
        require_token: args.require_token,
    };
    let routes = crate::http::router(hub.clone())
        .merge(crate::api::router(api))
        .layer(axum::Extension(uploader.clone()))
        .layer(from_fn_with_state(metrics.clone(), crate::http::count));
    let uploads = tokio::spawn(uploader.run(uploads_told));
    // RTMP ends in two steps.
    let (leaving, left) = watch::channel(false);
    let door = Door::new(shared.clone());
    let sessions = tokio::spawn(serve_rtmp(
        listeners.rtmp,
        session_config(&args, &hub),
        (hub.clone(), door.clone()),
        stop(&left),
    ));
    let secure = serve_rtmps(listeners.rtmps, listeners.tls.clone(), (hub.clone(), door), &left);
    let web = Web {
        router: routes,
        files: Files::new(hub.clone(), metrics),
        door: Door::new(shared.clone()),
        config: shared.clone(),
        room: Arc::new(Semaphore::new(args.net.max_http_connections)),
        tls: None,
    };
    let secure_web = serve_https(listeners.https, listeners.tls.as_deref(), &web, &stopped);
    let pages = tokio::spawn(crate::http::serve(listeners.http, web, stop(&stopped)));
    let fresh = tokio::spawn(keep_fresh(listeners.tls));
    let janitor = tokio::spawn(hub.clone().keep_tidy());
    let reload = tokio::spawn(reload_on_hangup(given, shared));
    let alive = tokio::spawn(systemd::keep_watchdog_quiet());
    systemd::ready();

    signal().await;
    tracing::info!("stopping");
    systemd::stopping();
    drain(&args, &hub, &leaving).await;
    hub.enter(Phase::Ending);
    let _ = leaving.send(true);
    let _ = stopping.send(true);
    [janitor, uploads, reload, fresh, alive].iter().for_each(JoinHandle::abort);
    let clean = async {
        let _ = tokio::join!(sessions, secure, pages, secure_web);
        hub.end_waiting();
        tokio::join!(hub.close_store(), finisher.idle());
        numbering.flush().await;
    };
    tokio::select! {
        ended = tokio::time::timeout(args.stop_timeout, clean) => match ended {
            Ok(()) => tracing::info!("stopped"),
            Err(_) => tracing::warn!("stopped before all recordings were finished: the next start finishes them; what was not stored of HLS is lost"),
        },
        () = signal() => tracing::warn!("stopped at once: the next start finishes the recordings"),
    }
    Ok(())
}

/// Tells what a crash kept from being told, and finds what it left of files that are not in the folder of recordings.
async fn take_up_the_rest(
    services: &Services,
    catalogue: &Arc<Catalogue>,
    recordings: &Recordings,
) -> anyhow::Result<Vec<Left>> {
    let told = &services.told;
    services.journal.left_open().await?.iter().for_each(|left| told.restore(left));
    catalogue.tell_rest(told).await?;
    let elsewhere = Elsewhere::new(catalogue.store().clone());
    let noted = elsewhere.left().await?;
    recordings.note_elsewhere(elsewhere);
    catalogue.adopt(&noted, told).await?;
    Ok(noted)
}

/// Lets live streams go on for a while, without anybody new. A second signal ends that.
async fn drain(args: &ServeArgs, hub: &Hub, leaving: &watch::Sender<bool>) {
    let Some(time) = args.drain_timeout else { return };
    hub.enter(Phase::Draining);
    let _ = leaving.send(true);
    tracing::info!("nobody new is let in");
    let empty = async {
        let mut ticks = tokio::time::interval(DRAIN_LOOK);
        ticks.tick().await;
        while hub.is_live() {
            ticks.tick().await;
        }
    };
    tokio::select! {
        ended = tokio::time::timeout(time, empty) => if ended.is_err() {
            tracing::warn!("streams that are still live are ended");
        },
        () = signal() => {}
    }
}

/// All listeners, and the certificate for those with TLS.
struct Listeners {
    rtmp: TcpListener,
    rtmps: Option<TcpListener>,
    http: TcpListener,
    https: Option<TcpListener>,
    tls: Option<Arc<Tls>>,
}

impl Listeners {
    async fn open(args: &ServeArgs) -> anyhow::Result<Self> {
        let mut sockets = Sockets::from_environment();
        let tls = match (&args.tls_cert, &args.tls_key) {
            (Some(certificate), Some(key)) => Some(Arc::new(Tls::load(certificate, key)?)),
            _ => None,
        };
        let rtmp = sockets.listen("rtmp", args.rtmp_listen).await?;
        let (mut rtmps, mut https) = (sockets.take("rtmps")?, sockets.take("https")?);
        if let (None, Some(address)) = (&rtmps, args.rtmps_listen) {
            rtmps = Some(sockets.listen("rtmps", address).await?);
        }
        let http = sockets.listen("http", args.http_listen).await?;
        if let (None, Some(address)) = (&https, args.net.https_listen) {
            https = Some(sockets.listen("https", address).await?);
        }
        if tls.is_none() && (rtmps.is_some() || https.is_some()) {
            anyhow::bail!("RTMPS and HTTPS need a certificate and its key: tls_cert and tls_key");
        }
        Ok(Self { rtmp, rtmps, http, https, tls })
    }

    fn addresses(&self) -> std::io::Result<Addresses> {
        let address = |listener: &Option<TcpListener>| {
            listener.as_ref().map(TcpListener::local_addr).transpose()
        };
        Ok(Addresses {
            rtmp: self.rtmp.local_addr()?,
            rtmps: address(&self.rtmps)?,
            http: self.http.local_addr()?,
            https: address(&self.https)?,
        })
    }
}

/// Where HLS is kept, where it is asked for.
async fn open_origin(args: &ServeArgs, db: &Store) -> anyhow::Result<Option<Arc<origin::Store>>> {
    let Some(address) = &args.hls_store else { return Ok(None) };
    let own = args.data_dir.join("hls");
    let config = OriginConfig { queue_bytes: args.hls_store_queue, memory: args.hls_store_after };
    let store = match address.as_str() {
        "" => origin::Store::open(&own.to_string_lossy(), config, db.clone()),
        address => origin::Store::open(address, config, db.clone()),
    }?;
    tracing::info!(%store, "HLS is kept");
    let open = origin::left_over(&store).await;
    tokio::spawn(origin::close_left_over(store.clone(), open));
    Ok(Some(store))
}

/// What an RTMP connection meets: the streams, and the way in.
type Inside = (Arc<Hub>, Arc<Door>);

async fn serve_rtmp(
    listener: TcpListener,
    config: driver::ServeConfig,
    (hub, door): Inside,
    stop: impl Future<Output = ()>,
) {
    let arrivals = Arrivals::default();
    let make = arrivals.clone().peers(hub, false);
    let open = move |mut socket| {
        let (arrival, door) = (arrivals.next(), door.clone());
        async move {
            arrival.enter(&door, &mut socket).await?;
            Ok(socket)
        }
    };
    driver::serve_with(listener, config, make, open, stop).await;
}

fn serve_rtmps(
    listener: Option<TcpListener>,
    tls: Option<Arc<Tls>>,
    (hub, door): Inside,
    stopped: &watch::Receiver<bool>,
) -> JoinHandle<()> {
    let (Some(listener), Some(tls)) = (listener, tls) else { return tokio::spawn(async {}) };
    let config = session_config(&hub.config().server, &hub);
    let arrivals = Arrivals::default();
    let make = arrivals.clone().peers(hub, true);
    let open = move |mut socket| {
        let (arrival, door, tls) = (arrivals.next(), door.clone(), tls.clone());
        async move {
            arrival.enter(&door, &mut socket).await?;
            // In a box: what drives the connection has room for more than one.
            tls.open(socket).await.map(Box::new)
        }
    };
    tokio::spawn(driver::serve_with(listener, config, make, open, stop(stopped)))
}

fn serve_https(
    listener: Option<TcpListener>,
    tls: Option<&Tls>,
    web: &Web,
    stopped: &watch::Receiver<bool>,
) -> JoinHandle<()> {
    let (Some(listener), Some(tls)) = (listener, tls) else { return tokio::spawn(async {}) };
    let web = Web { tls: Some(tls.https()), ..web.clone() };
    tokio::spawn(crate::http::serve(listener, web, stop(stopped)))
}

async fn keep_fresh(tls: Option<Arc<Tls>>) {
    if let Some(tls) = tls {
        tls.keep_fresh().await;
    }
}

/// Joins the two that the driver asks for one connection, one right after the other: the way to open it, and its peer.
#[derive(Clone, Default)]
struct Arrivals(Arc<Mutex<Option<Arrival>>>);

impl Arrivals {
    /// The same for each of the two.
    fn next(&self) -> Arrival {
        let mut next = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match next.take() {
            Some(arrival) => arrival,
            None => next.insert(Arrival::default()).clone(),
        }
    }

    fn peers(self, hub: Arc<Hub>, tls: bool) -> impl FnMut(SocketAddr) -> Peer + use<> {
        move |address| {
            let arrival = self.next();
            arrival.from(address);
            Peer::new(hub.clone(), address, tls, arrival)
        }
    }
}

fn session_config(args: &ServeArgs, hub: &Hub) -> driver::ServeConfig {
    let mut config = driver::ServeConfig::default();
    config.connection.session.limits = hub.config().limits.clone();
    config.max_connections = args.max_connections;
    config.stop_timeout += args.drain_timeout.unwrap_or_default();
    config
}

fn stop(stopped: &watch::Receiver<bool>) -> impl Future<Output = ()> + use<> {
    let mut stopped = stopped.clone();
    async move {
        let _ = stopped.wait_for(|&stopped| stopped).await;
    }
}

/// Completes at Ctrl-C or, where there is such a thing, SIGTERM.
pub async fn signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// Where the server listens.
struct Addresses {
    rtmp: SocketAddr,
    rtmps: Option<SocketAddr>,
    http: SocketAddr,
    https: Option<SocketAddr>,
}

impl Addresses {
    fn ports(&self) -> Ports {
        Ports { rtmp: self.rtmp.port(), rtmps: self.rtmps.map(|address| address.port()) }
    }
}

fn banner(args: &ServeArgs, addresses: &Addresses, recordings: &Path, first: Option<&First>) {
    let Addresses { rtmp, rtmps, http, https } = addresses;
    let recordings = recordings.display();
    tracing::info!(%rtmp, rtmps = rtmps.map(tracing::field::display), %http, https = https.map(tracing::field::display), %recordings, "listening");
    if args.log == LogFormat::Json {
        return;
    }
    let version = env!("CARGO_PKG_VERSION");
    let secure = rtmps
        .map(|rtmps| format!("\n              rtmps://{}/live", host(rtmps)))
        .unwrap_or_default();
    let any = match args.require_key {
        Require::Always => "one of this server",
        _ => "any name, for example  demo",
    };
    let others = others(args, first);
    let mut out = std::io::stdout().lock();
    // A closed standard output is no reason to stop.
    let _ = write!(
        out,
        "  streamcore {version}\n  \
           publish     rtmp://{}/live      stream key: {any}{secure}\n{others}  \
           watch       http://{}/\n  \
           recordings  {recordings}\n",
        host(*rtmp),
        host(*http),
    );
    let _ = out.flush();
}

/// The address as a user on this machine types it.
fn host(address: SocketAddr) -> String {
    let ip = address.ip();
    let local = ip.is_unspecified() || ip.is_loopback();
    match ip {
        _ if local => format!("localhost:{}", address.port()),
        IpAddr::V4(_) | IpAddr::V6(_) => address.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_banner_names_addresses_that_can_be_typed() {
        let shown = |text: &str| host(text.parse().unwrap());
        assert_eq!(shown("0.0.0.0:1935"), "localhost:1935");
        assert_eq!(shown("[::]:80"), "localhost:80");
        assert_eq!(shown("192.0.2.7:1935"), "192.0.2.7:1935");
        assert_eq!(shown("[2001:db8::1]:1935"), "[2001:db8::1]:1935");
    }
}
