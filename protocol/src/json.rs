//! JSON where it stands: a scanner that goes over a text once, checks it and finds its fields, and a writer of strings.
//!
//! The scanner is for texts of the usual form. `None` means that this one is not, be it bad or merely rare (an escape in a key, a field twice, a fraction
//! where a count belongs): then serde decides, whose words clients know. So it is never wrong, only sometimes of no use.

use crate::limits::JSON_DEPTH_MAX;

/// Bytes that are looked at together: as many as a vector register of every machine has.
const BLOCK: usize = 16;

/// Goes over one text.
pub(crate) struct Scanner<'t> {
    text: &'t str,
    at: usize,
    /// Objects and arrays that are open.
    depth: usize,
}

/// A string as it stands in the text between its quotes: escapes are whole, and there are no control characters.
#[derive(Clone, Copy)]
pub(crate) struct Text<'t> {
    inner: &'t str,
    has_escapes: bool,
}

impl<'t> Text<'t> {
    /// What it says, when it says so without escapes.
    pub(crate) fn plain(self) -> Option<&'t str> {
        (!self.has_escapes).then_some(self.inner)
    }

    /// What it says. Half of a surrogate pair says nothing.
    pub(crate) fn to_owned(self) -> Option<String> {
        if self.has_escapes { serde_json::from_str(&format!("\"{}\"", self.inner)).ok() } else { Some(self.inner.to_owned()) }
    }
}

