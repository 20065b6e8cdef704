//! Who listens to which entity of this shard: it outlives the entity's stay in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rialto_protocol::reply::ClientInfo;
use rialto_protocol::{EntityKey, UserId};
use smallvec::SmallVec;
use uuid::Uuid;

use super::effect::Threads;
use super::entity_map::EntityMap;
use crate::entity::StreamMark;
use crate::reply_to::{Listener, count_users};

/// Listeners up to which a channel keeps them in a list, and looks at each of them. Above: in a map, and counted by thread.
const FEW_MAX: usize = 32;

#[derive(Debug)]
struct Channel {
    name: Arc<str>,
    audience: Audience,
    /// Where its stream stands, while an entity without a log has left memory or may.
    mark: Option<StreamMark>,
}

/// Who listens to one channel. There are as many channels as users, and most have one listener.
#[derive(Debug)]
enum Audience {
    Few(SmallVec<[Listener; 1]>),
    Many(Box<Crowd>),
}

#[derive(Debug, Default)]
struct Crowd {
    listeners: HashMap<Uuid, Listener>,
    threads: SmallVec<[ThreadInterest; 2]>,
}

/// How many listeners of a channel a gateway thread has.
#[derive(Clone, Copy, Debug)]
struct ThreadInterest {
    thread: u16,
    listeners: u32,
    join_leave: u32,
}

/// The listeners of every channel of one shard.
#[derive(Debug, Default)]
pub struct Channels(EntityMap<Box<Channel>>);

impl Channels {
    /// Enters a listener; the same connection again replaces its entry. Answers whether it is new.
    pub fn enter(&mut self, entity: EntityKey, name: &Arc<str>, listener: Listener) -> bool {
        let nobody = || Box::new(Channel { name: Arc::clone(name), audience: Audience::Few(SmallVec::new()), mark: None });
        self.0.entry(entity).or_insert_with(nobody).audience.enter(listener)
    }

    /// Removes a connection; answers its entry.
    pub fn leave(&mut self, entity: EntityKey, client: Uuid) -> Option<Listener> {
        let channel = self.0.get_mut(&entity)?;
        let listener = channel.audience.leave(client)?;
        if channel.audience.len() == 0 {
            self.0.remove(&entity);
            if self.0.is_empty() {
                self.0 = EntityMap::default();
            }
        }
        Some(listener)
    }

    /// Removes all connections of a user; answers their entries.
    pub fn leave_user(&mut self, entity: EntityKey, user: UserId) -> Vec<Listener> {
        let mut clients: Vec<Uuid> = self.listeners(entity).filter(|one| one.user == user).map(|one| one.client).collect();
        clients.sort_unstable();
        clients.into_iter().filter_map(|client| self.leave(entity, client)).collect()
    }

    /// Keeps where a channel's stream stands as long as somebody listens.
    pub fn keep_mark(&mut self, entity: EntityKey, mark: StreamMark) {
        if let Some(channel) = self.0.get_mut(&entity) {
            channel.mark = Some(mark);
        }
    }

    /// Where the channel's stream stands, for the one who goes on from there.
    pub fn take_mark(&mut self, entity: EntityKey) -> Option<StreamMark> {
        self.0.get_mut(&entity)?.mark.take()
    }

    /// Whether it is known where the channel's stream stands.
    #[must_use]
    pub fn has_mark(&self, entity: EntityKey) -> bool {
        self.0.get(&entity).is_some_and(|channel| channel.mark.is_some())
    }

    /// The channel's name: one for all who listen.
    #[must_use]
    pub fn name(&self, entity: EntityKey) -> Option<&Arc<str>> {
        self.0.get(&entity).map(|channel| &channel.name)
    }

    /// The channel's name and the threads that have listeners.
    #[must_use]
    pub fn interested(&self, entity: EntityKey) -> Option<(Arc<str>, Threads)> {
        let channel = self.0.get(&entity)?;
        Some((Arc::clone(&channel.name), channel.audience.threads(false)))
    }

