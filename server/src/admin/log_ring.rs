//! The newest log lines, for the console: the lines themselves, as they are written in JSON.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

use super::limits::{LOG_BYTES_KEPT_MAX, LOG_LINE_BYTES_MAX, LOG_LINES_KEPT_MAX, LOG_LINES_SHOWN_MAX};

/// The newest lines. Clones are the same ring.
#[derive(Clone, Debug, Default)]
pub struct LogRing(Arc<Mutex<Lines>>);

#[derive(Debug, Default)]
struct Lines {
    kept: VecDeque<(Level, Box<str>)>,
    bytes: usize,
    /// Lines that were dropped: the number of the first one kept.
    dropped: u64,
}

/// Which lines are wanted.
#[derive(Clone, Debug)]
pub struct LogFilter {
    /// This level and what is graver.
    pub level: Level,
    /// Lines that hold this text, in any case; empty for all.
    pub text: String,
    /// Only lines that came later: `next` of the answer before.
    pub after: u64,
}

impl LogRing {
    /// The newest lines that fit, oldest first, at most [`LOG_LINES_SHOWN_MAX`]; and the number to go on after.
    #[must_use]
    pub fn tail(&self, filter: &LogFilter) -> (Vec<String>, u64) {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = filter.text.to_lowercase();
        let fits =
            |(level, line): &&(Level, Box<str>)| *level <= filter.level && (wanted.is_empty() || line.to_lowercase().contains(&wanted));
        let known = usize::try_from(filter.after.saturating_sub(lines.dropped)).unwrap_or(usize::MAX);
        let mut newest: Vec<String> =
            lines.kept.iter().skip(known).rev().filter(fits).take(LOG_LINES_SHOWN_MAX).map(|(_, line)| line.to_string()).collect();
        newest.reverse();
        (newest, lines.dropped + lines.kept.len() as u64)
    }

    fn push(&self, level: Level, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end();
        let line: Box<str> = if text.len() <= LOG_LINE_BYTES_MAX { text.into() } else { beginning(level, text).into() };
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.bytes += line.len();
        lines.kept.push_back((level, line));
        while lines.kept.len() > LOG_LINES_KEPT_MAX || lines.bytes > LOG_BYTES_KEPT_MAX {
            let Some((_, oldest)) = lines.kept.pop_front() else { return };
            lines.bytes -= oldest.len();
            lines.dropped += 1;
        }
    }
}

/// A line that says how a very long one begins.
fn beginning(level: Level, text: &str) -> String {
    let message: String = text.chars().take(LOG_LINE_BYTES_MAX / 8).collect();
    serde_json::json!({"level": level.as_str(), "message": message, "cut": true}).to_string()
}

/// Takes one line and puts it into the ring when it is complete.
pub struct LineWriter {
    ring: LogRing,
    level: Level,
    line: Vec<u8>,
}

impl io::Write for LineWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LineWriter {
    fn drop(&mut self) {
        if !self.line.is_empty() {
            self.ring.push(self.level, &self.line);
        }
    }
}

impl<'w> MakeWriter<'w> for LogRing {
    type Writer = LineWriter;

    fn make_writer(&'w self) -> LineWriter {
        LineWriter { ring: self.clone(), level: Level::INFO, line: Vec::new() }
    }

    fn make_writer_for(&'w self, line: &Metadata<'_>) -> LineWriter {
        LineWriter { ring: self.clone(), level: *line.level(), line: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> LogFilter {
        LogFilter { level: Level::TRACE, text: String::new(), after: 0 }
    }

    #[test]
    fn lines_are_filtered_by_level_and_text_and_followed() {
        let ring = LogRing::default();
        for (level, line) in [(Level::INFO, "a Muted\n"), (Level::WARN, "b"), (Level::DEBUG, "c muted")] {
            ring.push(level, line.as_bytes());
        }
        assert_eq!(ring.tail(&all()), (vec!["a Muted".to_owned(), "b".to_owned(), "c muted".to_owned()], 3));
        assert_eq!(ring.tail(&LogFilter { level: Level::INFO, ..all() }).0, ["a Muted", "b"]);
        assert_eq!(ring.tail(&LogFilter { text: "MUTED".into(), ..all() }).0, ["a Muted", "c muted"]);
        assert_eq!(ring.tail(&LogFilter { after: 2, ..all() }), (vec!["c muted".to_owned()], 3));
        assert_eq!(ring.tail(&LogFilter { after: 99, ..all() }), (Vec::new(), 3));
    }

    #[test]
    fn the_ring_is_bounded_in_lines_and_bytes_and_numbers_go_on() {
        let ring = LogRing::default();
        for number in 0..LOG_LINES_KEPT_MAX + 5 {
            ring.push(Level::INFO, number.to_string().as_bytes());
        }
        let (lines, next) = ring.tail(&all());
        assert_eq!((lines.len(), lines.last().unwrap().as_str(), next), (LOG_LINES_SHOWN_MAX, "2004", 2005));
        assert_eq!(ring.tail(&LogFilter { after: 2003, ..all() }).0, ["2003", "2004"]);
        ring.push(Level::INFO, &vec![b'x'; 10 * LOG_LINE_BYTES_MAX]);
        let cut = ring.tail(&LogFilter { after: 2005, ..all() }).0.remove(0);
        assert!(cut.len() < LOG_LINE_BYTES_MAX && cut.contains("\"cut\":true"), "{cut}");
        for _ in 0..2 * LOG_BYTES_KEPT_MAX / 4096 {
            ring.push(Level::INFO, &[b'y'; 4096]);
        }
        assert!(ring.0.lock().unwrap().bytes <= LOG_BYTES_KEPT_MAX);
    }
}
