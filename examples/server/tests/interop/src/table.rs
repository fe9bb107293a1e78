//! The page.

use std::fmt::Write as _;

use crate::row::{Done, Failure, Role};

const HEAD: &str = "\
# Interoperability

Made by `make interop`, which runs each row on this machine and judges it by packet lists: what was sent beside what the server recorded, or what the player or the
other server got. *Equal* means every packet once and in order, with the same size, the same hash and the same decode and presentation time, counted from
the first, to within a millisecond. A player that comes while a stream runs gets it from a key frame on: then what it got has to be all from there to the end.
Sent and received are packets of each track. Certificates are verified by those peers that can be told which to trust. That tshark's reader of RTMP sees every message
of a publish and of a play, at its time, and has nothing to complain of, is asserted by `interop_dissector.rs` among the tests.
";

/// `docs/interop.md`.
pub fn page(results: &[Done]) -> String {
    let mut page = HEAD.to_owned();
    let equal = results.iter().filter(|done| is_equal(done)).count();
    let known = results.iter().filter(|done| done.row.differs && done.is_expected()).count();
    let other = results.len() - equal - known;
    let _ = writeln!(
        page,
        "\n{} rows: {equal} equal, {known} where the peer is known not to be able, {other} other.",
        results.len()
    );
    for role in Role::ALL {
        let rows: Vec<&Done> = results.iter().filter(|done| done.row.role == role).collect();
        if !rows.is_empty() {
            let _ = writeln!(page, "\n## {}\n", role.heading());
            page.push_str("| Peer | Version | Transport | Codecs | Sent | Received | Verdict | Remark |\n|---|---|---|---|--:|--:|---|---|\n");
            rows.into_iter().for_each(|done| line(&mut page, done));
        }
    }
    page
}

fn line(page: &mut String, done: &Done) {
    let row = &done.row;
    let counts = |counts: &[usize]| {
        let texts: Vec<String> = counts.iter().map(usize::to_string).collect();
        if texts.is_empty() { "?".to_owned() } else { texts.join(" + ") }
    };
    let (sent, received) = match &done.result {
        Ok(result) => (counts(&result.sent), counts(&result.received)),
        Err(_) => (String::new(), String::new()),
    };
    let _ = writeln!(
        page,
        "| {} | {} | {} | {} | {sent} | {received} | {} | {} |",
        row.peer,
        row.version,
        row.transport.name(),
        row.codecs,
        verdict(done),
        row.remark
    );
}

fn is_equal(done: &Done) -> bool {
    done.result.as_ref().is_ok_and(|result| result.fault.is_none() && !result.sent.is_empty())
}

fn verdict(done: &Done) -> String {
    // The first line says it; the rest may name folders of the machine.
    let first = |text: &str| text.lines().next().unwrap_or_default().replace('|', "/");
    match &done.result {
        Ok(result) => result
            .fault
            .as_ref()
            .map_or_else(|| "equal".to_owned(), |fault| format!("differs: {}", first(fault))),
        Err(Failure::Missing(what)) => format!("not run; {what}"),
        Err(Failure::Broke(_)) if done.row.differs => "nothing".to_owned(),
        Err(Failure::Broke(why)) => format!("broke off: {}", first(why)),
    }
}
