//! Repeats what the server would not do for now, or did not answer: rates, overload and cuts are waited out here.

use std::time::Duration;

use super::limits::{AGAIN_MS_MAX, AGAIN_MS_MIN};
use crate::error::Error;

/// Runs until it succeeds or fails for good. It has no end of its own: whoever waits only so long drops it.
pub(crate) async fn until_done<T, Attempt: Future<Output = Result<T, Error>>>(run: impl Fn() -> Attempt) -> Result<T, Error> {
    let mut pause_ms = AGAIN_MS_MIN;
    loop {
        match run().await {
            Err(error) if may_pass(&error) => tracing::debug!(%error, pause_ms, "again after a pause"),
            settled => return settled,
        }
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        pause_ms = AGAIN_MS_MAX.min(pause_ms * 2);
    }
}

fn may_pass(error: &Error) -> bool {
    matches!(
        error,
        Error::Refused { temporary: true, .. } | Error::Timeout { .. } | Error::QueueFull | Error::Interrupted | Error::NotConnected
    )
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_may_pass_is_repeated_with_growing_pauses_and_the_rest_is_not() {
        let (begin, tries) = (tokio::time::Instant::now(), Cell::new(0_u32));
        let busy = Error::Refused { code: 111, message: "too many requests".to_owned(), temporary: true };
        let done = until_done(|| {
            tries.set(tries.get() + 1);
            let result = if tries.get() < 9 { Err(busy.clone()) } else { Ok(7) };
            std::future::ready(result)
        });
        assert_eq!(done.await, Ok(7));
        let pauses = [200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000];
        assert_eq!(begin.elapsed(), Duration::from_millis(pauses.iter().sum()));
        let refused = until_done(|| std::future::ready(Err::<(), _>(Error::TooLarge))).await;
        assert_eq!(refused, Err(Error::TooLarge));
    }
}
