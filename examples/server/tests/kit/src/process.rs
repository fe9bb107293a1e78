//! Child processes whose lines can be waited for and that never outlive the test.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::until;
use crate::wait::LOOK_AGAIN;

#[derive(Default)]
struct Lines {
    lines: Mutex<Vec<String>>,
    changed: Condvar,
}

/// A running program: standard output and standard error are kept line by line; it is killed when the value is dropped.
pub struct Process {
    name: String,
    child: Child,
    lines: Arc<Lines>,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts `command` without standard input.
    ///
    /// # Panics
    /// When the program is not to be had.
    pub fn spawn(mut command: Command) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}; scripts/setup-tests installs it"));
        let lines = Arc::new(Lines::default());
        let readers = [
            child.stdout.take().map(|pipe| collect(pipe, &lines)),
            child.stderr.take().map(|pipe| collect(pipe, &lines)),
        ];
        Self { name, child, lines, readers: readers.into_iter().flatten().collect() }
    }

    /// Starts `program` with `arguments`.
    pub fn start<A: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = A>) -> Self {
        let mut command = Command::new(program);
        command.args(arguments);
        Self::spawn(command)
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// All lines so far, of both outputs.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lines.lock().expect("no reader panics").clone()
    }

    /// All lines so far as one text, for messages.
    pub fn text(&self) -> String {
        self.lines().join("\n")
    }

    /// Waits for the first line, from line number `from` on, that `wanted` takes.
    ///
    /// # Panics
    /// When `limit` has passed first.
    pub fn wait_line(
        &self,
        what: &str,
        from: usize,
        limit: Duration,
        wanted: impl Fn(&str) -> bool,
    ) -> String {
        let deadline = Instant::now() + limit;
        let mut lines = self.lines.lines.lock().expect("no reader panics");
        loop {
            if let Some(line) = lines.iter().skip(from).find(|line| wanted(line)) {
                return line.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "{}: no line within {limit:?}: {what}\n{}",
                self.name,
                lines.join("\n")
            );
            lines = self.lines.changed.wait_timeout(lines, left).expect("no reader panics").0;
        }
    }

    /// Waits for the end of the program and of its output.
    ///
    /// # Panics
    /// When `limit` has passed first.
    pub fn wait_exit(&mut self, limit: Duration) -> ExitStatus {
        let deadline = Instant::now() + limit;
        let status = loop {
            if let Some(status) = self.exited() {
                break status;
            }
            let text = || format!("{} has not ended within {limit:?}\n{}", self.name, self.text());
            assert!(Instant::now() < deadline, "{}", text());
            std::thread::sleep(LOOK_AGAIN);
        };
        for reader in self.readers.drain(..) {
            reader.join().expect("readers do not panic");
        }
        status
    }

    /// Exit status, when the program has ended.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("state of a child process")
    }

    /// Waits for the end and asserts that it was a good one.
    pub fn succeed(&mut self, limit: Duration) {
        let status = self.wait_exit(limit);
        assert!(status.success(), "{} ended with {status}\n{}", self.name, self.text());
    }

    /// Sends a signal by name: `TERM`, `INT`.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args(["-s", signal, &self.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill -s {signal} {}", self.name);
    }

    /// Ends the program at once: SIGKILL.
    pub fn kill(&mut self) {
        // A program that has ended by itself is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Resident memory, bytes.
    pub fn resident_bytes(&self) -> u64 {
        self.status_kib("VmRSS:") * 1024
    }

    /// Most resident memory so far, bytes.
    pub fn peak_resident_bytes(&self) -> u64 {
        self.status_kib("VmHWM:") * 1024
    }

    fn status_kib(&self, field: &str) -> u64 {
        let path = format!("/proc/{}/status", self.id());
        let status =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        status
            .lines()
            .find_map(|line| line.strip_prefix(field))
            .and_then(|value| value.trim().strip_suffix(" kB"))
            .and_then(|value| value.trim().parse().ok())
            .unwrap_or_else(|| panic!("{path} has no {field}"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs a program to its end and gives standard output and standard error.
///
/// # Panics
/// When it cannot be run, or ends badly.
pub fn run<A: AsRef<OsStr>>(
    program: &str,
    arguments: impl IntoIterator<Item = A>,
) -> (Vec<u8>, String) {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}; scripts/setup-tests installs it"));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let said = || format!("{errors}{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{program} ended with {}\n{}", output.status, said());
    (output.stdout, errors)
}

/// Waits until no process with this id is left.
pub fn wait_gone(id: u32) {
    let path = format!("/proc/{id}");
    until("end of the process", Duration::from_secs(10), || {
        (!std::path::Path::new(&path).exists()).then_some(())
    });
}

fn collect(pipe: impl Read + Send + 'static, lines: &Arc<Lines>) -> JoinHandle<()> {
    let lines = Arc::clone(lines);
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n') {
            let Ok(line) = line else { return };
            let line = String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned();
            lines.lines.lock().expect("no waiter panics while it holds the lock").push(line);
            lines.changed.notify_all();
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_both_outputs_are_seen_and_the_child_dies_with_the_value() {
        let process =
            Process::start("sh", ["-c", "echo one; echo two >&2; exec tail -f /dev/null"]);
        let limit = Duration::from_secs(10);
        process.wait_line("one", 0, limit, |line| line == "one");
        process.wait_line("two", 0, limit, |line| line == "two");
        assert!(process.resident_bytes() > 0);
        let id = process.id();
        drop(process);
        wait_gone(id);
    }

    #[test]
    #[should_panic(expected = "no line within")]
    fn a_line_that_does_not_come_is_named() {
        let process = Process::start("true", [""; 0]);
        process.wait_line("anything", 0, Duration::from_millis(50), |_| true);
    }
}
