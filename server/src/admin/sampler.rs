//! Looks at all metrics once a second, for as long as the node serves.

use std::collections::BTreeMap;
use std::sync::Arc;

use rialto_actors::accounts::TimeSource;
use rialto_actors::load::Loads;
use rialto_protocol::admin::{Dependency, FeedMessage, FeedSample, RoomRate};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::console::Console;
use super::exposition::Exposition;
use super::limits::{LOOK_EVERY, ROOMS_SHOWN_MAX, SAMPLE_EVERY};
use super::ring::Sample;
use super::series;
use crate::http::Probe;
use crate::http::state::RenderMetrics;

/// What is looked at.
pub struct Sampler {
    /// All metrics as text: what `/metrics` gives.
    pub metrics: RenderMetrics,
    /// For the busiest rooms.
    pub loads: Loads,
    /// What the node depends on.
    pub probes: Vec<Arc<dyn Probe>>,
    /// The time.
    pub now: TimeSource,
    /// Who is told.
    pub console: Arc<Console>,
}

impl Sampler {
    /// Samples for as long as it is polled. A second that is missed, because the machine was busy or asleep, is a gap.
    pub async fn run(self) {
        let mut ticks = interval(SAMPLE_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut before = ((self.metrics)(), ticks.tick().await);
        let mut looked: Option<(Instant, BTreeMap<String, Dependency>)> = None;
        loop {
            ticks.tick().await;
            let dependencies = match looked.take() {
                Some((at, known)) if at.elapsed() < LOOK_EVERY => (at, known),
                _ => (Instant::now(), self.look().await),
            };
            before = self.sample(&before, &dependencies.1);
            looked = Some(dependencies);
        }
    }

    fn sample(&self, (before, at): &(String, Instant), dependencies: &BTreeMap<String, Dependency>) -> (String, Instant) {
        let (text, now) = ((self.metrics)(), Instant::now());
        let threads = self.console.facts.threads;
        let values = series::row(&Exposition::parse(before), &Exposition::parse(&text), now.duration_since(*at).as_secs_f64(), threads);
        self.console.tell(Sample { time_ms: (self.now)().wall_ms, values }, |row| {
            let rooms = self.loads.top_rooms(ROOMS_SHOWN_MAX).into_iter().map(|room| RoomRate {
                channel: room.channel.to_string(),
                publications: room.publications,
                deliveries: room.deliveries,
            });
            FeedMessage::Sample(FeedSample { row, rooms: rooms.collect(), dependencies: dependencies.clone() })
        });
        (text, now)
    }

    async fn look(&self) -> BTreeMap<String, Dependency> {
        let looked = crate::http::look(&self.probes).await;
        looked.into_iter().map(|(name, state, ms)| (name.to_owned(), Dependency { state: state.to_owned(), ms })).collect()
    }
}
