//! One publication to many listeners of one thread.

use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use rialto_actors::gateway::SessionId;
use rialto_actors::gateway::hub::{Flush, Hub};

const LISTENERS: u32 = 1_000;

/// From the frame that a shard sends to its place in each listener's queue.
pub(crate) fn deliver_to_1000() -> Box<dyn FnMut()> {
    let mut hub = Hub::default();
    let room: Arc<str> = "conversation:0198f2a0-0000-7000-8000-000000000007".into();
    for index in 0..LISTENERS {
        hub.enter(&room, SessionId { index, generation: 0 }, false);
    }
    let frame = Bytes::from(vec![b'x'; 256]);
    let mut queues: Vec<Vec<Bytes>> = vec![Vec::with_capacity(1); LISTENERS as usize];
    Box::new(move || {
        hub.publish(&room, frame.clone());
        let delivered = hub.flush(Flush::All, |session, chunk| queues[session.index as usize].push(chunk)).deliveries;
        assert_eq!(delivered, u64::from(LISTENERS));
        for queue in &mut queues {
            black_box(&queue).first().expect("everybody got it");
            queue.clear();
        }
    })
}
