//! Servers that streams are pushed to: of one stream, and of all streams of an application.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::extract::{Body, Data, List, Page, PageParams, Path, Query};
use super::problem::{Problem, Problems};
use crate::names;
use crate::relay::{ManageError, PushUrl, Saved, Status, TargetInfo, Wish};
use crate::stream::Stream;

/// A server to push to.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTarget {
    /// `rtmp://` or `rtmps://`. Without a name behind the application, it is `stream_key`, or else the stream's own name.
    #[schema(pattern = "^rtmps?://", max_length = 2048)]
    url: String,
    /// Name to publish under there, which no answer shows.
    #[schema(max_length = 1024)]
    stream_key: Option<String>,
    /// Where to push to while `url` cannot be reached, with its key.
    #[schema(pattern = "^rtmps?://", max_length = 2048)]
    backup_url: Option<String>,
    /// Pushed to only once it is resumed.
    paused: Option<bool>,
    /// Anything of the caller's own, up to 255 characters.
    #[schema(max_length = 255)]
    passthrough: Option<String>,
}

/// A target of all streams of an application.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AppTarget {
    id: String,
    app: String,
    /// Without keys.
    url: String,
    paused: bool,
    passthrough: Option<String>,
    /// Seconds since 1970.
    created_at: i64,
    /// What it comes to, for each stream that is or was live.
    targets: Vec<TargetInfo>,
}

/// Which targets.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Those in this state alone.
    status: Option<Status>,
}

impl From<ManageError> for Problem {
    fn from(error: ManageError) -> Self {
        match error {
            ManageError::NotFound => Self::not_found(),
            ManageError::TooMany => Self::new(StatusCode::CONFLICT, "there are too many targets"),
            ManageError::NotOwn(why) => Self::new(StatusCode::CONFLICT, why),
            ManageError::Store(error) => error.into(),
        }
    }
}

impl CreateTarget {
    /// What is wrong is said without a word of what was given: it may be a key.
    fn wish(self) -> Result<Wish, Problem> {
        let plain =
            |text: &str| !text.contains(|c: char| c == '|' || c.is_whitespace() || c.is_control());
        let key = self.stream_key.as_deref().unwrap_or_default();
        let texts = [self.url.as_str(), key, self.backup_url.as_deref().unwrap_or_default()];
        if !texts.into_iter().all(|text| plain(text) && text.len() <= 2048) {
            return Err(Problem::bad(
                "a URL or key with blanks or `|`, or of more than 2048 bytes",
            ));
        }
        if self.passthrough.as_ref().is_some_and(|text| text.chars().count() > 255) {
            return Err(Problem::bad("passthrough has more than 255 characters"));
        }
        let mut url = self.url;
        if !key.is_empty() {
            url = format!("{}/{key}", url.trim_end_matches('/'));
        }
        if let Some(backup) = self.backup_url {
            url = format!("{url}|{backup}");
        }
        let url: PushUrl = url.parse().map_err(Problem::bad)?;
        Ok(Wish { url, paused: self.paused.unwrap_or_default(), passthrough: self.passthrough })
    }
}

/// Path of a stream by its own text, or the id of its live stream.
fn path_of(api: &Api, id: &str) -> Result<String, Problem> {
    let index = api.keys.index();
    match index.stream(id) {
        Some(stream) => Ok(stream.path.clone()),
        None if id.contains('/') && names::is_publishable(id) => Ok(id.to_owned()),
        None => Err(Problem::not_found()),
    }
}

fn app_of(app: String) -> Result<String, Problem> {
    let good = names::is_publishable(&format!("{app}/x")) && !app.contains('/');
    if good { Ok(app) } else { Err(Problem::not_found()) }
}

fn live(api: &Api, path: &str) -> Option<Arc<Stream>> {
    api.hub.find(path).filter(|stream| stream.is_live())
}

fn show_app(api: &Api, rule: &Saved, app: &str) -> AppTarget {
    let targets = api.hub.services().relay.of_rule(&rule.id);
    AppTarget {
        id: rule.id.clone(),
        app: app.to_owned(),
        url: rule.url.to_string(),
        paused: rule.paused,
        passthrough: rule.passthrough.clone(),
        created_at: rule.created,
        targets: targets.iter().map(|target| target.info()).collect(),
    }
}

type One = Result<Json<Data<TargetInfo>>, Problem>;
type OneApp = Result<Json<Data<AppTarget>>, Problem>;

