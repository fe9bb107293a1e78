//! Connections on their way in: HTTPS, proxies that are believed and that are not, and limits.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

use common::{PATIENCE, Server, capture, until};
use kit::tls::{Authority, Files};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, Stream};

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// The answer to a request behind `header`.
fn get(address: SocketAddr, header: &[u8], more: &str) -> String {
    let mut stream = connect(address);
    stream.write_all(header).unwrap();
    let _ = write!(stream, "GET /healthz HTTP/1.1\r\nHost: x\r\n{more}Connection: close\r\n\r\n");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// Sends `header`, C0 and C1, and says whether the server answers.
fn shakes_hands(stream: &mut TcpStream, header: &[u8]) -> bool {
    stream.write_all(header).unwrap();
    let _ = stream.write_all(&capture("ffmpeg-5.1/publish.c2s")[..1537]);
    stream.read_exact(&mut vec![0; 3073]).is_ok()
}

fn proxied(address: &str) -> Vec<u8> {
    format!("PROXY TCP4 {address} 10.0.0.1 4000 1935\r\n").into_bytes()
}

fn https(address: SocketAddr, files: &Files, protocols: &[&str]) -> (Option<Vec<u8>>, String) {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&files.authority).unwrap()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = ServerName::from(address.ip());
    let mut session = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut socket = connect(address);
    let mut stream = Stream::new(&mut session, &mut socket);
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let agreed = session.alpn_protocol().map(<[u8]>::to_vec);
    (agreed, String::from_utf8_lossy(&answer).into_owned())
}

fn https_port(server: &Server) -> SocketAddr {
    let line = server.wait_log("https=127.0.0.1:");
    let port = line.split_once("https=127.0.0.1:").unwrap().1.split(' ').next().unwrap();
    SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap()))
}

fn start(data: &Path, options: &str) -> Server {
    Server::start(data, &options.split_whitespace().collect::<Vec<_>>())
}

#[test]
fn https_serves_http_1_and_offers_http_2_and_its_certificate_is_renewed() {
    let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let files = Authority::new().issue(folder.path());
    let [certificate, key] = [&files.certificate, &files.key].map(|file| file.to_str().unwrap());
    let options = format!("--https-listen 127.0.0.1:0 --tls-cert {certificate} --tls-key {key}");
    let server = start(data.path(), &options);
    let address = https_port(&server);
    let (agreed, answer) = https(address, &files, &["http/1.1"]);
    assert!(agreed.unwrap() == b"http/1.1" && answer.ends_with("ok\n"), "{answer}");
    assert!(https(address, &files, &[]).1.ends_with("ok\n"));
    assert_eq!(https(address, &files, &["h2", "http/1.1"]).0.unwrap(), b"h2");

    let next = Authority::new().issue(folder.path());
    server.signal("HUP");
    server.wait_log("TLS certificate read anew");
    assert!(https(address, &next, &["http/1.1"]).1.ends_with("ok\n"));
    // Plain HTTP there is closed, and the plain port still serves.
    assert_eq!(get(address, b"", "").find("HTTP/1.1 200"), None);
    assert!(get(server.http, b"", "").ends_with("ok\n"));
}

#[test]
fn f_28_the_proxy_protocol_is_needed_from_its_networks_and_refused_from_others() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), "--proxy-protocol-from 127.0.0.0/8,::1 --log-level debug");
    let mut stream = connect(server.rtmp);
    assert!(shakes_hands(&mut stream, &proxied("192.0.2.7")));
    assert!(get(server.http, &proxied("192.0.2.8"), "").ends_with("ok\n"));
    // A proxy that looks whether somebody is there.
    assert!(shakes_hands(&mut connect(server.rtmp), b"PROXY UNKNOWN\r\n"));
    // Version 2, in two pieces.
    let header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\0\x02\x07\x0a\0\0\x01\x0f\xa0\x07\x8f";
    let mut stream = connect(server.rtmp);
    stream.write_all(&header[..9]).unwrap();
    assert!(shakes_hands(&mut stream, &header[9..]));
    // Without a header.
    assert!(!shakes_hands(&mut connect(server.rtmp), b""));
    server.wait_log("no header of the PROXY protocol");
    assert_eq!(get(server.http, b"", ""), "");

    // From others it is no header at all.
    let other = tempfile::tempdir().unwrap();
    let server = start(other.path(), "--proxy-protocol-from 192.0.2.0/24");
    assert!(!shakes_hands(&mut connect(server.rtmp), &proxied("192.0.2.7")));
    assert!(shakes_hands(&mut connect(server.rtmp), b""));
    assert!(!get(server.http, &proxied("192.0.2.7"), "").contains("200 OK"));
}

