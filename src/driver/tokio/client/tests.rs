//! Clients over real sockets, on this machine.

use std::future::pending;
use std::sync::{Arc, Mutex};

use ::tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use ::tokio::net::TcpListener;
use ::tokio::task::JoinHandle;
use bytes::Bytes;

use super::*;
use crate::amf::Value;
use crate::driver::tokio::{ConnectionConfig, Handler, ServeConfig, run, serve};
use crate::rtmp::session::{RtmpUrl, ServerSession, SessionEvent};
use crate::testing::Server;

/// Messages that go over a connection.
const COUNT: u32 = 200;

fn body(number: u32) -> Bytes {
    let length = usize::try_from(number * 977 % 60_000).unwrap();
    [&number.to_be_bytes()[..], &vec![7; length]].concat().into()
}

fn all() -> Vec<(u8, u32, Bytes)> {
    (0..COUNT).map(|number| (9, number * 40, body(number))).collect()
}

/// A server that keeps what is published, and sends the same to who plays.
#[derive(Clone, Default)]
struct Store {
    media: Arc<Mutex<Vec<(u8, u32, Bytes)>>>,
    playing: Option<u32>,
    sent: u32,
}

impl Handler for Store {
    fn handle_event(&mut self, session: &mut ServerSession, event: SessionEvent) -> Result<()> {
        match event {
            SessionEvent::Publish { request, .. } => session.accept(request)?,
            SessionEvent::Play { request, stream_id, .. } => {
                session.accept(request)?;
                self.playing = Some(stream_id);
            }
            SessionEvent::Media { type_id, timestamp, payload, .. } => {
                self.media.lock().unwrap().push((type_id, timestamp, payload));
            }
            _ => {}
        }
        Ok(())
    }

    fn handle_ready(&mut self, session: &mut ServerSession, _: usize) -> Result<bool> {
        let Some(id) = self.playing else { return Ok(false) };
        if self.sent == COUNT {
            session.end_play(id);
            self.playing = None;
            return Ok(false);
        }
        session.send(id, 9, self.sent * 40, body(self.sent))?;
        self.sent += 1;
        Ok(true)
    }
}

/// A client that sends all as soon as it may, or keeps what comes.
#[derive(Default)]
struct Visitor {
    sent: Option<u32>,
    media: Vec<(u8, u32, Bytes)>,
    events: Vec<ClientEvent>,
}

impl ClientHandler for Visitor {
    fn handle_event(&mut self, session: &mut ClientSession, event: ClientEvent) -> Result<()> {
        match event {
            ClientEvent::Publishing => self.sent = Some(0),
            ClientEvent::Media { kind, timestamp, payload } => {
                self.media.push((kind, timestamp, payload));
                return Ok(());
            }
            ClientEvent::Ended => session.finish(),
            _ => {}
        }
        self.events.push(event);
        Ok(())
    }

    fn handle_ready(&mut self, session: &mut ClientSession, _: usize) -> Result<bool> {
        let Some(sent) = self.sent.as_mut() else { return Ok(false) };
        while *sent < COUNT && session.wants_media() {
            session.send_media(9, *sent * 40, body(*sent))?;
            *sent += 1;
        }
        if *sent == COUNT {
            session.finish();
        }
        Ok(!session.is_closing())
    }
}

fn url(text: &str) -> RtmpUrl {
    RtmpUrl::parse(text).unwrap()
}

async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

#[::tokio::test]
async fn what_is_published_arrives_and_what_is_played_comes() {
    let (listener, port) = listen().await;
    let store = Store::default();
    let made = store.clone();
    let server =
        ::tokio::spawn(serve(listener, ServeConfig::default(), move |_| made.clone(), pending()));
    let url = url(&format!("rtmp://localhost:{port}/live/key"));
    let config = ConnectConfig::default();

    let (mut publisher, client) = (Visitor::default(), ClientConfig::publish(url.clone()));
    let end = run_client(client, &mut publisher, &config, pending()).await.unwrap();
    assert!(matches!(end.closed.reason, CloseReason::Session), "{end:?}");
    assert!(end.next.is_none());
    assert_eq!(*store.media.lock().unwrap(), all());

    let (mut player, client) = (Visitor::default(), ClientConfig::play(url));
    let end = run_client(client, &mut player, &config, pending()).await.unwrap();
    assert!(matches!(end.closed.reason, CloseReason::Session), "{end:?}");
    assert_eq!(player.media, all());
    server.abort();
}

