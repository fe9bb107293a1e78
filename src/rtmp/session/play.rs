//! Playing: the start sequence, pause and seek, and the end.

use super::stream::StreamState;
use super::{Notice, Phase, Rejection, ServerSession, SessionEvent, StreamPath, replies};
use crate::amf::{Value, amf0};
use crate::buf::Writer;
use crate::rtmp::chunk::Message;
use crate::rtmp::message::{Command, UserControl, type_id};

impl ServerSession {
    pub(super) fn play(&mut self, stream_id: u32, command: &Command) {
        // play2 has an object with the name in it (7.2.2.2).
        let argument = command.arguments.first();
        let name = argument
            .and_then(|value| value.as_str().or_else(|| value.field("streamName")?.as_str()));
        let Some(name) = name.map(str::to_owned) else {
            return self.refuse_name(stream_id, false, "");
        };
        let cap = self.config.limits.message_streams;
        let Phase::Connected(connected) = &mut self.phase else { return };
        let parsed =
            StreamPath::parse(&connected.app, &connected.tc_url, &name, &self.config.limits);
        let Ok(path) = parsed else { return self.refuse_name(stream_id, false, &name) };
        let unknown = connected.streams.find(stream_id).is_none();
        if connected.streams.open(stream_id, cap).is_none() {
            return self.refuse_name(stream_id, false, &name);
        }
        if unknown {
            self.note(Notice::UnknownMessageStream);
        }
        self.close_stream(stream_id);
        let request = self.request();
        self.set_state(stream_id, StreamState::PlayRequested { request, name });
        let number = |at| command.arguments.get(at).and_then(Value::as_f64).map(whole);
        let (start, duration) = (number(1).unwrap_or(-2), number(2).unwrap_or(-1));
        let reset = command.arguments.get(3);
        let reset =
            reset.and_then(|value| value.as_bool().or_else(|| Some(value.as_f64()? != 0.0)));
        let reset = reset.unwrap_or(true);
        let event = SessionEvent::Play { request, stream_id, path, start, duration, reset };
        self.events.push_back(event);
    }

    /// The start sequence (A5-21). `NetStream.Data.Start` is left out: ffmpeg shows an empty data stream for it.
    pub(super) fn start_play(&mut self, stream_id: u32, name: &str) {
        self.link.control(&UserControl::StreamBegin(stream_id).into());
        let reset =
            replies::status("status", "NetStream.Play.Reset", "Playing and resetting.", name);
        self.link.command(stream_id, &reset);
        let start = replies::status("status", "NetStream.Play.Start", "Started playing.", name);
        self.link.command(stream_id, &start);
        let mut body = Writer::with_capacity(32);
        amf0::encode_all(&mut body, &["|RtmpSampleAccess".into(), true.into(), true.into()]);
        let message =
            Message { type_id: type_id::DATA, stream_id, timestamp: 0, payload: body.freeze() };
        let sent = self.link.send(&message);
        debug_assert!(sent.is_ok(), "{sent:?}");
    }

    pub(super) fn refuse_play(&mut self, stream_id: u32, reason: Rejection, name: &str) {
        let status = replies::status("error", reason.play_code(), reason.text(), name);
        self.link.command(stream_id, &status);
    }

    /// Tells a player that the stream has ended: `NetStream.Play.UnpublishNotify` and Stream EOF, without which
    /// ffmpeg waits (A5-24). Nothing happens where the stream is not played.
    pub fn end_play(&mut self, stream_id: u32) {
        let Phase::Connected(connected) = &mut self.phase else { return };
        let Some(stream) = connected.streams.find_mut(stream_id) else { return };
        if !matches!(stream.state, StreamState::Playing { .. }) {
            return;
        }
        stream.state = StreamState::PlayEnded;
        let code = "NetStream.Play.UnpublishNotify";
        self.link
            .command(stream_id, &replies::status("status", code, "The publisher has left.", ""));
        self.link.control(&UserControl::StreamEof(stream_id).into());
    }

    /// pause(flag, milliseconds); pauseRaw is the same for this server.
    pub(super) fn pause(&mut self, stream_id: u32, command: &Command) {
        let wanted = command.arguments.first().and_then(Value::as_bool).unwrap_or(true);
        let Phase::Connected(connected) = &mut self.phase else { return };
        let stream = connected.streams.find_mut(stream_id);
        let Some(StreamState::Playing { paused }) = stream.map(|stream| &mut stream.state) else {
            return;
        };
        *paused = wanted;
        if wanted {
            self.link.command(
                stream_id,
                &replies::status("status", "NetStream.Pause.Notify", "Paused.", ""),
            );
            self.link.control(&UserControl::StreamEof(stream_id).into());
        } else {
            self.link.control(&UserControl::StreamBegin(stream_id).into());
            self.link.command(
                stream_id,
                &replies::status("status", "NetStream.Unpause.Notify", "Playing.", ""),
            );
        }
        self.events.push_back(SessionEvent::Paused { stream_id, paused: wanted });
    }

    pub(super) fn seek(&mut self, stream_id: u32, command: &Command) {
        let Phase::Connected(connected) = &self.phase else { return };
        let stream = connected.streams.find(stream_id);
        if !stream.is_some_and(|stream| matches!(stream.state, StreamState::Playing { .. })) {
            return;
        }
        let millis = command.arguments.first().and_then(Value::as_f64).unwrap_or(0.0);
        let millis = millis.clamp(0.0, f64::from(u32::MAX));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to the range"
        )]
        let position = millis as u32;
        self.link.command(
            stream_id,
            &replies::status("status", "NetStream.Seek.Notify", "Seeking.", ""),
        );
        let start = replies::status("status", "NetStream.Play.Start", "Started playing.", "");
        self.link.command(stream_id, &start);
        self.events.push_back(SessionEvent::Seek { stream_id, position });
    }
}

/// A number of the client without its fraction, as far as it goes.
#[expect(
    clippy::cast_possible_truncation,
    reason = "such casts saturate, and give 0 for what is no number"
)]
const fn whole(number: f64) -> i32 {
    number as i32
}
