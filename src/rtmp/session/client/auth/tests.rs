use super::*;

const SEED: u64 = 0x1234_5678_dead_beef;

fn ask(description: &str, app: &str) -> Option<(String, bool)> {
    let credentials = Credentials { user: "ada".into(), password: "p@ss".into() };
    answer(description, &credentials, app, SEED).map(|auth| (auth.text, auth.last))
}

#[test]
fn a5_32_first_the_user_is_named() {
    for scheme in ["adobe", "llnw"] {
        let refusal =
            format!("[ AccessManager.Reject ] : [ code=403 need auth; authmod={scheme} ] : ");
        assert_eq!(ask(&refusal, "live"), Some((format!("authmod={scheme}&user=ada"), false)));
    }
}

/// The responses were worked out with another implementation of MD5 and base64.
#[test]
fn a5_32_a_challenge_is_answered() {
    let challenge = "[ AccessManager.Reject ] : [ authmod=adobe ] : \
        ?reason=needauth&user=ada&salt=SALT=&challenge=CHAL==&opaque=OPQ==";
    let expected = "authmod=adobe&user=ada&challenge=deadbeef\
        &response=PNSRS8WVOeDek7cUPcV+KQ==&opaque=OPQ==";
    assert_eq!(ask(challenge, "live"), Some((expected.into(), true)));
    let without = challenge.strip_suffix("&opaque=OPQ==").unwrap();
    let expected = "authmod=adobe&user=ada&challenge=deadbeef&response=aO/ebZqJ9VqvTRie3SN8IA==";
    assert_eq!(ask(without, "live"), Some((expected.into(), true)));
}

#[test]
fn a5_32_the_digest_variant_is_answered() {
    let challenge = "[ AccessManager.Reject ] : [ authmod=llnw ] : ?reason=needauth&nonce=NONCE";
    let response = |app| ask(challenge, app).unwrap().0.rsplit_once('=').unwrap().1.to_owned();
    assert_eq!(response("live"), "4c695621e08c22669579649c675a84b5");
    assert_eq!(response("live?x=1"), "4c695621e08c22669579649c675a84b5");
    assert_eq!(response("live/inst"), "622ef4442788d9364bb3473cef9ce83b");
}

#[test]
fn a5_32_a_wrong_password_is_no_challenge() {
    let of =
        |reason: &str| format!("[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason={reason}");
    assert_eq!(ask(&of("authfailed&opaque=x"), "live"), None);
    assert_eq!(ask(&of("nosuchuser"), "live"), None);
    assert_eq!(ask("Connection refused.", "live"), None);
    assert_eq!(ask("code=403 need auth; authmod=kerberos", "live"), None);
}
