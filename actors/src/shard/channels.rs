//! Who listens to which entity of this shard: it outlives the entity's stay in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rialto_protocol::reply::ClientInfo;
use rialto_protocol::{EntityKey, UserId};
use smallvec::SmallVec;
use uuid::Uuid;

use super::effect::Threads;
use crate::reply_to::{Listener, count_users};

#[derive(Debug)]
struct Channel {
    name: Arc<str>,
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
pub struct Channels(HashMap<EntityKey, Channel>);

impl Channels {
    /// Enters a listener; the same connection again replaces its entry. Answers whether it is new.
    pub fn enter(&mut self, entity: EntityKey, name: &Arc<str>, listener: Listener) -> bool {
        let channel =
            self.0.entry(entity).or_insert_with(|| Channel { name: Arc::clone(name), listeners: HashMap::new(), threads: SmallVec::new() });
        channel.count(&listener, true);
        let before = channel.listeners.insert(listener.client, listener);
        if let Some(before) = &before {
            channel.count(before, false);
        }
        before.is_none()
    }

    /// Removes a connection; answers its entry.
    pub fn leave(&mut self, entity: EntityKey, client: Uuid) -> Option<Listener> {
        let channel = self.0.get_mut(&entity)?;
        let listener = channel.listeners.remove(&client)?;
        channel.count(&listener, false);
        if channel.listeners.is_empty() {
            self.0.remove(&entity);
        }
        Some(listener)
    }

    /// Removes all connections of a user; answers their entries.
    pub fn leave_user(&mut self, entity: EntityKey, user: UserId) -> Vec<Listener> {
        let Some(channel) = self.0.get(&entity) else { return Vec::new() };
        let clients: Vec<Uuid> = channel.listeners.values().filter(|one| one.user == user).map(|one| one.client).collect();
        clients.into_iter().filter_map(|client| self.leave(entity, client)).collect()
    }

    /// The channel's name and the threads that have listeners.
    #[must_use]
    pub fn interested(&self, entity: EntityKey) -> Option<(Arc<str>, Threads)> {
        let channel = self.0.get(&entity)?;
        Some((Arc::clone(&channel.name), channel.threads.iter().map(|one| one.thread).collect()))
    }

    /// Every entity that has listeners.
    pub fn entities(&self) -> impl Iterator<Item = EntityKey> {
        self.0.keys().copied()
    }

    /// The channel's name and the threads that have listeners who want join and leave pushes.
    #[must_use]
    pub fn wants_presence(&self, entity: EntityKey) -> Option<(Arc<str>, Threads)> {
        let channel = self.0.get(&entity)?;
        let threads: Threads = channel.threads.iter().filter(|one| one.join_leave > 0).map(|one| one.thread).collect();
        (!threads.is_empty()).then(|| (Arc::clone(&channel.name), threads))
    }

    /// Who is there.
    #[must_use]
    pub fn presence(&self, entity: EntityKey) -> BTreeMap<String, ClientInfo> {
        let listeners = self.0.get(&entity).into_iter().flat_map(|channel| channel.listeners.values());
        listeners.map(|one| (one.client.to_string(), one.info())).collect()
    }

    /// How many connections and users are there.
    #[must_use]
    pub fn stats(&self, entity: EntityKey) -> (u32, u32) {
        let Some(channel) = self.0.get(&entity) else { return (0, 0) };
        (u32::try_from(channel.listeners.len()).unwrap_or(u32::MAX), count_users(channel.listeners.values()))
    }

    /// How many connections listen.
    #[must_use]
    pub fn count(&self, entity: EntityKey) -> usize {
        self.0.get(&entity).map_or(0, |channel| channel.listeners.len())
    }
}

impl Channel {
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
        Listener { client, thread, user, conn_info: None, chan_info: None, join_leave }
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
}