#[test]
fn f_28_the_address_that_a_proxy_names_is_the_one_that_is_shown() {
    use common::client::{Client, picture, video_header};
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), "--proxy-protocol-from 127.0.0.1 --require-key never");
    let stream = connect(server.rtmp);
    (&stream).write_all(&proxied("192.0.2.7")).unwrap();
    let mut publisher = Client::on(stream, &[]);
    publisher.start_publishing("demo");
    publisher.expect("NetStream.Publish.Start");
    publisher.send(9, 1, 0, video_header());
    publisher.send(9, 1, 0, picture(true, 1000));
    assert!(server.wait_log("publishing").contains("peer=192.0.2.7:4000"), "{}", server.log());
}

#[test]
fn f_25_one_address_has_so_many_connections_and_others_do_not_notice() {
    let data = tempfile::tempdir().unwrap();
    let options = "--proxy-protocol-from 127.0.0.1 --max-connections-per-ip 2";
    let server = start(data.path(), options);
    let mut first = [connect(server.rtmp), connect(server.rtmp)];
    for stream in &mut first {
        assert!(shakes_hands(stream, &proxied("192.0.2.7")));
    }
    assert!(!shakes_hands(&mut connect(server.rtmp), &proxied("192.0.2.7")));
    server.wait_log("192.0.2.7 has 2 connections already");
    assert!(shakes_hands(&mut connect(server.rtmp), &proxied("192.0.2.8")));
    // HTTP counts for itself.
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let mut stream = connect(server.http);
            stream.write_all(&proxied("192.0.2.7")).unwrap();
            stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            assert!(stream.read(&mut [0; 512]).unwrap() > 0);
            stream
        })
        .collect();
    assert_eq!(get(server.http, &proxied("192.0.2.7"), ""), "");
    assert!(get(server.http, &proxied("192.0.2.8"), "").ends_with("ok\n"));
    // Who leaves makes room.
    drop((first, waiting));
    until("room", || {
        let rtmp = shakes_hands(&mut connect(server.rtmp), &proxied("192.0.2.7"));
        (rtmp && get(server.http, &proxied("192.0.2.7"), "").ends_with("ok\n")).then_some(())
    });
}

#[test]
fn f_25_http_has_so_many_connections_in_all() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), "--max-http-connections 3");
    let kept: Vec<_> = (0..3)
        .map(|_| {
            let mut stream = connect(server.http);
            stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            assert!(stream.read(&mut [0; 512]).unwrap() > 0);
            stream
        })
        .collect();
    assert_eq!(get(server.http, b"", ""), "");
    drop(kept);
    until("room", || get(server.http, b"", "").ends_with("ok\n").then_some(()));
}

#[cfg(unix)]
#[test]
fn f_25_without_file_descriptors_new_connections_wait_and_the_server_goes_on() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start_with(data.path(), &[], "ulimit -n 128; exec \"$@\"");
    let mut held = Vec::new();
    // More than it can open: those that it cannot take wait in the kernel's queue.
    for _ in 0..200 {
        held.push(connect(server.rtmp));
    }
    let mut late = connect(server.http);
    late.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    drop(held);
    let mut answer = String::new();
    late.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("ok\n"), "{answer}");
    assert!(shakes_hands(&mut connect(server.rtmp), b""));
}

#[test]
fn f_01_opening_has_a_deadline_on_every_port() {
    let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let files = Authority::new().issue(folder.path());
    let [certificate, key] = [&files.certificate, &files.key].map(|file| file.to_str().unwrap());
    let options = format!(
        "--https-listen 127.0.0.1:0 --tls-cert {certificate} --tls-key {key} \
         --proxy-protocol-from 127.0.0.1 --handshake-timeout 1s"
    );
    let server = start(data.path(), &options);
    let mut slow = Vec::new();
    for address in [server.rtmp, server.http] {
        // The beginning of a header.
        let mut stream = connect(address);
        stream.write_all(b"PROXY TCP4 192").unwrap();
        slow.push(stream);
    }
    let mut stream = connect(https_port(&server));
    stream.write_all(&proxied("192.0.2.7")).unwrap();
    stream.write_all(&[0x16, 3, 1, 1]).unwrap();
    slow.push(stream);
    for mut stream in slow {
        // Closed, cleanly or not, within the time that a read may take here.
        let read = stream.read(&mut [0; 16]);
        assert!(!matches!(&read, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock));
        assert!(!matches!(read, Ok(1..)));
    }
}

