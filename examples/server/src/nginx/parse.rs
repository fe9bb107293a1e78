//! nginx's configuration language: directives with words, blocks, quotes, comments and includes.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// Files that may be included one in another, and directives in all, so that a file that includes itself ends.
const DEPTH: usize = 16;
const DIRECTIVES: usize = 100_000;

/// One directive, where it stands, and what is in its block.
#[derive(Clone, Debug)]
pub struct Directive {
    pub name: String,
    pub words: Vec<String>,
    pub block: Vec<Directive>,
    /// `FILE:LINE`
    pub place: String,
}

/// Reads a file with all that it includes.
///
/// # Errors
/// A file cannot be read, or is not in nginx's language; the place is named.
pub fn read(file: &Path) -> anyhow::Result<Vec<Directive>> {
    let base = file.parent().unwrap_or(Path::new("")).to_owned();
    let mut parser = Parser { base, count: 0 };
    parser.file(file, 0)
}

struct Parser {
    /// What the paths of includes are relative to.
    base: PathBuf,
    count: usize,
}

impl Parser {
    fn file(&mut self, file: &Path, depth: usize) -> anyhow::Result<Vec<Directive>> {
        if depth > DEPTH {
            bail!("{}: includes are nested too deeply", file.display());
        }
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let mut words = Words { rest: text.chars().collect(), at: 0, line: 1 };
        let directives = self.block(&mut words, file, depth, 0)?;
        Ok(directives)
    }

    /// Directives up to the end of the block, or of the file at `level` 0.
    fn block(
        &mut self,
        words: &mut Words,
        file: &Path,
        depth: usize,
        level: usize,
    ) -> anyhow::Result<Vec<Directive>> {
        let mut directives = Vec::new();
        loop {
            let at = |line: usize| format!("{}:{line}", file.display());
            let (head, line) = match words.next().with_context(|| at(words.line))? {
                (Word::Text(text), line) => (text, line),
                (Word::Close, _) if level > 0 => return Ok(directives),
                (Word::End, _) if level == 0 => return Ok(directives),
                (Word::End, line) => bail!("{}: a block is not closed", at(line)),
                (Word::Semicolon, _) => continue,
                (word, line) => bail!("{}: {word:?} where a directive is expected", at(line)),
            };
            self.count += 1;
            if self.count > DIRECTIVES || level > DEPTH {
                bail!("{}: there is too much", at(line));
            }
            let mut arguments = Vec::new();
            let block = loop {
                match words.next().with_context(|| at(words.line))? {
                    (Word::Text(text), _) => arguments.push(text),
                    (Word::Semicolon, _) => break Vec::new(),
                    (Word::Open, _) => break self.block(words, file, depth, level + 1)?,
                    (_, _) => bail!("{}: {head}: no `;` at its end", at(line)),
                }
            };
            let place = at(line);
            if head == "include" {
                directives.extend(self.include(&arguments, &place, depth)?);
            } else {
                directives.push(Directive { name: head, words: arguments, block, place });
            }
        }
    }

    fn include(
        &mut self,
        arguments: &[String],
        place: &str,
        depth: usize,
    ) -> anyhow::Result<Vec<Directive>> {
        let [pattern] = arguments else { bail!("{place}: include takes one file") };
        let mut directives = Vec::new();
        for file in matching(&self.base.join(pattern))? {
            let file = self.file(&file, depth + 1).with_context(|| format!("{place}: include"))?;
            directives.extend(file);
        }
        Ok(directives)
    }
}

/// Files that a path with `*` and `?` in its last part stands for, in their order; without any, the path itself.
fn matching(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if !name.contains(['*', '?']) {
        return Ok(vec![path.to_owned()]);
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(Vec::new()) };
    let pattern: Vec<char> = name.chars().collect();
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot list {}", folder.display()))?;
        let name: Vec<char> = entry.file_name().to_string_lossy().chars().collect();
        if name.first() != Some(&'.') && fits(&pattern, &name) {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// Whether a name fits a pattern: the last star that was met is tried with one character more whenever the rest does not fit.
fn fits(pattern: &[char], name: &[char]) -> bool {
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p + 1, n));
                p += 1;
            }
            Some(c) if *c == '?' || Some(c) == name.get(n) => (p, n) = (p + 1, n + 1),
            _ => match star {
                Some((after, tried)) => {
                    star = Some((after, tried + 1));
                    (p, n) = (after, tried + 1);
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|c| *c == '*')
}

#[derive(Debug, PartialEq, Eq)]
enum Word {
    Text(String),
    Semicolon,
    Open,
    Close,
    End,
}

struct Words {
    rest: Vec<char>,
    at: usize,
    line: usize,
}

impl Words {
    fn peek(&self) -> Option<char> {
        self.rest.get(self.at).copied()
    }

    fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        self.line += usize::from(c == '\n');
        Some(c)
    }

    /// The next word and its line.
    fn next(&mut self) -> anyhow::Result<(Word, usize)> {
        while let Some(c) = self.peek() {
            if c == '#' {
                while self.peek().is_some_and(|c| c != '\n') {
                    self.take();
                }
            } else if c.is_whitespace() {
                self.take();
            } else {
                break;
            }
        }
        let line = self.line;
        let Some(c) = self.take() else { return Ok((Word::End, line)) };
        let word = match c {
            ';' => Word::Semicolon,
            '{' => Word::Open,
            '}' => Word::Close,
            '"' | '\'' => Word::Text(self.quoted(c)?),
            c => Word::Text(self.plain(c)),
        };
        Ok((word, line))
    }

    fn quoted(&mut self, quote: char) -> anyhow::Result<String> {
        let mut text = String::new();
        loop {
            match self.take() {
                Some(c) if c == quote => return Ok(text),
                Some('\\') => self.escaped(&mut text),
                Some(c) => text.push(c),
                None => bail!("a quote does not end"),
            }
        }
    }

    fn plain(&mut self, first: char) -> String {
        let mut text = String::new();
        match first {
            '\\' => self.escaped(&mut text),
            first => text.push(first),
        }
        while let Some(c) = self.peek() {
            // `${name}` is one word.
            let variable = c == '{' && text.ends_with('$');
            if variable {
                while let Some(c) = self.take() {
                    text.push(c);
                    if c == '}' {
                        break;
                    }
                }
                continue;
            }
            if c.is_whitespace() || matches!(c, ';' | '{') {
                break;
            }
            self.take();
            match c {
                '\\' => self.escaped(&mut text),
                c => text.push(c),
            }
        }
        text
    }

    /// What follows a backslash: nginx takes it off in front of quotes, backslashes and the letters of white space.
    fn escaped(&mut self, text: &mut String) {
        match self.take() {
            Some('t') => text.push('\t'),
            Some('r') => text.push('\r'),
            Some('n') => text.push('\n'),
            Some(c @ ('"' | '\'' | '\\' | ' ' | ';' | '{' | '}' | '#' | '$')) => text.push(c),
            Some(c) => text.extend(['\\', c]),
            None => text.push('\\'),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> anyhow::Result<Vec<Directive>> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, text).unwrap();
        read(&file)
    }

    #[test]
    fn words_quotes_comments_and_blocks() {
        let all = parse(
            "# one\na 1 'two words' \"q\\\"x\" ${v}b c\\ d; # end\nb {\n  c;\n  d { e f#g; }\n}\n",
        )
        .unwrap();
        assert_eq!(all[0].words, ["1", "two words", "q\"x", "${v}b", "c d"]);
        assert!(all[0].place.ends_with("nginx.conf:2"));
        assert_eq!(all[1].block[1].block[0].words, ["f#g"]);
        assert!(all[1].block[1].block[0].place.ends_with(":5"));
    }

    #[test]
    fn what_is_not_nginxs_language_is_said_with_its_line() {
        for (text, wanted) in [
            ("a\nb {", ":2: a block is not closed"),
            ("a 'b", ":1"),
            ("\na", ":2: a: no `;`"),
            ("}", ":1"),
            ("a }", ":1: a: no `;`"),
        ] {
            let error = format!("{:#}", parse(text).unwrap_err());
            assert!(error.contains(wanted), "{text:?}: {error}");
        }
        let deep = "a {".repeat(100);
        assert!(parse(&deep).is_err());
    }

    #[test]
    fn includes_are_relative_to_the_main_file_and_may_have_stars() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("apps")).unwrap();
        std::fs::write(at("apps/1.conf"), "one;").unwrap();
        std::fs::write(at("apps/2.conf"), "include apps/3.inc;").unwrap();
        std::fs::write(at("apps/3.inc"), "three;").unwrap();
        std::fs::write(at("nginx.conf"), "include apps/*.conf;\ninclude none/*.conf;").unwrap();
        let names: Vec<_> =
            read(&at("nginx.conf")).unwrap().into_iter().map(|one| one.name).collect();
        assert_eq!(names, ["one", "three"]);
        std::fs::write(at("apps/3.inc"), "include apps/3.inc;").unwrap();
        assert!(format!("{:#}", read(&at("nginx.conf")).unwrap_err()).contains("nested"));
        std::fs::write(at("nginx.conf"), "x;\ninclude missing;").unwrap();
        let error = format!("{:#}", read(&at("nginx.conf")).unwrap_err());
        assert!(error.contains("nginx.conf:2: include"), "{error}");
    }

    #[test]
    fn patterns_fit_as_a_shell_has_them() {
        let fit = |pattern: &str, name: &str| {
            fits(&pattern.chars().collect::<Vec<_>>(), &name.chars().collect::<Vec<_>>())
        };
        assert!(fit("*.conf", "a.conf") && fit("a?c", "abc") && fit("*a*b", "xaxaxb"));
        assert!(!fit("*.conf", "a.con") && !fit("a?", "a") && !fit("*a*b", "xaxax"));
    }
}
