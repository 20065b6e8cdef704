//! Writing a backup's folder. Blocks.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::entry::is_row;
use super::manifest::{FORMAT, MANIFEST, Manifest, ManifestChunk};
use super::{BackupError, BackupReport, hex};
use crate::clock::wall_ms;
use crate::layout::SCHEMA_VERSION;

/// Bytes after which a chunk is closed; a value over it makes its chunk larger.
const CHUNK_BYTES: u64 = 16 * 1024 * 1024;

/// Writes a backup into `folder`, which must not exist or be empty; `fill` gives its entries. The folder appears under its name only when it is whole and synced.
pub(crate) fn write_folder(
    folder: &Path,
    generation: &str,
    fill: impl FnOnce(&mut Chunks) -> Result<(), BackupError>,
) -> Result<BackupReport, BackupError> {
    if folder.exists() && !is_empty_folder(folder) {
        return Err(BackupError::NotEmpty(folder.display().to_string()));
    }
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(parent)?;
    let mut partial = folder.as_os_str().to_owned();
    partial.push(format!(".partial-{}", std::process::id()));
    let partial = PathBuf::from(partial);
    fs::create_dir(&partial)?;
    let written = write_all(&partial, generation, fill).and_then(|report| {
        File::open(&partial)?.sync_all()?;
        fs::rename(&partial, folder)?;
        File::open(parent)?.sync_all()?;
        Ok(report)
    });
    if written.is_err() {
        // What went wrong is already being told; an unfinished folder is at worst left under its unfinished name.
        let _left = fs::remove_dir_all(&partial);
    }
    written
}

/// True for a folder without entries.
fn is_empty_folder(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

fn write_all(
    folder: &Path,
    generation: &str,
    fill: impl FnOnce(&mut Chunks) -> Result<(), BackupError>,
) -> Result<BackupReport, BackupError> {
    let mut out = Chunks { folder: folder.to_owned(), done: Vec::new(), open: None, rows: 0 };
    fill(&mut out)?;
    out.close()?;
    let entries = out.done.iter().map(|chunk| chunk.entries).sum();
    let bytes = out.done.iter().map(|chunk| chunk.bytes).sum();
    let report = BackupReport { rows: out.rows, entries, bytes, chunks: out.done.len() as u64 };
    let mut manifest = Manifest {
        format: FORMAT.to_owned(),
        schema_version: SCHEMA_VERSION,
        generation: generation.to_owned(),
        created_ms: wall_ms(),
        rows: out.rows,
        entries,
        chunks: out.done,
        sha256: String::new(),
    };
    manifest.sha256 = manifest.checksum();
    let mut file = create(&folder.join(MANIFEST))?;
    serde_json::to_writer_pretty(&mut file, &manifest).map_err(io::Error::from)?;
    file.sync_all()?;
    Ok(report)
}

/// The files that are being written.
pub(crate) struct Chunks {
    folder: PathBuf,
    done: Vec<ManifestChunk>,
    open: Option<OpenChunk>,
    rows: u64,
}

struct OpenChunk {
    file: BufWriter<File>,
    hash: Sha256,
    chunk: ManifestChunk,
}

impl Chunks {
    /// Adds an entry.
    pub(crate) fn add(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.next()?,
        };
        for part in [key, value] {
            let length = u32::try_from(part.len()).map_err(|_| io::Error::other("an entry is too large"))?.to_le_bytes();
            for bytes in [&length[..], part] {
                open.file.write_all(bytes)?;
                open.hash.update(bytes);
                open.chunk.bytes += bytes.len() as u64;
            }
        }
        open.chunk.entries += 1;
        self.rows += u64::from(is_row(key));
        let is_large = open.chunk.bytes >= CHUNK_BYTES;
        self.open = Some(open);
        if is_large { self.close() } else { Ok(()) }
    }

    fn next(&self) -> io::Result<OpenChunk> {
        let name = format!("chunk-{:06}.bin", self.done.len() + 1);
        let file = BufWriter::new(create(&self.folder.join(&name))?);
        Ok(OpenChunk { file, hash: Sha256::new(), chunk: ManifestChunk { name, bytes: 0, entries: 0, sha256: String::new() } })
    }

    fn close(&mut self) -> io::Result<()> {
        if let Some(OpenChunk { file, hash, mut chunk }) = self.open.take() {
            file.into_inner()?.sync_all()?;
            chunk.sha256 = hex(&hash.finalize());
            self.done.push(chunk);
        }
        Ok(())
    }
}

/// Backups hold password hashes: nobody else may read them.
fn create(path: &Path) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.write(true).create_new(true).open(path)
}
