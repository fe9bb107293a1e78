//! A store as S3 has it, in memory, and a web server of the same objects: as much of both as a client of large objects needs.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The only bucket.
pub const BUCKET: &str = "films";

/// A store that answers until the test ends.
pub struct Store {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Vec<u8>>,
    /// Parts by number, of each upload that is under way.
    uploads: BTreeMap<String, BTreeMap<usize, Vec<u8>>>,
    requests: Vec<String>,
    /// Requests that are still to be answered by 503.
    stumbles: usize,
    /// Changes with each object, as tags do.
    version: u64,
    ranges: bool,
}

impl Store {
    /// An empty one.
    ///
    /// # Panics
    /// When there is no port.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let state = Arc::new(Mutex::new(State { ranges: true, ..State::default() }));
        let shared = state.clone();
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let state = shared.clone();
                std::thread::spawn(move || while serve(&socket, &state).is_some() {});
            }
        });
        Self { address, state }
    }

    /// The variables that lead a client here.
    #[must_use]
    pub fn variables(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_ENDPOINT", format!("http://{}", self.address)),
            ("AWS_ALLOW_HTTP", "true".into()),
            ("AWS_REGION", "us-east-1".into()),
            ("AWS_ACCESS_KEY_ID", "key".into()),
            ("AWS_SECRET_ACCESS_KEY", "secret".into()),
        ]
    }

    /// Address of an object for a client of stores.
    #[must_use]
    pub fn url(key: &str) -> String {
        format!("s3://{BUCKET}/{key}")
    }

    /// Address of an object for a client of the web.
    #[must_use]
    pub fn web(&self, key: &str) -> String {
        format!("http://{}/{BUCKET}/{key}", self.address)
    }

    /// Puts an object.
    pub fn put(&self, key: &str, bytes: Vec<u8>) {
        let mut state = lock(&self.state);
        state.version += 1;
        state.objects.insert(key.to_owned(), bytes);
    }

    /// Takes an object out.
    #[must_use]
    pub fn take(&self, key: &str) -> Option<Vec<u8>> {
        lock(&self.state).objects.remove(key)
    }

    /// Names of all objects.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        lock(&self.state).objects.keys().cloned().collect()
    }

    /// Uploads that are under way, with the parts of each.
    #[must_use]
    pub fn uploads(&self) -> Vec<usize> {
        lock(&self.state).uploads.values().map(BTreeMap::len).collect()
    }

    /// Requests so far whose first line holds this.
    #[must_use]
    pub fn count(&self, text: &str) -> usize {
        lock(&self.state).requests.iter().filter(|line| line.contains(text)).count()
    }

    /// Has the next so many requests fail.
    pub fn stumble(&self, count: usize) {
        lock(&self.state).stumbles = count;
    }

    /// Whether ranges are given, or always the whole.
    pub fn give_ranges(&self, ranges: bool) {
        lock(&self.state).ranges = ranges;
    }
}

struct Request {
    method: String,
    key: String,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Request {
    fn read(socket: &TcpStream, state: &Mutex<State>) -> Option<Self> {
        let mut reader = BufReader::new(socket);
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
        lock(state).requests.push(line.trim_end().to_owned());
        let mut words = line.split_whitespace();
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let key = path.trim_start_matches('/').strip_prefix(BUCKET)?.trim_start_matches('/');
        let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let query = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.insert(name.to_lowercase(), value.trim().to_owned());
        }
        let length = headers.get("content-length").and_then(|text| text.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body).ok()?;
        Some(Self { method, key: key.to_owned(), query, headers, body })
    }
}

/// Answers one request; `None` ends the connection.
fn serve(mut socket: &TcpStream, state: &Mutex<State>) -> Option<()> {
    let request = Request::read(socket, state)?;
    let is_head = request.method == "HEAD";
    let (status, headers, body) = answer(request, &mut lock(state));
    let mut head = format!("HTTP/1.1 {status} OK\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    socket.write_all((head + "\r\n").as_bytes()).ok()?;
    if !is_head {
        socket.write_all(&body).ok()?;
    }
    Some(())
}

type Answer = (u16, Vec<(&'static str, String)>, Vec<u8>);

fn answer(request: Request, state: &mut State) -> Answer {
    if state.stumbles > 0 {
        state.stumbles -= 1;
        return (503, Vec::new(), b"<Error><Code>SlowDown</Code></Error>".to_vec());
    }
    let xml = |text: String| (200, Vec::new(), text.into_bytes());
    let upload = request.query.get("uploadId").cloned();
    match (request.method.as_str(), upload) {
        ("POST", None) => {
            let id = format!("upload-{}", state.requests.len());
            state.uploads.insert(id.clone(), BTreeMap::new());
            xml(format!(
                "<InitiateMultipartUploadResult><Bucket>{BUCKET}</Bucket><Key>{}</Key>\
                 <UploadId>{id}</UploadId></InitiateMultipartUploadResult>",
                request.key
            ))
        }
        ("PUT", Some(id)) => {
            let number = request.query.get("partNumber").and_then(|text| text.parse().ok());
            let (Some(parts), Some(number)) = (state.uploads.get_mut(&id), number) else {
                return (404, Vec::new(), Vec::new());
            };
            parts.insert(number, request.body);
            (200, vec![("etag", format!("\"part-{number}\""))], Vec::new())
        }
        ("POST", Some(id)) => {
            let Some(parts) = state.uploads.remove(&id) else {
                return (404, Vec::new(), Vec::new());
            };
            let key = request.key;
            let whole = parts.into_values().flatten().collect();
            state.version += 1;
            state.objects.insert(key.clone(), whole);
            xml(format!(
                "<CompleteMultipartUploadResult><Bucket>{BUCKET}</Bucket><Key>{key}</Key>\
                 <ETag>\"{}\"</ETag></CompleteMultipartUploadResult>",
                state.version
            ))
        }
        ("DELETE", Some(id)) => {
            state.uploads.remove(&id);
            (204, Vec::new(), Vec::new())
        }
        ("GET" | "HEAD", None) => get(&request, state),
        _ => (400, Vec::new(), Vec::new()),
    }
}

fn get(request: &Request, state: &State) -> Answer {
    let Some(object) = state.objects.get(&request.key) else {
        return (404, Vec::new(), b"<Error><Code>NoSuchKey</Code></Error>".to_vec());
    };
    let tag = format!("\"{}\"", state.version);
    if request.headers.get("if-match").is_some_and(|wanted| *wanted != tag) {
        return (412, Vec::new(), Vec::new());
    }
    let date = "Tue, 24 Nov 2026 00:00:00 GMT".to_owned();
    let mut headers = vec![("etag", tag), ("last-modified", date)];
    let range = request.headers.get("range").and_then(|text| text.strip_prefix("bytes="));
    let bounds = range.filter(|_| state.ranges).and_then(|text| {
        let (first, last) = text.split_once('-')?;
        Some((first.parse::<usize>().ok()?, last.parse::<usize>().ok()?))
    });
    let Some((first, last)) = bounds else { return (200, headers, object.clone()) };
    if first >= object.len() {
        headers.push(("content-range", format!("bytes */{}", object.len())));
        return (416, headers, Vec::new());
    }
    let last = last.min(object.len() - 1);
    headers.push(("content-range", format!("bytes {first}-{last}/{}", object.len())));
    (206, headers, object[first..=last].to_vec())
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