#[::tokio::test(start_paused = true)]
async fn a_stop_ends_the_stream_and_tells_the_server() {
    #[derive(Default)]
    struct Waits;
    impl ClientHandler for Waits {
        fn handle_event(&mut self, _: &mut ClientSession, _: ClientEvent) -> Result<()> {
            Ok(())
        }
    }
    #[derive(Default)]
    struct Hears(Vec<SessionEvent>);
    impl Handler for Hears {
        fn handle_event(&mut self, session: &mut ServerSession, event: SessionEvent) -> Result<()> {
            if let SessionEvent::Publish { request, .. } = event {
                session.accept(request)?;
            }
            self.0.push(event);
            Ok(())
        }
    }
    let (ours, theirs) = duplex(1 << 16);
    let (mut hears, connection) = (Hears::default(), ConnectionConfig::default());
    let client = ClientConfig::publish(url("rtmp://host/live/key"));
    let config = ConnectConfig::default();
    let stop = ::tokio::time::sleep(Duration::from_secs(100));
    let mut waits = Waits;
    let visit = run_client_on(ours, client, &mut waits, &config, stop);
    // A publisher that sends nothing is given up after 30 s; this server is patient.
    let mut patient = connection.clone();
    patient.session.limits.idle_timeout = Duration::from_secs(1000);
    let (end, ()) = ::tokio::join!(visit, run(theirs, &mut hears, &patient, pending()));
    assert!(matches!(end.closed.reason, CloseReason::Stopped), "{end:?}");
    assert_eq!(hears.0.last(), Some(&SessionEvent::Unpublished { stream_id: 1 }));
}

/// Answers each connection by a script that is called after each read, with the number of the connection.
fn scripted(
    listener: TcpListener,
    script: impl Fn(usize, &mut Server) + Send + Sync + 'static,
) -> JoinHandle<()> {
    ::tokio::spawn(async move {
        for number in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (mut server, mut buf) = (Server::default(), vec![0; 8192]);
            while let Ok(count @ 1..) = stream.read(&mut buf).await {
                server.handle_input(Micros::ZERO, &buf[..count]).unwrap();
                script(number, &mut server);
                while let Some(chain) = server.poll_output() {
                    stream.write_all(&chain.to_bytes()).await.unwrap();
                }
            }
        }
    })
}

/// Takes a publisher in, one step a call.
fn take_in(server: &mut Server) {
    match server.names().last().map(String::as_str) {
        Some("connect") => server.accept(),
        Some("createStream") => server.result(4.0, Value::Null, 1.0.into()),
        Some("publish") => server.status("status", "NetStream.Publish.Start"),
        _ => {}
    }
}

fn app(server: &Server) -> String {
    let connect = server.last("connect").map(|(_, connect)| connect.object);
    let app = connect.as_ref().and_then(|object| object.field("app")?.as_str());
    app.unwrap_or_default().to_owned()
}

