//! What is wrong with a store, counted and in part named.

use std::fmt;

use super::{VerifyError, VerifyReport};

/// Problems that a report names; the others are only counted.
const PROBLEMS_NAMED_MAX: usize = 20;

/// Problems found so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Problems {
    pub(crate) count: u64,
    pub(crate) named: Vec<String>,
}

impl Problems {
    /// One more.
    pub(crate) fn add(&mut self, what: fmt::Arguments<'_>) {
        self.count += 1;
        if self.named.len() < PROBLEMS_NAMED_MAX {
            self.named.push(what.to_string());
        }
    }

    /// Those of a part.
    pub(crate) fn extend(&mut self, other: Self) {
        self.count += other.count;
        self.named.extend(other.named);
        self.named.truncate(PROBLEMS_NAMED_MAX);
    }

    /// The end of a verification.
    pub(crate) fn conclude(self, report: VerifyReport) -> Result<VerifyReport, VerifyError> {
        let report = VerifyReport { problems: self.count, named: self.named, ..report };
        if report.problems == 0 { Ok(report) } else { Err(VerifyError::Damaged(Box::new(report))) }
    }
}
