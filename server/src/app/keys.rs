//! The file of our own keys: mode 0600, made on first start, replaced as a whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rialto_actors::accounts::KeyMaterial;

use super::failure::{Exit, Failure};

/// Bytes of a key file: a larger one is something else.
const FILE_BYTES_MAX: u64 = 64 * 1024;
/// Nobody but the owner.
const FILE_MODE: u32 = 0o600;
/// Nobody but the owner.
const FOLDER_MODE: u32 = 0o700;

/// Makes the data folder when it is absent.
///
/// # Errors
/// When it cannot be made.
pub fn make_folder(folder: &Path) -> Result<(), Failure> {
    let made = fs::DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder);
    made.map_err(|error| Failure::new(Exit::Storage, format!("make {}: {error}", folder.display())))
}

/// Reads the keys, making them when there are none. Of two processes that make them at once both get the same.
///
/// # Errors
/// When the file cannot be read or written, is malformed, or can be read by others.
pub fn open(path: &Path, now_ms: u64) -> Result<KeyMaterial, Failure> {
    if let Some(found) = read(path)? {
        return Ok(found);
    }
    let fresh = KeyMaterial::generate(now_ms);
    let temporary = write_beside(path, &fresh).map_err(|error| problem(path, &error))?;
    // A link, not a rename: it never replaces what another process has made meanwhile.
    let linked = fs::hard_link(&temporary, path);
    fs::remove_file(&temporary).map_err(|error| problem(path, &error))?;
    match linked {
        Ok(()) => sync_folder(path).map_err(|error| problem(path, &error)).map(|()| fresh),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            read(path)?.ok_or_else(|| Failure::new(Exit::Failed, format!("{}: it came and went", path.display())))
        }
        Err(error) => Err(problem(path, &error)),
    }
}

/// Adds a key that signs from now on. Answers its name.
///
/// # Errors
/// As [`open`].
pub fn rotate(path: &Path, now_ms: u64) -> Result<String, Failure> {
    let rotated = open(path, now_ms)?.rotated(now_ms);
    let replace = |temporary: PathBuf| fs::rename(temporary, path).and_then(|()| sync_folder(path));
    write_beside(path, &rotated).and_then(replace).map_err(|error| problem(path, &error))?;
    Ok(rotated.newest_kid().unwrap_or_default().to_owned())
}

fn read(path: &Path) -> Result<Option<KeyMaterial>, Failure> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(problem(path, &error)),
    };
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(Failure::new(Exit::Usage, format!("{}: others can read it; chmod 600 it", path.display())));
    }
    if metadata.len() > FILE_BYTES_MAX {
        return Err(Failure::new(Exit::Usage, format!("{}: larger than 64 KiB", path.display())));
    }
    let text = fs::read_to_string(path).map_err(|error| problem(path, &error))?;
    let material = KeyMaterial::from_json(&text);
    material.map(Some).map_err(|error| Failure::new(Exit::Usage, format!("{}: {error}", path.display())))
}

/// Writes and syncs a file of another name in the same folder.
fn write_beside(path: &Path, material: &KeyMaterial) -> io::Result<PathBuf> {
    let temporary = path.with_extension(format!("new-{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&temporary)?;
    file.write_all(material.to_json().as_bytes())?;
    file.sync_all()?;
    Ok(temporary)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    File::open(folder)?.sync_all()
}

fn problem(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Storage, format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once_private_and_rotate() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/keys.json");
        make_folder(path.parent().unwrap()).unwrap();
        let made = open(&path, 1).unwrap();
        assert_eq!(open(&path, 2).unwrap(), made);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
        let kid = rotate(&path, 3).unwrap();
        let rotated = open(&path, 4).unwrap();
        assert_eq!(rotated.newest_kid(), Some(kid.as_str()));
        assert_ne!(rotated, made);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left over");
    }

    #[test]
    fn a_file_that_others_can_read_or_that_is_no_key_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        fs::write(&path, "{}").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(open(&path, 1).unwrap_err().message.contains("chmod 600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(open(&path, 1).unwrap_err().exit, Exit::Usage);
        assert_eq!(fs::read_to_string(&path).unwrap(), "{}", "it is not replaced");
    }
}
