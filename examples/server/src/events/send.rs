//! Sending the events of one receiver, one after the other: a later one waits until the one before is taken or given up.

use std::time::{Duration, Instant};

use reqwest::header::CONTENT_TYPE;
use rusqlite::{OptionalExtension as _, params};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::journal::{Journal, now_ms};
use super::settings::Receiver;
use super::sign;
use crate::metrics::Outcome;
use crate::recordings::rfc3339;
use crate::store::StoreError;

/// Attempts that are kept and told of.
const ATTEMPTS: usize = 20;
/// The longest pause between two attempts.
const LONGEST: Duration = Duration::from_secs(3600);
/// Pause after the database has failed.
const AGAIN: Duration = Duration::from_secs(1);

/// An event that is to be sent.
struct Due {
    seq: i64,
    body: String,
    since_ms: i64,
    next_ms: i64,
    count: u32,
    attempts: Vec<Value>,
}

/// Sends what there is for `receiver`, for as long as the store lasts.
pub async fn keep_sending(
    journal: Journal,
    receiver: Receiver,
    http: reqwest::Client,
    mut changed: watch::Receiver<()>,
) {
    loop {
        // Before the look, so that no change is missed.
        changed.borrow_and_update();
        match next(&journal, &receiver.id).await {
            Ok(Some(due)) => {
                let wait = u64::try_from(due.next_ms - now_ms()).unwrap_or(0);
                if wait > 0 {
                    // What is sent again by hand does not wait for this.
                    let pause = tokio::time::sleep(Duration::from_millis(wait));
                    tokio::select! {
                        () = pause => {}
                        changed = changed.changed() => match changed {
                            Ok(()) => continue,
                            Err(_) => return,
                        }
                    }
                }
                if let Err(error) = attempt(&journal, &receiver, &http, due).await {
                    tracing::error!("events wait: {error}");
                    tokio::time::sleep(AGAIN).await;
                }
            }
            Ok(None) => {
                if changed.changed().await.is_err() {
                    return;
                }
            }
            Err(StoreError::Closed) => return,
            Err(error) => {
                tracing::error!("events wait: {error}");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

async fn next(journal: &Journal, receiver: &str) -> Result<Option<Due>, StoreError> {
    let receiver = receiver.to_owned();
    let read = journal.store().read(move |db| {
        db.prepare_cached(
            "SELECT event.seq, body, since_ms, next_ms, count, attempts
             FROM event_delivery JOIN event USING (seq)
             WHERE receiver = ?1 AND state = 'pending' ORDER BY seq LIMIT 1",
        )?
        .query_row([receiver], |row| {
            let attempts: String = row.get(5)?;
            Ok(Due {
                seq: row.get(0)?,
                body: row.get(1)?,
                since_ms: row.get(2)?,
                next_ms: row.get(3)?,
                count: row.get(4)?,
                attempts: serde_json::from_str(&attempts).unwrap_or_default(),
            })
        })
        .optional()
    });
    read.await
}

/// Sends it once, and keeps what came of that.
async fn attempt(
    journal: &Journal,
    receiver: &Receiver,
    http: &reqwest::Client,
    mut due: Due,
) -> Result<(), StoreError> {
    let settings = journal.settings();
    let retry = i64::try_from(settings.retry.as_millis()).unwrap_or(i64::MAX);
    let (mut state, mut next_ms) = ("failed", due.next_ms);
    if now_ms() - due.since_ms <= retry {
        let started = Instant::now();
        let attempt = send(receiver, http, settings.timeout, &due).await;
        due.count += 1;
        let status = attempt["response_status_code"].as_u64();
        let taken = status.is_some_and(|code| code / 100 == 2);
        let outcome = match status {
            Some(_) if taken => Outcome::Ok,
            Some(_) => Outcome::Refused,
            None => Outcome::Failed,
        };
        journal.metrics().event(outcome, started.elapsed());
        if taken {
            state = "delivered";
        } else {
            let doubled = settings.backoff.saturating_mul(1 << due.count.saturating_sub(1).min(20));
            let pause = i64::try_from(doubled.min(LONGEST).as_millis()).unwrap_or(i64::MAX);
            next_ms = now_ms().saturating_add(pause);
            state = "pending";
            let (url, again) = (&receiver.url, due.count);
            tracing::warn!(%url, attempt = again, "event not taken: {}", reason(&attempt));
        }
        due.attempts.push(attempt);
        let old = due.attempts.len().saturating_sub(ATTEMPTS);
        due.attempts.drain(..old);
    } else {
        tracing::error!(url = %receiver.url, "event given up: not taken in time");
    }
    let (id, attempts) = (receiver.id.clone(), Value::from(due.attempts).to_string());
    let Due { seq, count, .. } = due;
    let write = journal.store().call(move |db| {
        db.prepare_cached(
            "UPDATE event_delivery SET state = ?1, next_ms = ?2, count = ?3, attempts = ?4
             WHERE receiver = ?5 AND seq = ?6",
        )?
        .execute(params![state, next_ms, count, attempts, id, seq])
    });
    write.await.map(drop)
}

fn reason(attempt: &Value) -> String {
    match attempt["response_status_code"].as_u64() {
        Some(status) => format!("the receiver said {status}"),
        None => attempt["error"].as_str().unwrap_or_default().to_owned(),
    }
}

async fn send(receiver: &Receiver, http: &reqwest::Client, timeout: Duration, due: &Due) -> Value {
    let mut body: Value = serde_json::from_str(&due.body).unwrap_or_default();
    body["attempts"] = Value::from(due.attempts.clone());
    let body = body.to_string();
    let seconds = u64::try_from(now_ms() / 1000).unwrap_or(0);
    let signature = sign::sign(&receiver.secret.0, seconds, body.as_bytes());
    let sent = http
        .post(receiver.url.url().clone())
        .timeout(timeout)
        .header(CONTENT_TYPE, "application/json")
        .header(sign::HEADER, signature)
        .body(body)
        .send()
        .await;
    let mut attempt = json!({
        "id": due.count + 1,
        "webhook_id": receiver.id,
        "address": receiver.url.to_string(),
        "created_at": rfc3339(jiff::Timestamp::now()),
    });
    match sent {
        Ok(response) => attempt["response_status_code"] = response.status().as_u16().into(),
        Err(error) => attempt["error"] = crate::hooks::words(&error.without_url()).into(),
    }
    attempt
}
