use super::*;

fn args(url: &str, app: Option<&str>) -> ConnectArgs {
    ConnectArgs {
        url: url.to_owned(),
        app: app.map(str::to_owned),
        reconnect: 0,
        connect_timeout: Duration::from_secs(1),
        tls_ca: None,
        tls_insecure: false,
        verbose: false,
    }
}

#[test]
fn a5_27_the_application_may_be_named() {
    let split = |app: &str| {
        let url = parse_url(&args("rtmp://host/a/b/c?d", Some(app)))?;
        anyhow::Ok((url.app, url.name))
    };
    assert_eq!(split("a").unwrap(), ("a".into(), "b/c?d".into()));
    assert_eq!(split("/a/b/").unwrap(), ("a/b".into(), "c?d".into()));
    assert_eq!(
        split("a/b/c").unwrap_err().to_string(),
        "the path of the URL does not begin with a/b/c/"
    );
    let whole = parse_url(&args("rtmp://host/a/b", Some("a"))).unwrap();
    assert_eq!((whole.app.as_str(), whole.name.as_str()), ("a", "b"));
}

#[test]
fn f16_a_url_that_cannot_be_read_is_not_shown() {
    let error = parse_url(&args("http://host/live/secret", None)).unwrap_err().to_string();
    assert_eq!(error, "not a URL of an RTMP server: scheme of the URL (neither rtmp nor rtmps)");
}

#[test]
fn f16_a_key_in_a_servers_words_is_hushed() {
    let url = RtmpUrl::parse("rtmp://host/live/secret?token=9").unwrap();
    assert_eq!(hush("no live/secret?token=9, no secret", &url), "no live/…, no …");
    let short = RtmpUrl::parse("rtmp://host/live/on").unwrap();
    assert_eq!(hush("nothing on", &short), "nothing on");
}

#[test]
fn figures_are_for_people() {
    assert_eq!(Clock(3_723_456).to_string(), "1:02:03.4");
    assert_eq!(Clock(-5).to_string(), "0:00:00.0");
    assert_eq!(Size(12_345_678).to_string(), "12.3 MB");
}

#[test]
fn last_words_name_the_reason() {
    let refused = |code: &str, description: &str| {
        let (code, description) = (code.to_owned(), description.to_owned());
        last_words(&ClientEvent::Rejected { code, description }).unwrap()
    };
    assert_eq!(
        refused("NetStream.Publish.BadName", "In use."),
        "the server refuses: NetStream.Publish.BadName: In use."
    );
    assert_eq!(refused("", ""), "the server refuses: no reason given");
}
