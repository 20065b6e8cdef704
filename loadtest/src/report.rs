//! The report for people: lines on standard output, one HTML file.

mod html;
mod lines;
mod plot;

use std::path::Path;

use anyhow::{Context as _, Result, ensure};

pub(crate) use html::html;
pub(crate) use lines::{lines, plain_number, unit};

use crate::result::{FORMAT, RunReport};

/// Reads a JSON report.
///
/// # Errors
/// When it is none.
pub(crate) fn read(path: &Path) -> Result<RunReport> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let report: RunReport = serde_json::from_str(&text).with_context(|| format!("{} is no report", path.display()))?;
    ensure!(report.format == FORMAT, "{}: the form is {:?}, not {FORMAT:?}", path.display(), report.format);
    Ok(report)
}
