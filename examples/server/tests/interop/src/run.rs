//! Runs the rows, some at once.

use std::panic::AssertUnwindSafe;
use std::sync::Mutex;
use std::time::Instant;

use crate::lab::Lab;
use crate::row::{Done, Failure, Row};

/// Runs all rows, `jobs` at a time, and gives them back in their order.
pub fn all(lab: &Lab, rows: Vec<Row>, jobs: usize) -> Vec<Done> {
    // What breaks a row off is a panic of the kit: its words are the result, and need not be shown twice.
    std::panic::set_hook(Box::new(|_| {}));
    let count = rows.len();
    let waiting = Mutex::new(rows.into_iter().enumerate());
    let done = Mutex::new(Vec::with_capacity(count));
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().expect("no panic").next();
                    let Some((index, row)) = next else { return };
                    let start = Instant::now();
                    let result = one(lab, row);
                    say(&result, start);
                    done.lock().expect("no panic").push((index, result));
                }
            });
        }
    });
    let _ = std::panic::take_hook();
    let mut done = done.into_inner().expect("no panic");
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, done)| done).collect()
}

fn one(lab: &Lab, row: Row) -> Done {
    let result = match &row.run {
        Err(missing) => Err(Failure::Missing(missing.clone())),
        Ok(run) => match std::panic::catch_unwind(AssertUnwindSafe(|| run(lab))) {
            Ok(result) => result.map_err(Failure::Broke),
            Err(panic) => Err(Failure::Broke(words(&*panic))),
        },
    };
    Done { row, result }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}

fn say(done: &Done, start: Instant) {
    let verdict = match &done.result {
        Ok(comparison) => match &comparison.fault {
            None => "equal".to_owned(),
            Some(fault) => format!("DIFFERS: {fault}"),
        },
        Err(Failure::Missing(what)) => what.clone(),
        Err(Failure::Broke(why)) => format!("BROKE: {why}"),
    };
    eprintln!("{:5.1} s  {}: {verdict}", start.elapsed().as_secs_f64(), done.row.name());
}
