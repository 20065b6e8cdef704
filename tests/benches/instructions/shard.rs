//! What a shard does for 64 senders at once: their messages, one append for all of them, and what may leave when it is durable.

use std::rc::Rc;

use rialto_actors::entities::Entities;
use rialto_actors::entity::{Ask, EntityName, Found, SubscribeAsk};
use rialto_actors::gateway::SessionId;
use rialto_actors::kernel::{Effects, Machine};
use rialto_actors::reply_to::{CommandAddress, Listener, ReplyTo, SessionReply, Then};
use rialto_actors::router::entity_of;
use rialto_actors::shard::log::{LogAnswer, LogCall};
use rialto_actors::shard::{Shard, ShardConfig, ShardEffect, ShardInput};
use rialto_protocol::Channel;
use rialto_storage::shard_log::{BucketHead, LogShape, Outcome};

use crate::conversation::{MEMBERS, NOW, ROOM, caller, founding, message};

/// A shard over a store that says yes at once, or when it is told to.
struct Owner {
    shard: Shard,
    effects: Effects<ShardEffect>,
    room: EntityName,
    head: BucketHead,
    is_flying: bool,
    is_gathering: bool,
    replies: usize,
    publications: usize,
}

pub(crate) fn sends_of_64() -> Box<dyn FnMut()> {
    let mut owner = Owner::start();
    for (number, request) in founding().into_iter().enumerate() {
        owner.ask(number, Ask::Request(Box::new(request)), Then::Answer);
        owner.land();
    }
    owner.listen();
    let rounds = crate::WARM_UP_ROUNDS + crate::COUNTED_ROUNDS;
    let mut asks: Vec<Ask> = (0..rounds * MEMBERS).rev().map(|number| Ask::Request(Box::new(message(number)))).collect();
    Box::new(move || {
        (owner.replies, owner.publications) = (0, 0);
        for number in 0..MEMBERS {
            owner.ask(number, asks.pop().expect("one for each sender and round"), Then::Answer);
        }
        owner.land();
        assert_eq!((owner.replies, owner.publications), (MEMBERS, MEMBERS));
    })
}

impl Owner {
    fn start() -> Self {
        let shape = LogShape { bucket_rows: u64::MAX, consumed_on_append: true };
        let shard = Shard::new(ShardConfig::default(), shape, "6spfmtz".into(), Rc::new(Entities));
        let room = entity_of(&Channel::Conversation(ROOM));
        let head = BucketHead { fence: None, sealed: false, cursor: 0 };
        let mut owner =
            Self { shard, effects: Effects::default(), room, head, is_flying: false, is_gathering: false, replies: 0, publications: 0 };
        owner.give(ShardInput::Start);
        owner
    }

    fn ask(&mut self, sender: usize, ask: Ask, then: Then) {
        let session = SessionId { index: sender as u32, generation: 0 };
        let address = CommandAddress { thread: 0, session, command: 1 };
        let reply = ReplyTo::Session(SessionReply { address, then });
        self.give(ShardInput::Ask { entity: self.room.clone(), caller: caller(sender), ask, reply });
    }

    /// Somebody listens, so that publications are made.
    fn listen(&mut self) {
        let user = caller(0).user;
        let listener = Listener { client: user.0, thread: 0, user, join_leave: false, infos: None };
        let then = Then::listen(self.room.clone(), listener);
        self.ask(0, Ask::Subscribe(SubscribeAsk::default()), then);
    }

    /// Everything has come, and its append is durable.
    fn land(&mut self) {
        while std::mem::take(&mut self.is_gathering) {
            self.give(ShardInput::Gathered);
        }
        assert!(std::mem::take(&mut self.is_flying), "an append is under way");
        self.give(ShardInput::Log(LogAnswer::Outcome(Ok(Outcome::Applied))));
    }

    fn give(&mut self, input: ShardInput) {
        self.shard.apply(NOW, input, &mut self.effects);
        let mut answers = Vec::new();
        for effect in self.effects.drain() {
            match effect {
                ShardEffect::Log(LogCall::Append(append)) => {
                    self.head.cursor = append.cursor;
                    self.is_flying = true;
                }
                ShardEffect::Log(LogCall::Head { .. }) => answers.push(ShardInput::Log(LogAnswer::Head(Ok(self.head.clone())))),
                ShardEffect::Log(LogCall::Claim { new, .. }) => {
                    self.head.fence = Some(new);
                    answers.push(ShardInput::Log(LogAnswer::Outcome(Ok(Outcome::Applied))));
                }
                ShardEffect::Gather => self.is_gathering = true,
                ShardEffect::Load { entity, activation } => {
                    answers.push(ShardInput::Loaded { entity, activation, result: Ok(Default::default()) });
                }
                // The filter of known ids took a new one for an old one.
                ShardEffect::Read { entity, activation, token, .. } => {
                    answers.push(ShardInput::Answered { entity, activation, token, answer: Ok(Found::Position(None)) });
                }
                ShardEffect::Reply { answer, .. } => {
                    assert!(answer.is_ok(), "{answer:?}");
                    self.replies += 1;
                }
                ShardEffect::Publish { .. } => self.publications += 1,
                _ => {}
            }
        }
        for answer in answers {
            self.give(answer);
        }
    }
}
