//! RTMP over TLS: the certificate and its renewal, and connections that are no TLS or never come to be.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{PATIENCE, Server, capture, command, until};
use kit::tls::{Authority, Files};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, Stream};

const SECURE: &str = "--rtmps-listen";

fn start(data: &Path, files: &Files, more: &[&str]) -> (Server, SocketAddr) {
    let options = files.options();
    let mut arguments: Vec<&str> = options.split(' ').collect();
    arguments.extend(more);
    let server = Server::start(data, &arguments);
    let line = server.wait_log("rtmps=");
    let port = line.split_once("rtmps=127.0.0.1:").unwrap().1;
    let port = port.split(' ').next().unwrap().parse().unwrap();
    (server, SocketAddr::from(([127, 0, 0, 1], port)))
}

/// Connects by TLS, trusting `authority` alone; sends C0 and C1, and gives the answer.
fn shake_hands(address: SocketAddr, authority: &Path) -> std::io::Result<Vec<u8>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::from(address.ip());
    let mut session = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut stream = Stream::new(&mut session, &mut socket);
    stream.write_all(&capture("ffmpeg-5.1/publish.c2s")[..1537])?;
    let mut answer = vec![0; 3073];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

/// Reads until the server closes.
fn read_to_end(stream: &mut TcpStream) -> usize {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let (mut count, mut buffer) = (0, [0; 4096]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return count,
            Ok(read) => count += read,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return count,
            Err(error) => panic!("not closed: {error}"),
        }
    }
}

#[test]
fn a5_40_who_takes_the_wrong_port_is_told_apart_closed_and_no_harm_to_others() {
    let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let files = Authority::new().issue(folder.path());
    let (server, secure) = start(data.path(), &files, &[]);

    let mut plain = TcpStream::connect(secure).unwrap();
    plain.write_all(&capture("obs-29.0.2/publish.c2s")[..1537]).unwrap();
    assert_eq!(read_to_end(&mut plain), 0);
    server.wait_log("plain RTMP on the RTMPS port");

    let mut http = TcpStream::connect(secure).unwrap();
    http.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(read_to_end(&mut http), 0);
    server.wait_log("the first byte is 0x47");

    let mut broken = TcpStream::connect(secure).unwrap();
    broken.write_all(&[0x16, 3, 1, 0, 4, 0xff, 0xff, 0xff, 0xff]).unwrap();
    read_to_end(&mut broken);
    server.wait_log("failures=3");

    assert!(shake_hands(server.rtmp, &files.authority).is_err(), "TLS on the plain port");
    let line = server.wait_log("TLS connection to a plain RTMP port");
    assert!(line.contains("WARN"), "{line}");

    assert_eq!(shake_hands(secure, &files.authority).unwrap()[0], 3);
    assert_eq!(server.log().matches("WARN").count(), 4, "{}", server.log());
    assert!(!server.log().contains("failures=4"));
}

#[test]
fn f_01_the_tls_handshake_has_an_absolute_deadline() {
    let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let files = Authority::new().issue(folder.path());
    let (server, secure) = start(data.path(), &files, &["--handshake-timeout", "1s"]);
    let start = Instant::now();
    let mut silent = TcpStream::connect(secure).unwrap();
    let mut slow = TcpStream::connect(secure).unwrap();
    slow.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    // A record that is announced with 500 bytes and comes byte by byte.
    let mut bytes = [0x16, 3, 1, 1, 0xf4, 1, 0, 1, 0xf0].into_iter().chain(std::iter::repeat(3));
    until("end of the slow one", || {
        {
        let _ = slow.write_all(&[bytes.next().unwrap()]);
        !matches!(slow.read(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
    }
    .then_some(())
    });
    read_to_end(&mut silent);
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
    server.wait_log("failures=2");
    assert_eq!(shake_hands(secure, &files.authority).unwrap()[0], 3);
}

#[test]
fn a_new_certificate_is_taken_without_a_restart() {
    let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let files = Authority::new().issue(folder.path());
    let old = folder.path().join("old.pem");
    fs::copy(&files.authority, &old).unwrap();
    let (server, secure) = start(data.path(), &files, &[]);
    shake_hands(secure, &old).unwrap();

    // Another key alone cannot be used: the old pair stays.
    let other = tempfile::tempdir().unwrap();
    let next = Authority::new().issue(other.path());
    fs::copy(&next.key, &files.key).unwrap();
    server.wait_log("stays as it was");
    shake_hands(secure, &old).unwrap();

    fs::copy(&next.certificate, &files.certificate).unwrap();
    server.wait_log("read anew");
    shake_hands(secure, &next.authority).unwrap();
    assert!(shake_hands(secure, &old).is_err(), "the old certificate is still given");
    server.wait_log("the TLS handshake failed");
}

#[cfg(unix)]
#[test]
fn sighup_reads_the_certificate_anew() {
    let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let files = Authority::new().issue(folder.path());
    let (mut server, secure) = start(data.path(), &files, &[]);
    shake_hands(secure, &files.authority).unwrap();
    server.signal("HUP");
    server.wait_log("read anew");
    shake_hands(secure, &files.authority).unwrap();
    server.signal("TERM");
    assert!(server.wait().success());
}

#[test]
fn files_that_cannot_be_used_are_named_at_the_start() {
    let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (one, two) = (folder.path().join("1"), folder.path().join("2"));
    [&one, &two].into_iter().for_each(|folder| fs::create_dir(folder).unwrap());
    let (one, two) = (Authority::new().issue(&one), Authority::new().issue(&two));
    let missing = folder.path().join("missing.pem");
    let cases = [
        (&missing, &one.key, "missing.pem"),
        (&one.certificate, &missing, "missing.pem"),
        (&one.certificate, &two.key, "is not that of the certificate"),
        (&one.key, &one.key, "no certificate in PEM"),
        (&one.certificate, &one.certificate, "no private key in PEM"),
    ];
    for (certificate, key, reason) in cases {
        let [certificate, key] = [certificate, key].map(|file| file.to_str().unwrap());
        let arguments = [SECURE, "127.0.0.1:0", "--tls-cert", certificate, "--tls-key", key];
        let output = command(data.path(), &arguments).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.lines().count() == 1 && text.contains(reason), "{text}");
    }
    let output = command(data.path(), &[SECURE, "127.0.0.1:0"]).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && text.contains("--tls-cert"), "{text}");
}
