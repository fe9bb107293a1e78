//! From messages and tags to access units.

use std::ffi::{CString, c_char};

use core_crate::assemble::{Assembler, Event};
use core_crate::limits::Limits;
use core_crate::media::AccessUnit;

use crate::buf::Shared;
use crate::door::{door, hall, handle, release};
use crate::error::{Failure, deliver, sc_error};
use crate::media::{
    Known, kind_of, lend_unit, no_unit, sc_kind, sc_tag, sc_track, sc_unit, tag_from,
};
use crate::pointers::{c_text, fill, fits, is_known_whole, sized};
use crate::status::{SC_ERR_PANIC, SC_NONE, SC_OK, sc_status};
use crate::version::check_abi;

/// What an assembler tells. Numbers are never given a new meaning; a program passes over those that it does not know.
pub type sc_media_event_kind = u32;

/// A track, or a new configuration of one: `track`. It comes before the units that it describes.
pub const SC_MEDIA_TRACK: sc_media_event_kind = 1;
/// An access unit: `unit`.
pub const SC_MEDIA_UNIT: sc_media_event_kind = 2;
/// All tracks jumped in time: a new epoch begins with the next unit.
pub const SC_MEDIA_DISCONTINUITY: sc_media_event_kind = 3;
/// A track ended by the encoder's word: `kind` and `index`.
pub const SC_MEDIA_END_OF_TRACK: sc_media_event_kind = 4;
/// A deviation that was repaired or left out, the first of its kind: `text` and `clause`.
pub const SC_MEDIA_NOTICE: sc_media_event_kind = 5;

/// What an assembler tells. Pointers are lent until the next call on the assembler.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sc_media_event {
    /// `sizeof(sc_media_event)`, set by the caller.
    pub struct_size: usize,
    /// One of `SC_MEDIA_*`, which says which of the fields below are set.
    pub event: sc_media_event_kind,
    /// `SC_MEDIA_TRACK`: the track, or NULL.
    pub track: *const sc_track,
    /// `SC_MEDIA_UNIT`: the unit.
    pub unit: sc_unit,
    /// `SC_MEDIA_END_OF_TRACK`: `SC_KIND_AUDIO` or `SC_KIND_VIDEO`.
    pub kind: sc_kind,
    /// `SC_MEDIA_END_OF_TRACK`: number of the track among those of its kind.
    pub index: u8,
    /// `SC_MEDIA_NOTICE`: what was met, or NULL.
    pub text: *const c_char,
    /// `SC_MEDIA_NOTICE`: the clause of the specification that says otherwise, may be empty, or NULL.
    pub clause: *const c_char,
}

sized!(sc_media_event);

/// Makes tracks and access units of tags or messages, on one time line, and repairs what real encoders get wrong: give tags with
/// `sc_assembler_handle_tag`, take events with `sc_assembler_poll_event` until it gives `SC_NONE`, and at the end call
/// `sc_assembler_finish` and take what is left. Times are in microseconds.
///
/// One thread at a time.
pub struct sc_assembler(());

pub(crate) struct Assembling {
    pub(crate) assembler: Assembler,
    lent: Shared,
    track: Option<Known>,
    texts: [CString; 2],
    /// What a muxer that pulls could not do; told once all events are taken.
    pub(crate) failure: Option<Failure>,
}

handle!(sc_assembler, Assembling, 3);

/// Makes an assembler. On success `*out` is freed with `sc_assembler_free`; on failure it is untouched and `error` says why.
///
/// Errors: `SC_ERR_ABI`, `SC_ERR_NULL`.
///
/// # Safety
/// `out` is writable, `error` is NULL or points to an `sc_error`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_assembler_new(
    abi: u32,
    out: *mut *mut sc_assembler,
    error: *mut sc_error,
) -> sc_status {
    hall!(SC_ERR_PANIC, {
        let make = || {
            check_abi(abi)?;
            let assembler = Assembler::new(&Limits::default());
            let value = Assembling {
                assembler,
                lent: Shared::lent(),
                track: None,
                texts: Default::default(),
                failure: None,
            };
            Ok(value)
        };
        // SAFETY: as the function's.
        unsafe { deliver::<sc_assembler>(out, error, make) }
    })
}

