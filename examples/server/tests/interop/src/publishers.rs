//! Peers that publish to the server.

use std::path::Path;

use kit::Process;

use crate::judge::{self, Comparison, Extent};
use crate::lab::{self, LIMIT, Lab, url};
use crate::media::{AV1_OPUS, ENHANCED, H264_AAC, H264_MP3, HEVC_AAC, Media, SHORT};
use crate::row::{Role, Row, Transport};
use crate::tools::{Found, Program, Tools};

/// Options with which ffmpeg says in `connect` what it can.
pub const ANNOUNCE: [&str; 2] = ["-rtmp_enhanced_codecs", "hvc1,av01,vp09"];

/// All rows.
pub fn rows(tools: &Tools) -> Vec<Row> {
    let mut rows = Vec::new();
    for transport in Transport::ALL {
        for media in [H264_AAC, H264_MP3] {
            rows.push(ffmpeg(&tools.ffmpeg_5, transport, media, &[]));
        }
        for found in [&tools.ffmpeg_8, &tools.ffmpeg_9] {
            for media in [H264_AAC, H264_MP3].into_iter().chain(ENHANCED) {
                rows.push(ffmpeg(found, transport, media, &[]));
            }
            rows.push(
                ffmpeg(found, transport, AV1_OPUS, &ANNOUNCE)
                    .remark("announces its codecs in `connect`"),
            );
        }
        for media in [H264_AAC, HEVC_AAC] {
            rows.push(streamcore(&tools.streamcore, transport, media));
        }
        for element in ["rtmp2sink", "rtmpsink"] {
            rows.push(gstreamer(&tools.gstreamer, transport, element));
        }
    }
    rows
}

fn streamcore(found: &Found, transport: Transport, media: Media) -> Row {
    let run = move |lab: &Lab, program: &Program| {
        let file = media.file(lab.films(), SHORT);
        let start = |url: &str| {
            let film = file.to_str().expect("UTF-8");
            Process::start(&program.path, ["publish", film, url, "--tls-ca", lab.authority()])
        };
        publish(lab, &file, start, transport)
    };
    Row::new(("streamcore publish", found), Role::Publisher, transport, media.codecs, run)
}

fn ffmpeg(
    found: &Found,
    transport: Transport,
    media: Media,
    options: &'static [&'static str],
) -> Row {
    let run = move |lab: &Lab, program: &Program| {
        let file = media.file(lab.films(), SHORT);
        publish(
            lab,
            &file,
            |url| {
                Process::start(&program.path, ffmpeg_arguments(lab, &file, transport, options, url))
            },
            transport,
        )
    };
    Row::new(("ffmpeg", found), Role::Publisher, transport, media.codecs, run)
}

/// Arguments for ffmpeg to publish a file in real time.
pub fn ffmpeg_arguments(
    lab: &Lab,
    file: &Path,
    transport: Transport,
    options: &[&str],
    url: &str,
) -> Vec<String> {
    let file = file.to_str().expect("UTF-8");
    let mut all = vec!["-nostdin", "-v", "error", "-re", "-i", file, "-map", "0", "-c", "copy"];
    if transport == Transport::Rtmps {
        all.extend(["-tls_verify", "1", "-ca_file", lab.authority()]);
    }
    all.extend(options);
    all.extend(["-f", "flv", url]);
    all.into_iter().map(str::to_owned).collect()
}

fn publish(
    lab: &Lab,
    sent: &Path,
    start: impl Fn(&str) -> Process,
    transport: Transport,
) -> Result<Comparison, String> {
    let data = kit::temp_dir();
    let server = lab.serve(data.path());
    let mut publisher = start(&url(&server, transport));
    publisher.succeed(LIMIT);
    let recorded = lab::recorded(&server);
    Ok(judge::compare(&lab.tracks(sent)?, &lab.tracks(&recorded)?, Extent::Whole))
}

fn gstreamer(found: &Found, transport: Transport, element: &'static str) -> Row {
    let run = move |lab: &Lab, program: &Program| {
        let folder = kit::temp_dir();
        let sent = folder.path().join("sent.flv");
        let film = H264_AAC.file(lab.films(), SHORT);
        // The authority of the matrix is not one that GLib knows; librtmp verifies nothing.
        let trust = if element == "rtmp2sink" && transport == Transport::Rtmps {
            "tls-validation-flags=0"
        } else {
            ""
        };
        let start = |url: &str| {
            let pipeline = format!(
                "-q -e filesrc location={} ! flvdemux name=from from.video ! queue ! h264parse ! mux. \
                 from.audio ! queue ! aacparse ! mux. flvmux name=mux streamable=true ! tee name=both \
                 both. ! queue ! filesink location={} both. ! queue ! {element} location={url} {trust}",
                film.display(),
                sent.display(),
            );
            Process::start(&program.path, pipeline.split_whitespace())
        };
        publish(lab, &sent, start, transport)
    };
    let peer = format!("GStreamer {element}");
    let row = Row::new((&peer, found), Role::Publisher, transport, H264_AAC.codecs, run);
    if element == "rtmpsink" { row.remark("librtmp as a publisher") } else { row }
}
