//! `/{app}/{name…}.flv`: a live stream as FLV, from its last key frame on; chunked over HTTP, or in the messages of a WebSocket.
//!
//! A task takes what waits for the player and hands it to the connection. It goes on while the client reads nothing, so a slow player
//! is found out and cut off as over RTMP.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::extract::FromRequestParts as _;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, UPGRADE};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, Uri, Version};
use axum::response::{IntoResponse as _, Response};
use bytes::{Buf as _, Bytes};
use http_body::Frame;
use streamcore::buf::Chain;
use tokio::sync::{Notify, mpsc};

use super::hls::{agent, denial, refusal};
use super::listen::Connection;
use crate::access::{Action, Ask, ClientInfo, Grant, Protocol};
use crate::hub::Hub;
use crate::names;
use crate::player::Form;
use crate::redact::Redacted;
use seat::{End, Seat};

mod seat;

const EXTENSION: &str = ".flv";
const HEADERS: [(axum::http::HeaderName, &str); 2] =
    [(CONTENT_TYPE, "video/x-flv"), (CACHE_CONTROL, "no-store")];
/// Longest message of a client, in bytes. Nothing that it says is looked at.
const MESSAGE: usize = 4096;

/// Whether it is the address of a stream as FLV.
pub fn is_wanted(uri: &Uri) -> bool {
    uri.path().ends_with(EXTENSION)
}

/// Lets a player in, and answers with the stream. One that is not live is not found.
pub async fn play(hub: &Arc<Hub>, peer: SocketAddr, request: &mut Parts) -> Response {
    let asks_upgrade = request
        .headers
        .get(UPGRADE)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
    let upgrade = if asks_upgrade {
        match WebSocketUpgrade::from_request_parts(request, &()).await {
            Ok(upgrade) => Some(upgrade),
            Err(rejection) => return rejection.into_response(),
        }
    } else {
        None
    };
    let (ask, grant) = match admit(hub, peer, request).await {
        Ok(granted) => granted,
        Err(response) => return response,
    };
    let path = grant.path();
    let origin = grant.relay.as_deref().and_then(|url| url.parse().ok());
    let stream = hub.demand(&path, origin.as_ref()).await.filter(|stream| stream.is_live());
    let Some(stream) = stream else { return not_live() };
    if request.method == Method::HEAD {
        return HEADERS.into_response();
    }
    let form = if upgrade.is_some() { Form::WsFlv } else { Form::HttpFlv };
    let Some(seat) = Seat::take(hub, stream, form, (ask, &path)) else { return not_live() };
    tracing::info!(stream = %Redacted(&path), %peer, ?form, "playing");
    let connection = request.extensions.get::<Connection>().cloned();
    match upgrade {
        Some(upgrade) => upgrade.max_message_size(MESSAGE).on_upgrade(async move |socket| {
            over_socket(socket, seat).await;
            // Counted as a connection until here.
            drop(connection);
        }),
        None => {
            // Over HTTP/2 others may share the connection: the stream alone is reset.
            let cut = connection.filter(|_| request.version <= Version::HTTP_11);
            let cut = cut.map_or_else(Arc::default, |connection| connection.cut().clone());
            (HEADERS, Body::new(FlvBody::new(seat, cut))).into_response()
        }
    }
}

fn not_live() -> Response {
    refusal(StatusCode::NOT_FOUND, "not live")
}

/// Whether the player may, by the same steps as over RTMP.
async fn admit(hub: &Hub, peer: SocketAddr, request: &Parts) -> Result<(Ask, Grant), Response> {
    let path = names::decode_url_path(request.uri.path());
    let path = path.as_deref().and_then(|path| path.strip_suffix(EXTENSION));
    let Some(path) = path.filter(|path| names::is_safe_path(path)) else {
        return Err(refusal(StatusCode::NOT_FOUND, "not found"));
    };
    let (app, name) = names::split(path);
    let mut client = ClientInfo::new(peer, Protocol::Flv);
    (client.app, client.agent) = (app.to_owned(), agent(request).to_owned());
    let ask = Ask {
        client: Arc::new(client),
        action: Action::Play { start: -2, duration: -1, reset: true },
        app: app.to_owned(),
        name: name.to_owned(),
        query: request.uri.query().unwrap_or_default().to_owned(),
    };
    match hub.services().admission.decide(&ask).await {
        Ok(grant) => Ok((ask, grant)),
        Err(refused) => Err(denial(&refused, peer, path)),
    }
}

/// What a player's task hands over.
struct Feed {
    next: mpsc::Receiver<Chain>,
    /// The stream has ended, and this with it: nothing was cut off.
    whole: Arc<AtomicBool>,
}

impl Feed {
    /// Starts the task, which calls `cut` when the client is not to be waited for.
    fn start(mut seat: Seat, cut: Arc<Notify>) -> Self {
        // One that is being sent, and one that waits: all else is bounded with the player's queue.
        let (out, next) = mpsc::channel(1);
        let whole = Arc::<AtomicBool>::default();
        let told = whole.clone();
        tokio::spawn(async move {
            match seat.run(&out).await {
                End::Over => told.store(true, Ordering::Release),
                End::Left => {}
                End::Cut(why) => {
                    tracing::warn!(stream = %Redacted(seat.path()), peer = %seat.peer(), "player cut off: {why}");
                    cut.notify_one();
                }
            }
            drop(out);
        });
        Self { next, whole }
    }
}

/// The stream as the body of an answer.
struct FlvBody {
    piece: Chain,
    feed: Feed,
}

impl FlvBody {
    fn new(seat: Seat, cut: Arc<Notify>) -> Self {
        Self { piece: Chain::new(), feed: Feed::start(seat, cut) }
    }
}

impl http_body::Body for FlvBody {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        while self.piece.is_empty() {
            let Some(piece) = ready!(self.feed.next.poll_recv(context)) else {
                let whole = self.feed.whole.load(Ordering::Acquire);
                return Poll::Ready((!whole).then_some(Err("cut off")));
            };
            self.piece = piece;
        }
        let part = self.piece.iter().next().cloned().unwrap_or_default();
        self.piece.advance(part.len());
        Poll::Ready(Some(Ok(Frame::data(part))))
    }
}

/// The stream in messages: first the header of the file, then a tag each.
async fn over_socket(socket: WebSocket, seat: Seat) {
    let cut = Arc::<Notify>::default();
    let feed = Feed::start(seat, cut.clone());
    tokio::select! {
        () = cut.notified() => {}
        _ = send_all(socket, feed) => {}
    }
}

async fn send_all(
    mut socket: WebSocket,
    mut feed: Feed,
) -> Result<Option<Infallible>, axum::Error> {
    loop {
        tokio::select! {
            chain = feed.next.recv() => match chain {
                Some(chain) => for part in chain {
                    socket.send(Message::Binary(part)).await?;
                },
                None if feed.whole.load(Ordering::Acquire) => {
                    socket.send(Message::Close(None)).await?;
                    return Ok(None);
                }
                None => return Ok(None),
            },
            said = socket.recv() => match said {
                Some(Ok(Message::Close(_))) | None => return Ok(None),
                said => drop(said.transpose()?),
            },
        }
    }
}