#[::tokio::test]
async fn a5_33_a_redirection_is_followed_and_a_loop_ends() {
    let (first, from) = listen().await;
    let (second, to) = listen().await;
    let redirect = move |server: &mut Server, port: u16| {
        let target = Value::from(format!("rtmp://127.0.0.1:{port}/other"));
        let ex = vec![("code".to_owned(), 302.0.into()), ("redirect".to_owned(), target)];
        if server.last("connect").is_some() {
            let fields = [("level", "error".into()), ("ex", Value::Object(ex))];
            server.info(0, "_error", 1.0, &fields);
        }
    };
    let servers = [
        scripted(first, move |_, server| redirect(server, to)),
        scripted(second, |_, server| match app(server).as_str() {
            "" | "other" => take_in(server),
            app => panic!("{app}"),
        }),
    ];
    let client = ClientConfig::publish(url(&format!("rtmp://127.0.0.1:{from}/live/key")));
    let (mut visitor, config) = (Visitor::default(), ConnectConfig::default());
    let end = run_client(client, &mut visitor, &config, pending()).await.unwrap();
    assert!(end.next.is_none() && end.closed.bytes_out > 1_000_000, "{end:?}");
    assert!(matches!(visitor.events[0], ClientEvent::Redirect { .. }), "{:?}", visitor.events);
    assert_eq!(visitor.events.last(), Some(&ClientEvent::Publishing));

    let (circle, port) = listen().await;
    let circle = scripted(circle, move |_, server| redirect(server, port));
    let client = ClientConfig::publish(url(&format!("rtmp://127.0.0.1:{port}/live/key")));
    let hops = client.limits.redirects;
    let mut visitor = Visitor::default();
    let end = run_client(client, &mut visitor, &config, pending()).await.unwrap();
    assert!(end.next.is_none());
    assert_eq!(visitor.events.len(), hops + 1);
    assert!(matches!(visitor.events.last(), Some(ClientEvent::Rejected { .. })));
    servers.into_iter().chain([circle]).for_each(|server| server.abort());
}

#[cfg(feature = "auth")]
#[::tokio::test]
async fn a5_32_a_password_is_given_over_three_connections() {
    let (listener, port) = listen().await;
    let server = scripted(listener, |number, server| {
        let refuse = |server: &mut Server, words: &str| {
            let fields = [("level", "error".into()), ("description", words.into())];
            server.info(0, "_error", 1.0, &fields);
        };
        let asked = app(server);
        match (number, server.last("connect")) {
            (_, None) => {}
            (0, _) => refuse(server, "[ code=403 need auth; authmod=adobe ]"),
            (1, _) if asked == "live?authmod=adobe&user=ada" => {
                refuse(server, "authmod=adobe : ?reason=needauth&salt=s&challenge=c&opaque=o");
            }
            (2, _) if asked.contains("&response=") => take_in(server),
            _ => panic!("connection {number} asks for {asked}"),
        }
    });
    let client =
        ClientConfig::publish(url(&format!("rtmp://ada:secret@127.0.0.1:{port}/live/key")));
    let (mut visitor, config) = (Visitor::default(), ConnectConfig::default());
    run_client(client, &mut visitor, &config, pending()).await.unwrap();
    assert_eq!(visitor.events[..2], [ClientEvent::Authenticate, ClientEvent::Authenticate]);
    assert_eq!(visitor.events.last(), Some(&ClientEvent::Publishing));
    server.abort();
}

#[::tokio::test]
async fn f_23_a_name_with_an_internal_address_is_not_followed() {
    let (listener, port) = listen().await;
    let server = scripted(listener, |_, server| {
        // An address in a form that is none of a URL, but that resolvers take.
        let ex = vec![
            ("code".to_owned(), 302.0.into()),
            ("redirect".to_owned(), "rtmp://127.1/x".into()),
        ];
        if server.last("connect").is_some() {
            server.info(0, "_error", 1.0, &[("level", "error".into()), ("ex", Value::Object(ex))]);
        }
    });
    let stream = ::tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let client = ClientConfig::publish(url("rtmp://a.example/live/key"));
    let (mut visitor, config) = (Visitor::default(), ConnectConfig::default());
    let end = run_client_on(stream, client, &mut visitor, &config, pending()).await;
    let next = end.next.unwrap();
    assert!(next.is_moved());
    let error = run_client(next, &mut visitor, &config, pending()).await.unwrap_err();
    assert!(matches!(error, ConnectError::Internal { .. }), "{error}");
    server.abort();
}

