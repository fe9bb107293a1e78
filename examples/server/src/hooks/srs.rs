//! SRS's hooks: a JSON object, answered by `0` or by an object whose `code` is 0.

use serde_json::{Value, json};

use super::call::{Call, Notice};

/// The object, or none for what SRS has no hook for.
pub fn encode(notice: &Notice) -> Option<Value> {
    let client = &notice.client;
    let action = match &notice.call {
        Call::Connect => "on_connect",
        Call::Disconnect => "on_close",
        Call::Publish { .. } => "on_publish",
        Call::PublishDone => "on_unpublish",
        Call::Play { .. } => "on_play",
        Call::PlayDone => "on_stop",
        Call::RecordDone { .. } => "on_dvr",
        Call::Update { .. } | Call::Done => return None,
    };
    let param = if notice.query.is_empty() { String::new() } else { format!("?{}", notice.query) };
    let mut object = json!({
        "server_id": "streamcore",
        "service_id": std::process::id().to_string(),
        "action": action,
        "client_id": client.id.to_string(),
        "ip": client.address.ip().to_canonical().to_string(),
        "vhost": "__defaultVhost__",
        "app": notice.app,
        "tcUrl": client.tc_url,
        "stream": notice.name,
        "param": param,
        "stream_url": format!("/{}/{}", notice.app, notice.name),
        "stream_id": format!("{}/{}", notice.app, notice.name),
    });
    match &notice.call {
        Call::Connect | Call::Play { .. } => object["pageUrl"] = client.page_url.clone().into(),
        Call::RecordDone { path, .. } => {
            object["cwd"] =
                std::env::current_dir().unwrap_or_default().display().to_string().into();
            object["file"] = path.clone().into();
        }
        _ => {}
    }
    Some(object)
}

/// Whether the answer lets the client in.
pub fn passes(status: u16, body: &[u8]) -> bool {
    let code = match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => object.get("code").cloned().unwrap_or_default(),
        Ok(value) => value,
        Err(_) => Value::Null,
    };
    matches!(status, 200 | 201) && code.as_i64() == Some(0)
}

#[cfg(test)]
mod tests {
    use super::passes;

    #[test]
    fn only_a_code_of_zero_lets_in() {
        for body in ["0", " 0\n", r#"{"code":0}"#, r#"{"code":0,"data":{"urls":[]}}"#] {
            assert!(passes(200, body.as_bytes()) && passes(201, body.as_bytes()), "{body}");
            assert!(!passes(302, body.as_bytes()) && !passes(500, body.as_bytes()), "{body}");
        }
        for body in ["", "1", "ok", "{}", r#"{"code":1}"#, r#"{"code":"0"}"#, "[0]", "null"] {
            assert!(!passes(200, body.as_bytes()), "{body}");
        }
    }
}
