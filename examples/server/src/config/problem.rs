//! What is wrong with a configuration, said so that it can be found and set right.

use std::fmt;
use std::ops::Range;
use std::path::Path;

/// One thing that is wrong, with its place and key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Line, from 1.
    line: usize,
    /// File and line; empty for the command line and the environment.
    place: String,
    key: String,
    message: String,
}

impl Problem {
    /// Of no line of a file.
    pub fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { line: 0, place: String::new(), key: key.into(), message: message.into() }
    }

    /// The same in a file as a whole.
    pub fn in_file(mut self, file: &Path) -> Self {
        self.place = file.display().to_string();
        self
    }

    /// The same at `span`, in bytes of the file's `text`.
    pub fn at(mut self, file: &Path, text: &str, span: &Range<usize>) -> Self {
        let before = text.as_bytes().get(..span.start).unwrap_or(text.as_bytes());
        self.line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        self.place = format!("{}:{}", file.display(), self.line);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [&self.place, &self.key].into_iter().filter(|part| !part.is_empty()) {
            write!(f, "{part}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// All that is wrong, one a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            write!(f, "{end}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// The name of `known` that is nearest to `name`, where one is near enough to be meant.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_ascii_lowercase().replace('-', "_");
    let allowed = (name.chars().count() / 3).max(1);
    known
        .map(|known| (strsim::damerau_levenshtein(&name, known), known))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_and_none_that_is_far() {
        let known = ["hls_window", "http_listen", "record"];
        let near = |name| nearest(name, known.into_iter());
        assert_eq!(near("hls_windwo"), Some("hls_window"));
        assert_eq!(near("http-listen"), Some("http_listen"));
        assert_eq!(near("Recrd"), Some("record"));
        assert_eq!(near("on_publish"), None);
    }

    #[test]
    fn a_problem_names_file_line_and_key() {
        let text = "a = 1\nb = 2\n";
        let problem = Problem::new("b", "is wrong").at(Path::new("x.toml"), text, &(6..7));
        assert_eq!(problem.to_string(), "x.toml:2: b: is wrong");
        assert_eq!(Problem::new("b", "is wrong").to_string(), "b: is wrong");
    }
}
