//! Reads of whole tables, page by page, with more patience than a request of a client has.

use std::future::Future;
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::time::Duration;

use scylla::deserialize::row::DeserializeRow;
use scylla::response::PagingState;
use scylla::statement::prepared::PreparedStatement;

use super::core::{Core, corrupt};
use super::outcome::failure;
use super::value::Values;
use crate::{ErrorKind, StorageError};

/// Rows of one page: records of the small tables have up to 256 KiB.
const PAGE_ROWS: i32 = 128;
/// Times that a request of a long work is tried.
const ATTEMPTS_MAX: u32 = 8;
/// Time before the second; doubles with each.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

type Done<T> = Result<T, StorageError>;

/// Tries again for as long as the engine only cannot answer now: what takes an hour must not fail with one slow request. The request must be idempotent.
pub(super) async fn patiently<T, F: Future<Output = Done<T>>>(mut request: impl FnMut() -> F) -> Done<T> {
    let mut pause = RETRY_PAUSE;
    for _ in 1..ATTEMPTS_MAX {
        match request().await {
            Err(error) if matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Overloaded) => {
                tracing::debug!(%error, "tried again");
            }
            other => return other,
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    request().await
}

/// The pages of a read.
pub(super) struct Scan<Row> {
    what: &'static str,
    statement: PreparedStatement,
    values: Values,
    /// Where the next page begins; `None` behind the last.
    at: Option<PagingState>,
    _rows: PhantomData<fn() -> Row>,
}

impl<Row: for<'frame> DeserializeRow<'frame, 'frame>> Scan<Row> {
    /// A read from its beginning.
    pub(super) fn new(what: &'static str, statement: &PreparedStatement, values: Values) -> Self {
        let mut statement = statement.clone();
        statement.set_page_size(PAGE_ROWS);
        Self { what, statement, values, at: Some(PagingState::start()), _rows: PhantomData }
    }

    /// The next page, which may be empty; `None` behind the last.
    pub(super) async fn next(&mut self, core: &Core) -> Done<Option<Vec<Row>>> {
        let Some(at) = self.at.clone() else { return Ok(None) };
        let what = self.what;
        let (result, next) = patiently(|| async {
            let page = core.session.execute_single_page(&self.statement, &self.values, at.clone()).await;
            page.map_err(|error| failure(what, &error))
        })
        .await?;
        self.at = match next.into_paging_control_flow() {
            ControlFlow::Continue(next) => Some(next),
            ControlFlow::Break(()) => None,
        };
        let rows = result.into_rows_result().map_err(|error| corrupt(what, error))?;
        let typed = rows.rows::<Row>().map_err(|error| corrupt(what, error))?;
        typed.map(|row| row.map_err(|error| corrupt(what, error))).collect::<Done<Vec<Row>>>().map(Some)
    }
}
