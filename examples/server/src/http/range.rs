//! `Range` of a request (RFC 9110 14).

use std::ops::Range;

use axum::http::HeaderValue;

/// What of a file is asked for.
#[derive(Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All of it: no range, or one that is not understood.
    All,
    /// At least one byte.
    Bytes(Range<usize>),
    /// A range beyond the end.
    Nothing,
}

/// Reads the header against a file of `length` bytes. Of several ranges none is followed.
pub fn read(header: Option<&HeaderValue>, length: usize) -> Wanted {
    let text = header.and_then(|value| value.to_str().ok());
    let Some((first, last)) = text
        .and_then(|text| text.strip_prefix("bytes="))
        .filter(|ranges| !ranges.contains(','))
        .and_then(|range| range.trim().split_once('-'))
    else {
        return Wanted::All;
    };
    let range = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(length),
        (Some(first), None) if last.is_empty() => first..length,
        (None, Some(suffix)) if first.is_empty() => length.saturating_sub(suffix)..length,
        _ => return Wanted::All,
    };
    if range.is_empty() { Wanted::Nothing } else { Wanted::Bytes(range) }
}

fn number(text: &str) -> Option<usize> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e1_27_ranges_are_read() {
        let wanted = |text: &str| read(Some(&HeaderValue::try_from(text).unwrap()), 10);
        assert_eq!(read(None, 10), Wanted::All);
        assert_eq!(wanted("bytes=0-0"), Wanted::Bytes(0..1));
        assert_eq!(wanted("bytes=2-"), Wanted::Bytes(2..10));
        assert_eq!(wanted("bytes=2-99"), Wanted::Bytes(2..10));
        assert_eq!(wanted("bytes=-3"), Wanted::Bytes(7..10));
        assert_eq!(wanted("bytes=-99"), Wanted::Bytes(0..10));
        assert_eq!(wanted("bytes=0-99999999999999999999999"), Wanted::Bytes(0..10));
        for beyond in ["bytes=10-", "bytes=99-100", "bytes=-0"] {
            assert_eq!(wanted(beyond), Wanted::Nothing, "{beyond}");
        }
        for other in
            ["bytes=5-2", "bytes=-", "bytes=a-b", "items=0-1", "bytes=0-1,3-4", "bytes=+1-2", ""]
        {
            assert_eq!(wanted(other), Wanted::All, "{other}");
        }
    }
}
