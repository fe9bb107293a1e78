use std::sync::Mutex;
use std::time::Instant;

use streamcore::rtmp::session::RequestId;
use tokio::sync::{Notify, Semaphore};

use super::*;
use crate::config::{Given, Shared, load};
use crate::hooks::Hooks;

/// Holds requests until it is told to go on; refuses a name, renames another.
#[derive(Debug)]
struct Slow {
    go: Semaphore,
    asked: Mutex<Vec<String>>,
}

impl Slow {
    fn new() -> Arc<Self> {
        Arc::new(Self { go: Semaphore::new(0), asked: Mutex::default() })
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Step for Slow {
    fn check<'a>(&'a self, ask: &'a Ask, grant: &'a mut Grant) -> Checked<'a> {
        Box::pin(async move {
            self.asked.lock().unwrap().push(format!("{}/{}", ask.app, ask.name));
            self.go.acquire().await.unwrap().forget();
            match (ask.action, ask.name.as_str()) {
                (Action::Connect, _) if ask.app == "closed" => Err(Refused::denied("closed")),
                (Action::Connect, _) if ask.app == "old" => {
                    grant.app = "new".into();
                    Ok(())
                }
                (_, "no") => Err(Refused::denied("no")),
                (_, "key") => {
                    (grant.name, grant.identity) = ("show".into(), Some("1".into()));
                    Ok(())
                }
                _ => Ok(()),
            }
        })
    }
}

fn client(app: &str) -> Arc<ClientInfo> {
    let address = "192.0.2.1:1000".parse().unwrap();
    Arc::new(ClientInfo { app: app.into(), ..ClientInfo::new(address, Protocol::Rtmp) })
}

fn publish(client: &Arc<ClientInfo>, name: &str) -> Ask {
    let (client, app, name) = (client.clone(), client.app.clone(), name.to_owned());
    Ask { client, action: Action::Publish { kind: "live" }, app, name, query: String::new() }
}

/// Waits for the next answer to a request: its message stream, and the path or nothing.
async fn answer(gate: &mut Gate, wake: &Notify) -> (u32, Option<String>) {
    loop {
        match gate.next() {
            Some(Answer::Request { stream_id, result, .. }) => {
                return (stream_id, result.ok().map(|grant| grant.path()));
            }
            Some(Answer::Closed(_)) => return (0, None),
            None => wake.notified().await,
        }
    }
}

fn gate(steps: Vec<Arc<dyn Step>>) -> (Gate, Arc<Notify>) {
    let wake = Arc::<Notify>::default();
    (Gate::new(Arc::new(Admission::new(steps)), wake.clone()), wake)
}

#[tokio::test]
async fn without_steps_the_answer_is_there_at_once() {
    let (mut gate, _) = gate(Vec::new());
    let client = client("live");
    gate.connect(&client, String::new());
    gate.ask(RequestId::from_raw(1), 1, publish(&client, "demo"));
    let Some(Answer::Request { result, .. }) = gate.next() else { panic!("no answer") };
    assert_eq!(result.unwrap().path(), "live/demo");
    assert!(gate.next().is_none() && gate.let_in());
}

#[tokio::test]
async fn f_17_requests_wait_apart_and_a_key_is_not_the_name() {
    let slow = Slow::new();
    let (mut gate, wake) = gate(vec![slow.clone()]);
    let client = client("old");
    gate.connect(&client, String::new());
    for (id, name) in [(1, "key"), (2, "no"), (3, "gone"), (4, "plain")] {
        gate.ask(RequestId::from_raw(id), id, publish(&client, name));
    }
    assert!(gate.next().is_none(), "nobody has said anything");
    gate.forget(3);
    slow.go.add_permits(5);
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(answer(&mut gate, &wake).await);
    }
    answers.sort();
    let wanted = [(1, Some("new/show".to_owned())), (2, None), (4, Some("new/plain".to_owned()))];
    assert_eq!(answers, wanted, "connect was answered first, and named the application");
    assert_eq!(slow.asked()[0], "old/");
}

#[tokio::test]
async fn a_connection_that_is_refused_refuses_its_requests_unasked() {
    let slow = Slow::new();
    let (mut gate, wake) = gate(vec![slow.clone()]);
    let client = client("closed");
    gate.connect(&client, String::new());
    gate.ask(RequestId::from_raw(1), 1, publish(&client, "demo"));
    slow.go.add_permits(10);
    assert_eq!(answer(&mut gate, &wake).await, (0, None));
    assert_eq!(answer(&mut gate, &wake).await, (1, None));
    assert!(!gate.let_in());
    assert_eq!(slow.asked(), ["closed/"]);
}

#[tokio::test]
async fn f_18_a_step_without_an_end_refuses() {
    let slow = Slow::new();
    let mut admission = Admission::new(vec![slow]);
    admission.limit = Duration::from_millis(20);
    let refused = admission.decide(&publish(&client("live"), "demo")).await.unwrap_err();
    assert_eq!(refused.reason, Reason::Unavailable);
}

#[tokio::test]
async fn a_player_over_http_is_asked_about_once_until_it_has_left() {
    let slow = Slow::new();
    slow.go.add_permits(100);
    let admission = Arc::new(Admission::new(vec![slow.clone()]));
    let hooks = Hooks::new(Shared::new(load(&Given::default(), None).unwrap()), Default::default())
        .unwrap();
    let web = WebPlayers::default();
    let peer = "192.0.2.1:1000".parse().unwrap();
    let ask = async |path: &str, query: &str| {
        web.admit(&admission, &hooks, path, peer, query, "").await.map(|grant| grant.path())
    };
    assert_eq!(ask("live/key", "token=1&_HLS_msn=4").await.unwrap(), "live/show");
    assert_eq!(ask("live/key", "_HLS_msn=5&token=1").await.unwrap(), "live/show");
    assert_eq!(ask("live/key", "").await.unwrap(), "live/show", "a segment of that player");
    assert_eq!(slow.asked().len(), 1);
    assert!(ask("live/no", "").await.is_err() && ask("live/no", "").await.is_err());
    assert_eq!(slow.asked().len(), 2, "a refusal holds for a while");
    web.tidy(Instant::now() + Duration::from_secs(60));
    ask("live/key", "token=1").await.unwrap();
    assert_eq!(slow.asked().len(), 3);
}