#[test]
fn f_28_a_proxy_that_is_believed_says_whose_request_it_is_and_others_do_not() {
    use common::client::{Client, picture, video_header};
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), "--no-record --forwarded-from 127.0.0.1");
    let mut publisher = Client::publish(server.rtmp, "demo");
    publisher.expect("NetStream.Publish.Start");
    publisher.send(9, 1, 0, video_header());
    for n in 0..101 {
        publisher.send(9, 1, n * 40, picture(n % 25 == 0, 1000));
    }
    server.wait_live("live/demo");
    let watch = |server: &Server, from: &str| {
        let headers = format!("X-Forwarded-For: {from}\r\n");
        until("a playlist", || {
            let answer = server.request("GET", "/live/demo/video.m3u8", &headers);
            (answer.status == 200).then_some(())
        });
    };
    // What the client itself wrote ahead of the proxy's word is not believed.
    watch(&server, "198.51.100.1, 192.0.2.7");
    watch(&server, "192.0.2.8");
    let addresses = |server: &Server| {
        let list = common::api::get(server, "/api/v1/sessions?role=player");
        let list = list["data"].as_array().unwrap().clone();
        list.iter().map(|it| it["address"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(addresses(&server), ["192.0.2.7:0", "192.0.2.8:0"]);
    // Nor is anybody's where no proxy is named.
    let other = tempfile::tempdir().unwrap();
    let server = start(other.path(), "--no-record");
    let mut publisher = Client::publish(server.rtmp, "demo");
    publisher.expect("NetStream.Publish.Start");
    publisher.send(9, 1, 0, video_header());
    for n in 0..101 {
        publisher.send(9, 1, n * 40, picture(n % 25 == 0, 1000));
    }
    watch(&server, "192.0.2.7");
    assert!(addresses(&server).iter().all(|it| it.starts_with("127.0.0.1:")));
}

#[test]
fn f_28_rtmps_behind_the_proxy_protocol_shows_the_client_that_the_proxy_names() {
    let folder = tempfile::tempdir().unwrap();
    let files = Authority::new().issue(folder.path());
    let data = tempfile::tempdir().unwrap();
    let options = format!(
        "{} --proxy-protocol-from 127.0.0.1 --require-key never --log-level debug",
        files.options()
    );
    let server = start(data.path(), &options);
    let line = server.wait_log("rtmps=127.0.0.1:");
    let port = line.split_once("rtmps=127.0.0.1:").unwrap().1.split(' ').next().unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap()));
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&files.authority).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    // The header comes ahead of TLS, in the clear.
    let behind = |header: Vec<u8>| tls_tunnel(address, config.clone(), header);
    let stream = connect(behind(proxied("192.0.2.9")));
    let mut publisher = common::client::Client::on(stream, &[]);
    publisher.start_publishing("demo");
    publisher.expect("NetStream.Publish.Start");
    assert!(server.wait_log("publishing").contains("peer=192.0.2.9:4000"), "{}", server.log());
    // Without a header there is no connection.
    assert!(!shakes_hands(&mut connect(behind(Vec::new())), b""));
}

/// An address whose connections go on to `address`: first `header` in the clear, and then all by TLS.
fn tls_tunnel(address: SocketAddr, config: ClientConfig, header: Vec<u8>) -> SocketAddr {
    use tokio::io::AsyncWriteExt as _;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let near = listener.local_addr().unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (mut plain, _) = listener.accept().unwrap();
        plain.set_nonblocking(true).unwrap();
        let _ = runtime.block_on(async {
            let mut near = tokio::net::TcpStream::from_std(plain.try_clone()?)?;
            let mut far = tokio::net::TcpStream::connect(address).await?;
            far.write_all(&header).await?;
            let mut far = connector.connect(ServerName::from(address.ip()), far).await?;
            tokio::io::copy_bidirectional(&mut near, &mut far).await
        });
        let _ = plain.flush();
        let _ = plain.shutdown(std::net::Shutdown::Both);
    });
    near
}
