//! Authentication in the description of a refused `connect` (A5-32): the scheme that Adobe's encoder brought up, and
//! Limelight's, which is HTTP Digest in other clothes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Credentials;
use super::steps::AuthQuery;

/// The query to connect with next, out of what the server said; none where it asks for nothing, or refuses for good.
pub(super) fn answer(
    description: &str,
    credentials: &Credentials,
    app: &str,
    seed: u64,
) -> Option<AuthQuery> {
    let scheme = ["adobe", "llnw"]
        .into_iter()
        .find(|scheme| description.contains(&format!("authmod={scheme}")))?;
    if description.contains("code=403 need auth") {
        let text = format!("authmod={scheme}&user={}", credentials.user);
        return Some(AuthQuery { text, last: false });
    }
    let (_, challenge) = description.split_once("?reason=needauth")?;
    let field = |name: &str| {
        let end = challenge.find([' ', ']']).unwrap_or(challenge.len());
        let fields = challenge.get(..end).unwrap_or_default().split('&');
        fields.filter_map(|field| field.split_once('=')).find(|(key, _)| *key == name).map(|f| f.1)
    };
    let own = format!("{:08x}", seed & 0xffff_ffff);
    let text = match scheme {
        "adobe" => adobe(credentials, field, &own),
        _ => llnw(credentials, field, app, &own),
    };
    Some(AuthQuery { text, last: true })
}

fn adobe<'a>(
    credentials: &Credentials,
    field: impl Fn(&str) -> Option<&'a str>,
    own: &str,
) -> String {
    let Credentials { user, password } = credentials;
    let base64 = |text: String| STANDARD.encode(md5::compute(text).0);
    let salt = field("salt").unwrap_or_default();
    let (opaque, challenge) = (field("opaque"), field("challenge").unwrap_or_default());
    let secret = base64(format!("{user}{salt}{password}"));
    let response = base64(format!("{secret}{}{own}", opaque.unwrap_or(challenge)));
    let mut text = format!("authmod=adobe&user={user}&challenge={own}&response={response}");
    if let Some(opaque) = opaque {
        text.push_str(&format!("&opaque={opaque}"));
    }
    text
}

fn llnw<'a>(
    credentials: &Credentials,
    field: impl Fn(&str) -> Option<&'a str>,
    app: &str,
    own: &str,
) -> String {
    let Credentials { user, password } = credentials;
    let hex = |text: String| format!("{:x}", md5::compute(text));
    let nonce = field("nonce").unwrap_or_default();
    let app = app.split('?').next().unwrap_or_default();
    let instance = if app.contains('/') { "" } else { "/_definst_" };
    let who = hex(format!("{user}:live:{password}"));
    let what = hex(format!("publish:/{app}{instance}"));
    let response = hex(format!("{who}:{nonce}:00000001:{own}:auth:{what}"));
    format!("authmod=llnw&user={user}&nonce={nonce}&cnonce={own}&nc=00000001&response={response}")
}

#[cfg(test)]
mod tests;
