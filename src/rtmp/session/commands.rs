//! Commands of the connection, and the door to those of the streams.

use super::{Notice, Phase, ServerSession, replies};
use crate::amf::Value;
use crate::error::Result;
use crate::rtmp::message::Command;

impl ServerSession {
    pub(super) fn handle_command(&mut self, stream_id: u32, command: Command) -> Result<()> {
        match &self.phase {
            Phase::Connected(_) => {}
            Phase::Connecting(_) if command.name == "connect" => {
                self.connect(&command);
                return Ok(());
            }
            _ => {
                self.note(Notice::CommandBeforeConnect);
                self.refuse(&command, "NetConnection.Call.Failed", "Not connected.");
                return Ok(());
            }
        }
        match command.name.as_str() {
            "connect" => {
                self.refuse(&command, "NetConnection.Connect.Rejected", "Already connected.");
                self.end_all_streams();
                self.start_closing();
            }
            "createStream" => self.create_stream(&command),
            "publish" => self.publish(stream_id, &command),
            "play" | "play2" => self.play(stream_id, &command),
            "deleteStream" => self.delete_stream(stream_id, &command),
            "closeStream" | "close" | "unpublish" => {
                self.close_stream(stream_id);
            }
            "FCPublish" => self.fc_publish(&command),
            "FCUnpublish" => self.fc_unpublish(&command),
            "pause" | "pauseRaw" => self.pause(stream_id, &command),
            "seek" => self.seek(stream_id, &command),
            "getStreamLength" => self.answer(&command, Value::Number(0.0)),
            "releaseStream" | "FCSubscribe" | "FCUnsubscribe" | "_checkbw" | "checkBandwidth"
            | "receiveAudio" | "receiveVideo" | "setPeerInfo" => {
                self.answer(&command, Value::Undefined)
            }
            // Answers to calls that this side never makes.
            "_result" | "_error" | "onStatus" => {}
            _ => {
                self.note(Notice::UnknownCommand);
                self.answer(&command, Value::Null);
            }
        }
        Ok(())
    }

    /// Answers a call; a transaction id of 0 asks for no answer (7.2.1.2).
    pub(super) fn answer(&mut self, command: &Command, value: Value) {
        if command.transaction_id != 0.0 {
            self.link.command(0, &replies::result(command.transaction_id, value));
        }
    }

    pub(super) fn refuse(&mut self, command: &Command, code: &str, description: &str) {
        if command.transaction_id != 0.0 {
            self.link.command(0, &replies::error(command.transaction_id, code, description));
        }
    }

    fn create_stream(&mut self, command: &Command) {
        let cap = self.config.limits.message_streams;
        let Phase::Connected(connected) = &mut self.phase else { return };
        match connected.streams.create(cap) {
            Some(id) => self.answer(command, Value::Number(id.into())),
            None => self.refuse(command, "NetConnection.Call.Failed", "Too many streams."),
        }
    }

    /// deleteStream names the stream in its argument, or the message stream that it came on. It has no answer.
    fn delete_stream(&mut self, stream_id: u32, command: &Command) {
        let named =
            command.arguments.first().and_then(Value::as_f64).and_then(to_id).unwrap_or(stream_id);
        self.close_stream(named);
        if let Phase::Connected(connected) = &mut self.phase {
            connected.streams.remove(named);
        }
    }
}

/// A message stream id out of a number.
pub(super) fn to_id(number: f64) -> Option<u32> {
    let fits = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole and within the range"
    )]
    fits.then_some(number as u32)
}