/// Lists all targets of all streams, oldest first.
#[utoipa::path(get, path = "/api/v1/simulcast-targets", tag = "Simulcast targets", params(PageParams, Filter),
    responses((status = 200, body = List<TargetInfo>), Problems))]
pub async fn all(
    State(api): State<Api>,
    page: Page,
    Query(filter): Query<Filter>,
) -> Json<List<TargetInfo>> {
    let all = api.hub.services().relay.all();
    let behind = all.iter().filter(|target| target.seq() > page.after);
    let infos = behind.map(|target| (target.seq(), target.info()));
    let wanted = infos.filter(|(_, info)| filter.status.is_none_or(|it| info.status == it));
    Json(List::new(wanted.take(page.limit + 1).collect(), page))
}

/// Lists the targets of a stream, oldest first: those of its application and the configuration among them.
#[utoipa::path(get, path = "/api/v1/live-streams/{id}/simulcast-targets", tag = "Simulcast targets",
    params(("id" = String, Path), PageParams), responses((status = 200, body = List<TargetInfo>), Problems))]
pub async fn list(
    State(api): State<Api>,
    Path(id): Path<String>,
    page: Page,
) -> Result<Json<List<TargetInfo>>, Problem> {
    let targets = api.hub.services().relay.list(&path_of(&api, &id)?);
    let behind = targets.iter().filter(|target| target.seq() > page.after);
    let shown = behind.take(page.limit + 1).map(|target| (target.seq(), target.info()));
    Ok(Json(List::new(shown.collect(), page)))
}

/// Adds a target to a stream, which begins at once where the stream is live, and goes on after a restart. The id is that of a live
/// stream, or a path with its slash as `%2F`.
#[utoipa::path(post, path = "/api/v1/live-streams/{id}/simulcast-targets", tag = "Simulcast targets",
    params(("id" = String, Path)), request_body = CreateTarget,
    responses((status = 201, body = Data<TargetInfo>), Problems))]
pub async fn create(
    State(api): State<Api>,
    Path(id): Path<String>,
    Body(asked): Body<CreateTarget>,
) -> Result<(StatusCode, Json<Data<TargetInfo>>), Problem> {
    let (path, wish) = (path_of(&api, &id)?, asked.wish()?);
    let stream = live(&api, &path);
    let target = api.hub.services().relay.add_for_good(&path, wish, stream.as_ref()).await?;
    Ok((StatusCode::CREATED, Json(Data { data: target.info() })))
}

/// One target of a stream.
#[utoipa::path(get, path = "/api/v1/live-streams/{id}/simulcast-targets/{target_id}", tag = "Simulcast targets",
    params(("id" = String, Path), ("target_id" = String, Path)),
    responses((status = 200, body = Data<TargetInfo>), Problems))]
pub async fn get(State(api): State<Api>, Path((id, target)): Path<(String, String)>) -> One {
    let target = api.hub.services().relay.find(&path_of(&api, &id)?, &target);
    Ok(Json(Data { data: target.ok_or_else(Problem::not_found)?.info() }))
}

/// Removes a target of a stream; its connection is closed. One that is there because of the configuration or of its application
/// can only be paused here (409).
#[utoipa::path(delete, path = "/api/v1/live-streams/{id}/simulcast-targets/{target_id}", tag = "Simulcast targets",
    params(("id" = String, Path), ("target_id" = String, Path)), responses((status = 204), Problems))]
pub async fn remove(
    State(api): State<Api>,
    Path((id, target)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    api.hub.services().relay.remove(&path_of(&api, &id)?, &target).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Stops a target of a stream until it is resumed.
#[utoipa::path(put, path = "/api/v1/live-streams/{id}/simulcast-targets/{target_id}/pause", tag = "Simulcast targets",
    params(("id" = String, Path), ("target_id" = String, Path)),
    responses((status = 200, body = Data<TargetInfo>), Problems))]
pub async fn pause(State(api): State<Api>, Path((id, target)): Path<(String, String)>) -> One {
    set_paused(&api, &id, &target, true).await
}

/// Lets a target go on, also one that was given up.
#[utoipa::path(put, path = "/api/v1/live-streams/{id}/simulcast-targets/{target_id}/resume", tag = "Simulcast targets",
    params(("id" = String, Path), ("target_id" = String, Path)),
    responses((status = 200, body = Data<TargetInfo>), Problems))]
pub async fn resume(State(api): State<Api>, Path((id, target)): Path<(String, String)>) -> One {
    set_paused(&api, &id, &target, false).await
}

