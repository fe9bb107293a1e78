//! What `include/streamcore.h` declares, read from its text.

use super::here;

/// One thing of the header, in its order.
pub(crate) struct Item {
    /// The comment in front, without its marks.
    pub(crate) doc: String,
    /// The declaration, on as many lines as it has there.
    pub(crate) text: String,
}

/// One parameter of a function.
pub(crate) struct Parameter {
    /// Without the name, one space between words: `const struct sc_tag *`.
    pub(crate) kind: String,
    pub(crate) name: String,
}

/// A function of the library.
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) result: String,
    pub(crate) parameters: Vec<Parameter>,
}

pub(crate) fn header() -> String {
    std::fs::read_to_string(here().join("../include/streamcore.h")).expect("the header is there")
}

/// A comment's words: each line without its star.
fn words(comment: &str) -> String {
    let inside = comment.trim_start_matches('/').trim_start_matches('*');
    let inside = inside.trim_end().trim_end_matches('/').trim_end_matches('*');
    let lines = inside.lines().map(|line| {
        let line = line.trim();
        line.strip_prefix("* ").or(line.strip_prefix('*')).unwrap_or(line)
    });
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// The comment at the top of the file.
pub(crate) fn preface(header: &str) -> String {
    words(header.split_inclusive("*/").next().unwrap_or_default())
}

/// All that is declared or defined with a comment in front.
pub(crate) fn items(header: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let mut rest = header;
    // Comments of fields are indented.
    while let Some(at) = rest.find("\n/**") {
        rest = rest.get(at + 1..).unwrap_or_default();
        let Some((comment, behind)) = rest.split_once("*/\n") else { break };
        let whole = |end: usize| behind.get(..end).unwrap_or_default().trim_end().to_owned();
        let line = behind.lines().next().unwrap_or_default();
        let text = if line.starts_with('#') {
            whole(line.len())
        } else if line.ends_with('{') {
            whole(behind.find("\n}").map_or(line.len(), |at| {
                let tail = behind.get(at + 1..).unwrap_or_default();
                at + 1 + tail.find('\n').unwrap_or(tail.len())
            }))
        } else {
            whole(behind.find(";\n").map_or(line.len(), |at| at + 1))
        };
        items.push(Item { doc: words(&format!("{comment}*/")), text });
        rest = behind;
    }
    items
}

/// The types of which C sees no more than a pointer.
pub(crate) fn opaque(items: &[Item]) -> Vec<String> {
    let names = items.iter().filter_map(|item| {
        let (first, second) = item.text.strip_prefix("typedef struct ")?.split_once(' ')?;
        (second.strip_suffix(';') == Some(first)).then(|| first.to_owned())
    });
    names.collect()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Function {
    fn read(text: &str) -> Option<Self> {
        let text = one_line(text);
        if text.starts_with('#') || text.starts_with("typedef") || text.contains('{') {
            return None;
        }
        let (before, inside) = text.strip_suffix(");")?.split_once('(')?;
        let at = before.rfind([' ', '*'])? + 1;
        let (result, name) = before.split_at(at);
        let parameters = inside.split(',').map(str::trim).filter(|inside| *inside != "void");
        let parameters = parameters.map(|text| {
            let at = text.rfind([' ', '*']).map_or(0, |at| at + 1);
            let (kind, name) = text.split_at(at);
            Parameter { kind: kind.trim().to_owned(), name: name.to_owned() }
        });
        let parameters = parameters.collect();
        Some(Self { name: name.to_owned(), result: result.trim().to_owned(), parameters })
    }
}

pub(crate) fn functions(items: &[Item]) -> Vec<Function> {
    items.iter().filter_map(|item| Function::read(&item.text)).collect()
}
