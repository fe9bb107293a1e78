//! A panic on purpose: the header does not know these functions, the library does not have them.

use crate::door::{door, hall};
use crate::server_session::sc_server_session;
use crate::status::{SC_ERR_PANIC, sc_status};

/// Panics within a call on a session.
///
/// cbindgen:ignore
///
/// # Safety
/// `session` is NULL or a live session.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_testing_panic(session: *mut sc_server_session) -> sc_status {
    door!(session, |_value| { panic!("on purpose") })
}

/// Panics within a call that has no handle.
///
/// cbindgen:ignore
#[unsafe(no_mangle)]
pub extern "C" fn sc_testing_lost() -> sc_status {
    hall!(SC_ERR_PANIC, { panic!("on purpose, without a handle") })
}