async fn refused(text: &str, config: &ConnectConfig) -> String {
    let mut visitor = Visitor::default();
    let client = ClientConfig::publish(url(text));
    run_client(client, &mut visitor, config, pending()).await.unwrap_err().to_string()
}

#[::tokio::test]
async fn what_cannot_be_reached_is_named() {
    let (listener, port) = listen().await;
    drop(listener);
    let mut config = ConnectConfig::default();
    let error = refused(&format!("rtmp://127.0.0.1:{port}/live/key"), &config).await;
    assert!(error.starts_with(&format!("cannot connect to 127.0.0.1:{port}: ")), "{error}");
    let error = refused("rtmp://nobody.invalid/live/key", &config).await;
    assert!(error.starts_with("cannot find the host nobody.invalid: "), "{error}");
    // A socket that takes connections and never says a word: TLS waits for one.
    let (silent, port) = listen().await;
    config.connect_timeout = Duration::from_millis(100);
    let error = refused(&format!("rtmps://127.0.0.1:{port}/live/key"), &config).await;
    assert_eq!(error, format!("cannot connect to 127.0.0.1:{port}: no answer within 0.1 s"));
    drop(silent);
}

#[::tokio::test]
async fn a_stop_while_it_connects_is_obeyed() {
    let (silent, port) = listen().await;
    let client = ClientConfig::publish(url(&format!("rtmps://127.0.0.1:{port}/live/key")));
    let (mut visitor, config) = (Visitor::default(), ConnectConfig::default());
    let stop = ::tokio::time::sleep(Duration::from_millis(50));
    let end = run_client(client, &mut visitor, &config, stop).await.unwrap();
    assert!(matches!(end.closed.reason, CloseReason::Stopped), "{end:?}");
    drop(silent);
}

#[test]
fn pauses_grow_differ_and_start_over() {
    let mut backoff = Backoff::default();
    let pauses: Vec<f64> = (0..8).map(|_| backoff.pause().as_secs_f64()).collect();
    for (pause, whole) in pauses.iter().zip([1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]) {
        assert!((whole * 0.75..=whole * 1.2501).contains(pause), "{pauses:?}");
    }
    assert!(pauses[5..] != [pauses[5]; 3], "{pauses:?}");
    backoff.reset();
    assert!(backoff.pause() <= Duration::from_millis(1251));
}

#[cfg(feature = "rtmps")]
mod rtmps {
    use rcgen::{CertificateParams, CertifiedIssuer, Issuer, KeyPair};
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::crypto::aws_lc_rs;
    use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

    use super::*;

    /// A server's certificate for these names: key, the certificate, and the PEM of who signed it.
    struct Made {
        acceptor: TlsAcceptor,
        authority: String,
    }

    fn acceptor(certificate: &rcgen::Certificate, key: &KeyPair) -> TlsAcceptor {
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }

    fn made(name: &str) -> Made {
        let mut params = CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let signer: &Issuer<'_, _> = &issuer;
        let certificate = params.signed_by(&key, signer).unwrap();
        Made { acceptor: acceptor(&certificate, &key), authority: issuer.pem() }
    }

    /// As `openssl req -x509` makes them: its own authority.
    fn self_signed(name: &str) -> Made {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Made { acceptor: acceptor(&certificate, &key), authority: certificate.pem() }
    }

