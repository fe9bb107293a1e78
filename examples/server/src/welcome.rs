//! What the first start says: a key and a token for clients on other machines.

use std::sync::Arc;

use crate::cli::ServeArgs;
use crate::keys::{self, ChangeError, Keys, Require};

/// What the first start alone shows.
pub struct First {
    key: String,
    path: String,
    token: String,
}

/// At the first start a live stream and a token of the API are made, for clients on other machines.
pub async fn welcome(keys: &Arc<Keys>) -> anyhow::Result<Option<First>> {
    let index = keys.index();
    if index.has_tokens() || index.count() > 0 {
        return Ok(None);
    }
    let made = async {
        let (stream, key) = keys.create(keys::New::default()).await?;
        // Last, since it says that the first start is over.
        let token = keys.add_api_token().await?;
        Ok::<_, ChangeError>(First { key, path: stream.path.clone(), token })
    };
    made.await.map(Some).map_err(|error| anyhow::anyhow!("cannot make the first key: {error:?}"))
}

/// How clients on other machines come in.
pub fn others(args: &ServeArgs, first: Option<&First>) -> String {
    let mut text = String::new();
    let Some(First { key, path, token }) = first else { return text };
    if args.require_key != Require::Never {
        let who = if args.require_key == Require::Remote { "from other machines" } else { "only" };
        text += &format!(
            "              {who} with the stream key  {key}\n              which plays as {path}; keys and token are shown this once\n"
        );
    }
    if args.require_token != Require::Never {
        let who = if args.require_token == Require::Remote { "  from other machines" } else { "" };
        text += &format!("  api token   {token}{who}\n");
    }
    text
}
