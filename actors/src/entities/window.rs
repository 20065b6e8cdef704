//! What a `history` request or a recovery wants of a stream, decided the same way for every kind of stream.

use rialto_protocol::command::History;
use rialto_protocol::limits::{ANSWER_BYTES_MAX, PUBLICATIONS_PER_ANSWER_MAX};
use rialto_protocol::{ErrorCode, Refusal};

use crate::entity::StreamPosition;

/// The offsets wanted, both inclusive; none when `low > high`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) low: u64,
    pub(crate) high: u64,
    pub(crate) reverse: bool,
}

/// The window of a history request into a stream that has the offsets from `first` to `top`.
///
/// # Errors
/// 112 for another epoch, 107 for going back from the beginning.
pub(crate) fn history_window(history: &History, epoch: &str, first: u64, top: u64) -> Result<Window, Refusal> {
    if let Some(since) = &history.since {
        if !since.epoch.is_empty() && since.epoch != epoch {
            return Err(ErrorCode::UnrecoverablePosition.into());
        }
        if history.reverse && since.offset == 0 {
            return Err(ErrorCode::BadRequest.into());
        }
    }
    let cap = PUBLICATIONS_PER_ANSWER_MAX as u64;
    let limit = u64::try_from(history.limit).map_or(cap, |limit| limit.min(cap));
    let since = history.since.as_ref().map(|since| since.offset);
    if limit == 0 {
        return Ok(Window { low: 1, high: 0, reverse: history.reverse });
    }
    let (low, high) = if history.reverse {
        let high = since.map_or(top, |since| (since - 1).min(top));
        (high.saturating_sub(limit - 1).max(first), high)
    } else {
        let low = since.map_or(first, |since| since.saturating_add(1).max(first));
        (low, low.saturating_add(limit - 1).min(top))
    };
    Ok(Window { low, high, reverse: history.reverse })
}

/// Whether everything behind this position may be given, as far as position and count tell; the first missing offset.
pub(crate) fn missing_from(position: &StreamPosition, epoch: &str, top: u64, count_max: usize) -> Option<u64> {
    let same_epoch = position.epoch.is_empty() || position.epoch == epoch;
    let few = top.checked_sub(position.offset).is_some_and(|missing| missing <= count_max as u64);
    (same_epoch && few).then(|| position.offset.saturating_add(1))
}

/// How many items, given by their bytes, fit one answer: at least one.
pub(crate) fn fitting(bytes: impl Iterator<Item = usize>) -> usize {
    let mut left = ANSWER_BYTES_MAX;
    let mut fits = |bytes: usize| {
        let fits = bytes <= left;
        left = left.saturating_sub(bytes);
        fits
    };
    bytes.enumerate().take_while(|(index, bytes)| fits(*bytes) || *index == 0).count()
}

#[cfg(test)]
mod tests {
    use rialto_protocol::command::Since;

    use super::*;

    fn window(limit: i32, since: Option<u64>, reverse: bool) -> (u64, u64) {
        let since = since.map(|offset| Since { offset, epoch: String::new() });
        let window = history_window(&History { channel: String::new(), limit, since, reverse }, "e", 1, 1_000).unwrap();
        (window.low, window.high)
    }

    #[test]
    fn windows_follow_limit_since_and_direction() {
        assert_eq!(window(10, None, false), (1, 10));
        assert_eq!(window(10, None, true), (991, 1_000));
        assert_eq!(window(10, Some(5), false), (6, 15));
        assert_eq!(window(10, Some(5), true), (1, 4));
        assert_eq!(window(-1, None, false), (1, 300));
        assert_eq!(window(5_000, Some(995), false), (996, 1_000));
        assert_eq!(window(10, Some(u64::MAX), true), (991, 1_000));
        let (low, high) = window(10, Some(u64::MAX), false);
        assert!(low > high);
        let (low, high) = window(0, None, false);
        assert!(low > high);
    }

    #[test]
    fn an_answer_has_at_least_one_item_and_ends_at_the_first_that_does_not_fit() {
        let half = ANSWER_BYTES_MAX / 2;
        for (bytes, expected) in
            [(vec![], 0), (vec![half, half], 2), (vec![half, half, 1], 2), (vec![4 * half, 1], 1), (vec![half, 2 * half, 1], 1)]
        {
            assert_eq!(fitting(bytes.iter().copied()), expected, "{bytes:?}");
        }
    }

    #[test]
    fn other_epochs_and_going_back_from_nothing_are_refused() {
        let ask = |offset, epoch: &str, reverse| History {
            channel: String::new(),
            limit: 1,
            since: Some(Since { offset, epoch: epoch.to_owned() }),
            reverse,
        };
        assert_eq!(history_window(&ask(1, "x", false), "e", 1, 9).unwrap_err().code, ErrorCode::UnrecoverablePosition);
        assert_eq!(history_window(&ask(0, "e", true), "e", 1, 9).unwrap_err().code, ErrorCode::BadRequest);
    }

    #[test]
    fn recovery_needs_the_epoch_a_position_below_the_top_and_few_missing() {
        let at = |offset, epoch: &str| StreamPosition { offset, epoch: epoch.to_owned() };
        assert_eq!(missing_from(&at(9, "e"), "e", 9, 300), Some(10));
        assert_eq!(missing_from(&at(9, ""), "e", 309, 300), Some(10));
        assert_eq!(missing_from(&at(9, ""), "e", 310, 300), None);
        assert_eq!(missing_from(&at(10, ""), "e", 9, 300), None);
        assert_eq!(missing_from(&at(9, "x"), "e", 9, 300), None);
    }
}
