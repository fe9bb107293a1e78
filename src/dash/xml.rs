//! A writer of XML whose attributes and texts are escaped.

use std::fmt::{self, Write as _};

/// A document that grows. Elements are closed by the caller's nesting.
#[derive(Debug)]
pub(super) struct Xml {
    text: String,
    depth: usize,
}

/// Attributes of one element, in their order.
pub(super) struct Attributes<'a>(&'a mut String);

impl Attributes<'_> {
    /// Adds an attribute.
    pub(super) fn set(&mut self, name: &str, value: impl fmt::Display) -> &mut Self {
        // Writing to a String cannot fail.
        let _ = write!(self.0, " {name}=\"");
        let _ = write!(Escaped(self.0), "{value}");
        self.0.push('"');
        self
    }

    /// Adds an attribute where there is a value.
    pub(super) fn option(&mut self, name: &str, value: Option<impl fmt::Display>) -> &mut Self {
        match value {
            Some(value) => self.set(name, value),
            None => self,
        }
    }
}

impl Xml {
    pub(super) fn new() -> Self {
        let text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        Self { text, depth: 0 }
    }

    /// An element with others in it.
    pub(super) fn element(
        &mut self,
        name: &str,
        attributes: impl FnOnce(&mut Attributes<'_>),
        content: impl FnOnce(&mut Self),
    ) {
        self.open(name, attributes);
        self.text.push_str(">\n");
        self.depth += 1;
        content(self);
        self.depth -= 1;
        self.indent();
        let _ = writeln!(self.text, "</{name}>");
    }

    /// An element without content.
    pub(super) fn empty(&mut self, name: &str, attributes: impl FnOnce(&mut Attributes<'_>)) {
        self.open(name, attributes);
        self.text.push_str("/>\n");
    }

    /// An element with a text.
    pub(super) fn text(&mut self, name: &str, text: &str) {
        self.open(name, |_| {});
        self.text.push('>');
        let _ = Escaped(&mut self.text).write_str(text);
        let _ = writeln!(self.text, "</{name}>");
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    fn open(&mut self, name: &str, attributes: impl FnOnce(&mut Attributes<'_>)) {
        self.indent();
        self.text.push('<');
        self.text.push_str(name);
        attributes(&mut Attributes(&mut self.text));
    }

    fn indent(&mut self) {
        self.text.extend(std::iter::repeat_n(' ', self.depth));
    }
}

/// Escapes what is written through it for attributes and texts alike (XML 1.0 2.4 and 3.3.3).
struct Escaped<'a>(&'a mut String);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&apos;"),
                // White space in an attribute would be read as a blank.
                '\t' | '\n' | '\r' => write!(self.0, "&#{};", u32::from(c))?,
                // No document can hold these, not even escaped (XML 1.0 2.2).
                '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => self.0.push('\u{fffd}'),
                _ => self.0.push(c),
            }
        }
        Ok(())
    }
}
