//! The C functions called from Rust: panics, threads, and operations in any order.

use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicPtr, Ordering};

use proptest::prelude::*;

use super::*;
use crate::door::{boxed, enter, handle, last_error};

/// A handle whose calls do what the test says.
struct Probe(());
handle!(Probe, Vec<u8>, 0xfff0);

/// The same of another kind.
struct Other(());
handle!(Other, Vec<u8>, 0xfff1);

const fn error() -> sc_error {
    sc_error {
        struct_size: size_of::<sc_error>(),
        status: 0,
        offset: 0,
        text: [0; SC_ERROR_TEXT_SIZE],
    }
}

fn text(error: &sc_error) -> String {
    let bytes: Vec<u8> =
        error.text.iter().take_while(|&&at| at != 0).map(|at| at.to_ne_bytes()[0]).collect();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn f_26_a_panic_poisons_its_handle_alone() {
    let (mut bad, mut good) = (boxed::<Probe>(vec![1]), boxed::<Probe>(vec![2]));
    // SAFETY: both handles live until they are released below.
    unsafe {
        let panics = enter(bad, |value| {
            value.clear();
            value.first().copied().map(i32::from).map(Ok).expect("on purpose")
        });
        assert_eq!(panics, SC_ERR_PANIC);
        assert_eq!(enter(bad, |_| Ok(SC_OK)), SC_ERR_PANIC);
        let failure = last_error(bad.cast()).unwrap().unwrap();
        assert_eq!(failure.status, SC_ERR_PANIC);
        assert!(text(&failure.shown()).contains("on purpose"), "{failure:?}");
        assert_eq!(enter(good, |value| Ok(i32::from(value.len() == 1))), 1);
        assert_eq!(door::release(&raw mut bad), SC_OK);
        assert!(bad.is_null());
        assert_eq!(door::release(&raw mut good), SC_OK);
    }
}

#[test]
fn f_26_a_panic_with_two_handles_poisons_both() {
    let (mut first, mut second) = (boxed::<Probe>(vec![1]), boxed::<Other>(vec![2]));
    // SAFETY: both handles live until they are released below.
    unsafe {
        let both = |panics: bool| {
            enter(first, |one| {
                door::enter_second(second, |two| {
                    assert!(!panics, "on purpose");
                    Ok(i32::from(one.len() == 1 && *two == [2]))
                })
            })
        };
        assert_eq!(both(false), 1);
        assert_eq!(both(true), SC_ERR_PANIC);
        assert_eq!(enter(first, |_| Ok(SC_OK)), SC_ERR_PANIC);
        assert_eq!(enter(second, |_| Ok(SC_OK)), SC_ERR_PANIC);
        // A second handle that is poisoned does the first no harm.
        let mut third = boxed::<Probe>(Vec::new());
        assert_eq!(enter(third, |_| door::enter_second(second, |_| Ok(SC_OK))), SC_ERR_PANIC);
        assert_eq!(enter(third, |_| Ok(SC_OK)), SC_OK);
        assert_eq!(door::release(&raw mut first), SC_OK);
        assert_eq!(door::release(&raw mut second), SC_OK);
        assert_eq!(door::release(&raw mut third), SC_OK);
    }
}

#[test]
fn f_26_a_call_back_into_the_same_handle_is_refused() {
    let mut probe = boxed::<Probe>(Vec::new());
    // SAFETY: the handle lives until it is released below.
    unsafe {
        let within = enter(probe, |_| {
            let mut seen = error();
            assert_eq!(sc_last_error(probe.cast(), &raw mut seen), SC_ERR_BUSY);
            let mut again = probe;
            assert_eq!(door::release(&raw mut again), SC_ERR_BUSY);
            assert_eq!(again, probe);
            Ok(enter(probe, |_| Ok(SC_OK)))
        });
        assert_eq!(within, SC_ERR_BUSY);
        assert_eq!(enter(probe, |_| Ok(SC_OK)), SC_OK);
        assert_eq!(door::release(&raw mut probe), SC_OK);
    }
}

#[test]
fn a_handle_in_two_threads_is_busy_for_one_of_them() {
    let mut reader = null_mut();
    // SAFETY: `reader` is writable.
    assert_eq!(unsafe { sc_flv_reader_new(SC_ABI_VERSION, &raw mut reader, null_mut()) }, SC_OK);
    let shared = AtomicPtr::new(reader);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..2000 {
                    let mut taken = 0;
                    let reader = shared.load(Ordering::Relaxed);
                    // SAFETY: the reader lives until all threads have ended.
                    let status = unsafe {
                        sc_flv_reader_handle_input(reader, b"".as_ptr(), 0, &raw mut taken)
                    };
                    assert!(status == SC_OK || status == SC_ERR_BUSY, "{status}");
                }
            });
        }
    });
    // SAFETY: no thread uses it any more.
    assert_eq!(unsafe { sc_flv_reader_free(&raw mut reader) }, SC_OK);
}

#[test]
fn an_error_names_the_byte() {
    let (mut reader, mut taken, mut seen) = (null_mut(), 0, error());
    // SAFETY: all pointers are to live values of this function.
    unsafe {
        assert_eq!(sc_flv_reader_new(SC_ABI_VERSION, &raw mut reader, null_mut()), SC_OK);
        assert_eq!(sc_last_error(reader.cast(), &raw mut seen), SC_NONE);
        let status =
            sc_flv_reader_handle_input(reader, b"MP4 it is not".as_ptr(), 13, &raw mut taken);
        assert_eq!(status, SC_ERR_MALFORMED);
        assert_eq!(sc_last_error(reader.cast(), &raw mut seen), SC_OK);
        assert_eq!((seen.status, seen.offset), (SC_ERR_MALFORMED, 0));
        assert!(text(&seen).starts_with("FLV: malformed"), "{}", text(&seen));
        assert_eq!(sc_flv_reader_free(&raw mut reader), SC_OK);
    }
}

