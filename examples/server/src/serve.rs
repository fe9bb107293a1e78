//! `streamcore serve`: the listeners, the banner, and a run until Ctrl-C or SIGTERM.

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use streamcore::driver::tokio as driver;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::access::address::Addresses;
use crate::cli::{LogFormat, ServeArgs};
use crate::config::{Config, Given, Shared, reload_on_hangup};
use crate::events::{self, Bus, Journal};
use crate::finish::{self, Finisher, Listener};
use crate::hooks::Hooks;
use crate::http::Ports;
use crate::hub::Hub;
use crate::origin::{self, OriginConfig};
use crate::recorder::{Disk, RecordEnv};
use crate::recordings::Recordings;
use crate::relay::Relay;
use crate::rtmp::Peer;
use crate::rtmps::Tls;
use crate::services::Services;
use crate::store::{SCHEMAS, Store};

/// Runs the server until it is told to stop.
pub fn run(given: Given, config: Config) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(serve(given, config))
}

async fn serve(given: Given, config: Config) -> anyhow::Result<()> {
    let args = config.server.clone();
    let recordings = Arc::new(Recordings::open(&args.data_dir)?);
    let rtmp = bind("RTMP", args.rtmp_listen).await?;
    let rtmps = bind_rtmps(&args).await?;
    let http = bind("HTTP", args.http_listen).await?;
    // Only now is it sure that no other server works on these recordings.
    let store = Store::open(&args.data_dir, SCHEMAS)?;
    let (server_id, _) = store.server_id().await?;
    let shared = Shared::new(config);
    let services = services(&shared, &store)?;
    let listeners: Vec<Listener> = vec![
        Box::new(|done| finish::exec_done(done)),
        Box::new(services.hooks.record_listener()),
        Box::new(events::record_listener(services.bus.clone())),
    ];
    let finisher = Finisher::start(recordings.clone(), listeners)?;
    finisher.submit_left_over(&shared.get().record_settings());
    let record = RecordEnv {
        disk: Disk::start()?,
        recordings: recordings.clone(),
        finisher: finisher.clone(),
    };
    let hub = Hub::new(shared.clone(), record, open_origin(&args)?, services);

    let addresses = Listening {
        rtmp: rtmp.local_addr()?,
        rtmps: rtmps.as_ref().map(|(_, listener)| listener.local_addr()).transpose()?,
        http: http.local_addr()?,
    };
    tracing::debug!(server_id, "this server");
    banner(&args, &addresses, recordings.root());
    let (stopping, stopped) = watch::channel(false);
    let config = session_config(&args, &hub);
    let sessions =
        tokio::spawn(driver::serve(rtmp, config.clone(), peers(&hub, false), stop(&stopped)));
    let secure = tokio::spawn(serve_rtmps(rtmps, config, hub.clone(), stop(&stopped)));
    let routes = crate::http::router(hub.clone(), addresses.ports());
    let pages = tokio::spawn(crate::http::serve(http, routes, stop(&stopped)));
    let janitor = tokio::spawn(hub.clone().keep_tidy());
    let reload = tokio::spawn(reload_on_hangup(given, shared));

    signal().await;
    tracing::info!("stopping");
    let _ = stopping.send(true);
    janitor.abort();
    reload.abort();
    let clean = async {
        let _ = tokio::join!(sessions, secure, pages);
        hub.end_waiting();
        tokio::join!(hub.close_store(), finisher.idle());
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

/// What streams and connections share beside the media.
fn services(config: &Shared, store: &Store) -> anyhow::Result<Services> {
    let server = config.get().server.clone();
    let (bus, queue) = Bus::new();
    Journal::start(store.clone(), server.events.settings(server.hooks.notify_ca.clone()), queue)?;
    let hooks = Hooks::new(config.clone())?;
    let relay = Relay::new(config.clone(), bus.clone())?;
    let addresses = Addresses::new(config.clone());
    Ok(Services::new(vec![Arc::new(addresses)], hooks, bus, relay))
}

async fn bind(what: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen for {what} on {address}"))
}

/// The certificate and the listener for RTMPS, where it is asked for.
async fn bind_rtmps(args: &ServeArgs) -> anyhow::Result<Option<(Tls, TcpListener)>> {
    let (Some(address), Some(certificate), Some(key)) =
        (args.rtmps_listen, &args.tls_cert, &args.tls_key)
    else {
        return Ok(None);
    };
    let tls = Tls::load(certificate, key)?;
    Ok(Some((tls, bind("RTMPS", address).await?)))
}

/// Where HLS is kept, where it is asked for.
fn open_origin(args: &ServeArgs) -> anyhow::Result<Option<Arc<origin::Store>>> {
    let Some(address) = &args.hls_store else { return Ok(None) };
    let own = args.data_dir.join("hls");
    let config = OriginConfig { queue_bytes: args.hls_store_queue, memory: args.hls_store_after };
    let store = match address.as_str() {
        "" => origin::Store::open(&own.to_string_lossy(), config),
        address => origin::Store::open(address, config),
    }?;
    tracing::info!(%store, "HLS is kept");
    Ok(Some(store))
}

async fn serve_rtmps(
    bound: Option<(Tls, TcpListener)>,
    config: driver::ServeConfig,
    hub: Arc<Hub>,
    stop: impl Future<Output = ()>,
) {
    let Some((tls, listener)) = bound else { return };
    let fresh = tls.keep_fresh();
    let open = move |socket| tls.open(socket);
    tokio::select! {
        () = driver::serve_with(listener, config, peers(&hub, true), open, stop) => {}
        () = fresh => {}
    }
}

fn session_config(args: &ServeArgs, hub: &Hub) -> driver::ServeConfig {
    let mut config = driver::ServeConfig::default();
    config.connection.session.limits = hub.config().limits.clone();
    config.max_connections = args.max_connections;
    config
}

fn peers(hub: &Arc<Hub>, tls: bool) -> impl FnMut(SocketAddr) -> Peer + use<> {
    let hub = hub.clone();
    move |address| Peer::new(hub.clone(), address, tls)
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
struct Listening {
    rtmp: SocketAddr,
    rtmps: Option<SocketAddr>,
    http: SocketAddr,
}

impl Listening {
    fn ports(&self) -> Ports {
        Ports { rtmp: self.rtmp.port(), rtmps: self.rtmps.map(|address| address.port()) }
    }
}

fn banner(args: &ServeArgs, addresses: &Listening, recordings: &Path) {
    let Listening { rtmp, rtmps, http } = addresses;
    let recordings = recordings.display();
    tracing::info!(%rtmp, rtmps = rtmps.map(tracing::field::display), %http, %recordings, "listening");
    if args.log == LogFormat::Json {
        return;
    }
    let version = env!("CARGO_PKG_VERSION");
    let secure = rtmps
        .map(|rtmps| format!("\n              rtmps://{}/live", host(rtmps)))
        .unwrap_or_default();
    let mut out = std::io::stdout().lock();
    // A closed standard output is no reason to stop.
    let _ = write!(
        out,
        "  streamcore {version}\n  \
           publish     rtmp://{}/live      stream key: any name, for example  demo{secure}\n  \
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
