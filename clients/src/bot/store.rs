//! Where a bot stands in each conversation, kept over restarts.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rialto_protocol::ConversationId;
use serde::{Deserialize, Serialize};

use crate::state::Position;

/// The last row that was handled, of each conversation.
pub type Places = BTreeMap<ConversationId, Position>;

/// Keeps a bot's places. Its calls may block; one is made at a time.
///
/// Without a store the bot's read markers are its places: enough for a bot whose account nobody else reads with.
pub trait Store: Send + Sync + 'static {
    /// What the last [`Store::save`] left; nothing at first.
    ///
    /// # Errors
    /// When it cannot be read: the bot does not start then.
    fn load(&self) -> io::Result<Places>;

    /// Replaces what is kept, all or nothing, and returns when that is durable.
    ///
    /// # Errors
    /// When that failed: it is told to [`super::Bot::catch`] and tried again with the next row.
    fn save(&self, places: &Places) -> io::Result<()>;
}

/// Places in a file of JSON, which is always whole: a second file is written, synced, and put in the place of the first.
#[derive(Clone, Debug)]
pub struct FileStore {
    path: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Kept<P> {
    format: u32,
    places: P,
}

const FORMAT: u32 = 1;

impl FileStore {
    /// Keeps them at this path; beside it stands `PATH.new` while it is written.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

impl Store for FileStore {
    fn load(&self) -> io::Result<Places> {
        let text = match fs::read_to_string(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Places::new()),
            text => text?,
        };
        let kept: Kept<Places> = serde_json::from_str(&text)?;
        if kept.format != FORMAT {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the file is of another format"));
        }
        Ok(kept.places)
    }

    fn save(&self, places: &Places) -> io::Result<()> {
        let mut new = self.path.clone().into_os_string();
        new.push(".new");
        let mut file = File::create(&new)?;
        file.write_all(&serde_json::to_vec(&Kept { format: FORMAT, places })?)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        File::open(folder)?.sync_all()
    }
}

/// The places of a running bot and their way into its store: many commits share one save.
pub(crate) struct Keeper {
    store: Option<Arc<dyn Store>>,
    places: Mutex<Changing>,
    saving: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Changing {
    places: Places,
    is_saved: bool,
}

impl Keeper {
    /// Takes up what an earlier run left.
    pub(crate) async fn load(store: Option<Arc<dyn Store>>) -> io::Result<Self> {
        let places = match store.clone() {
            Some(store) => blocking(move || store.load()).await?,
            None => Places::new(),
        };
        Ok(Self { store, places: Mutex::new(Changing { places, is_saved: true }), saving: tokio::sync::Mutex::default() })
    }

    pub(crate) fn place(&self, conversation: ConversationId) -> Option<Position> {
        self.change(|changing| changing.places.get(&conversation).cloned())
    }

    /// Rows up to here are handled.
    pub(crate) fn commit(&self, conversation: ConversationId, place: Position) {
        if self.store.is_some() {
            self.change(|changing| {
                changing.places.insert(conversation, place);
                changing.is_saved = false;
            });
        }
    }

    /// The bot is in it no more.
    pub(crate) fn forget(&self, conversation: ConversationId) {
        self.change(|changing| changing.is_saved &= changing.places.remove(&conversation).is_none());
    }

    /// Waits until everything that was committed so far is durable.
    pub(crate) async fn save(&self) -> io::Result<()> {
        let Some(store) = self.store.clone() else { return Ok(()) };
        let _one_at_a_time = self.saving.lock().await;
        let wanted = self.change(|changing| {
            let is_saved = std::mem::replace(&mut changing.is_saved, true);
            (!is_saved).then(|| changing.places.clone())
        });
        let Some(places) = wanted else { return Ok(()) };
        let saved = blocking(move || store.save(&places)).await;
        if saved.is_err() {
            self.change(|changing| changing.is_saved = false);
        }
        saved
    }

    fn change<T>(&self, change: impl FnOnce(&mut Changing) -> T) -> T {
        change(&mut self.places.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn blocking<T: Send + 'static>(run: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(run).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn places_come_back_and_a_file_is_whole_or_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("bot.json");
        let store: Arc<dyn Store> = Arc::new(FileStore::new(&path));
        let room: ConversationId = "01920000-0000-7000-8000-000000000001".parse().expect("a UUID");
        let place = Position { offset: 7, epoch: "e1".to_owned() };
        let keeper = Keeper::load(Some(Arc::clone(&store))).await.expect("nothing yet");
        assert_eq!(keeper.place(room), None);
        keeper.commit(room, place.clone());
        keeper.save().await.expect("saved");
        let again = Keeper::load(Some(Arc::clone(&store))).await.expect("a file");
        assert_eq!(again.place(room), Some(place));
        again.forget(room);
        again.save().await.expect("saved");
        assert_eq!(store.load().expect("a file"), Places::new());
        for broken in ["{", "{\"format\":2,\"places\":{}}"] {
            fs::write(&path, broken).expect("a file");
            assert!(store.load().is_err(), "{broken}");
        }
    }

    #[tokio::test]
    async fn what_could_not_be_saved_is_saved_later() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("missing").join("bot.json");
        let store: Arc<dyn Store> = Arc::new(FileStore::new(&path));
        let room: ConversationId = "01920000-0000-7000-8000-000000000001".parse().expect("a UUID");
        let keeper = Keeper::load(Some(Arc::clone(&store))).await.expect("nothing yet");
        keeper.commit(room, Position { offset: 1, epoch: String::new() });
        assert!(keeper.save().await.is_err());
        fs::create_dir(folder.path().join("missing")).expect("a folder");
        keeper.save().await.expect("saved");
        assert_eq!(store.load().expect("a file").len(), 1);
    }
}
