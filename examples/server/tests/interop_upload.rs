//! Finished recordings on their way to a bucket of a real S3 server, which checks signatures, and to a folder.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use common::assets::{is_uploaded, key, local, played, sha256};
use common::client::{Client, picture, video_header};
use kit::seaweed::{BUCKET, SECRET, Seaweed};
use kit::way::Way;
use kit::{Server, ServerBuilder, http, until};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_streamcore");
const LIMIT: Duration = Duration::from_secs(60);
/// Bytes of a part.
const PART: u64 = 8 << 20;

fn server(data: &Path, s3: SocketAddr, secret: &str) -> Server {
    let options = format!("--upload=s3://{BUCKET}/films?endpoint=http://{s3}&region=us-east-1");
    let environment = Seaweed::environment(secret);
    ServerBuilder::new(BINARY, data)
        .with(&options)
        .wrapped(&environment.each_ref().map(String::as_str))
        .start()
}

fn publisher(server: &Server, name: &str) -> Client {
    let mut publisher = Client::publish(server.rtmp, name);
    publisher.expect("NetStream.Publish.Start");
    publisher.send(9, 1, 0, video_header());
    publisher
}

/// Publishes `seconds` of pictures of `size` bytes, four a second, and ends.
fn publish(server: &Server, name: &str, seconds: u32, size: usize) {
    let mut publisher = publisher(server, name);
    send(&mut publisher, 0..4 * seconds, size);
}

fn send(publisher: &mut Client, numbers: std::ops::Range<u32>, size: usize) {
    for n in numbers {
        publisher.send(9, 1, n * 250, picture(n % 4 == 0, size));
    }
}

/// The one asset of a stream.
fn asset(server: &Server, name: &str) -> Option<Value> {
    let list = http::get(server.http, "/api/v1/assets").unwrap();
    let list: Value = serde_json::from_slice(&list.body).unwrap();
    let mut of = list["data"].as_array()?.iter().filter(|asset| asset["name"] == name);
    let asset = of.next()?.clone();
    assert!(of.next().is_none(), "one recording, one row: {list}");
    Some(asset)
}

fn wait(server: &Server, name: &str, what: &str, mut is: impl FnMut(&Value) -> bool) -> Value {
    until(what, LIMIT, || asset(server, name).filter(|asset| is(asset)))
}

/// The object is `file`, the row says so, the file is gone, and there is nothing else in the bucket.
fn assert_moved(server: &Server, s3: &Seaweed, data: &Path, name: &str, file: &[u8]) {
    let asset = wait(server, name, "its upload", is_uploaded);
    assert_eq!(asset["bytes"], file.len(), "{asset}");
    assert_eq!(asset["upload"]["sent"], file.len(), "{asset}");
    assert_eq!(asset["sha256"], sha256(file), "{asset}");
    assert!(asset["upload"]["error"].is_null() && asset["upload"]["failed_attempts"] == 0);
    assert!(s3.file(&format!("films/{}", key(&asset))).body == file);
    assert!(played(server.http, &asset, "") == file);
    assert!(!local(data, &asset).exists());
    assert_eq!(s3.names(&format!("films/live/{name}")).len(), 1, "one object");
    assert!(
        s3.names(".uploads").is_empty(),
        "no upload is left half done: {:?}",
        s3.names(".uploads")
    );
}

#[test]
fn a_recording_goes_to_a_bucket_through_a_wrong_secret_and_an_outage() {
    let (data, s3) = (kit::temp_dir(), Seaweed::start());
    let way = Way::to(s3.s3);
    let wrong = server(data.path(), s3.s3, "wrong-one");
    publish(&wrong, "film", 5, 1 << 20);
    let is_refused = |error: &str| error.contains("403") || error.contains("SignatureDoesNotMatch");
    let refused = wait(&wrong, "film", "a refusal", |asset| {
        asset["upload"]["error"].as_str().is_some_and(is_refused)
    });
    let error = refused["upload"]["error"].as_str().unwrap();
    assert!(refused["upload"]["failed_attempts"].as_u64().unwrap() > 0, "{refused}");
    assert!(refused["duration_s"].as_f64().unwrap() >= 4.75, "{refused}");
    wrong.process.wait_line("the refusal", 0, LIMIT, |line| line.contains("upload failed"));
    let said = wrong.process.text() + error;
    assert!(!said.contains("wrong-one"), "no secret is said: {said}");
    let film = std::fs::read(local(data.path(), &refused)).unwrap();
    assert!(film.len() as u64 > 2 * PART, "three parts");
    drop(wrong);

    let server = server(data.path(), way.addr, SECRET);
    assert_moved(&server, &s3, data.path(), "film", &film);

    let mut other = publisher(&server, "other");
    send(&mut other, 0..8, 1000);
    way.set(false);
    publish(&server, "second", 2, 100_000);
    let away = wait(&server, "second", "an error", |asset| asset["upload"]["error"].is_string());
    let second = std::fs::read(local(data.path(), &away)).unwrap();
    assert_eq!(second.len() as u64, away["bytes"].as_u64().unwrap());
    send(&mut other, 8..16, 1000);
    until("the other stream goes on", LIMIT, || {
        let stream = server.stream("live/other")?;
        assert_eq!(stream["problems"].as_array().map(Vec::len), Some(0), "{stream}");
        (stream["bytes_in"].as_u64()? >= 16_000).then_some(())
    });
    assert_eq!(server.process.text().matches("panicked").count(), 0);
    way.set(true);
    assert_moved(&server, &s3, data.path(), "second", &second);
    drop(other);
    wait(&server, "other", "the upload of the other", is_uploaded);
}

