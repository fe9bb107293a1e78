use super::*;

fn parse(text: &str) -> RtmpUrl {
    RtmpUrl::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn split(text: &str) -> (String, String) {
    let url = parse(text);
    (url.app, url.name)
}

fn pair(app: &str, name: &str) -> (String, String) {
    (app.to_owned(), name.to_owned())
}

#[test]
fn a5_27_a5_28_application_and_name_are_split_as_ffmpeg_does() {
    assert_eq!(split("rtmp://host/live/key"), pair("live", "key"));
    assert_eq!(split("rtmp://host/a/b/c"), pair("a/b", "c"));
    assert_eq!(split("rtmp://host/a/b/c/d"), pair("a/b", "c/d"));
    assert_eq!(split("rtmp://host/vod/mp4:dir/film"), pair("vod", "mp4:dir/film"));
    assert_eq!(split("rtmp://host/vod/_definst_/film"), pair("vod/_definst_", "film"));
    assert_eq!(split("rtmp://host/key"), pair("key", ""));
    assert_eq!(split("rtmp://host/live/"), pair("live", ""));
    assert_eq!(split("rtmp://host/live//key"), pair("live", "key"));
    assert_eq!(split("rtmp://host//a/b//c/"), pair("a/b", "c"));
}

#[test]
fn a5_29_a_query_goes_where_it_stands() {
    assert_eq!(split("rtmp://host/live/key?token=a/b"), pair("live", "key?token=a/b"));
    assert_eq!(split("rtmp://host/live/?token=a"), pair("live", "?token=a"));
    assert_eq!(split("rtmp://host/live?user=a/key"), pair("live?user=a", "key"));
    assert_eq!(split("rtmp://host/live?user=a"), pair("live", "?user=a"));
    assert_eq!(split("rtmp://host/live/a%20b?x"), pair("live", "a%20b?x"));
}

#[test]
fn a5_40_hosts_ports_and_users() {
    let url = parse("rtmps://ada:p%40ss:word@[2001:db8::1]:4443/live/key");
    assert!(url.tls);
    assert_eq!((url.host.as_str(), url.port_or_default()), ("2001:db8::1", 4443));
    assert_eq!(url.tc_url(), "rtmps://[2001:db8::1]:4443/live");
    let credentials = url.credentials.as_ref().unwrap();
    assert_eq!((credentials.user.as_str(), credentials.password.as_str()), ("ada", "p@ss:word"));
    assert!(!format!("{url:?}").contains("p@ss"), "{url:?}");
    assert_eq!(parse("rtmp://host/live/key").port_or_default(), 1935);
    assert_eq!(parse("RTMPS://host/live/key").port_or_default(), 443);
    assert_eq!(parse("rtmp://host:/live/key").port, None);
    assert_eq!(parse(" rtmp://host/live/key\n").tc_url(), "rtmp://host/live");
}

#[test]
fn what_is_no_rtmp_url_is_refused_by_name() {
    let field = |text: &str| RtmpUrl::parse(text).unwrap_err().field();
    assert_eq!(field("host/live/key"), "URL (no rtmp://)");
    assert_eq!(field("http://host/live/key"), "scheme of the URL (neither rtmp nor rtmps)");
    assert_eq!(field("rtmpe://host/live/key"), "scheme of the URL");
    assert_eq!(field("rtmp:///live/key"), "host of the URL");
    assert_eq!(field("rtmp://host"), "URL (no application)");
    assert_eq!(field("rtmp://host?x=1"), "URL (no application)");
    assert_eq!(field("rtmp://host?x=1/key"), "URL (no application)");
    assert_eq!(field("rtmp://host:// /"), "URL (no application)");
    assert_eq!(split("rtmp://host:// /a"), pair("a", ""));
    assert_eq!(field("rtmp://::1/live/key"), "host of the URL (an IPv6 address wants brackets)");
    assert_eq!(field("rtmp://[::1/live/key"), "host of the URL (no closing bracket)");
    assert_eq!(field("rtmp://[nonsense]/live/key"), "host of the URL (no IPv6 address)");
    for port in ["0", "65536", "x", "-1", "19:35"] {
        assert!(field(&format!("rtmp://host:{port}/live/key")).contains("of the URL"), "{port}");
    }
    assert_eq!(field("rtmp://host/live/k\u{1b}ey"), "URL (control character)");
    assert_eq!(field(&format!("rtmp://host/{}", "a".repeat(5000))), "length of the URL");
}

#[test]
fn f16_what_is_shown_hides_the_key() {
    let shown = |text: &str| parse(text).to_string();
    assert_eq!(shown("rtmp://u:p@host/live/secret?token=x"), "rtmp://host/live/se…");
    assert_eq!(shown("rtmps://[::1]:9/live/abc"), "rtmps://[::1]:9/live/a…");
    assert_eq!(shown("rtmp://host/live?key=x/name"), "rtmp://host/live/na…");
    assert_eq!(shown("rtmp://host/live/?token=x"), "rtmp://host/live/…");
    assert_eq!(shown("rtmp://host/live"), "rtmp://host/live");
}

#[test]
fn a5_33_where_a_server_sends_a_client_on_to() {
    let from = parse("rtmp://u:p@one/live/key?token=1");
    let to = |target: &str| {
        let joined = from.join(target).unwrap();
        (joined.tc_url(), joined.name, joined.credentials.is_some())
    };
    let key = || "key?token=1".to_owned();
    assert_eq!(to("rtmp://two:1936/live"), ("rtmp://two:1936/live".into(), key(), false));
    assert_eq!(to("rtmp://two/live/inst"), ("rtmp://two/live/inst".into(), key(), false));
    assert_eq!(to("rtmp://two/live/key"), ("rtmp://two/live".into(), "key".into(), false));
    assert_eq!(to("rtmp://one/other"), ("rtmp://one/other".into(), key(), true));
    assert_eq!(to("/other"), ("rtmp://one/other".into(), key(), true));
    assert_eq!(to("//two/other"), ("rtmp://two/other".into(), key(), false));
    assert!(from.join("http://two/live").is_err());
}