async fn set_paused(api: &Api, id: &str, target: &str, paused: bool) -> One {
    let target = api.hub.services().relay.pause(&path_of(api, id)?, target, paused).await?;
    Ok(Json(Data { data: target.info() }))
}

/// Lists the targets of an application, oldest first.
#[utoipa::path(get, path = "/api/v1/applications/{app}/simulcast-targets", tag = "Simulcast targets",
    params(("app" = String, Path), PageParams), responses((status = 200, body = List<AppTarget>), Problems))]
pub async fn list_app(
    State(api): State<Api>,
    Path(app): Path<String>,
    page: Page,
) -> Result<Json<List<AppTarget>>, Problem> {
    let app = app_of(app)?;
    let rules = api.hub.services().relay.rules(&app);
    let behind = rules.iter().filter(|rule| rule.seq > page.after).take(page.limit + 1);
    let shown = behind.map(|rule| (rule.seq, show_app(&api, rule, &app)));
    Ok(Json(List::new(shown.collect(), page)))
}

/// Adds a target for each stream of an application, which goes on after a restart. Streams that are live begin at once.
#[utoipa::path(post, path = "/api/v1/applications/{app}/simulcast-targets", tag = "Simulcast targets",
    params(("app" = String, Path)), request_body = CreateTarget,
    responses((status = 201, body = Data<AppTarget>), Problems))]
pub async fn create_app(
    State(api): State<Api>,
    Path(app): Path<String>,
    Body(asked): Body<CreateTarget>,
) -> Result<(StatusCode, Json<Data<AppTarget>>), Problem> {
    let (app, wish) = (app_of(app)?, asked.wish()?);
    let of_app = |stream: &Arc<Stream>| names::split(stream.path()).0 == app && stream.is_live();
    let streams: Vec<_> = api.hub.all().into_iter().filter(of_app).collect();
    let live: Vec<_> = streams.iter().map(|it| (it.path().to_owned(), it.clone())).collect();
    let rule = api.hub.services().relay.add_rule(&app, wish, &live).await?;
    Ok((StatusCode::CREATED, Json(Data { data: show_app(&api, &rule, &app) })))
}

/// One target of an application.
#[utoipa::path(get, path = "/api/v1/applications/{app}/simulcast-targets/{target_id}", tag = "Simulcast targets",
    params(("app" = String, Path), ("target_id" = String, Path)),
    responses((status = 200, body = Data<AppTarget>), Problems))]
pub async fn get_app(
    State(api): State<Api>,
    Path((app, target)): Path<(String, String)>,
) -> OneApp {
    let rule = api.hub.services().relay.rule(&app, &target).ok_or_else(Problem::not_found)?;
    Ok(Json(Data { data: show_app(&api, &rule, &app) }))
}

/// Removes a target of an application, from all its streams.
#[utoipa::path(delete, path = "/api/v1/applications/{app}/simulcast-targets/{target_id}", tag = "Simulcast targets",
    params(("app" = String, Path), ("target_id" = String, Path)), responses((status = 204), Problems))]
pub async fn remove_app(
    State(api): State<Api>,
    Path((app, target)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    api.hub.services().relay.remove_rule(&app, &target).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Stops a target of an application, for all its streams.
#[utoipa::path(put, path = "/api/v1/applications/{app}/simulcast-targets/{target_id}/pause", tag = "Simulcast targets",
    params(("app" = String, Path), ("target_id" = String, Path)),
    responses((status = 200, body = Data<AppTarget>), Problems))]
pub async fn pause_app(
    State(api): State<Api>,
    Path((app, target)): Path<(String, String)>,
) -> OneApp {
    let rule = api.hub.services().relay.pause_rule(&app, &target, true).await?;
    Ok(Json(Data { data: show_app(&api, &rule, &app) }))
}

/// Lets a target of an application go on, for all its streams.
#[utoipa::path(put, path = "/api/v1/applications/{app}/simulcast-targets/{target_id}/resume", tag = "Simulcast targets",
    params(("app" = String, Path), ("target_id" = String, Path)),
    responses((status = 200, body = Data<AppTarget>), Problems))]
pub async fn resume_app(
    State(api): State<Api>,
    Path((app, target)): Path<(String, String)>,
) -> OneApp {
    let rule = api.hub.services().relay.pause_rule(&app, &target, false).await?;
    Ok(Json(Data { data: show_app(&api, &rule, &app) }))
}
