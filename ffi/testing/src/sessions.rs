//! Both ends of RTMP connections, joined to each other or to the input.

use std::ptr::null;

use super::input::Input;
use super::make::{keep, time};
use super::media::{drain, drained, just, look, pass_on};
use super::operations;
use super::room::Room;
use super::world::{World, out, read_bytes, read_text};
use crate::status::{SC_NONE, SC_OK, sc_status};
use crate::*;

/// Events that are polled at once, at the most.
const EVENTS: u32 = 64;

/// Gives bytes to a session, and polls it between, until it takes no more.
fn feed(
    mut data: &[u8],
    mut give: impl FnMut(*const u8, usize, *mut usize) -> sc_status,
    mut poll: impl FnMut() -> u32,
) {
    loop {
        let mut taken = usize::MAX;
        if give(data.as_ptr(), data.len(), &raw mut taken) != SC_OK {
            return;
        }
        assert!(taken <= data.len());
        data = &data[taken..];
        if poll() == 0 && taken == 0 || data.is_empty() {
            return;
        }
    }
}

/// Bytes as they come, and events.
fn server_input(world: &World, input: &mut Input<'_>) {
    let (now, to, data) = (time(input), input.byte(), input.bytes());
    if input.wrong() != 0 {
        let start = if input.wrong() >= 0xe0 { null() } else { data.as_ptr() };
        let mut taken = 0;
        let place = out(input, &mut taken);
        on!(world, input, sc_server_session_handle_input, now, start, data.len(), place);
        return;
    }
    server_feed(world, input, now, to, &data);
}

fn server_feed(world: &World, input: &mut Input<'_>, now: u64, to: u8, data: &[u8]) {
    let input = std::cell::RefCell::new(input);
    feed(
        data,
        |start, size, taken| {
            let input = &mut **input.borrow_mut();
            on!(world, input, sc_server_session_handle_input, now, start, size, taken)
        },
        || server_events(world, &mut input.borrow_mut(), to),
    );
}

/// Polls events; requests are accepted where a bit says so, and messages passed on. Returns how many there were.
fn server_events(world: &World, input: &mut Input<'_>, to: u8) -> u32 {
    for count in 0..EVENTS {
        let mut event = Room::<sc_session_event>::empty(input);
        let status = on!(world, input, sc_server_session_poll_event, event.pointer());
        let event = event.given(status);
        if status != SC_OK {
            return count;
        }
        let Some(event) = event else { continue };
        let texts = [
            event.app,
            event.name,
            event.query,
            event.tc_url,
            event.agent,
            event.text,
            event.clause,
        ];
        let told: usize = texts.map(|text| read_text(text).len()).iter().sum();
        match event.event {
            SC_SESSION_PUBLISH | SC_SESSION_PLAY => {
                assert!(told > 0);
                world.request.set((event.request, event.stream_id));
                if to & 0x80 == 0 {
                    on!(world, input, sc_server_session_accept, event.request);
                }
            }
            SC_SESSION_MEDIA => {
                let tag = sc_tag {
                    struct_size: size_of::<sc_tag>(),
                    kind: event.kind,
                    timestamp: event.timestamp,
                    data: event.data,
                    size: event.size,
                    buf: event.buf,
                };
                look(&tag);
                // The session that lends it is not one of those that it goes to.
                pass_on(world, input.second_slot(), to & 0x5f, &tag);
            }
            SC_SESSION_CONNECTED..=SC_SESSION_NOTICE => {}
            event => unreachable!("event {event}"),
        }
    }
    EVENTS
}

fn server_poll(world: &World, input: &mut Input<'_>) {
    let to = input.byte();
    server_events(world, input, to);
}

fn server_answer(world: &World, input: &mut Input<'_>) {
    let request = if input.byte() == 0 { world.request.get().0 } else { input.u32() };
    match input.byte() {
        0 => on!(world, input, sc_server_session_accept, request),
        reason => on!(world, input, sc_server_session_reject, request, reason.into()),
    };
}

fn server_end_play(world: &World, input: &mut Input<'_>) {
    let stream = if input.byte() == 0 { world.request.get().1 } else { input.u32() };
    on!(world, input, sc_server_session_end_play, stream);
}

just! {
    server_close: sc_server_session_close,
    client_finish: sc_client_session_finish,
}

drained! {
    server_output: sc_server_session_output, sc_server_session_sent;
    client_output: sc_client_session_output, sc_client_session_sent;
}

fn server_state(world: &World, input: &mut Input<'_>) {
    let (mut due, mut closing, mut size) = (u64::MAX, false, usize::MAX);
    let places = (out(input, &mut due), out(input, &mut closing), out(input, &mut size));
    let status = on!(world, input, sc_server_session_poll_timeout, places.0);
    on!(world, input, sc_server_session_is_closing, places.1);
    on!(world, input, sc_server_session_queued, places.2);
    if status == SC_OK || status == SC_NONE {
        let now = if status == SC_OK && input.byte() == 0 { due } else { time(input) };
        on!(world, input, sc_server_session_handle_timeout, now);
    }
}

