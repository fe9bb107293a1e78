use super::*;

/// The events of a client whose `connect` is refused with this information object, and what it does next.
fn refused(
    config: ClientConfig,
    info: &[(&str, Value)],
) -> (Vec<ClientEvent>, Option<ClientConfig>) {
    let mut visit = Visit::new(config);
    visit.run().unwrap();
    visit.server.info(0, "_error", 1.0, info);
    visit.run().unwrap();
    assert!(visit.client.is_closing());
    (visit.events, visit.client.next_config())
}

fn rejected(code: &str, description: &str) -> ClientEvent {
    ClientEvent::Rejected { code: code.into(), description: description.into() }
}

#[test]
fn a5_16_a_refused_connect_is_told() {
    let info = [
        ("level", "error".into()),
        ("code", "NetConnection.Connect.InvalidApp".into()),
        ("description", "No such application.".into()),
    ];
    let (events, next) = refused(publisher(), &info);
    let expected = rejected("NetConnection.Connect.InvalidApp", "No such application.");
    assert_eq!((events, next.is_none()), (vec![expected], true));
    let (events, _) = refused(publisher(), &[]);
    assert_eq!(events, [rejected("", "")]);
}

#[test]
fn a5_16_refusals_of_createstream_publish_and_play_are_told() {
    for (level, code) in [
        ("error", "NetStream.Publish.BadName"),
        ("error", "NetStream.Publish.Whatever"),
        ("status", "NetStream.Publish.Denied"),
    ] {
        let mut visit = requested(publisher());
        visit.events.clear();
        visit.server.status(level, code);
        visit.run().unwrap();
        assert_eq!(visit.events, [rejected(code, "")]);
    }
    let mut visit = requested(player());
    visit.events.clear();
    visit.server.status("error", "NetStream.Play.StreamNotFound");
    visit.run().unwrap();
    assert_eq!(visit.events, [rejected("NetStream.Play.StreamNotFound", "")]);
    let mut visit = Visit::new(publisher());
    visit.run().unwrap();
    visit.server.accept();
    visit.run().unwrap();
    visit.server.info(0, "_error", 4.0, &[("description", "Full.".into())]);
    visit.run().unwrap();
    assert_eq!(visit.events.last(), Some(&rejected("", "Full.")));
}

#[test]
fn a5_16_statuses_that_refuse_nothing_are_passed_on() {
    let mut visit = started(player());
    visit.server.status("warning", "NetStream.Play.InsufficientBW");
    visit.server.status("status", "NetStream.Play.Reset");
    visit.run().unwrap();
    let codes: Vec<&str> = visit
        .events
        .iter()
        .map(|event| match event {
            ClientEvent::Status(status) => status.code.as_str(),
            _ => "",
        })
        .collect();
    assert_eq!(codes, ["NetStream.Play.InsufficientBW", "NetStream.Play.Reset"]);
    assert!(!visit.client.is_closing());
}

fn redirection(url: &str) -> [(&'static str, Value); 3] {
    let ex = vec![("code".to_owned(), 302.0.into()), ("redirect".to_owned(), url.into())];
    [
        ("level", "error".into()),
        ("code", "NetConnection.Connect.Rejected".into()),
        ("ex", Value::Object(ex)),
    ]
}

#[test]
fn a5_33_a_redirection_leads_to_another_server() {
    let (events, next) = refused(publisher(), &redirection("rtmp://two:1937/live"));
    assert_eq!(events, [ClientEvent::Redirect { url: "rtmp://two:1937/live".into() }]);
    let next = next.unwrap();
    assert_eq!((next.url.host.as_str(), next.url.port), ("two", Some(1937)));
    assert_eq!(next.url.name, "key?token=1");
    // As a status, which some servers send behind the answer to connect.
    let mut visit = requested(publisher());
    visit.server.info(0, "onStatus", 0.0, &redirection("rtmp://two/live"));
    visit.run().unwrap();
    let expected = ClientEvent::Redirect { url: "rtmp://two/live".into() };
    assert_eq!(visit.events.last(), Some(&expected));
}

#[test]
fn f_23_a_redirection_inside_or_without_tls_is_a_refusal() {
    let secure = || ClientConfig {
        url: RtmpUrl::parse("rtmps://a.example/live/key").unwrap(),
        ..publisher()
    };
    for target in ["rtmp://a.example/live", "rtmps://127.0.0.1/live", "rtmps://[::1]:1/live"] {
        let (events, next) = refused(secure(), &redirection(target));
        assert_eq!(events, [rejected("NetConnection.Connect.Rejected", "")], "{target}");
        assert!(next.is_none());
    }
    let (_, next) = refused(secure(), &redirection("rtmps://b.example/live"));
    assert!(next.unwrap().is_moved());
    let mut loose = secure();
    (loose.moves.downgrade, loose.moves.internal) = (true, true);
    assert!(refused(loose, &redirection("rtmp://10.0.0.1/live")).1.is_some());
}

#[test]
fn a5_33_redirections_are_bounded() {
    let mut config = publisher();
    let mut hops = 0;
    loop {
        let (events, next) = refused(config, &redirection("rtmp://host/live"));
        let Some(next) = next else {
            assert_eq!(events, [rejected("NetConnection.Connect.Rejected", "")]);
            break;
        };
        hops += 1;
        config = next;
    }
    assert_eq!(hops, publisher().limits.redirects);
    let (events, next) = refused(publisher(), &redirection("nowhere at all://"));
    assert_eq!((events.len(), next.is_none()), (1, true));
}

#[cfg(feature = "auth")]
#[test]
fn a5_32_a_password_is_given_over_three_connections() {
    let describe = |text: &str| [("level", "error".into()), ("description", text.into())];
    let need = "[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : ";
    let challenge = "[ AccessManager.Reject ] : [ authmod=adobe ] : \
        ?reason=needauth&user=ada&salt=c2FsdA==&challenge=Y2hhbA==&opaque=b3A=";
    let mut config = publisher();
    config.url = url("rtmp://ada:secret@host/live/key");
    let (events, next) = refused(config.clone(), &describe(need));
    assert_eq!(events, [ClientEvent::Authenticate]);
    let second = next.unwrap();
    let connect = |config: &ClientConfig| {
        let mut visit = Visit::new(config.clone());
        visit.run().unwrap();
        let (_, connect) = visit.server.last("connect").unwrap();
        let text = |key| connect.object.field(key).and_then(Value::as_str).unwrap().to_owned();
        (text("app"), text("tcUrl"))
    };
    let named = "?authmod=adobe&user=ada";
    assert_eq!(connect(&second), (format!("live{named}"), format!("rtmp://host/live{named}")));
    let (events, next) = refused(second, &describe(challenge));
    assert_eq!(events, [ClientEvent::Authenticate]);
    let third = next.unwrap();
    let (app, _) = connect(&third);
    assert!(app.starts_with("live?authmod=adobe&user=ada&challenge=00000005&response="), "{app}");
    assert!(app.ends_with("==&opaque=b3A="), "{app}");
    // A password that is refused is not offered for ever, and no server can ask for ever.
    let (events, next) = refused(third.clone(), &describe("?reason=authfailed authmod=adobe"));
    assert_eq!((events.len(), next.is_none()), (1, true));
    let (events, next) = refused(third, &describe(challenge));
    assert_eq!((events, next.is_none()), (vec![rejected("", challenge)], true));
    // Without credentials there is nothing to say.
    let (events, _) = refused(publisher(), &describe(need));
    assert_eq!(events, [rejected("", need)]);
}