/// Frees an assembler and sets `*assembler` to NULL. `assembler` or `*assembler` may be NULL.
///
/// # Safety
/// `assembler` is NULL or points to NULL or to a live assembler that no other thread uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_assembler_free(assembler: *mut *mut sc_assembler) -> sc_status {
    hall!(SC_ERR_PANIC, {
        // SAFETY: as the function's.
        unsafe { release(assembler) }
    })
}

/// Takes a tag. A body with a `buf` is referenced, not copied. What is wrong in it is told by notices; it is never an error.
///
/// Errors: `SC_ERR_ARGUMENT` for a kind that is none, `SC_ERR_STRUCT_SIZE`, `SC_ERR_NULL`.
///
/// # Safety
/// `assembler` is a live assembler, `tag` points to an `sc_tag` with pointers as its documentation says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_assembler_handle_tag(
    assembler: *mut sc_assembler,
    tag: *const sc_tag,
) -> sc_status {
    door!(assembler, |value| {
        // SAFETY: as the function's.
        let tag = unsafe { tag_from(tag) }?;
        value.assembler.handle_tag(&tag);
        Ok(SC_OK)
    })
}

/// Ends the stream: what waited for more becomes events.
///
/// # Safety
/// `assembler` is a live assembler.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_assembler_finish(assembler: *mut sc_assembler) -> sc_status {
    door!(assembler, |value| {
        value.assembler.finish();
        Ok(SC_OK)
    })
}

/// Gives the next event, or `SC_NONE`. Its pointers are lent until the next call on the assembler.
///
/// # Safety
/// `assembler` is a live assembler, `event` points to an `sc_media_event`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_assembler_poll_event(
    assembler: *mut sc_assembler,
    event: *mut sc_media_event,
) -> sc_status {
    door!(assembler, |value| {
        // SAFETY: as the function's. A struct that cannot be filled must not cost an event.
        unsafe { fits(event) }?;
        while let Some(found) = value.assembler.poll_event() {
            if let Event::Unit(unit) = found {
                // SAFETY: as the function's, and it fits.
                unsafe { value.lend(event, unit) };
                return Ok(SC_OK);
            }
            if let Some(shown) = value.show(found) {
                // SAFETY: as the function's.
                unsafe { fill(event, shown) }?;
                return Ok(SC_OK);
            }
        }
        Ok(SC_NONE)
    })
}

impl Assembling {
    /// Lends a unit.
    ///
    /// # Safety
    /// `to` is writable.
    unsafe fn lend(&mut self, to: *mut sc_media_event, unit: AccessUnit) {
        const { assert!(is_known_whole::<sc_media_event>()) };
        // SAFETY: as the function's.
        unsafe {
            (*to).event = SC_MEDIA_UNIT;
            (*to).track = std::ptr::null();
            lend_unit(&raw mut (*to).unit, unit, &mut self.lent);
            (*to).kind = 0;
            (*to).index = 0;
            (*to).text = std::ptr::null();
            (*to).clause = std::ptr::null();
        }
    }

    /// The event for C; `None` for units, and for those that C does not get.
    #[inline]
    pub(crate) fn show(&mut self, event: Event) -> Option<sc_media_event> {
        let nothing = nothing();
        Some(match event {
            Event::Track(track) => {
                let track = self.track.insert(Known::lent(track));
                sc_media_event { event: SC_MEDIA_TRACK, track: track.pointer(), ..nothing }
            }
            Event::Discontinuity => sc_media_event { event: SC_MEDIA_DISCONTINUITY, ..nothing },
            Event::EndOfTrack(id) => {
                let (kind, index) = (kind_of(id.kind), id.index);
                sc_media_event { event: SC_MEDIA_END_OF_TRACK, kind, index, ..nothing }
            }
            Event::Notice(notice) => {
                self.texts = [c_text(&format!("{:?}", notice.kind)), c_text(notice.clause)];
                let [text, clause] = self.texts.each_ref().map(|text| text.as_ptr());
                sc_media_event { event: SC_MEDIA_NOTICE, text, clause, ..nothing }
            }
            // Metadata came as a tag already; units are lent.
            _ => return None,
        })
    }
}

const fn nothing() -> sc_media_event {
    sc_media_event {
        struct_size: size_of::<sc_media_event>(),
        event: 0,
        track: std::ptr::null(),
        unit: no_unit(),
        kind: 0,
        index: 0,
        text: std::ptr::null(),
        clause: std::ptr::null(),
    }
}