fn client_state(world: &World, input: &mut Input<'_>) {
    let (mut due, mut closing, mut wants) = (u64::MAX, false, false);
    let places = (out(input, &mut due), out(input, &mut closing), out(input, &mut wants));
    let status = on!(world, input, sc_client_session_poll_timeout, places.0);
    on!(world, input, sc_client_session_is_closing, places.1);
    on!(world, input, sc_client_session_wants_media, places.2);
    let mut address = Room::<sc_client_address>::empty(input);
    let told = on!(world, input, sc_client_session_address, address.pointer());
    if let Some(address) = address.given(told) {
        assert!(!read_text(address.host).is_empty());
    }
    if status == SC_OK || status == SC_NONE {
        let now = if status == SC_OK && input.byte() == 0 { due } else { time(input) };
        on!(world, input, sc_client_session_handle_timeout, now);
    }
}

fn client_input(world: &World, input: &mut Input<'_>) {
    let (now, to, data) = (time(input), input.byte(), input.bytes());
    if input.wrong() != 0 {
        let start = if input.wrong() >= 0xe0 { null() } else { data.as_ptr() };
        let mut taken = 0;
        let place = out(input, &mut taken);
        on!(world, input, sc_client_session_handle_input, now, start, data.len(), place);
        return;
    }
    client_feed(world, input, now, to, &data);
}

fn client_feed(world: &World, input: &mut Input<'_>, now: u64, to: u8, data: &[u8]) {
    let input = std::cell::RefCell::new(input);
    feed(
        data,
        |start, size, taken| {
            let input = &mut **input.borrow_mut();
            on!(world, input, sc_client_session_handle_input, now, start, size, taken)
        },
        || client_events(world, &mut input.borrow_mut(), to),
    );
}

fn client_events(world: &World, input: &mut Input<'_>, to: u8) -> u32 {
    for count in 0..EVENTS {
        let mut event = Room::<sc_client_event>::empty(input);
        let status = on!(world, input, sc_client_session_poll_event, event.pointer());
        let event = event.given(status);
        if status != SC_OK {
            return count;
        }
        let Some(event) = event else { continue };
        for text in [event.level, event.code, event.text, event.clause, event.url] {
            read_text(text);
        }
        match event.event {
            SC_CLIENT_MEDIA => {
                let bytes = read_bytes(event.data, event.size);
                // SAFETY: lent by the call before.
                assert_eq!(bytes.len(), unsafe { sc_buf_size(event.buf) });
                let tag = sc_tag {
                    struct_size: size_of::<sc_tag>(),
                    kind: event.kind,
                    timestamp: event.timestamp,
                    data: event.data,
                    size: event.size,
                    buf: event.buf,
                };
                pass_on(world, input.second_slot(), to & 0x4f, &tag);
            }
            SC_CLIENT_CONNECTED..=SC_CLIENT_NOTICE => {}
            event => unreachable!("event {event}"),
        }
    }
    EVENTS
}

fn client_poll(world: &World, input: &mut Input<'_>) {
    let to = input.byte();
    client_events(world, input, to);
}

/// The session of the connection that the server asked for, in the other slot.
fn client_next(world: &World, input: &mut Input<'_>) {
    let mut made = world.noise(true).cast();
    let place = out(input, &mut made);
    let now = time(input);
    let status = on!(world, input, sc_client_session_next, now, place);
    if status == SC_OK {
        keep::<sc_client_session>(world, 1 - input.slot(), made);
    } else {
        assert!(status < SC_OK || made.is_null());
    }
}

/// What a client wrote goes to a server of the same slot, and the answer back, a number of times.
fn join(world: &World, input: &mut Input<'_>) {
    let (times, to) = (input.byte() & 15, input.byte());
    for step in 0..=times {
        let now = u64::from(step);
        let out = drain(
            world,
            input,
            |input, pieces, capacity, count| {
                on!(world, input, sc_client_session_output, pieces, capacity, count)
            },
            |input, size| on!(world, input, sc_client_session_sent, size),
        );
        server_feed(world, input, now, to, &out);
        let back = drain(
            world,
            input,
            |input, pieces, capacity, count| {
                on!(world, input, sc_server_session_output, pieces, capacity, count)
            },
            |input, size| on!(world, input, sc_server_session_sent, size),
        );
        client_feed(world, input, now, to, &back);
        if out.is_empty() && back.is_empty() {
            return;
        }
    }
}

operations! {
    server_input, server_poll, server_answer, server_end_play, server_close, server_output, server_state, client_input, client_poll,
    client_finish, client_output, client_state, client_next, join,
}
