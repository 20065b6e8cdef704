//! Reading a backup's folder: every checksum first, then the entries one by one. Blocks.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::manifest::{FORMAT, MANIFEST, Manifest};
use super::{RestoreError, hex};
use crate::layout::SCHEMA_VERSION;

/// Bytes of one key or value at most: above is no backup of ours, and nothing is allocated for it.
const ENTRY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Key and value.
pub(crate) type RawEntry = (Vec<u8>, Vec<u8>);

/// The manifest of a backup whose every file is as the manifest says.
pub(crate) fn open(folder: &Path) -> Result<Manifest, RestoreError> {
    let manifest = read_manifest(folder)?;
    for chunk in &manifest.chunks {
        check_chunk(folder, &chunk.name, chunk.bytes, &chunk.sha256)?;
    }
    Ok(manifest)
}

fn read_manifest(folder: &Path) -> Result<Manifest, RestoreError> {
    let bytes = fs::read(folder.join(MANIFEST))?;
    let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|error| RestoreError::Damaged(format!("{MANIFEST}: {error}")))?;
    if manifest.format != FORMAT {
        return Err(RestoreError::Damaged(format!("its format is {}, not {FORMAT}", manifest.format)));
    }
    if manifest.sha256 != manifest.checksum() {
        return Err(RestoreError::Damaged(format!("{MANIFEST}: its checksum does not match")));
    }
    if manifest.schema_version > SCHEMA_VERSION {
        return Err(RestoreError::Newer { found: manifest.schema_version, known: SCHEMA_VERSION });
    }
    let plain = |name: &str| !name.contains('/') && name.starts_with("chunk-");
    match manifest.chunks.iter().find(|chunk| !plain(&chunk.name)) {
        Some(chunk) => Err(RestoreError::Damaged(format!("{} is no chunk's name", chunk.name))),
        None => Ok(manifest),
    }
}

fn check_chunk(folder: &Path, name: &str, bytes: u64, sha256: &str) -> Result<(), RestoreError> {
    let mut file = File::open(folder.join(name))?;
    let (mut hash, mut seen) = (Sha256::new(), 0);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        seen += read as u64;
        hash.update(&buffer[..read]);
    }
    if seen != bytes || hex(&hash.finalize()) != sha256 {
        return Err(RestoreError::Damaged(format!("{name}: its checksum does not match")));
    }
    Ok(())
}

/// The entries of a backup, in order.
pub(crate) struct Entries {
    /// The files that are still to be read, the next one last.
    files: Vec<PathBuf>,
    file: Option<BufReader<File>>,
}

impl Entries {
    /// All entries of this backup.
    pub(crate) fn of(folder: &Path, manifest: &Manifest) -> Self {
        Self { files: manifest.chunks.iter().rev().map(|chunk| folder.join(&chunk.name)).collect(), file: None }
    }

    /// The next one; `None` behind the last.
    pub(crate) fn next(&mut self) -> Result<Option<RawEntry>, RestoreError> {
        loop {
            if let Some(file) = &mut self.file {
                if let Some(found) = entry(file)? {
                    return Ok(Some(found));
                }
                self.file = None;
            }
            let Some(path) = self.files.pop() else { return Ok(None) };
            self.file = Some(BufReader::new(File::open(path)?));
        }
    }
}

fn entry(file: &mut impl Read) -> Result<Option<RawEntry>, RestoreError> {
    let Some(key) = field(file)? else { return Ok(None) };
    let value = field(file)?.ok_or_else(|| RestoreError::Damaged("a chunk ends within an entry".to_owned()))?;
    Ok(Some((key, value)))
}

fn field(file: &mut impl Read) -> Result<Option<Vec<u8>>, RestoreError> {
    let mut length = [0; 4];
    let mut read = 0;
    while read < length.len() {
        match file.read(&mut length[read..])? {
            0 if read == 0 => return Ok(None),
            0 => return Err(RestoreError::Damaged("a chunk ends within an entry".to_owned())),
            more => read += more,
        }
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > ENTRY_BYTES_MAX {
        return Err(RestoreError::Damaged(format!("an entry of {length} bytes")));
    }
    let mut bytes = vec![0; length];
    file.read_exact(&mut bytes)?;
    Ok(Some(bytes))
}
