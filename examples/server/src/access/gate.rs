//! The gate of one RTMP connection: its requests wait here for their answers, each in a task, while the connection goes on.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use streamcore::rtmp::session::RequestId;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::{Action, Admission, Ask, ClientInfo, Grant, Refused};
use crate::by_id::ById;

/// What came of a request.
#[derive(Debug)]
pub enum Answer {
    /// The connection is refused.
    Closed(Refused),
    /// A `publish` or `play` is decided.
    Request { request: RequestId, stream_id: u32, ask: Box<Ask>, result: Result<Grant, Refused> },
}

/// What is said of the connection, once something is.
#[derive(Debug, Default)]
struct Decision {
    result: OnceLock<Result<Grant, Refused>>,
    told: Notify,
}

impl Decision {
    /// The first to tell has told.
    fn tell(&self, result: Result<Grant, Refused>) {
        if self.result.set(result).is_ok() {
            self.told.notify_waiters();
        }
    }

    async fn wait(&self) -> &Result<Grant, Refused> {
        loop {
            let mut told = pin!(self.told.notified());
            // Before the look, so that nothing is missed.
            told.as_mut().enable();
            match self.result.get() {
                Some(result) => return result,
                None => told.await,
            }
        }
    }
}

/// Who decides. Nobody waits for one that is gone.
struct Decider(Arc<Decision>);

impl Drop for Decider {
    fn drop(&mut self) {
        self.0.tell(Err(Refused::unavailable("the connection was not decided on")));
    }
}

/// Answers on their way to their connection: few and rare, so that a queue without memory of its own serves every idle connection. As many
/// wait as there are message streams, which the session bounds.
#[derive(Clone, Debug, Default)]
struct Answers(Arc<Mutex<VecDeque<Answer>>>);

impl Answers {
    fn send(&self, answer: Answer) {
        self.lock().push_back(answer);
    }

    fn next(&self) -> Option<Answer> {
        let mut answers = self.lock();
        let answer = answers.pop_front();
        if answers.is_empty() {
            *answers = VecDeque::new();
        }
        answer
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Answer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The gate of one connection. What waits ends when it is dropped.
#[derive(Debug)]
pub struct Gate {
    admission: Arc<Admission>,
    connection: Option<Arc<Decision>>,
    /// The request of each message stream that waits.
    waiting: ById<RequestId>,
    tasks: JoinSet<()>,
    answers: Answers,
    wake: Arc<Notify>,
}

impl Gate {
    /// A gate that calls `wake` when there is an answer.
    pub fn new(admission: Arc<Admission>, wake: Arc<Notify>) -> Self {
        Self {
            admission,
            connection: None,
            waiting: ById::new(),
            tasks: JoinSet::new(),
            answers: Answers::default(),
            wake,
        }
    }

    /// Asks for the connection itself. Requests wait until it is let in.
    pub fn connect(&mut self, client: &Arc<ClientInfo>, query: String) {
        let decider = Decider(Arc::default());
        self.connection = Some(decider.0.clone());
        let app = client.app.clone();
        let action = Action::Connect;
        let ask = Ask { client: client.clone(), action, app, name: String::new(), query };
        let (admission, answer) = (self.admission.clone(), self.answers.clone());
        self.run(async move {
            let result = admission.decide(&ask).await;
            if let Err(refused) = &result {
                answer.send(Answer::Closed(refused.clone()));
            }
            decider.0.tell(result);
        });
    }

    /// Asks for a `publish` or `play`.
    pub fn ask(&mut self, request: RequestId, stream_id: u32, mut ask: Ask) {
        self.waiting.insert(stream_id, request);
        let (admission, answer) = (self.admission.clone(), self.answers.clone());
        // Without a connection nobody decides.
        let none = || Decider(Arc::default()).0.clone();
        let connection = self.connection.clone().unwrap_or_else(none);
        self.run(async move {
            let result = match connection.wait().await {
                Err(refused) => Err(refused.clone()),
                Ok(grant) => {
                    // The answer to `connect` may name another application.
                    if grant.app != ask.client.app {
                        ask.app.clone_from(&grant.app);
                    }
                    admission.decide(&ask).await
                }
            };
            answer.send(Answer::Request { request, stream_id, ask: Box::new(ask), result });
        });
    }

    /// The client took back what it asked for on that message stream.
    pub fn forget(&mut self, stream_id: u32) {
        self.waiting.remove(stream_id);
    }

    /// Whether the connection was let in.
    pub fn let_in(&self) -> bool {
        let decided = self.connection.as_ref().and_then(|connection| connection.result.get());
        matches!(decided, Some(Ok(_)))
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
                    if self.waiting.get(*stream_id) == Some(request) {
                        self.waiting.remove(*stream_id);
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