    /// Serves TLS connections, with the name that each asked for.
    async fn secure(
        acceptor: TlsAcceptor,
        store: Store,
    ) -> (u16, Arc<Mutex<Vec<Option<String>>>>, JoinHandle<()>) {
        let (listener, port) = listen().await;
        let names = Arc::new(Mutex::new(Vec::new()));
        let asked = names.clone();
        let task = ::tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                if let Ok(stream) = acceptor.accept(stream).await {
                    asked.lock().unwrap().push(stream.get_ref().1.server_name().map(str::to_owned));
                    let mut handler = store.clone();
                    run(stream, &mut handler, &ConnectionConfig::default(), pending()).await;
                }
            }
        });
        (port, names, task)
    }

    fn trusting(authority: &str) -> ConnectConfig {
        let tls = TlsConfig::new(Some(authority.as_bytes())).unwrap();
        ConnectConfig { tls: Some(tls), ..ConnectConfig::default() }
    }

    #[::tokio::test]
    async fn a5_40_both_roles_go_over_tls_and_name_the_host() {
        let made = made("localhost");
        let store = Store::default();
        let (port, names, server) = secure(made.acceptor, store.clone()).await;
        let config = trusting(&made.authority);
        let url = url(&format!("rtmps://localhost:{port}/live/key"));
        let (mut publisher, client) = (Visitor::default(), ClientConfig::publish(url.clone()));
        let end = run_client(client, &mut publisher, &config, pending()).await.unwrap();
        assert!(matches!(end.closed.reason, CloseReason::Session), "{end:?}");
        let (mut player, client) = (Visitor::default(), ClientConfig::play(url));
        run_client(client, &mut player, &config, pending()).await.unwrap();
        assert_eq!(player.media, all());
        assert_eq!(*store.media.lock().unwrap(), all());
        assert_eq!(
            *names.lock().unwrap(),
            [Some("localhost".to_owned()), Some("localhost".to_owned())]
        );
        server.abort();
    }

    #[::tokio::test]
    async fn a5_40_an_address_goes_out_without_a_name() {
        let made = made("127.0.0.1");
        let (port, names, server) = secure(made.acceptor, Store::default()).await;
        let url = url(&format!("rtmps://127.0.0.1:{port}/live/key"));
        let mut visitor = Visitor::default();
        let config = trusting(&made.authority);
        run_client(ClientConfig::publish(url), &mut visitor, &config, pending()).await.unwrap();
        assert_eq!(*names.lock().unwrap(), [None]);
        server.abort();
    }

    #[::tokio::test]
    async fn only_those_who_are_trusted_are_spoken_to() {
        let made = made("localhost");
        let (port, _, server) = secure(made.acceptor, Store::default()).await;
        let here = format!("rtmps://localhost:{port}/live/key");
        let other = self_signed("localhost").authority;
        let error = refused(&here, &trusting(&other)).await;
        assert!(error.starts_with(&format!("no TLS with localhost:{port}: ")), "{error}");
        let elsewhere = format!("rtmps://127.0.0.1:{port}/live/key");
        let error = refused(&elsewhere, &trusting(&made.authority)).await;
        assert!(error.contains("not valid for name"), "{error}");
        let tls = Some(TlsConfig::insecure().unwrap());
        let anybody = ConnectConfig { tls, ..ConnectConfig::default() };
        for text in [here, elsewhere] {
            let (mut visitor, client) = (Visitor::default(), ClientConfig::publish(url(&text)));
            run_client(client, &mut visitor, &anybody, pending()).await.unwrap();
            assert_eq!(visitor.events.last(), Some(&ClientEvent::Publishing));
        }
        server.abort();
    }

    #[::tokio::test]
    async fn a_certificate_that_signs_itself_may_be_trusted_for_its_name() {
        let made = self_signed("localhost");
        let (port, _, server) = secure(made.acceptor, Store::default()).await;
        let config = trusting(&made.authority);
        let (mut visitor, client) = (
            Visitor::default(),
            ClientConfig::publish(url(&format!("rtmps://localhost:{port}/live/key"))),
        );
        run_client(client, &mut visitor, &config, pending()).await.unwrap();
        assert_eq!(visitor.events.last(), Some(&ClientEvent::Publishing));
        let error = refused(&format!("rtmps://127.0.0.1:{port}/live/key"), &config).await;
        assert!(error.contains("not valid for name"), "{error}");
        server.abort();
    }

    #[test]
    fn what_is_no_authority_is_refused() {
        for bad in ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
        {
            let error = TlsConfig::new(Some(bad.as_bytes())).unwrap_err();
            assert!(matches!(error, TlsError::Pem(_)), "{bad:?}: {error}");
        }
    }
}
