//! Arguments from bytes.

use std::ffi::CString;

/// What is left of an input. At its end all numbers are 0 and all bytes empty.
pub(super) struct Input<'a> {
    rest: &'a [u8],
    mood: u8,
}

/// From here on a caller is careless: each of its arguments may be wrong.
const CARELESS: u8 = 0xc0;

impl<'a> Input<'a> {
    pub(super) const fn new(rest: &'a [u8]) -> Self {
        Self { rest, mood: 0 }
    }

    /// The number of the next operation.
    pub(super) fn begin(&mut self) -> Option<u8> {
        let (&number, rest) = self.rest.split_first()?;
        self.rest = rest;
        self.mood = self.byte();
        Some(number)
    }

    /// Which of two handles a careful caller means.
    pub(super) fn slot(&self) -> usize {
        usize::from(self.mood & 1)
    }

    /// Which of two handles of the second kind.
    pub(super) fn second_slot(&self) -> usize {
        usize::from(self.mood >> 1 & 1)
    }

    /// How wrong an argument is: 0 is right, and what a careful caller always gives.
    pub(super) fn wrong(&mut self) -> u8 {
        if self.mood >= CARELESS { self.byte() } else { 0 }
    }

    pub(super) fn byte(&mut self) -> u8 {
        let (first, rest) =
            self.rest.split_first().map_or((0, &[][..]), |(first, rest)| (*first, rest));
        self.rest = rest;
        first
    }

    fn number(&mut self, bytes: u32) -> u64 {
        (0..bytes).fold(0, |number, _| number << 8 | u64::from(self.byte()))
    }

    pub(super) fn u16(&mut self) -> u16 {
        u16::try_from(self.number(2)).unwrap_or(0)
    }

    pub(super) fn u32(&mut self) -> u32 {
        u32::try_from(self.number(4)).unwrap_or(0)
    }

    pub(super) fn u64(&mut self) -> u64 {
        self.number(8)
    }

    pub(super) fn size(&mut self) -> usize {
        usize::try_from(self.number(8)).unwrap_or(0)
    }

    pub(super) fn i64(&mut self) -> i64 {
        i64::from_be_bytes(self.u64().to_be_bytes())
    }

    /// Two bytes of length, and so many bytes, on the heap: what is read past them is found.
    pub(super) fn bytes(&mut self) -> Box<[u8]> {
        let size = usize::from(self.u16());
        let (head, rest) = self.rest.split_at_checked(size).unwrap_or((self.rest, &[]));
        self.rest = rest;
        head.into()
    }

    /// The same as text for C, which need not be UTF-8.
    pub(super) fn text(&mut self) -> CString {
        let bytes = self.bytes();
        let text: Vec<u8> = bytes.iter().copied().take_while(|byte| *byte != 0).collect();
        CString::new(text).unwrap_or_default()
    }
}
