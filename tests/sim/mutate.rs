//! What passes between a shard and the store, changed where the rule that is switched off wants it.

use rialto_actors::shard::ShardInput;
use rialto_actors::shard::log::{LogAnswer, LogCall};
use rialto_storage::shard_log::Outcome;

use crate::network::Call;
use crate::node::Place;
use crate::rules::Rule;
use crate::world::{Event, World};

impl World {
    /// A statement on its way; `None` when it is not sent.
    pub(crate) fn rule_on_call(&mut self, from: Place, call: Call) -> Option<Call> {
        match &call {
            Call::Log(LogCall::Seal { .. }) if self.plan.is_off(Rule::Seal) => {
                self.after(1, Event::Shard(from, Box::new(ShardInput::Log(LogAnswer::Outcome(Ok(Outcome::Applied))))));
                None
            }
            _ => Some(call),
        }
    }

    /// What a caller is told whose statement nobody knows about.
    pub(crate) fn rule_on_unknown(&self, call: &Call, event: Event) -> Event {
        let (Call::Log(LogCall::Append(_)), Event::Shard(place, _)) = (call, &event) else { return event };
        let outcome = match self.plan.off {
            Some(Rule::UnknownIsNoFailure) => Outcome::Full,
            Some(Rule::UnknownIsNoSuccess) => Outcome::Applied,
            _ => return event,
        };
        Event::Shard(*place, Box::new(ShardInput::Log(LogAnswer::Outcome(Ok(outcome)))))
    }

    /// The answer of the store.
    pub(crate) fn rule_on_answer(&self, _from: Place, answer: LogAnswer) -> LogAnswer {
        answer
    }
}
