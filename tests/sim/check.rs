//! The verdict on a run, from what clients did and saw and from what the store holds at the end. It knows nothing of the machines.

use std::collections::{BTreeMap, HashMap};

use rialto_protocol::event::EventTag;
use rialto_protocol::{ConversationId, EntityKey, UserId};
use rialto_storage::Row;
use rialto_tests::history;

use crate::client::Client;
use crate::record::{Slice, rooms};
use crate::world::World;

impl World {
    /// What is wrong with the run; nothing if all is as it should be.
    pub(crate) fn verdict(&mut self) -> Vec<String> {
        let mut wrong = std::mem::take(&mut self.history.violations);
        if self.watch.panics.get() > 0 {
            wrong.push(format!("{} panics of entities", self.watch.panics.get()));
        }
        for (entity, seq) in &self.engine.overwritten {
            wrong.push(format!("two rows were written to position {seq} of {}", entity.id));
        }
        for client in &mut self.clients {
            self.history.slices.extend(client.take_slices());
        }
        for room in rooms(self.plan.rooms) {
            self.check_room(room, &mut wrong);
        }
        let stuck = self.clients.iter().filter(|client| !client.is_done()).map(Client::state);
        wrong.extend(stuck.filter(|_| wrong.is_empty()).collect::<Vec<_>>());
        wrong
    }

    fn check_room(&self, room: ConversationId, wrong: &mut Vec<String>) {
        let rows = self.final_rows(room, wrong);
        let aliases = self.watch.aliases.borrow();
        let name = |row: &Row| {
            let id = row.sender.client_id.as_str();
            (row.event != EventTag::ConversationCreated).then(|| named(row.sender.user, aliases.get(id).map_or(id, String::as_str)))
        };
        let bodies: HashMap<u64, &[u8]> = rows.iter().map(|(seq, row)| (*seq, &row.body[..])).collect();
        let logged: Vec<history::Row> = rows.iter().map(|(seq, row)| history::Row { offset: *seq, client_id: name(row) }).collect();
        let ids: HashMap<u64, Option<String>> = logged.iter().map(|row| (row.offset, row.client_id.clone())).collect();
        // What was seen is the logged row exactly when its body is.
        let seen = |(offset, body): &(u64, String)| {
            let same = bodies.get(offset).is_some_and(|logged| *logged == body.as_bytes());
            let client_id = if same { ids[offset].clone() } else { Some(format!("another body: {body}")) };
            history::Row { offset: *offset, client_id }
        };
        let slices = self.history.slices.iter().filter(|slice| slice.room == room);
        let streams = slices.map(|Slice { who, from, rows, .. }| history::Stream {
            subscriber: who.clone(),
            from: *from,
            rows: rows.iter().map(seen).collect(),
        });
        let record = history::Record {
            sent: self.history.sent.get(&room).cloned().unwrap_or_default(),
            acks: self.history.acks.get(&room).cloned().unwrap_or_default(),
            streams: streams.collect(),
            rows: logged,
        };
        wrong.extend(history::check(&record).into_iter().map(|violation| format!("{room}: {violation}")));
    }

    /// The rows of an entity as the store has them: entity rows and what is still only in the log.
    fn final_rows(&self, room: ConversationId, wrong: &mut Vec<String>) -> BTreeMap<u64, Row> {
        let entity = EntityKey::from(room);
        let mut rows = self.engine.rows.get(&entity).cloned().unwrap_or_default();
        for (_, row) in self.engine.buckets.values().flat_map(|bucket| bucket.rows.values()).filter(|(_, row)| row.entity == entity) {
            let stands = rows.entry(row.seq).or_insert_with(|| row.clone());
            if stands != row {
                wrong.push(format!("{room}: log and entity rows differ at position {}", row.seq));
            }
        }
        rows
    }
}

/// How the checker names a message: one user's ids are his own.
pub(crate) fn named(user: UserId, client_id: &str) -> String {
    format!("{}/{client_id}", user.0.as_u128() & 0xfff)
}
