//! `/api/v1/signing-keys`: what signs addresses of streams whose playback policy is `signed`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Api;
use super::extract::{Body, Data, List, Page, PageParams, Path};
use super::problem::{Problem, Problems};
use crate::keys::{self, Algorithm};

/// A key that signs addresses.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SigningKey {
    /// What addresses and tokens name it by: `kid`.
    id: String,
    algorithm: Algorithm,
    /// Seconds since 1970.
    created_at: i64,
    /// The secret of an HMAC key, in the one answer that shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    secret: Option<String>,
}

/// A key to make: `HMAC`, whose secret this server makes, or the public key of somebody who signs tokens (JWT).
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSigningKey {
    algorithm: Algorithm,
    /// The public key in PEM (`BEGIN PUBLIC KEY`), for all but HMAC.
    #[schema(max_length = 8192)]
    public_key: Option<String>,
}

fn show(key: &keys::SigningKey, secret: Option<String>) -> SigningKey {
    let keys::SigningKey { id, algorithm, created, .. } = key;
    SigningKey { id: id.clone(), algorithm: *algorithm, created_at: *created, secret }
}

/// Lists the keys that sign addresses, oldest first.
#[utoipa::path(get, path = "/api/v1/signing-keys", tag = "Signing keys", params(PageParams),
    responses((status = 200, body = List<SigningKey>), Problems))]
pub async fn list(State(api): State<Api>, page: Page) -> Json<List<SigningKey>> {
    let keys = api.keys.index().signing_keys(page.after, page.limit + 1);
    let shown = keys.iter().map(|(number, key)| (*number, show(key, None))).collect();
    Json(List::new(shown, page))
}

/// Makes a key that signs addresses.
#[utoipa::path(post, path = "/api/v1/signing-keys", tag = "Signing keys", request_body = CreateSigningKey,
    responses((status = 201, body = Data<SigningKey>), Problems))]
pub async fn create(
    State(api): State<Api>,
    Body(asked): Body<CreateSigningKey>,
) -> Result<(StatusCode, Json<Data<SigningKey>>), Problem> {
    let (id, secret) = api.keys.add_signing_key(asked.algorithm, asked.public_key).await?;
    let index = api.keys.index();
    let key = index.signing_key(&id).ok_or_else(Problem::not_found)?;
    Ok((StatusCode::CREATED, Json(Data { data: show(key, secret) })))
}

/// One key that signs addresses.
#[utoipa::path(get, path = "/api/v1/signing-keys/{id}", tag = "Signing keys", params(("id" = String, Path)),
    responses((status = 200, body = Data<SigningKey>), Problems))]
pub async fn get(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Json<Data<SigningKey>>, Problem> {
    let index = api.keys.index();
    let key = index.signing_key(&id).ok_or_else(Problem::not_found)?;
    Ok(Json(Data { data: show(key, None) }))
}

/// Takes a key away: what it signed opens nothing any more.
#[utoipa::path(delete, path = "/api/v1/signing-keys/{id}", tag = "Signing keys", params(("id" = String, Path)),
    responses((status = 204), Problems))]
pub async fn remove(State(api): State<Api>, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    api.keys.remove_signing_key(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}