    /// Every entity that has listeners.
    pub fn entities(&self) -> impl Iterator<Item = EntityKey> {
        self.0.keys().copied()
    }

    /// The channel's name and the threads that have listeners who want join and leave pushes.
    #[must_use]
    pub fn wants_presence(&self, entity: EntityKey) -> Option<(Arc<str>, Threads)> {
        let channel = self.0.get(&entity)?;
        let threads = channel.audience.threads(true);
        (!threads.is_empty()).then(|| (Arc::clone(&channel.name), threads))
    }

    /// Who is there.
    #[must_use]
    pub fn presence(&self, entity: EntityKey) -> BTreeMap<String, ClientInfo> {
        self.listeners(entity).map(|one| (one.client.to_string(), one.info())).collect()
    }

    /// How many connections and users are there.
    #[must_use]
    pub fn stats(&self, entity: EntityKey) -> (u32, u32) {
        (u32::try_from(self.count(entity)).unwrap_or(u32::MAX), count_users(self.listeners(entity)))
    }

    /// How many connections listen.
    #[must_use]
    pub fn count(&self, entity: EntityKey) -> usize {
        self.0.get(&entity).map_or(0, |channel| channel.audience.len())
    }

    fn listeners(&self, entity: EntityKey) -> impl Iterator<Item = &Listener> {
        self.0.get(&entity).into_iter().flat_map(|channel| channel.audience.listeners())
    }
}

impl Audience {
    fn len(&self) -> usize {
        match self {
            Self::Few(few) => few.len(),
            Self::Many(crowd) => crowd.listeners.len(),
        }
    }

    fn listeners(&self) -> impl Iterator<Item = &Listener> {
        let (few, many) = match self {
            Self::Few(few) => (Some(few), None),
            Self::Many(crowd) => (None, Some(&crowd.listeners)),
        };
        few.into_iter().flatten().chain(many.into_iter().flat_map(HashMap::values))
    }

    fn enter(&mut self, listener: Listener) -> bool {
        match self {
            Self::Few(few) => {
                if let Some(known) = few.iter_mut().find(|one| one.client == listener.client) {
                    *known = listener;
                    return false;
                }
                if few.len() < FEW_MAX {
                    if few.len() == few.capacity() {
                        few.reserve_exact(few.len() / 2 + 1);
                    }
                    few.push(listener);
                    return true;
                }
                let mut crowd = Box::<Crowd>::default();
                for one in few.drain(..) {
                    crowd.enter(one);
                }
                let is_new = crowd.enter(listener);
                *self = Self::Many(crowd);
                is_new
            }
            Self::Many(crowd) => crowd.enter(listener),
        }
    }

    fn leave(&mut self, client: Uuid) -> Option<Listener> {
        match self {
            Self::Few(few) => {
                let at = few.iter().position(|one| one.client == client)?;
                Some(few.swap_remove(at))
            }
            Self::Many(crowd) => crowd.leave(client),
        }
    }

    /// The threads that have listeners, or only those with listeners who want join and leave pushes.
    fn threads(&self, presence_only: bool) -> Threads {
        match self {
            Self::Few(few) => {
                let mut threads = Threads::new();
                for one in few.iter().filter(|one| one.join_leave || !presence_only) {
                    if !threads.contains(&one.thread) {
                        threads.push(one.thread);
                    }
                }
                threads
            }
            Self::Many(crowd) => crowd.threads.iter().filter(|one| one.join_leave > 0 || !presence_only).map(|one| one.thread).collect(),
        }
    }
}

impl Crowd {
    fn enter(&mut self, listener: Listener) -> bool {
        self.count(&listener, true);
        let before = self.listeners.insert(listener.client, listener);
        if let Some(before) = &before {
            self.count(before, false);
        }
        before.is_none()
    }

    fn leave(&mut self, client: Uuid) -> Option<Listener> {
        let listener = self.listeners.remove(&client)?;
        self.count(&listener, false);
        Some(listener)
    }

