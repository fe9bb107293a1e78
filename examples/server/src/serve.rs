//! `streamcore serve`: the listeners, the banner, and a run until Ctrl-C or SIGTERM.

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use streamcore::driver::tokio as driver;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::cli::{LogFormat, ServeArgs};
use crate::finish::Finisher;
use crate::hub::{Hub, HubConfig};
use crate::recorder::{Disk, RecordEnv};
use crate::recordings::Recordings;
use crate::rtmp::Peer;

/// Runs the server until it is told to stop.
pub fn run(args: ServeArgs) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(serve(args))
}

async fn serve(args: ServeArgs) -> anyhow::Result<()> {
    let recordings = Arc::new(Recordings::open(&args.data_dir)?);
    let rtmp = bind("RTMP", args.rtmp_listen).await?;
    let http = bind("HTTP", args.http_listen).await?;
    // Only now is it sure that no other server works on these recordings.
    let finisher = Finisher::start(recordings.clone())?;
    let settings = args.record.settings();
    finisher.submit_left_over(&settings.folders());
    let record = RecordEnv {
        settings,
        disk: Disk::start()?,
        recordings: recordings.clone(),
        finisher: finisher.clone(),
    };
    let hub = Hub::new(HubConfig::from(&args), record);

    let address = rtmp.local_addr()?;
    banner(&args, address, http.local_addr()?, recordings.root());
    let (stopping, stopped) = watch::channel(false);
    let sessions =
        tokio::spawn(driver::serve(rtmp, session_config(&args, &hub), peers(&hub), stop(&stopped)));
    let routes = crate::http::router(hub.clone(), address.port());
    let pages = tokio::spawn(crate::http::serve(http, routes, stop(&stopped)));
    let janitor = tokio::spawn(hub.clone().keep_tidy());

    signal().await;
    tracing::info!("stopping");
    let _ = stopping.send(true);
    janitor.abort();
    let clean = async {
        let _ = tokio::join!(sessions, pages);
        hub.end_waiting();
        finisher.idle().await;
    };
    tokio::select! {
        ended = tokio::time::timeout(args.stop_timeout, clean) => match ended {
            Ok(()) => tracing::info!("stopped"),
            Err(_) => tracing::warn!("stopped before all recordings were finished: the next start finishes them"),
        },
        () = signal() => tracing::warn!("stopped at once: the next start finishes the recordings"),
    }
    Ok(())
}

async fn bind(what: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen for {what} on {address}"))
}

fn session_config(args: &ServeArgs, hub: &Hub) -> driver::ServeConfig {
    let mut config = driver::ServeConfig::default();
    config.connection.session.limits = hub.config().limits.clone();
    config.max_connections = args.max_connections;
    config
}

fn peers(hub: &Arc<Hub>) -> impl FnMut(SocketAddr) -> Peer + use<> {
    let hub = hub.clone();
    move |address| Peer::new(hub.clone(), address)
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

fn banner(args: &ServeArgs, rtmp: SocketAddr, http: SocketAddr, recordings: &Path) {
    tracing::info!(%rtmp, %http, recordings = %recordings.display(), "listening");
    if args.log == LogFormat::Json {
        return;
    }
    let version = env!("CARGO_PKG_VERSION");
    let mut out = std::io::stdout().lock();
    // A closed standard output is no reason to stop.
    let _ = write!(
        out,
        "  streamcore {version}\n  \
           publish     rtmp://{}/live      stream key: any name, for example  demo\n  \
           watch       http://{}/\n  \
           recordings  {}\n",
        host(rtmp),
        host(http),
        recordings.display(),
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
