//! Data messages (RTMP 1.0 7.1.2): metadata and cue points.

use bytes::{Bytes, BytesMut};

use super::command::strip_leading_zero;

/// A data message, brought to one form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataMessage {
    /// AMF0: the name (`onMetaData`, `onTextData` and so on), then its values. Shared with the input where it can be.
    pub payload: Bytes,
    /// Whether the sender left out the name; `onMetaData` was put in.
    pub unnamed: bool,
    /// Whether a stray leading zero was skipped.
    pub stray_zero: bool,
}

const SET_DATA_FRAME: &[u8] = b"\x02\x00\x0d@setDataFrame";
const CLEAR_DATA_FRAME: &[u8] = b"\x02\x00\x0f@clearDataFrame";
const ON_META_DATA: &[u8] = b"\x02\x00\x0aonMetaData";

/// Brings a data message (types 18 and 15) to the form that starts with its name: `@setDataFrame` is cut off.
///
/// None where it is empty, is `@clearDataFrame`, or starts with neither a name nor an object (A5-37, A5-38).
#[must_use]
pub fn parse_data(type_id: u8, payload: &Bytes) -> Option<DataMessage> {
    let (body, stray_zero) = strip_leading_zero(type_id, payload);
    if body.starts_with(CLEAR_DATA_FRAME) {
        return None;
    }
    let body = body.strip_prefix(SET_DATA_FRAME).unwrap_or(body);
    match body {
        // A name that is all there.
        [2, high, low, rest @ ..]
            if rest.len() >= usize::from(u16::from_be_bytes([*high, *low])) =>
        {
            Some(DataMessage { payload: payload.slice_ref(body), unnamed: false, stray_zero })
        }
        [3 | 8, ..] => {
            let mut named = BytesMut::with_capacity(ON_META_DATA.len() + body.len());
            named.extend_from_slice(ON_META_DATA);
            named.extend_from_slice(body);
            Some(DataMessage { payload: named.freeze(), unnamed: true, stray_zero })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(payload: &[u8]) -> Option<DataMessage> {
        parse_data(18, &Bytes::copy_from_slice(payload))
    }

    #[test]
    fn a5_37_every_form_starts_with_its_name_afterwards() {
        let named = [ON_META_DATA, &[5]].concat();
        for form in [
            named.clone(),
            [SET_DATA_FRAME, &named].concat(),
            [&[0], SET_DATA_FRAME, &named].concat(),
        ] {
            assert_eq!(parse(&form).unwrap().payload, named);
        }
        let object = [8, 0, 0, 0, 0, 0, 0, 9];
        let unnamed = parse(&object).unwrap();
        assert!(unnamed.unnamed);
        assert_eq!(unnamed.payload, [ON_META_DATA, &object].concat());
        assert_eq!(parse(&[SET_DATA_FRAME, &object].concat()).unwrap().payload, unnamed.payload);
        assert_eq!(parse(&[CLEAR_DATA_FRAME, &named].concat()), None);
    }

    #[test]
    fn a5_37_set_data_frame_is_cut_off_without_a_copy() {
        let payload = Bytes::from([SET_DATA_FRAME, ON_META_DATA, &[5]].concat());
        let data = parse_data(18, &payload).unwrap();
        assert_eq!(data.payload.as_ptr(), payload.slice(SET_DATA_FRAME.len()..).as_ptr());
    }

    #[test]
    fn a5_38_what_is_no_data_message_is_none() {
        // ffmpeg -timecode sends four bytes that are no AMF.
        for body in
            [&[0x00, 0x00, 0x01, 0x2c][..], &[], &[0], &[2], &[2, 0, 9, b'x'], &[0x0a, 0, 0]]
        {
            assert_eq!(parse(body), None, "{body:?}");
        }
    }
}
