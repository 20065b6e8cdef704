//! What `--spawn` says: a command, or the short name of a server that this repository brings along; and the folder that a run's server may write to.

use std::path::Path;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

/// Stands for the run's own folder in commands and settings.
const FOLDER: &str = "{folder}";
/// The key in that folder by which users' tokens are minted.
const KEY_FILE: &str = "load.key";
/// Bytes of that key.
const KEY_BYTES: usize = 32;

/// A server to start: the words after a short name are handed on to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Launch {
    /// The shell command.
    pub(crate) command: String,
    /// Settings of the scenario that belong to it; the user's own go before.
    pub(crate) sets: Vec<String>,
}

/// A folder of one run, removed with it, beside this program: a store in memory (where `/tmp` often is) would measure no disk.
///
/// # Errors
/// When no folder can be made.
pub(crate) fn folder() -> Result<TempDir> {
    let builder = || tempfile::Builder::new().prefix("rialto-load-").to_owned();
    let beside = std::env::current_exe().ok().and_then(|program| program.parent().map(Path::to_path_buf));
    let made = beside.and_then(|beside| builder().tempdir_in(beside).ok());
    let folder = made.map_or_else(|| builder().tempdir(), Ok).context("a folder for the run")?;
    let mut key = [0_u8; KEY_BYTES];
    getrandom::fill(&mut key).context("random bytes")?;
    std::fs::write(folder.path().join(KEY_FILE), STANDARD.encode(key)).context("a key for tokens")?;
    Ok(folder)
}

/// Puts the folder's path where `{folder}` stands.
pub(crate) fn with_folder(text: &str, folder: &Path) -> String {
    text.replace(FOLDER, &folder.display().to_string())
}

/// What `--spawn` means.
pub(crate) fn launch(spawn: &str) -> Launch {
    let (name, rest) = spawn.split_once(' ').unwrap_or((spawn, ""));
    let sets = |sets: &[&str]| sets.iter().map(|set| (*set).to_owned()).collect();
    let plain = || sets(&["target.kind=ws", "target.channel=topic"]);
    match name {
        "rialto" => Launch {
            command: format!(
                "{} --data {FOLDER}/data --listen 127.0.0.1:0 --set 'auth.external=[{{issuer=\"load\",algorithm=\"HS256\",key_file=\"{FOLDER}/{KEY_FILE}\"}}]' {rest}",
                beside("rialto")
            ),
            sets: sets(&["target.kind=rialto", &format!("target.token_key_file={FOLDER}/{KEY_FILE}"), "target.issuer=load"]),
        },
        "ws" => Launch { command: format!("node loadtest/peers/ws.mjs {rest}"), sets: plain() },
        "socketio" => Launch {
            command: format!("node loadtest/peers/socketio.mjs {rest}"),
            sets: sets(&["target.kind=socketio", "target.channel=topic"]),
        },
        "file" => Launch { command: format!("{} peer --file {FOLDER}/log {rest}", beside("rialto-load")), sets: plain() },
        "bare-cql" => Launch { command: format!("{} {rest}", beside("examples/bare-cql")), sets: plain() },
        _ => Launch { command: spawn.to_owned(), sets: Vec::new() },
    }
}

/// A program of this workspace: beside this one if it is there, else on the path.
fn beside(name: &str) -> String {
    let path = std::env::current_exe().ok().map(|program| program.with_file_name(name)).filter(|path| path.exists());
    path.map_or_else(|| name.to_owned(), |path| format!("'{}'", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_bring_their_settings_and_hand_words_on() {
        let ws = launch("ws --answer");
        assert_eq!(ws.command, "node loadtest/peers/ws.mjs --answer");
        assert_eq!(ws.sets, ["target.kind=ws", "target.channel=topic"]);
        let rialto = launch("rialto --set server.threads=1");
        assert!(rialto.command.contains(" --data {folder}/data ") && rialto.command.ends_with(" --set server.threads=1"));
        assert_eq!(launch("./other --port 0"), Launch { command: "./other --port 0".to_owned(), sets: Vec::new() });
    }

    #[test]
    fn a_folder_holds_a_key_and_stands_for_its_name() {
        let folder = folder().unwrap();
        let key = with_folder("{folder}/load.key", folder.path());
        assert_eq!(STANDARD.decode(std::fs::read(key).unwrap()).unwrap().len(), KEY_BYTES);
    }
}
