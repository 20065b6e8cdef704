//! The incremental decoder of client frames.

use std::borrow::Cow;

use super::close::{self, CloseReason};
use super::header::{self, HEADER_BYTES_MAX, Header, Opcode};
use super::mask::unmask;

#[cfg(test)]
mod tests;

/// A whole message or control frame of a client. What came in one piece borrows from the caller's read buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'i> {
    /// A complete text message, checked to be UTF-8.
    Text(Cow<'i, str>),
    /// A complete binary message.
    Binary(Cow<'i, [u8]>),
    /// A ping, to be answered by a pong with the same payload (at most 125 bytes).
    Ping(Cow<'i, [u8]>),
    /// A pong (at most 125 bytes).
    Pong(Cow<'i, [u8]>),
    /// A close frame; nothing that follows it is to be read.
    Close(Option<CloseReason<'static>>),
}

/// Why a connection must be failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Framing is broken: code 1002. The text says how.
    #[error("{0}")]
    Protocol(&'static str),
    /// Text that is not UTF-8: code 1007.
    #[error("invalid utf-8")]
    Utf8,
    /// A frame or message above the limit: code 1009.
    #[error("message too big")]
    TooBig,
}

impl Violation {
    /// The close code of this violation.
    pub fn code(self) -> u16 {
        match self {
            Self::Protocol(_) => 1002,
            Self::Utf8 => 1007,
            Self::TooBig => 1009,
        }
    }
}

/// Decodes what a client sends, chunk by chunk.
///
/// Between messages it owns no memory beside itself. A frame that is cut by the end of a chunk, or a message in
/// fragments, is kept in a copy of what has arrived: exact at first, doubling later, never above the length that the
/// frame header announced, and that is compared with the limit before the first byte is kept.
#[derive(Debug)]
pub struct Decoder {
    /// Largest message, and so largest data frame, in bytes.
    message_bytes_max: u32,
    partial: Option<Box<Partial>>,
}

#[derive(Debug, Default)]
struct Partial {
    /// The beginning of a header that was cut by the end of a chunk.
    header: [u8; HEADER_BYTES_MAX],
    header_length: usize,
    /// A frame whose payload has not arrived whole.
    frame: Option<OpenFrame>,
    /// A data message that is not complete.
    message: Option<Message>,
}

#[derive(Debug)]
struct OpenFrame {
    header: Header,
    /// Payload bytes that have arrived.
    received: usize,
    /// They stand here if this is a control frame, else in the message.
    control: Vec<u8>,
}

#[derive(Debug)]
struct Message {
    is_text: bool,
    bytes: Vec<u8>,
    /// How much of `bytes` is known to be whole UTF-8 sequences; only used for text.
    bytes_valid: usize,
}

impl Decoder {
    /// A decoder that refuses messages above `message_bytes_max` bytes.
    pub fn new(message_bytes_max: u32) -> Self {
        Self { message_bytes_max, partial: None }
    }

    /// Whether nothing is kept: the client is between two messages.
    pub fn is_idle(&self) -> bool {
        self.partial.is_none()
    }

    /// Takes the next event off the front of `input`, which is unmasked in place. Call it again with the rest that
    /// comes back until the event is `None`: then all of `input` is used up.
    ///
    /// # Errors
    /// A [`Violation`] ends the connection; the decoder must not be used after it.
    pub fn step<'i>(&mut self, mut input: &'i mut [u8]) -> Result<(Option<Event<'i>>, &'i mut [u8]), Violation> {
        loop {
            if let Some(frame) = self.take_open_frame() {
                let (event, rest) = self.continue_frame(frame, input)?;
                if event.is_some() || rest.is_empty() {
                    return Ok((event, rest));
                }
                input = rest;
            }
            let Some((header, rest)) = self.take_header(input)? else {
                return Ok((None, &mut []));
            };
            self.check_admissible(&header)?;
            let length = usize::try_from(header.length).map_err(|_| Violation::TooBig)?;
            if length > rest.len() {
                let frame = OpenFrame { header, received: 0, control: Vec::new() };
                self.partial.get_or_insert_default().frame = Some(frame);
                input = rest;
                continue;
            }
            let (payload, rest) = rest.split_at_mut(length);
            unmask(payload, header.mask, 0);
            if let Some(event) = self.complete_frame(&header, payload)? {
                return Ok((Some(event), rest));
            }
            input = rest;
        }
    }

    /// Bytes of memory reserved for what has arrived in part; for tests of the bounds.
    #[cfg(test)]
    fn bytes_reserved(&self) -> usize {
        self.partial.as_ref().map_or(0, |partial| {
            partial.message.as_ref().map_or(0, |message| message.bytes.capacity())
                + partial.frame.as_ref().map_or(0, |frame| frame.control.capacity())
        })
    }

    fn take_open_frame(&mut self) -> Option<OpenFrame> {
        self.partial.as_mut()?.frame.take()
    }

    fn message_mut(&mut self) -> Option<&mut Message> {
        self.partial.as_mut()?.message.as_mut()
    }

    fn take_header<'i>(&mut self, input: &'i mut [u8]) -> Result<Option<(Header, &'i mut [u8])>, Violation> {
        if input.is_empty() {
            return Ok(None);
        }
        let mut kept = [0; HEADER_BYTES_MAX];
        let kept_length = self.partial.as_ref().map_or(0, |partial| {
            kept = partial.header;
            partial.header_length
        });
        if kept_length == 0
            && let Some((header, length)) = header::parse(input)?
        {
            return Ok(Some((header, &mut input[length..])));
        }
        let added = input.len().min(HEADER_BYTES_MAX - kept_length);
        kept[kept_length..kept_length + added].copy_from_slice(&input[..added]);
        let parsed = header::parse(&kept[..kept_length + added])?;
        let partial = self.partial.get_or_insert_default();
        let Some((header, length)) = parsed else {
            partial.header = kept;
            partial.header_length = kept_length + added;
            return Ok(None);
        };
        partial.header_length = 0;
        Ok(Some((header, &mut input[length - kept_length..])))
    }

    /// Checks order and size of a frame whose header stands, before anything is allocated for it.
    fn check_admissible(&mut self, header: &Header) -> Result<(), Violation> {
        if header.opcode.is_control() {
            return Ok(());
        }
        let message_bytes_max = u64::from(self.message_bytes_max);
        let is_continuation = header.opcode == Opcode::Continuation;
        let bytes_before = match self.message_mut() {
            Some(message) if is_continuation => message.bytes.len() as u64,
            Some(_) => return Err(Violation::Protocol("new message inside a fragmented one")),
            None if is_continuation => {
                return Err(Violation::Protocol("continuation of no message"));
            }
            None => 0,
        };
        if header.length > message_bytes_max - bytes_before {
            return Err(Violation::TooBig);
        }
        Ok(())
    }

    fn continue_frame<'i>(&mut self, mut frame: OpenFrame, input: &'i mut [u8]) -> Result<(Option<Event<'i>>, &'i mut [u8]), Violation> {
        let remaining = frame.header.length as usize - frame.received;
        let available = remaining.min(input.len());
        let (payload, rest) = input.split_at_mut(available);
        unmask(payload, frame.header.mask, frame.received);
        frame.received += available;
        let is_complete = available == remaining;
        if frame.header.opcode.is_control() {
            frame.control.extend_from_slice(payload);
            if is_complete {
                return Ok((Some(self.complete_control(&frame)?), rest));
            }
        } else {
            self.append(frame.header.opcode, payload, remaining)?;
            if is_complete {
                return Ok((self.complete_message(frame.header.is_final)?, rest));
            }
        }
        self.partial.get_or_insert_default().frame = Some(frame);
        Ok((None, rest))
    }

    /// A frame that stands whole in the chunk: the common case, which copies nothing.
    fn complete_frame<'i>(&mut self, header: &Header, payload: &'i [u8]) -> Result<Option<Event<'i>>, Violation> {
        let is_whole_message = header.is_final && header.opcode != Opcode::Continuation;
        if !header.opcode.is_control() && !is_whole_message {
            self.append(header.opcode, payload, payload.len())?;
            return self.complete_message(header.is_final);
        }
        self.release();
        Ok(Some(match header.opcode {
            Opcode::Text => {
                let text = std::str::from_utf8(payload).map_err(|_| Violation::Utf8)?;
                Event::Text(Cow::Borrowed(text))
            }
            Opcode::Binary | Opcode::Continuation => Event::Binary(Cow::Borrowed(payload)),
            Opcode::Ping => Event::Ping(Cow::Borrowed(payload)),
            Opcode::Pong => Event::Pong(Cow::Borrowed(payload)),
            Opcode::Close => close_event(payload)?,
        }))
    }

    fn complete_control(&mut self, frame: &OpenFrame) -> Result<Event<'static>, Violation> {
        self.release();
        Ok(match frame.header.opcode {
            Opcode::Close => close_event(&frame.control)?,
            Opcode::Ping => Event::Ping(Cow::Owned(frame.control.clone())),
            _ => Event::Pong(Cow::Owned(frame.control.clone())),
        })
    }

    /// Adds a piece of a data frame to the message; `remaining` is what the frame has still to come, piece included.
    fn append(&mut self, opcode: Opcode, piece: &[u8], remaining: usize) -> Result<(), Violation> {
        let message = self.partial.get_or_insert_default().message.get_or_insert_with(|| Message {
            is_text: opcode == Opcode::Text,
            bytes: Vec::new(),
            bytes_valid: 0,
        });
        message.append(piece, remaining)
    }

    /// Called at the end of a data frame that did not stand whole in one chunk or has other fragments.
    fn complete_message(&mut self, is_final: bool) -> Result<Option<Event<'static>>, Violation> {
        if !is_final {
            return Ok(None);
        }
        let message = self.partial.as_mut().and_then(|partial| partial.message.take());
        self.release();
        let Some(message) = message else {
            return Ok(None);
        };
        if !message.is_text {
            return Ok(Some(Event::Binary(Cow::Owned(message.bytes))));
        }
        let text = String::from_utf8(message.bytes).map_err(|_| Violation::Utf8)?;
        Ok(Some(Event::Text(Cow::Owned(text))))
    }

    /// Gives the memory back as soon as nothing is in progress.
    fn release(&mut self) {
        if self.partial.as_ref().is_some_and(|partial| partial.message.is_none()) {
            self.partial = None;
        }
    }
}

impl Message {
    fn append(&mut self, piece: &[u8], remaining: usize) -> Result<(), Violation> {
        let length = self.bytes.len();
        if self.bytes.capacity() - length < piece.len() {
            // Doubling keeps many small pieces linear; the announced length is the bound.
            let doubled = (2 * self.bytes.capacity()).min(length + remaining);
            self.bytes.reserve_exact(doubled.max(length + piece.len()) - length);
        }
        self.bytes.extend_from_slice(piece);
        if !self.is_text {
            return Ok(());
        }
        // Wrong bytes are refused at once; a sequence that is merely cut waits for the next piece.
        match std::str::from_utf8(&self.bytes[self.bytes_valid..]) {
            Ok(_) => self.bytes_valid = self.bytes.len(),
            Err(error) if error.error_len().is_some() => return Err(Violation::Utf8),
            Err(error) => self.bytes_valid += error.valid_up_to(),
        }
        Ok(())
    }
}

fn close_event(payload: &[u8]) -> Result<Event<'static>, Violation> {
    let reason = close::parse(payload)?.map(|close| CloseReason { code: close.code, reason: Cow::Owned(close.reason.into_owned()) });
    Ok(Event::Close(reason))
}
