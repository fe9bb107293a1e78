//! The time of day, for the clocks of DASH players.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use streamcore::time::UtcDate;

/// `GET /api/v1/time` (ISO/IEC 23009-1 5.8.4.11).
pub async fn time() -> Response {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = UtcDate(i64::try_from(now.as_micros()).unwrap_or(i64::MAX));
    let mut response = ([(CACHE_CONTROL, "no-store")], now.to_string()).into_response();
    super::allow_any_origin(response.headers_mut());
    response
}
