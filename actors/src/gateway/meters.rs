//! What a gateway thread reports. Handles are looked up once per thread, never per frame.

use metrics::{Counter, Gauge, counter, gauge};

use super::{Gateway, State};

/// The handles of one thread.
pub(super) struct Meters {
    pub(super) sessions: Gauge,
    pub(super) commands: Counter,
    pub(super) deliveries: Counter,
    pub(super) slow_consumers: Counter,
    pub(super) answers_refused: Counter,
    subscriptions: Gauge,
    rooms: Gauge,
    outbox_bytes: Gauge,
    queue_length: Gauge,
}

impl Meters {
    pub(super) fn new(thread: u16) -> Self {
        let thread = thread.to_string();
        Self {
            sessions: gauge!("rialto_sessions", "thread" => thread.clone()),
            commands: counter!("rialto_commands_total"),
            deliveries: counter!("rialto_deliveries_total"),
            slow_consumers: counter!("rialto_slow_consumers_total"),
            answers_refused: counter!("rialto_refusals_total", "reason" => "outbox_behind"),
            subscriptions: gauge!("rialto_subscriptions", "thread" => thread.clone()),
            rooms: gauge!("rialto_rooms", "thread" => thread.clone()),
            outbox_bytes: gauge!("rialto_outbox_bytes", "thread" => thread.clone()),
            queue_length: gauge!("rialto_gateway_queue_length", "thread" => thread),
        }
    }
}

impl Gateway {
    /// Reports what is only worth a look now and then: how much waits, and who listens. Looks at every session.
    pub fn sample(&self) {
        let State { slots, hub, .. } = &*self.0.state.borrow();
        let meters = &self.0.meters;
        meters.subscriptions.set(float(hub.subscriptions()));
        meters.rooms.set(float(hub.len()));
        meters.outbox_bytes.set(float(slots.outbox_bytes()));
        meters.queue_length.set(float(self.0.parts.links.waiting(self.0.parts.thread)));
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
fn float(number: usize) -> f64 {
    number as f64
}