    fn count(&mut self, listener: &Listener, up: bool) {
        let at = match self.threads.iter().position(|one| one.thread == listener.thread) {
            Some(at) => at,
            None => {
                self.threads.push(ThreadInterest { thread: listener.thread, listeners: 0, join_leave: 0 });
                self.threads.len() - 1
            }
        };
        let interest = &mut self.threads[at];
        let wants = u32::from(listener.join_leave);
        if up {
            interest.listeners += 1;
            interest.join_leave += wants;
            return;
        }
        interest.listeners -= 1;
        interest.join_leave -= wants;
        if interest.listeners == 0 {
            self.threads.swap_remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use rialto_protocol::Channel as Name;

    use super::*;

    fn listener(client: u128, user: u128, thread: u16, join_leave: bool) -> Listener {
        let (client, user) = (Uuid::from_u128(client), UserId(Uuid::from_u128(user)));
        Listener { client, user, thread, join_leave, infos: None }
    }

    #[test]
    fn interest_follows_who_comes_and_goes() {
        let mut channels = Channels::default();
        let (entity, name): (EntityKey, Arc<str>) = (Name::Topic("news".into()).entity(), "news".into());
        assert!(channels.enter(entity, &name, listener(1, 7, 0, false)));
        assert!(channels.enter(entity, &name, listener(2, 7, 1, true)));
        assert!(!channels.enter(entity, &name, listener(2, 7, 1, true)), "the same connection again is not new");
        assert_eq!(channels.interested(entity).map(|(_, threads)| threads.to_vec()), Some(vec![0, 1]));
        assert_eq!(channels.wants_presence(entity).map(|(_, threads)| threads.to_vec()), Some(vec![1]));
        assert_eq!(channels.stats(entity), (2, 1));
        assert!(channels.leave(entity, Uuid::from_u128(2)).is_some());
        assert!(channels.leave(entity, Uuid::from_u128(2)).is_none());
        assert!(channels.wants_presence(entity).is_none());
        assert_eq!(channels.leave_user(entity, UserId(Uuid::from_u128(7))).len(), 1);
        assert!(channels.interested(entity).is_none());
        assert_eq!(channels.stats(entity), (0, 0));
    }

    #[test]
    fn a_crowd_is_counted_as_a_few_are() {
        let mut channels = Channels::default();
        let (entity, name): (EntityKey, Arc<str>) = (Name::Topic("news".into()).entity(), "news".into());
        let all = 3 * FEW_MAX as u128;
        for number in 0..all {
            assert!(channels.enter(entity, &name, listener(number, number / 2, (number % 3) as u16, number % 3 == 2)));
        }
        assert!(!channels.enter(entity, &name, listener(0, 0, 0, false)));
        let sorted = |threads: Threads| {
            let mut threads = threads.to_vec();
            threads.sort_unstable();
            threads
        };
        assert_eq!(channels.stats(entity), (all as u32, all as u32 / 2));
        assert_eq!(channels.interested(entity).map(|(_, threads)| sorted(threads)), Some(vec![0, 1, 2]));
        for number in (0..all).filter(|number| number % 3 == 2) {
            assert!(channels.leave(entity, Uuid::from_u128(number)).is_some());
        }
        assert_eq!(channels.interested(entity).map(|(_, threads)| sorted(threads)), Some(vec![0, 1]));
        assert!(channels.wants_presence(entity).is_none());
        assert_eq!(channels.count(entity), 2 * FEW_MAX);
        assert_eq!(channels.presence(entity).len(), 2 * FEW_MAX);
        for number in 0..all {
            channels.leave(entity, Uuid::from_u128(number));
        }
        assert!(channels.name(entity).is_none());
    }

    #[test]
    fn a_listener_is_small() {
        assert!(size_of::<Listener>() <= 48, "{} bytes", size_of::<Listener>());
        assert!(size_of::<Channel>() <= 96, "{} bytes", size_of::<Channel>());
    }
}
