//! Every seed and every input that once failed, through the fuzz target over the C functions. Seeds are made here, so that they follow the
//! target: `UPDATE=1 cargo test -p streamcore-ffi-testing --test c_library` writes them anew. With `CORPUS=DIR` what fuzzing has gathered
//! in `DIR/c_library`, too.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use streamcore_c::testing::{Given, operation, run};
use streamcore_c::*;

/// An input as it is written down: operations with a mood and arguments.
#[derive(Default)]
struct Script(Vec<u8>);

/// Arguments of bytes: two of length in front.
fn bytes(data: &[u8]) -> Vec<u8> {
    let size = u16::try_from(data.len()).expect("short");
    [&size.to_be_bytes(), data].concat()
}

impl Script {
    fn mood(mut self, name: &str, mood: u8, arguments: &[u8]) -> Self {
        self.0.extend([operation(name).expect(name), mood]);
        self.0.extend(arguments);
        self
    }

    /// By a careful caller, on the first handles.
    fn and(self, name: &str, arguments: &[u8]) -> Self {
        self.mood(name, 0, arguments)
    }

    /// Those whose arguments may all be 0.
    fn all(self, names: &[&str]) -> Self {
        names.iter().fold(self, |script, name| {
            let arguments: &[u8] = match *name {
                "retain" => &[0, 0],
                "server_state" | "client_state" => &[1, 0],
                "look" | "server_poll" | "client_poll" | "release" | "last_error" => &[0],
                _ => &[],
            };
            script.and(name, arguments)
        })
    }