#[test]
fn a_kill_in_the_middle_of_an_upload_loses_nothing_and_doubles_nothing() {
    let (data, s3) = (kit::temp_dir(), Seaweed::start());
    let way = Way::to(s3.s3);
    way.stall_after(PART + PART / 2);
    let mut killed = server(data.path(), way.addr, SECRET);
    publish(&killed, "film", 5, 1 << 20);
    let asset = wait(&killed, "film", "one part", |asset| asset["upload"]["sent"] == PART);
    assert_eq!(asset["state"], "uploading");
    let film = std::fs::read(local(data.path(), &asset)).unwrap();
    killed.process.kill();
    way.set(false);
    let before = way.clear();
    way.set(true);

    // It goes on behind its first part, and is killed again: the bucket has put the object together, the answer never came.
    way.keep_answers_from(|request| request.starts_with("POST ") && request.contains("?uploadId="));
    let mut killed = server(data.path(), way.addr, SECRET);
    until("the object", LIMIT, || {
        let object = s3.file(&format!("films/{}", key(&asset)));
        (object.body.len() == film.len()).then_some(())
    });
    killed.process.kill();
    way.set(false);
    let sent = way.clear() - before;
    way.set(true);
    let rest = film.len() as u64 - PART;
    assert!(
        (rest..rest + PART / 2).contains(&sent),
        "{sent} bytes for the {rest} that were missing"
    );
    assert!(local(data.path(), &asset).exists(), "not yet verified");

    let server = server(data.path(), way.addr, SECRET);
    assert_moved(&server, &s3, data.path(), "film", &film);
}

#[test]
fn a_folder_takes_recordings_by_its_path_and_by_its_address() {
    for scheme in ["", "file://"] {
        let (data, folder) = (kit::temp_dir(), kit::temp_dir());
        let target = folder.path().join("films");
        let options = |target: &Path| format!("--upload={scheme}{}", target.display());
        let plain = ServerBuilder::new(BINARY, data.path()).start();
        publish(&plain, "film", 5, 1 << 20);
        let asset = wait(&plain, "film", "its row", |asset| asset["state"] == "ready");
        let film = std::fs::read(local(data.path(), &asset)).unwrap();
        drop(plain);
        // What an upload left that was killed.
        let object = target.join(key(&asset));
        std::fs::create_dir_all(object.parent().unwrap()).unwrap();
        std::fs::write(format!("{}#1", object.display()), "half").unwrap();

        let server = ServerBuilder::new(BINARY, data.path()).with(&options(&target)).start();
        let moved = wait(&server, "film", "its upload", is_uploaded);
        assert_eq!(moved["sha256"], sha256(&film), "{moved}");
        assert!(std::fs::read(&object).unwrap() == film);
        assert!(!local(data.path(), &asset).exists());
        let files = std::fs::read_dir(object.parent().unwrap()).unwrap().count();
        assert_eq!(files, 1, "nothing is left half done");
        // It plays from where it is, and is listed.
        let answer = http::get(server.http, asset["url"].as_str().unwrap()).unwrap();
        assert!(answer.status == 200 && answer.body == film);
        let listed = server.recordings();
        assert_eq!((listed.len(), &listed[0]["uploaded"]), (1, &true.into()), "{listed:?}");
        assert_eq!(listed[0]["mp4"], asset["url"]);
    }
}

#[test]
fn an_upload_that_was_cut_off_before_it_was_noted_is_aborted() {
    use object_store::multipart::MultipartStore as _;
    let s3 = Seaweed::start();
    let data = tempfile::tempdir().unwrap();
    // With a wrong secret nothing is begun.
    let refused = server(data.path(), s3.s3, "wrong");
    publish(&refused, "film", 2, 1000);
    let asset = wait(&refused, "film", "a refusal", |asset| asset["upload"]["error"].is_string());
    drop(refused);
    // As if it had been killed between the bucket's answer and the note of it; and one that is another's.
    let [_, name, secret] = Seaweed::environment(SECRET);
    let value = |pair: &str| pair.split_once('=').unwrap().1.to_owned();
    let bucket = object_store::aws::AmazonS3Builder::new()
        .with_endpoint(format!("http://{}", s3.s3))
        .with_allow_http(true)
        .with_region("us-east-1")
        .with_bucket_name(BUCKET)
        .with_access_key_id(value(&name))
        .with_secret_access_key(value(&secret))
        .build()
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let begin = |path: String| {
        runtime.block_on(bucket.create_multipart(&object_store::path::Path::from(path))).unwrap()
    };
    let orphan = begin(format!("films/{}", key(&asset)));
    let other = begin("films/of/another.mp4".to_owned());
    let open = || s3.names(".uploads");
    assert!([&orphan, &other].iter().all(|id| open().contains(id)), "{:?}", open());
    let server = server(data.path(), s3.s3, SECRET);
    wait(&server, "film", "its upload", is_uploaded);
    until("the orphan's end", LIMIT, || (open() == [other.clone()]).then_some(()));
}
