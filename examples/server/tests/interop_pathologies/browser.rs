//! One Chromium for all tests: `web/tests/files.mjs` as a child process, which ends with its input.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(90);

type Waiting = Arc<Mutex<HashMap<u64, Sender<Value>>>>;

struct Browser {
    input: Mutex<(ChildStdin, u64)>,
    waiting: Waiting,
}

static BROWSER: OnceLock<Browser> = OnceLock::new();

fn start() -> Browser {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/tests/files.mjs");
    let mut command = Command::new("node");
    command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("node; scripts/setup-tests installs it");
    let input = child.stdin.take().expect("a pipe");
    let output = BufReader::new(child.stdout.take().expect("a pipe"));
    let waiting = Waiting::default();
    let tell = waiting.clone();
    std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            let answer: Value = serde_json::from_str(&line).expect("a line of JSON");
            let id = answer["id"].as_u64().expect("a number");
            let asked = tell.lock().expect("no waiter panics").remove(&id).expect("a question");
            let _ = asked.send(answer);
        }
        // Nobody waits for what does not come.
        tell.lock().expect("no waiter panics").clear();
        let _ = child.wait();
    });
    Browser { input: Mutex::new((input, 0)), waiting }
}

/// Asks for a file to be played; with a MIME type it is appended to a MediaSource.
pub fn ask(file: &Path, mime: Option<&str>) -> Receiver<Value> {
    let browser = BROWSER.get_or_init(start);
    let (sender, receiver) = channel();
    let mut input = browser.input.lock().expect("no writer panics");
    input.1 += 1;
    browser.waiting.lock().expect("no waiter panics").insert(input.1, sender);
    let question = json!({ "id": input.1, "file": file, "mime": mime });
    writeln!(input.0, "{question}").expect("Chromium is there");
    receiver
}

/// The answer.
pub fn answer(name: &str, receiver: &Receiver<Value>) -> Value {
    receiver.recv_timeout(LIMIT).unwrap_or_else(|fault| panic!("{name}: no answer: {fault}"))
}
