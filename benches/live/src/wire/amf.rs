//! The few AMF0 forms a client has to write and read (AMF0 specification, section 2).

/// Writes AMF0 values one after the other.
#[derive(Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// A command's beginning: its name and its transaction number.
    pub fn command(name: &str, transaction: f64) -> Self {
        Self::default().string(name).number(transaction)
    }

    /// What was written.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }

    fn raw_string(&mut self, text: &str) {
        let len = u16::try_from(text.len()).unwrap_or(u16::MAX);
        self.0.extend_from_slice(&len.to_be_bytes());
        self.0.extend_from_slice(&text.as_bytes()[..usize::from(len)]);
    }

    /// A string of at most 65,535 bytes.
    pub fn string(mut self, text: &str) -> Self {
        self.0.push(2);
        self.raw_string(text);
        self
    }

    /// A number.
    pub fn number(mut self, value: f64) -> Self {
        self.0.push(0);
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    /// A boolean.
    pub fn boolean(mut self, value: bool) -> Self {
        self.0.extend_from_slice(&[1, u8::from(value)]);
        self
    }

    /// Null.
    pub fn null(mut self) -> Self {
        self.0.push(5);
        self
    }

    /// Opens an object; [`Self::end`] closes it.
    pub fn object(mut self) -> Self {
        self.0.push(3);
        self
    }

    /// The name of the member whose value is written next.
    pub fn key(mut self, name: &str) -> Self {
        self.raw_string(name);
        self
    }

    /// Closes an object.
    pub fn end(mut self) -> Self {
        self.0.extend_from_slice(&[0, 0, 9]);
        self
    }
}

/// What a client needs of a server's command message.
#[derive(Debug, Default, PartialEq)]
pub struct Command {
    /// The command's name.
    pub name: String,
    /// The transaction it answers.
    pub transaction: f64,
    /// The last number among the arguments: the stream id in the answer to createStream.
    pub number: Option<f64>,
    /// The `code` of the information object of `onStatus`.
    pub code: Option<String>,
}

impl Command {
    /// Reads a command; arguments after one that is not understood are left out.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let mut command = Self { name: reader.marked_string()?, ..Self::default() };
        if reader.byte()? != 0 {
            return None;
        }
        command.transaction = reader.number()?;
        while !reader.0.is_empty() && reader.value(0, &mut command).is_some() {}
        Some(command)
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.array().map(|[b]| b)
    }

    fn number(&mut self) -> Option<f64> {
        self.array().map(f64::from_be_bytes)
    }

    fn raw_string(&mut self) -> Option<&'a [u8]> {
        let len = u16::from_be_bytes(self.array()?);
        self.take(usize::from(len))
    }

    fn marked_string(&mut self) -> Option<String> {
        if self.byte()? != 2 {
            return None;
        }
        Some(String::from_utf8_lossy(self.raw_string()?).into_owned())
    }

    /// Reads one value into what `command` keeps of it.
    fn value(&mut self, depth: u8, command: &mut Command) -> Option<()> {
        if depth > 8 {
            return None;
        }
        match self.byte()? {
            0 => command.number = Some(self.number()?),
            1 => drop(self.take(1)?),
            2 => drop(self.raw_string()?),
            3 => self.members(depth, command)?,
            5 | 6 => {}
            8 => {
                self.take(4)?;
                self.members(depth, command)?;
            }
            10 => {
                let len = u32::from_be_bytes(self.array()?);
                for _ in 0..len {
                    self.value(depth + 1, &mut Command::default())?;
                }
            }
            11 => drop(self.take(10)?),
            12 => {
                let len = u32::from_be_bytes(self.array()?);
                self.take(usize::try_from(len).ok()?)?;
            }
            _ => return None,
        }
        Some(())
    }

    fn members(&mut self, depth: u8, command: &mut Command) -> Option<()> {
        loop {
            let key = self.raw_string()?;
            if key.is_empty() {
                return self.take(1).map(drop);
            }
            if key == b"code" && self.0.first() == Some(&2) {
                command.code = Some(self.marked_string()?);
            } else {
                self.value(depth + 1, &mut Command::default())?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn create_stream_answer_and_status_are_read() {
        let bytes = Writer::command("_result", 4.0).null().number(1.0).finish();
        let answer = Command::parse(&bytes).unwrap();
        assert_eq!(
            (answer.name.as_str(), answer.transaction, answer.number),
            ("_result", 4.0, Some(1.0))
        );

        let info = Writer::command("onStatus", 0.0).null().object();
        let info = info.key("level").string("status").key("clientid").number(9.0);
        let bytes = info.key("code").string("NetStream.Play.Start").end().finish();
        let status = Command::parse(&bytes).unwrap();
        assert_eq!(status.code.as_deref(), Some("NetStream.Play.Start"));
        assert_eq!(status.number, None);
    }

    #[test]
    fn no_cut_makes_it_fail_badly() {
        let bytes = Writer::command("a", 1.0).object().key("k").boolean(true).end().finish();
        for cut in 0..bytes.len() {
            let whole_head = cut >= 13;
            assert_eq!(Command::parse(&bytes[..cut]).is_some(), whole_head, "cut at {cut}");
        }
        let deep = [&Writer::command("a", 1.0).finish()[..], &[10, 255, 255, 255, 255].repeat(20)]
            .concat();
        assert!(Command::parse(&deep).is_some());
    }
}