#[test]
fn wrapped_memory_is_freed_once_by_its_last_reference() {
    unsafe extern "C" fn free(opaque: *mut std::ffi::c_void) {
        // SAFETY: the test gives a pointer to this counter.
        unsafe { *opaque.cast::<u32>() += 1 };
    }
    let (mut count, data) = (0_u32, [0xaf_u8, 1, 2, 3]);
    let (mut first, mut second, mut writer) = (null_mut(), null_mut(), null_mut());
    // SAFETY: all pointers are to live values of this function.
    unsafe {
        let opaque = (&raw mut count).cast();
        assert_eq!(
            sc_buf_wrap(data.as_ptr(), data.len(), Some(free), opaque, &raw mut first),
            SC_OK
        );
        assert_eq!(sc_buf_data(first), data.as_ptr());
        assert_eq!(sc_buf_retain(first, &raw mut second), SC_OK);
        assert_eq!(sc_flv_writer_new(SC_ABI_VERSION, &raw mut writer, null_mut()), SC_OK);
        let whole = sc_tag {
            struct_size: size_of::<sc_tag>(),
            kind: 8,
            timestamp: 5,
            data: null(),
            size: 0,
            buf: first,
        };
        assert_eq!(sc_flv_writer_tag(writer, &raw const whole), SC_OK);
        // A part of the buffer by address, and one that is not of it.
        let part = sc_tag { data: data.as_ptr().add(1), size: 3, ..whole };
        assert_eq!(sc_flv_writer_tag(writer, &raw const part), SC_OK);
        let outside = sc_tag { size: 4, ..part };
        assert_eq!(sc_flv_writer_tag(writer, &raw const outside), SC_ERR_ARGUMENT);
        let mut pieces = [sc_iovec { data: null(), len: 0 }; 8];
        let mut listed = 0;
        assert_eq!(sc_flv_writer_output(writer, pieces.as_mut_ptr(), 8, &raw mut listed), SC_OK);
        assert!(
            pieces.iter().take(listed).any(|piece| piece.data == data.as_ptr() && piece.len == 4)
        );

        assert_eq!(sc_buf_release(&raw mut first), SC_OK);
        assert_eq!(sc_buf_release(&raw mut second), SC_OK);
        assert_eq!(count, 0, "the writer has references");
        assert_eq!(sc_flv_writer_free(&raw mut writer), SC_OK);
    }
    assert_eq!(count, 1);
}

/// One operation on a handle of a small set.
#[derive(Clone, Debug)]
enum Op {
    Input(Vec<u8>),
    Event,
    Output(usize),
    Accept(u32),
    Send(u8, Vec<u8>),
    Time(u64),
    Close,
    Renew,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..2000).prop_map(Op::Input),
        Just(Op::Input(hello())),
        Just(Op::Event),
        (0_usize..5000).prop_map(Op::Output),
        (0_u32..4).prop_map(Op::Accept),
        (any::<u8>(), prop::collection::vec(any::<u8>(), 0..64))
            .prop_map(|(kind, body)| Op::Send(kind, body)),
        (0_u64..100_000_000).prop_map(Op::Time),
        Just(Op::Close),
        Just(Op::Renew),
    ]
}

/// C0, C1 and C2 of a client.
fn hello() -> Vec<u8> {
    let mut bytes = vec![0; 1 + 1536 * 2];
    bytes[0] = 3;
    bytes
}

/// A status that the header names.
fn known(status: sc_status) -> bool {
    !status::sentence(status).to_bytes().starts_with(b"unknown")
        && status != SC_ERR_INTERNAL
        && status != SC_ERR_PANIC
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn f_26_operations_in_any_order_give_a_status(ops in prop::collection::vec(op(), 1..60)) {
        let mut session = null_mut();
        let mut event = session_event::nothing();
        let mut pieces = [sc_iovec { data: null(), len: 0 }; 3];
        // SAFETY: all pointers are to live values of this function.
        unsafe {
            prop_assert_eq!(sc_server_session_new(SC_ABI_VERSION, null(), 0, &raw mut session, null_mut()), SC_OK);
            for op in ops {
                let (mut taken, mut count) = (0, 0);
                let status = match op {
                    Op::Input(bytes) => {
                        sc_server_session_handle_input(session, 1, bytes.as_ptr(), bytes.len(), &raw mut taken)
                    }
                    Op::Event => sc_server_session_poll_event(session, &raw mut event),
                    Op::Output(size) => {
                        let status = sc_server_session_output(session, pieces.as_mut_ptr(), 3, &raw mut count);
                        prop_assert!(known(status));
                        sc_server_session_sent(session, size)
                    }
                    Op::Accept(request) => sc_server_session_accept(session, request),
                    Op::Send(kind, body) => {
                        let tag = sc_tag {
                            struct_size: size_of::<sc_tag>(),
                            kind,
                            timestamp: 0,
                            data: body.as_ptr(),
                            size: body.len(),
                            buf: null(),
                        };
                        sc_server_session_send(session, 1, &raw const tag)
                    }
                    Op::Time(now) => sc_server_session_handle_timeout(session, now),
                    Op::Close => sc_server_session_close(session),
                    Op::Renew => {
                        prop_assert_eq!(sc_server_session_free(&raw mut session), SC_OK);
                        sc_server_session_new(SC_ABI_VERSION, null(), 0, &raw mut session, null_mut())
                    }
                };
                prop_assert!(known(status), "{}", status);
            }
            prop_assert_eq!(sc_server_session_free(&raw mut session), SC_OK);
        }
    }
}
