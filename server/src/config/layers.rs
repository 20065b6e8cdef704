//! Layers: defaults < file < environment < `--set`.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::raw::Raw;
use super::{Config, ConfigError, validate};

/// The development file that is used when no other is there.
const BUILT_IN: &str = include_str!("../../../config/dev.toml");
/// Where the development file is looked for.
const DEV_FILE: &str = "config/dev.toml";
/// What environment variables begin with.
const ENV_PREFIX: &str = "RIALTO_";
/// Bytes of a configuration file: a larger one is a mistake.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Where the layers come from.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// `--config`.
    pub file: Option<PathBuf>,
    /// The environment, or a part of it; only names with the prefix and a section count.
    pub env: Vec<(String, String)>,
    /// `--set`, in order.
    pub set: Vec<String>,
    /// `--data`.
    pub data: Option<PathBuf>,
    /// `--listen`.
    pub listen: Option<String>,
}

/// Reads all layers and checks the result.
///
/// # Errors
/// A sentence that names the key or file.
pub fn load(origin: &Origin) -> Result<Config, ConfigError> {
    let raw = merge(origin)?;
    validate::check(raw)
}

fn merge(origin: &Origin) -> Result<Raw, ConfigError> {
    let (name, text) = file(origin.file.as_deref())?;
    let mut all: Table = text.parse().map_err(|error| ConfigError(format!("{name}: {error}")))?;
    // The file alone first, so that a mistake in it is reported with its name.
    Raw::deserialize_from(&all).map_err(|error| ConfigError(format!("{name}: {error}")))?;
    for (variable, value) in &origin.env {
        if let Some(path) = variable.strip_prefix(ENV_PREFIX).filter(|path| path.contains("__")) {
            let path: Vec<String> = path.split("__").map(str::to_ascii_lowercase).collect();
            put(&mut all, &path, value_of(value)).map_err(|problem| ConfigError(format!("{variable}: {problem}")))?;
        }
    }
    for setting in &origin.set {
        let (path, value) = setting.split_once('=').ok_or_else(|| ConfigError(format!("--set {setting}: expected section.key=value")))?;
        let path: Vec<String> = path.trim().split('.').map(str::to_owned).collect();
        put(&mut all, &path, value_of(value)).map_err(|problem| ConfigError(format!("--set {setting}: {problem}")))?;
    }
    let mut raw = Raw::deserialize_from(&all).map_err(|error| ConfigError(error.to_string()))?;
    if let Some(data) = &origin.data {
        raw.data.dir = data.to_str().ok_or_else(|| ConfigError("--data: not UTF-8".into()))?.to_owned();
    }
    if let Some(listen) = &origin.listen {
        raw.server.listen.clone_from(listen);
    }
    Ok(raw)
}

impl Raw {
    fn deserialize_from(table: &Table) -> Result<Self, toml::de::Error> {
        table.clone().try_into()
    }
}

fn file(wanted: Option<&Path>) -> Result<(String, String), ConfigError> {
    let path = match wanted {
        Some(path) => path,
        None if Path::new(DEV_FILE).is_file() => Path::new(DEV_FILE),
        None => return Ok(("built-in configuration".into(), BUILT_IN.into())),
    };
    let name = path.display().to_string();
    let problem = |error: std::io::Error| ConfigError(format!("{name}: {error}"));
    if std::fs::metadata(path).map_err(problem)?.len() > FILE_BYTES_MAX {
        return Err(ConfigError(format!("{name}: larger than 1 MiB")));
    }
    let text = std::fs::read_to_string(path).map_err(problem)?;
    Ok((name, text))
}

/// TOML, else a text.
fn value_of(text: &str) -> Value {
    let parsed: Option<Table> = format!("value = {text}").parse().ok();
    let only = parsed.filter(|table| table.len() == 1).and_then(|mut table| table.remove("value"));
    only.unwrap_or_else(|| Value::String(text.to_owned()))
}

fn put(all: &mut Table, path: &[String], value: Value) -> Result<(), String> {
    let Some((key, sections)) = path.split_last().filter(|(key, sections)| !key.is_empty() && !sections.is_empty()) else {
        return Err("expected section.key".into());
    };
    let mut table = all;
    for section in sections {
        let entry = table.entry(section.clone()).or_insert_with(|| Value::Table(Table::new()));
        table = entry.as_table_mut().ok_or_else(|| format!("{section} is no section"))?;
    }
    table.insert(key.clone(), value);
    Ok(())
}
