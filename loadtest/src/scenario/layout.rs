//! Who is in which room, and which number each sender has there: a pure function of the scenario, so that every generator process knows it.

use super::Scenario;

/// A client's place in one room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    /// The room.
    pub(crate) room: u32,
    /// The client's number among the room's senders.
    pub(crate) ordinal: u32,
}

/// The places of everybody.
#[derive(Debug)]
pub(crate) struct Layout {
    personas: Vec<PersonaLayout>,
    rooms: u32,
}

#[derive(Debug)]
struct PersonaLayout {
    count: u32,
    rooms_each: u32,
    sends: bool,
}

impl Layout {
    /// The layout of a scenario; personas are numbered in the order of their names.
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let sends = |name: &String| scenario.phases.iter().any(|phase| phase.send.contains_key(name));
        let personas = scenario.personas.iter();
        let personas =
            personas.map(|(name, persona)| PersonaLayout { count: persona.count, rooms_each: persona.rooms_each, sends: sends(name) });
        Self { personas: personas.collect(), rooms: scenario.run.rooms }
    }

    /// The rooms of a client. As many as there are clients or more share a room in blocks; fewer are spread.
    fn room(&self, persona: &PersonaLayout, index: u32, slot: u32) -> u32 {
        let (index, count, rooms) = (u64::from(index), u64::from(persona.count.max(1)), u64::from(self.rooms));
        let slot = u64::from(slot);
        let room = if count * u64::from(persona.rooms_each) <= rooms {
            // Everybody has rooms of their own, in blocks.
            index * u64::from(persona.rooms_each) + slot
        } else {
            let stride = (rooms / u64::from(persona.rooms_each)).max(1);
            index * rooms / count + slot * stride
        };
        u32::try_from(room % rooms).unwrap_or(0)
    }

    /// Calls `visit(persona, index, slot number, slot)` for every place of every client, in an order that all processes share.
    pub(crate) fn each(&self, mut visit: impl FnMut(usize, u32, u32, Slot)) {
        let mut senders = vec![0_u32; self.rooms as usize];
        for (number, persona) in self.personas.iter().enumerate() {
            for index in 0..persona.count {
                for slot in 0..persona.rooms_each {
                    let room = self.room(persona, index, slot);
                    let ordinal = senders[room as usize];
                    senders[room as usize] += u32::from(persona.sends);
                    visit(number, index, slot, Slot { room, ordinal });
                }
            }
        }
    }

    /// Which of a persona's clients live in generator process `worker` of `workers`: neighbours share one, and so do their rooms.
    pub(crate) fn share(count: u32, worker: usize, workers: usize) -> std::ops::Range<u32> {
        let edge = |worker: usize| u32::try_from(u64::from(count) * worker as u64 / workers as u64).unwrap_or(count);
        edge(worker)..edge(worker + 1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn layout(rooms: u32, personas: &[(u32, u32, bool)]) -> Vec<(usize, u32, Slot)> {
        let personas = personas.iter().map(|&(count, rooms_each, sends)| PersonaLayout { count, rooms_each, sends });
        let mut seen = Vec::new();
        Layout { personas: personas.collect(), rooms }.each(|persona, index, _, slot| seen.push((persona, index, slot)));
        seen
    }

    #[test]
    fn rooms_are_filled_evenly_and_ordinals_are_dense() {
        let places = layout(10, &[(100, 1, true)]);
        for room in 0..10 {
            let mut ordinals: Vec<u32> = places.iter().filter(|(_, _, slot)| slot.room == room).map(|(_, _, slot)| slot.ordinal).collect();
            ordinals.sort_unstable();
            assert_eq!(ordinals, (0..10).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_client_is_in_different_rooms() {
        for (rooms, count, each) in [(100, 10, 10), (10, 30, 3), (7, 20, 7), (1_000, 3, 5)] {
            let places = layout(rooms, &[(count, each, false)]);
            for client in 0..count {
                let own: HashSet<u32> = places.iter().filter(|(_, index, _)| *index == client).map(|(_, _, slot)| slot.room).collect();
                assert_eq!(own.len(), each as usize, "{rooms} {count} {each}");
            }
        }
    }

    #[test]
    fn few_observers_cover_every_room() {
        let rooms: HashSet<u32> = layout(1_000, &[(10, 100, false)]).iter().map(|(_, _, slot)| slot.room).collect();
        assert_eq!(rooms.len(), 1_000);
    }

    #[test]
    fn shares_are_whole_and_disjoint() {
        let shares: Vec<u32> = (0..3).flat_map(|worker| Layout::share(10, worker, 3)).collect();
        assert_eq!(shares, (0..10).collect::<Vec<_>>());
    }
}
