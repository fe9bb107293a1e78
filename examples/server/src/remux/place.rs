//! Where a remux reads and writes: files, pipes, and what has an address.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use url::Url;

/// One end of a remux.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Standard input or output.
    Pipe,
    File(PathBuf),
    /// `s3://bucket/key`, `http://…` or `https://…`.
    Url(Url),
}

impl Place {
    /// Reads an argument of the command line. `-` is a pipe.
    pub fn of(argument: &Path) -> anyhow::Result<Self> {
        if argument == Path::new("-") {
            return Ok(Self::Pipe);
        }
        let Some((scheme, _)) = argument.to_str().and_then(|text| text.split_once("://")) else {
            return Ok(Self::File(argument.to_path_buf()));
        };
        ensure!(
            matches!(scheme, "s3" | "http" | "https"),
            "`{scheme}://` is not one of s3://, http://, https://"
        );
        let text = argument.to_str().unwrap_or_default();
        let url = Url::parse(text).with_context(|| format!("`{scheme}://…` is no address"))?;
        if scheme == "s3" && url.path().trim_matches('/').is_empty() {
            bail!("an address of a store is s3://bucket/key");
        }
        Ok(Self::Url(url))
    }

    /// Whether it has an address.
    pub const fn is_far(&self) -> bool {
        matches!(self, Self::Url(_))
    }
}

impl fmt::Display for Place {
    /// Without what an address may hold of secrets: a password, a signature.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pipe => f.write_str("-"),
            Self::File(path) => path.display().fmt(f),
            Self::Url(url) => {
                let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
                let host = url.host_str().unwrap_or_default();
                write!(f, "{}://{host}{port}{}", url.scheme(), url.path())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_files() {
        let of = |text: &str| Place::of(Path::new(text)).map_err(|error| error.to_string());
        assert_eq!(of("-"), Ok(Place::Pipe));
        assert_eq!(of("a.flv"), Ok(Place::File("a.flv".into())));
        assert_eq!(of("/x/s3:/a.flv"), Ok(Place::File("/x/s3:/a.flv".into())));
        assert!(of("s3://bucket/a/b.flv").unwrap().is_far());
        assert!(of("s3://bucket/").unwrap_err().contains("s3://bucket/key"));
        assert!(of("ftp://host/a.flv").unwrap_err().contains("not one of s3://"));
    }

    #[test]
    fn secrets_of_an_address_are_not_shown() {
        let url = "https://me:pass@host.example:8443/a.flv?X-Amz-Signature=abc#f";
        let shown = Place::of(Path::new(url)).unwrap().to_string();
        assert_eq!(shown, "https://host.example:8443/a.flv");
    }
}