impl<'t> Scanner<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// Nothing but white space is left.
    pub(crate) fn end(mut self) -> Option<()> {
        self.peek().is_none().then_some(())
    }

    /// An object: `take` is called before the value of each of these fields, with its number among them, and takes the value. A `null` counts as absent,
    /// other fields are passed over, and none of these may come twice. They are found quickest in the order given.
    pub(crate) fn object(&mut self, fields: &[&str], mut take: impl FnMut(&mut Self, usize) -> Option<()>) -> Option<()> {
        debug_assert!(fields.len() <= u32::BITS as usize, "each field has a bit");
        let (mut seen, mut next) = (0_u32, 0);
        self.members(|scanner| {
            let field = if fields.get(next).is_some_and(|name| scanner.takes_key(name)) {
                next
            } else {
                let key = scanner.key()?;
                match fields.iter().position(|field| *field == key) {
                    Some(field) => field,
                    None => return scanner.pass(),
                }
            };
            if seen & (1 << field) != 0 {
                return None;
            }
            seen |= 1 << field;
            next = field + 1;
            if scanner.peek()? == b'n' { scanner.word("null") } else { take(scanner, field) }
        })
    }

    /// A string.
    pub(crate) fn text(&mut self) -> Option<Text<'t>> {
        self.sign(b'"')?;
        let begin = self.at;
        let mut has_escapes = false;
        loop {
            self.at += plain_run(self.text.as_bytes().get(self.at..)?);
            match self.byte()? {
                b'"' => break,
                b'\\' => {
                    has_escapes = true;
                    self.escape()?;
                }
                _ => return None,
            }
        }
        let inner = self.text.get(begin..self.at)?;
        self.at += 1;
        Some(Text { inner, has_escapes })
    }

    /// A whole number from 0 on.
    pub(crate) fn number(&mut self) -> Option<u64> {
        let first = self.peek()?;
        let begin = self.at;
        let mut number = 0_u64;
        while let Some(digit @ b'0'..=b'9') = self.byte() {
            number = number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
            self.at += 1;
        }
        // No digit at all, or a zero before others. What may not follow a number, its object refuses.
        let is_one = self.at > begin && (first != b'0' || self.at == begin + 1);
        is_one.then_some(number)
    }

    /// A truth value.
    pub(crate) fn truth(&mut self) -> Option<bool> {
        let is_true = self.peek()? == b't';
        self.word(if is_true { "true" } else { "false" })?;
        Some(is_true)
    }

    /// Any value, as it stands.
    pub(crate) fn value(&mut self) -> Option<&'t str> {
        self.peek()?;
        let begin = self.at;
        self.pass()?;
        self.text.get(begin..self.at)
    }

    /// Passes over any value. What nests calls itself, no deeper than [`JSON_DEPTH_MAX`].
    fn pass(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.text().map(drop),
            b'{' => self.members(|scanner| scanner.key().and_then(|_| scanner.pass())),
            b'[' => self.items(),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.any_number(),
        }
    }

    /// An object: `member` takes each name, colon and value.
    fn members(&mut self, mut member: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.open(b'{')?;
        if self.peek()? != b'}' {
            loop {
                member(self)?;
                if self.peek()? != b',' {
                    break;
                }
                self.at += 1;
                self.peek()?;
            }
        }
        self.close(b'}')
    }

    /// A name with its colon.
    fn key(&mut self) -> Option<&'t str> {
        let key = self.text()?.plain()?;
        self.sign(b':')?;
        Some(key)
    }

    /// Takes this name with its colon, if they stand here without a space between them.
    fn takes_key(&mut self, name: &str) -> bool {
        let rest = self.text.as_bytes().get(self.at..).and_then(|rest| rest.strip_prefix(b"\""));
        let is_here = rest.and_then(|rest| rest.strip_prefix(name.as_bytes())).is_some_and(|rest| rest.starts_with(b"\":"));
        if is_here {
            self.at += name.len() + 3;
        }
        is_here
    }

    fn items(&mut self) -> Option<()> {
        self.open(b'[')?;
        if self.peek()? != b']' {
            loop {
                self.pass()?;
                if self.peek()? != b',' {
                    break;
                }
                self.at += 1;
            }
        }
        self.close(b']')
    }

    fn open(&mut self, sign: u8) -> Option<()> {
        self.sign(sign)?;
        self.depth += 1;
        (self.depth <= JSON_DEPTH_MAX).then_some(())
    }

    fn close(&mut self, sign: u8) -> Option<()> {
        self.depth -= 1;
        self.sign(sign)
    }

    fn any_number(&mut self) -> Option<()> {
        if self.byte()? == b'-' {
            self.at += 1;
        }
        if self.byte()? == b'0' {
            self.at += 1
        } else {
            self.digits()?
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    /// One digit or more.
    fn digits(&mut self) -> Option<()> {
        let begin = self.at;
        while let Some(b'0'..=b'9') = self.byte() {
            self.at += 1;
        }
        (self.at > begin).then_some(())
    }

    fn escape(&mut self) -> Option<()> {
        let rest = self.text.as_bytes().get(self.at + 1..)?;
        self.at += match rest.first()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 2,
            b'u' if rest.get(1..5)?.iter().all(u8::is_ascii_hexdigit) => 6,
            _ => return None,
        };
        Some(())
    }

    fn word(&mut self, word: &str) -> Option<()> {
        let is_there = self.text.as_bytes().get(self.at..)?.starts_with(word.as_bytes());
        self.at += word.len();
        is_there.then_some(())
    }

    /// Takes this sign, behind white space.
    #[inline]
    fn sign(&mut self, sign: u8) -> Option<()> {
        let is_there = self.peek()? == sign;
        self.at += 1;
        is_there.then_some(())
    }

    /// The next byte that is not white space.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.byte()? {
                b' ' | b'\n' | b'\t' | b'\r' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

/// How many bytes at the front stand for themselves in a JSON string: none is a quote, a backslash or a control character.
pub(crate) fn plain_run(bytes: &[u8]) -> usize {
    let (blocks, tail) = bytes.as_chunks::<BLOCK>();
    for (number, block) in blocks.iter().enumerate() {
        // Without a way out early this is a handful of vector operations.
        let marks = u128::from_le_bytes(block.map(|byte| if is_special(byte) { u8::MAX } else { 0 }));
        if marks != 0 {
            return number * BLOCK + marks.trailing_zeros() as usize / 8;
        }
    }
    let run = tail.iter().take_while(|byte| !is_special(**byte)).count();
    blocks.len() * BLOCK + run
}

const fn is_special(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

/// Writes a string as JSON.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    if plain_run(text.as_bytes()) < text.len() {
        return serde_json::to_writer(out, text).expect("a string is JSON");
    }
    out.reserve(text.len() + 2);
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

#[cfg(test)]
mod tests;
