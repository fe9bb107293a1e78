//! The message streams of a connection.

use super::RequestId;

#[derive(Debug, Default)]
pub(super) struct Streams {
    streams: Vec<Stream>,
}

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: u32,
    pub(super) state: StreamState,
}

#[derive(Debug)]
pub(super) enum StreamState {
    Idle,
    /// A `publish` that waits for an answer.
    PublishRequested {
        request: RequestId,
        name: String,
    },
    Publishing {
        name: String,
    },
    PlayRequested {
        request: RequestId,
        name: String,
    },
    Playing {
        paused: bool,
    },
    /// The server ended the playing; the client has not left yet.
    PlayEnded,
}

impl StreamState {
    /// The request that waits for an answer.
    pub(super) const fn request(&self) -> Option<RequestId> {
        match self {
            Self::PublishRequested { request, .. } | Self::PlayRequested { request, .. } => {
                Some(*request)
            }
            _ => None,
        }
    }

    pub(super) const fn is_publish(&self) -> bool {
        matches!(self, Self::PublishRequested { .. } | Self::Publishing { .. })
    }

    pub(super) const fn is_play(&self) -> bool {
        matches!(self, Self::PlayRequested { .. } | Self::Playing { .. } | Self::PlayEnded)
    }
}

impl Streams {
    /// Makes a stream with the smallest free id, from 1. None at the cap.
    pub(super) fn create(&mut self, cap: usize) -> Option<u32> {
        let id = (1..=u32::MAX).find(|&id| self.find(id).is_none())?;
        self.open(id, cap).map(|stream| stream.id)
    }

    /// The stream `id`, made if it is not there. None at the cap.
    pub(super) fn open(&mut self, id: u32, cap: usize) -> Option<&mut Stream> {
        if let Some(at) = self.streams.iter().position(|stream| stream.id == id) {
            return self.streams.get_mut(at);
        }
        if self.streams.len() >= cap {
            return None;
        }
        self.streams.push(Stream { id, state: StreamState::Idle });
        self.streams.last_mut()
    }

    pub(super) fn find(&self, id: u32) -> Option<&Stream> {
        self.streams.iter().find(|stream| stream.id == id)
    }

    pub(super) fn find_mut(&mut self, id: u32) -> Option<&mut Stream> {
        self.streams.iter_mut().find(|stream| stream.id == id)
    }

    pub(super) fn by_request(&mut self, request: RequestId) -> Option<&mut Stream> {
        self.streams.iter_mut().find(|stream| stream.state.request() == Some(request))
    }

    pub(super) fn remove(&mut self, id: u32) {
        self.streams.retain(|stream| stream.id != id);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Stream> {
        self.streams.iter()
    }

    /// The one stream that is published, where there is exactly one: media on another message stream means it.
    pub(super) fn only_publisher(&self) -> Option<u32> {
        let mut publishers = self.streams.iter().filter(|stream| stream.state.is_publish());
        publishers.next().filter(|_| publishers.next().is_none()).map(|stream| stream.id)
    }

    /// Whether a request waits for an answer.
    pub(super) fn is_any_requested(&self) -> bool {
        self.streams.iter().any(|stream| stream.state.request().is_some())
    }

    pub(super) fn is_any_active(&self) -> bool {
        self.streams.iter().any(|stream| stream.state.is_publish() || stream.state.is_play())
    }
}
