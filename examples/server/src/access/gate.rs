//! The gate of one RTMP connection: its requests wait here for their answers, each in a task, while the connection goes on.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use streamcore::rtmp::session::RequestId;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::{Action, Admission, Ask, ClientInfo, Grant, Refused};

/// What came of a request.
#[derive(Debug)]
pub enum Answer {
    /// The connection is refused.
    Closed(Refused),
    /// A `publish` or `play` is decided.
    Request { request: RequestId, stream_id: u32, ask: Box<Ask>, result: Result<Grant, Refused> },
}

/// What is said of the connection; nothing yet where it is `None`.
type Connection = Option<Result<Grant, Refused>>;

/// Answers on their way to their connection: few and rare, so that a queue without memory of its own serves every idle connection. As many
/// wait as there are message streams, which the session bounds.
#[derive(Clone, Debug, Default)]
struct Answers(Arc<Mutex<VecDeque<Answer>>>);

impl Answers {
    fn send(&self, answer: Answer) {
        self.lock().push_back(answer);
    }

    fn next(&self) -> Option<Answer> {
        self.lock().pop_front()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Answer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The gate of one connection. What waits ends when it is dropped.
#[derive(Debug)]
pub struct Gate {
    admission: Arc<Admission>,
    connection: watch::Receiver<Connection>,
    /// The request of each message stream that waits.
    waiting: HashMap<u32, RequestId>,
    tasks: JoinSet<()>,
    answers: Answers,
    wake: Arc<Notify>,
}

impl Gate {
    /// A gate that calls `wake` when there is an answer.
    pub fn new(admission: Arc<Admission>, wake: Arc<Notify>) -> Self {
        Self {
            admission,
            connection: watch::channel(None).1,
            waiting: HashMap::new(),
            tasks: JoinSet::new(),
            answers: Answers::default(),
            wake,
        }
    }

    /// Asks for the connection itself. Requests wait until it is let in.
    pub fn connect(&mut self, client: &Arc<ClientInfo>, query: String) {
        let (tell, connection) = watch::channel(None);
        self.connection = connection;
        let app = client.app.clone();
        let action = Action::Connect;
        let ask = Ask { client: client.clone(), action, app, name: String::new(), query };
        let (admission, answer) = (self.admission.clone(), self.answers.clone());
        self.run(async move {
            let result = admission.decide(&ask).await;
            if let Err(refused) = &result {
                answer.send(Answer::Closed(refused.clone()));
            }
            tell.send_replace(Some(result));
        });
    }

    /// Asks for a `publish` or `play`.
    pub fn ask(&mut self, request: RequestId, stream_id: u32, mut ask: Ask) {
        self.waiting.insert(stream_id, request);
        let (admission, answer) = (self.admission.clone(), self.answers.clone());
        let mut connection = self.connection.clone();
        self.run(async move {
            let connected = connection.wait_for(Option::is_some).await;
            let connected = connected.ok().and_then(|connected| connected.clone());
            let result = match connected {
                Some(Err(refused)) => Err(refused),
                Some(Ok(grant)) => {
                    // The answer to `connect` may name another application.
                    if grant.app != ask.client.app {
                        ask.app = grant.app;
                    }
                    admission.decide(&ask).await
                }
                None => Err(Refused::unavailable("the connection was not decided on")),
            };
            answer.send(Answer::Request { request, stream_id, ask: Box::new(ask), result });
        });
    }

    /// The client took back what it asked for on that message stream.
    pub fn forget(&mut self, stream_id: u32) {
        self.waiting.remove(&stream_id);
    }

    /// Whether the connection was let in.
    pub fn let_in(&self) -> bool {
        matches!(&*self.connection.borrow(), Some(Ok(_)))
    }

    /// Closes the connection, with a reason for the log, whenever it is called.
    pub fn closer(&self) -> impl FnOnce(String) + Send + 'static {
        let (answer, wake) = (self.answers.clone(), self.wake.clone());
        move |why| {
            answer.send(Answer::Closed(Refused::denied(why)));
            wake.notify_one();
        }
    }

    /// The next answer, to a request that is still open.
    pub fn next(&mut self) -> Option<Answer> {
        while self.tasks.try_join_next().is_some() {}
        loop {
            let answer = self.answers.next()?;
            match &answer {
                Answer::Closed(_) => return Some(answer),
                Answer::Request { request, stream_id, .. } => {
                    if self.waiting.get(stream_id) == Some(request) {
                        self.waiting.remove(stream_id);
                        return Some(answer);
                    }
                }
            }
        }
    }

    /// Runs it at once as far as it goes, which is to its end where nobody has to be asked, and else in a task.
    fn run(&mut self, work: impl Future<Output = ()> + Send + 'static) {
        let mut work = Box::pin(work);
        if let Poll::Ready(()) = work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return;
        }
        let wake = self.wake.clone();
        self.tasks.spawn(async move {
            work.await;
            wake.notify_one();
        });
    }
}