    /// The same for both ends: kind and bytes of a message.
    fn tag(self, name: &str, before: &[u8], kind: u8, body: &[u8]) -> Self {
        self.and(name, &[before, &[kind, 0, 0, 0, 40, 0], &bytes(body)].concat())
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

/// A seed of another target.
fn seed(name: &str) -> Vec<u8> {
    std::fs::read(root().join("seeds").join(name)).expect(name)
}

/// First bytes of either side of RTMP.
fn hello() -> Vec<u8> {
    let mut bytes = vec![0; 1 + 1536 * 2];
    bytes[0] = 3;
    bytes
}

/// All that takes what a publisher sends, asked all that it can be asked.
fn publish() -> Script {
    let begin = Script::default()
        .and("server_session", &[0, 0])
        .and("assembler", &[])
        .and("muxer", &[0x43])
        .and("flv_recorder", &[])
        .and("mp4_recorder", &[1])
        .and("gop_cache", &[])
        .and("flv_writer", &[])
        .and("writer_header", &[3])
        .and("server_input", &[&[0, 0x4d][..], &bytes(&hello())].concat())
        .all(&["server_output", "server_state"])
        .and("server_input", &[&[0, 0x4d][..], &bytes(&seed("server_session/obs"))].concat())
        .and("assembler_events", &[255, 7])
        .and("muxer_request", &[0, 0, 0, 0, 0])
        .all(&["server_output", "server_state"])
        .and("server_poll", &[0])
        .and("server_answer", &[0, 0])
        .and("server_end_play", &[0])
        .all(&["look", "retain", "describe", "retain_track"]);
    // All that was recorded of it.
    let ended = begin
        .and("cache_rewind", &[])
        .and("cache_tags", &[20, 2])
        .all(&["writer_output", "recorder_finish", "recorder_output"])
        .and("recorder_patches", &[5])
        .and("assembler_finish", &[])
        .and("assembler_events", &[255, 7])
        .and("one_track", &[3])
        .and("one_unit", &[3, 0, 0, 0])
        .all(&["muxer_discontinuity", "recording_discontinuity", "recording_flush"])
        .and("fill", &[0, 0])
        .and("recording_writes", &[50])
        .and("recording_finish", &[])
        .and("recording_writes", &[50])
        .all(&["recording_duration", "probe"])
        .all(&["probe_answers", "muxer_numbers", "muxer_finish"]);
    let asked = (0..8).fold(ended, |script, name| {
        script.and("muxer_request", &[name, 0, 0, 0, 0]).and("file", &[0]).and("file", &[100])
    });
    asked
        .all(&["muxer_resume", "cache_clear", "release", "release_track", "server_close"])
        .and("last_error", &[3])
        .and("server_state", &[0])
        .and("ask", &[255, 255, 255, 255])
        .and("free_one", &[4])
}

/// A publisher, a server and a player, joined.
fn joined() -> Script {
    let frame = [0x17, 1, 0, 0, 0, 0, 0, 0, 2, 9, 0x10];
    Script::default()
        .and("server_session", &[0, 0])
        .and("client_session", &[0, 0, 0, 0, 0])
        .mood("server_session", 1, &[0, 0])
        .mood("client_session", 1, &[0, 1, 0, 0, 0])
        .and("join", &[15, 0])
        .tag("client_send", &[], 1, &frame)
        .tag("client_send", &[], 0, &[0xaf, 1, 0x21])
        .and("join", &[15, 0])
        .all(&["client_state", "client_poll", "client_output"])
        .mood("join", 1, &[15, 0])
        .mood("server_send", 1, &[&[0, 1, 0, 0, 0, 40, 0][..], &bytes(&frame)].concat())
        .mood("join", 1, &[15, 0])
        .mood("server_end_play", 1, &[0])
        .mood("join", 1, &[15, 0])
        .and("client_finish", &[])
        .and("join", &[15, 0])
        .and("client_next", &[0])
        .mood("server_answer", 1, &[1, 0, 0, 0, 9, 2])
}

/// A player that is sent on to another server, one that is asked for its password, and one that is refused.
fn sent_on(name: &str) -> Script {
    let answer = seed(name);
    Script::default()
        .and("client_session", &[0, 1, 0, 0, 0])
        .and("client_output", &[])
        .and("client_input", &[&[0, 0][..], &bytes(&hello())].concat())
        .and("client_input", &[&[0, 0][..], &bytes(&answer[1..])].concat())
        .and("client_next", &[0])
        .mood("client_output", 1, &[])
        .mood("client_state", 1, &[0])
        .mood("client_session", 0, &[&[0, 0][..], &bytes(b"rtmp://x/y/\xff"), &[0]].concat())
        .and("server_session", &[0, 0])
        .and("client_session", &[0, 0, 0, 0, 0])
        .and("join", &[15, 0x80])
        .and("server_answer", &[0, 2])
        .and("join", &[15, 0])
}

/// A file through all that reads and writes files.
fn file(name: &str) -> Script {
    let flv = seed(name);
    let read = Script::default()
        .and("flv_reader", &[])
        .and("flv_writer", &[])
        .and("assembler", &[])
        .and("flv_recorder", &[])
        .and("muxer", &[0x23])
        .and("gop_cache", &[])
        .and("mp4_recorder", &[1])
        .and("writer_header", &[3])
        .and("wrap", &[&[1, 2][..], &bytes(&flv)].concat())
        .and("reader_buf", &[1, 0, 0])
        .and("reader_tags", &[100, 0x4f])
        .and("copy", &[&[2][..], &bytes(b"copied")].concat())
        .all(&["look", "reader_finish", "writer_output", "recorder_output"])
        .and("reader_input", &bytes(&flv))
        .and("assembler_events", &[200, 3])
        .and("assembler_finish", &[])
        .and("assembler_events", &[200, 3])
        .and("fill", &[0, 0])
        .and("recording_writes", &[50])
        .and("recording_finish", &[])
        .and("recording_writes", &[50])
        .all(&["probe", "probe_answers"])
        .and("assembler", &[])
        .tag("assembler_tag", &[], 0, b"\xaf\0\x12\x10")
        .tag("assembler_tag", &[], 0, b"\xaf\x01\x21\x10\x04")
        .and("muxer_pull", &[0])
        .tag("writer_tag", &[], 2, b"\x02\0\x0aonMetaData")
        .tag("recorder_tag", &[], 1, b"\x17\x01\0\0\0")
        .tag("assembler_tag", &[], 0, b"\xaf\x01\x21")
        .tag("cache_tag", &[], 9, b"\x17\x01\0\0\0")
        .and("writer_tag", &[1, 0, 0, 0, 0, 1, 1])
        .and("writer_tag", &[1, 0, 0, 0, 0, 2, 1, 0, 4, 0, 9])
        .and("cache_tag", &[0, 0, 0, 0, 0, 2, 1, 255, 0, 255, 0])
        .and("release", &[1]);
    read.and("fill", &bytes(&flv))
        .and("remuxer", &[1])
        .and("remuxer_reads", &[0, 255])
        .and("remuxer_finish", &[0, 0])
        .and("remuxer_pieces", &[255])
        .and("remuxer", &[0])
        .and("remuxer_input", &[0, 0])
        .and("remuxer_finish", &[2, 1])
        .and("remuxer_pieces", &[255])
        .and("probe", &[])
        .and("probe_answers", &[])
        .and("remux", &[0, 0])
        .and("remux", &[2, 1])
        .and("package", &[0, 0, 0, 0, 0])
}

/// All operations by a caller one of whose arguments is wrong, each in turn, with handles of all kinds at hand.
fn careless(wrong: u8) -> Script {
    let begin = publish();
    NAMES.iter().fold(begin, |script, name| {
        (0..6).fold(script, |script, at| {
            let mut arguments = [0; 8];
            arguments[at] = wrong;
            script.mood(name, 0xff, &arguments)
        })
    })
}

/// What is no media, names that lead nowhere, and work that is cancelled.
fn refused() -> Script {
    let noise = bytes(b"neither one nor the other, and long enough for both");
    Script::default()
        .and("flv_reader", &[])
        .and("reader_input", &noise)
        .and("server_session", &[0, 0])
        .and("server_input", &[&[0, 0][..], &noise].concat())
        .and("remuxer", &[0])
        .and("remuxer_input", &noise)
        .and("fill", &noise)
        .and("probe", &[])
        .and("fill", &bytes(&seed("remux/ffmpeg51")))
        .and("remux", &[1, 0])
        .and("package", &[1, 0, 0, 0, 0])
        .mood("probe", 0xc0, &[0xc5])
        .mood("remux", 0xc0, &[0, 0xc5])
        .mood("package", 0xc0, &[0, 0xd5])
}

const NAMES: [&str; 67] = [
    "flv_reader",
    "flv_writer",
    "assembler",
    "flv_recorder",
    "gop_cache",
    "server_session",
    "client_session",
    "muxer",
    "mp4_recorder",
    "remuxer",
    "free_one",
    "last_error",
    "server_input",
    "server_poll",
    "server_answer",
    "server_end_play",
    "server_close",
    "server_output",
    "server_state",
    "client_input",
    "client_poll",
    "client_finish",
    "client_output",
    "client_state",
    "client_next",
    "join",
    "reader_input",
    "reader_buf",
    "reader_finish",
    "reader_tags",
    "writer_header",
    "writer_tag",
    "writer_output",
    "recorder_tag",
    "recorder_finish",
    "recorder_output",
    "recorder_patches",
    "assembler_tag",
    "assembler_finish",
    "assembler_events",
    "cache_tag",
    "cache_rewind",
    "cache_tags",
    "cache_clear",
    "client_send",
    "server_send",
    "one_track",
    "one_unit",
    "muxer_pull",
    "muxer_finish",
    "muxer_numbers",
    "muxer_request",
    "file",
    "recording_writes",
    "recording_duration",
    "remuxer_input",
    "remuxer_reads",
    "remuxer_finish",
    "remuxer_pieces",
    "probe",
    "probe_answers",
    "remux",
    "package",
    "wrap",
    "retain",
    "describe",
    "retain_track",
];

fn made() -> Vec<(&'static str, Script)> {
    vec![
        ("publish", publish()),
        ("joined", joined()),
        ("redirect", sent_on("client_session/redirect")),
        ("need_auth", sent_on("client_session/need_auth")),
        ("file_ffmpeg51", file("remux/ffmpeg51")),
        ("file_obs", file("remux/obs")),
        ("file_enhanced", file("remux/enhanced")),
        ("refused", refused()),
        ("careless_null", careless(0xc5)),
        ("careless_other", careless(0xd5)),
        ("careless_noise", careless(0xe5)),
        ("careless_odd", careless(0xf5)),
        (
            "careless_mixed",
            NAMES.iter().zip(1_u8..).fold(publish(), |script, (name, number)| {
                let wrong: Vec<u8> = (0..16)
                    .map(|step: u8| number.wrapping_mul(37).wrapping_add(step.wrapping_mul(53)))
                    .collect();
                script.mood(name, 0xff, &wrong)
            }),
        ),
    ]
}

fn inputs(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

/// A failure names the input: the panic itself does not.
fn replay(path: &Path) -> Given {
    let data = std::fs::read(path).expect("an input");
    std::panic::catch_unwind(|| run(&data)).unwrap_or_else(|_| panic!("{} fails", path.display()))
}

/// Functions that the header declares.
fn declared() -> BTreeSet<String> {
    let header = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../include/streamcore.h");
    let header = std::fs::read_to_string(header).expect("the header");
    let names = header.lines().filter_map(|line| {
        let before = line.split('(').next().filter(|_| !line.starts_with([' ', '#', '/', 't']))?;
        let name = before.rsplit([' ', '*']).next()?;
        (line.contains('(') && name.starts_with("sc_")).then(|| name.to_owned())
    });
    names.collect()
}

#[test]
fn f_26_seeds_reach_every_function_and_every_kind_of_refusal() {
    let folder = root().join("seeds/c_library");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(&folder).expect("a writable folder");
        for (name, script) in made() {
            std::fs::write(folder.join(name), script.0).expect("a writable folder");
        }
    }
    for (name, script) in made() {
        let there = std::fs::read(folder.join(name)).unwrap_or_default();
        assert!(
            there == script.0,
            "{name} is out of date: UPDATE=1 cargo test -p streamcore-ffi-testing"
        );
    }
    let mut given = Given::new();
    for path in inputs(&folder) {
        given.extend(replay(&path));
    }
    let declared = declared();
    assert!(declared.len() > 90, "{}", declared.len());
    let told = ["sc_version", "sc_version_number", "sc_abi_version"];
    let never: Vec<&String> = declared
        .iter()
        .filter(|name| !given.contains(&(name.as_str(), SC_OK)))
        .filter(|name| !name.ends_with("_free") && !told.contains(&name.as_str()))
        .collect();
    assert!(never.is_empty(), "never done: {never:?}");
    let statuses: BTreeSet<sc_status> = given.iter().map(|(_, status)| *status).collect();
    let wanted = [
        SC_NONE,
        SC_WAIT,
        SC_ERR_MALFORMED,
        SC_ERR_VIOLATION,
        SC_ERR_UNSUPPORTED,
        SC_ERR_MISUSE,
        SC_ERR_NULL,
        SC_ERR_HANDLE,
        SC_ERR_ABI,
        SC_ERR_STRUCT_SIZE,
        SC_ERR_UTF8,
        SC_ERR_IO,
        SC_ERR_CANCELLED,
        SC_ERR_ARGUMENT,
    ];
    for status in wanted {
        assert!(statuses.contains(&status), "{status} is never given: {statuses:?}");
    }
}

#[test]
fn f_26_what_failed_once_does_not_fail_again() {
    for path in inputs(&root().join("regressions/c_library")) {
        replay(&path);
    }
    if let Some(corpus) = std::env::var_os("CORPUS") {
        for path in inputs(&Path::new(&corpus).join("c_library")) {
            replay(&path);
        }
    }
}

/// Short inputs of one byte over and over: every operation as its own argument.
#[test]
fn f_26_any_operation_may_come_first() {
    for byte in 0..=u8::MAX {
        run(&[byte]);
        run(&[byte; 64]);
    }
}
