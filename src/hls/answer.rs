//! What a request comes to, and what it asks for beside the name: the delivery directives of rfc8216bis 6.2.5.

use std::fmt;
use std::time::Duration;

use super::file::File;
use super::segment::part_name;
use crate::buf::Chain;
use crate::media::TrackId;

/// Bytes of a query that goes on to the addresses in a playlist.
const QUERY: usize = 512;

/// What a request comes to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Answer {
    /// Here it is.
    Ready(File),
    /// Not yet: ask the same again when the muxer has changed.
    Wait(Wait),
    /// Some of it is there, and more comes: a segment that is being made. Send what there is, then each part as it comes.
    Growing(Growing),
    /// It was there and is no more, and no other will have its name.
    Gone,
    /// The request asks for what cannot be, and shall be told so at once.
    BadRequest(BadRequest),
    /// There is no such file.
    NotFound,
}

/// A segment that is being made. Its file is `body`, and behind that the parts from `next` on, one by one: ask for each by
/// [`part_name`](Self::part_name) until the answer is that there is none.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Growing {
    /// Value of the `Content-Type` header.
    pub content_type: &'static str,
    /// The bytes so far.
    pub body: Chain,
    /// Number of the next part.
    pub next: usize,
    pub(super) track: TrackId,
    pub(super) segment: u64,
}

impl Growing {
    /// Name of the file of a part.
    #[must_use]
    pub fn part_name(&self, part: usize) -> String {
        part_name(self.track, self.segment, part)
    }
}

/// What to wait for: the request can be answered, if at all, only once
/// [`Muxer::version`](super::Muxer::version) is no longer `version`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wait {
    /// The muxer's version as it is.
    pub version: u64,
    /// How long a request may be held in all. Then it is answered with status 503 (rfc8216bis 6.2.5.2).
    pub limit: Duration,
}

/// Why a request cannot be answered (status 400).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadRequest {
    /// A directive stands twice.
    Repeated,
    /// `_HLS_msn` or `_HLS_part` is no whole number.
    NotANumber,
    /// `_HLS_part` without `_HLS_msn`.
    PartAlone,
    /// The segment is more than two past the last one, or the part is past the Advance Part Limit.
    TooFarAhead,
    /// The query is longer than 512 bytes.
    QueryTooLong,
}

impl fmt::Display for BadRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Repeated => "a directive stands twice",
            Self::NotANumber => "_HLS_msn and _HLS_part are whole numbers",
            Self::PartAlone => "_HLS_part needs _HLS_msn",
            Self::TooFarAhead => "that is too far ahead",
            Self::QueryTooLong => "the query is too long",
        })
    }
}

/// The query of a request for a playlist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Directives {
    /// Segment to wait for.
    pub(super) sequence: Option<u64>,
    /// Part of it.
    pub(super) part: Option<u64>,
    /// Whether a delta update will do.
    pub(super) skip: bool,
    /// The rest, fit for the addresses in a playlist.
    pub(super) rest: String,
}

impl Directives {
    /// Reads a query, without the question mark.
    pub(super) fn parse(query: &str) -> Result<Self, BadRequest> {
        let mut read = Self::default();
        let mut skip = None;
        if query.len() > QUERY {
            return Err(BadRequest::QueryTooLong);
        }
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "_HLS_msn" => set(&mut read.sequence, number(value)?)?,
                "_HLS_part" => set(&mut read.part, number(value)?)?,
                "_HLS_skip" => set(&mut skip, matches!(value, "YES" | "v2"))?,
                // Directives that are not known are ignored, and not for others.
                _ if name.starts_with("_HLS_") => {}
                _ => append(&mut read.rest, pair),
            }
        }
        if read.part.is_some() && read.sequence.is_none() {
            return Err(BadRequest::PartAlone);
        }
        read.skip = skip.unwrap_or(false);
        Ok(read)
    }
}

fn set<T>(place: &mut Option<T>, value: T) -> Result<(), BadRequest> {
    if place.replace(value).is_some() { Err(BadRequest::Repeated) } else { Ok(()) }
}

fn number(text: &str) -> Result<u64, BadRequest> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or(BadRequest::NotANumber)
}

/// Adds a pair as it may stand in an address within quotes (RFC 3986 3.4): all else is percent-encoded.
fn append(rest: &mut String, pair: &str) {
    if !rest.is_empty() {
        rest.push('&');
    }
    for byte in pair.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$'()*+,;=:@/?%".contains(&byte) {
            rest.push(char::from(byte));
        } else {
            rest.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e3_10_malformed_directives_are_refused() {
        use BadRequest::{NotANumber, PartAlone, QueryTooLong, Repeated};
        let long = "a".repeat(513);
        for (query, error) in [
            ("_HLS_part=1", PartAlone),
            ("_HLS_msn=", NotANumber),
            ("_HLS_msn", NotANumber),
            ("_HLS_msn=-1", NotANumber),
            ("_HLS_msn=+1", NotANumber),
            ("_HLS_msn=1.5", NotANumber),
            ("_HLS_msn=x", NotANumber),
            ("_HLS_msn=99999999999999999999", NotANumber),
            ("_HLS_msn=1&_HLS_part=", NotANumber),
            ("_HLS_msn=1&_HLS_msn=1", Repeated),
            ("_HLS_msn=1&_HLS_part=0&_HLS_part=0", Repeated),
            ("_HLS_skip=YES&_HLS_skip=YES", Repeated),
            (&long, QueryTooLong),
        ] {
            assert_eq!(Directives::parse(query), Err(error), "{query}");
        }
    }

    #[test]
    fn e3_18_the_order_of_directives_is_no_matter() {
        let all = Directives { sequence: Some(7), part: Some(2), skip: true, rest: String::new() };
        for query in [
            "_HLS_msn=7&_HLS_part=2&_HLS_skip=YES",
            "_HLS_skip=YES&_HLS_part=2&_HLS_msn=7",
            "&_HLS_part=2&&_HLS_skip=v2&_HLS_msn=7&",
        ] {
            assert_eq!(Directives::parse(query), Ok(all.clone()), "{query}");
        }
        let unknown = Directives::parse("_HLS_skip=NO&_HLS_push=1&_HLS_msn=7").unwrap();
        assert_eq!(unknown, Directives { sequence: Some(7), ..Directives::default() }, "E3-15");
    }

    #[test]
    fn e3_17_f_15_what_is_left_of_a_query_is_fit_for_a_playlist() {
        let rest = |query: &str| Directives::parse(query).unwrap().rest;
        assert_eq!(rest("token=a%2Fb&_HLS_msn=7&user=x"), "token=a%2Fb&user=x");
        assert_eq!(rest("a=\"\n#EXT&b= ü\r"), "a=%22%0A%23EXT&b=%20%C3%BC%0D");
        assert_eq!(rest("_HLS_msn=1&_HLS_primary_id=x"), "");
    }
}
