//! Structs that the caller shares, whose size may be wrong.

use std::marker::PhantomData;

use super::input::Input;
use crate::pointers::Shared;
use crate::status::sc_status;

/// What memory of the caller's holds before anything is written to it.
const UNTOUCHED: u8 = 0xa5;
const WORD: usize = size_of::<u64>();

/// A struct that says its size, in memory of just that size, or NULL.
pub(super) struct Room<T> {
    memory: Vec<u64>,
    claimed: usize,
    is_null: bool,
    of: PhantomData<T>,
}

impl<T: Shared> Room<T> {
    /// For the library to fill in.
    pub(super) fn empty(input: &mut Input<'_>) -> Self {
        let whole = size_of::<T>();
        let wrong = input.wrong();
        let claimed = match wrong {
            0..=0xbf => whole,
            // A program of a later release.
            0xc0..=0xcf => whole + usize::from(wrong & 15),
            0xd0..=0xdf => whole - 1 - usize::from(wrong & 7),
            0xe0..=0xef => usize::from(wrong & 15),
            _ => whole,
        };
        let words = claimed.max(WORD).div_ceil(WORD);
        let mut memory = vec![u64::from_ne_bytes([UNTOUCHED; WORD]); words];
        if let Some(first) = memory.first_mut() {
            *first = claimed as u64;
        }
        Self { memory, claimed, is_null: wrong >= 0xf0, of: PhantomData }
    }

    /// With something in it, as far as there is room.
    pub(super) fn of(input: &mut Input<'_>, value: T) -> Self {
        let mut room = Self::empty(input);
        let size = room.claimed.min(size_of::<T>());
        let claimed = room.claimed as u64;
        // SAFETY: both have so many bytes.
        unsafe {
            std::ptr::copy_nonoverlapping((&raw const value).cast::<u8>(), room.start(), size);
        }
        if let Some(first) = room.memory.first_mut() {
            *first = claimed;
        }
        room
    }

    fn start(&mut self) -> *mut u8 {
        self.memory.as_mut_ptr().cast()
    }

    /// Puts any byte at an offset, where no Rust value has it.
    pub(super) fn put(&mut self, offset: usize, byte: u8) {
        if offset < self.claimed.min(size_of::<T>()) {
            // SAFETY: there are so many bytes.
            unsafe { self.start().add(offset).write(byte) };
        }
    }

    pub(super) fn pointer(&mut self) -> *mut T {
        if self.is_null { std::ptr::null_mut() } else { self.memory.as_mut_ptr().cast() }
    }

    pub(super) const fn is_null(&self) -> bool {
        self.is_null
    }

    /// Whether the library may use it.
    pub(super) const fn fits(&self) -> bool {
        !self.is_null && self.claimed >= T::FIRST_SIZE
    }

    /// What the library filled in, where it did. It has left alone what is behind the size that the caller said, and all where it gives
    /// nothing.
    pub(super) fn filled(mut self, is_filled: bool) -> Option<T> {
        assert!(!is_filled || self.fits(), "filled in, with room for {}", self.claimed);
        assert_eq!(self.memory.first(), Some(&(self.claimed as u64)), "the size is the caller's");
        let given = if is_filled { self.claimed.min(size_of::<T>()) } else { WORD };
        let bytes = self.memory.iter().flat_map(|word| word.to_ne_bytes()).skip(given);
        assert!(bytes.into_iter().all(|byte| byte == UNTOUCHED), "written past {given}");
        // SAFETY: it was filled in, and is as large.
        (is_filled && self.claimed >= size_of::<T>())
            .then(|| unsafe { self.start().cast::<T>().read() })
    }

    /// The same by a status.
    pub(super) fn given(self, status: sc_status) -> Option<T> {
        self.filled(status == crate::status::SC_OK)
    }
}
