//! The program that is run for each finished recording: its arguments are a list, and no shell reads them.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::RecordingDone;

/// Programs that run at once; more are refused, and said.
const RUNNING: usize = 64;

static NOW: AtomicUsize = AtomicUsize::new(0);

/// Runs the program of the recording's recorder, where there is one. It is not waited for.
pub fn run(done: &RecordingDone) {
    let Some(config) = done.config.as_ref().filter(|config| !config.exec_done.is_empty()) else {
        return;
    };
    let path = &done.path;
    let words = [
        ("$app", done.app.clone()),
        ("$name", done.name.clone()),
        ("$recorder", done.recorder.clone()),
        ("$path", text(path)),
        ("$filename", part(path.file_name().map(Path::new))),
        ("$basename", part(path.file_stem().map(Path::new))),
        ("$dirname", part(path.parent())),
    ];
    let Some((program, arguments)) = fill_in(&config.exec_done, &words) else {
        tracing::error!(
            file = done.shown,
            "exec_record_done is not run: a name begins with a dash and would be an option"
        );
        return;
    };
    if NOW.fetch_add(1, Ordering::Relaxed) >= RUNNING {
        NOW.fetch_sub(1, Ordering::Relaxed);
        tracing::error!(file = done.shown, "exec_record_done is not run: too many are running");
        return;
    }
    let shown = done.shown.clone();
    let wait = move || {
        let result = Command::new(&program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status();
        NOW.fetch_sub(1, Ordering::Relaxed);
        match result {
            Ok(status) if status.success() => {}
            Ok(status) => tracing::warn!(of = shown, program, "exec_record_done: {status}"),
            Err(error) => tracing::error!(of = shown, program, "exec_record_done: {error}"),
        }
    };
    if std::thread::Builder::new().name("exec".into()).spawn(wait).is_err() {
        NOW.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The program and its arguments with the variables filled in; `None` where a name would become an option.
fn fill_in(exec: &[String], words: &[(&str, String)]) -> Option<(String, Vec<String>)> {
    let fill = |argument: &String| {
        let (mut made, mut rest) = (String::new(), argument.as_str());
        while let Some(at) = rest.find('$') {
            let (before, behind) = rest.split_at(at);
            made.push_str(before);
            // The longest name that fits: `$name` is not `$nam`.
            let known = words.iter().filter(|(key, _)| behind.starts_with(key));
            match known.max_by_key(|(key, _)| key.len()) {
                Some((key, value)) => {
                    made.push_str(value);
                    rest = behind.strip_prefix(key).unwrap_or_default();
                }
                None => {
                    made.push('$');
                    rest = behind.strip_prefix('$').unwrap_or_default();
                }
            }
        }
        made.push_str(rest);
        (argument.starts_with('-') || !made.starts_with('-')).then_some(made)
    };
    let mut all = exec.iter().map(fill);
    let program = all.next()??;
    Some((program, all.collect::<Option<_>>()?))
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn part(path: Option<&Path>) -> String {
    path.map(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(exec: &[&str], name: &str) -> Option<Vec<String>> {
        let exec: Vec<String> = exec.iter().map(|word| (*word).to_owned()).collect();
        let words = [("$name", name.to_owned()), ("$path", format!("/r/{name}.mp4"))];
        let (program, arguments) = fill_in(&exec, &words)?;
        Some([vec![program], arguments].concat())
    }

    #[test]
    fn f_07_a_name_is_one_argument_whatever_it_holds() {
        let hostile = "a; rm -rf $HOME `id` $path \"'";
        let made = filled(&["prog", "-i", "$path", "x-$name-$other$"], hostile).unwrap();
        let path = format!("/r/{hostile}.mp4");
        assert_eq!(made, ["prog", "-i", &path, &format!("x-{hostile}-$other$")]);
    }

    #[test]
    fn f_07_a_name_never_becomes_an_option() {
        assert_eq!(filled(&["prog", "$name"], "-rf"), None);
        assert_eq!(filled(&["prog", "-n$name", "$path"], "-rf").unwrap()[1], "-n-rf");
    }
}
