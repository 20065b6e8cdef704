//! `rialto` with conversations that panic at a word: the product has no such switch, so this program wraps its entities.

use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;

use rialto_actors::entities::Entities;
use rialto_actors::entity::{Ask, EntityEffect, EntityFactory, EntityInput, EntityMachine, EntityName};
use rialto_actors::kernel::{Effects, Machine, Moment};
use rialto_protocol::rpc::Request;
use rialto_server::app::serve_with;
use rialto_server::cli;

/// A message with this text makes its conversation panic, each time that it is sent.
const POISON: &str = "drink poison";

struct FragileEntities;

impl EntityFactory for FragileEntities {
    fn create(&self, entity: &EntityName) -> Box<EntityMachine> {
        Box::new(Fragile(Entities.create(entity)))
    }
}

struct Fragile(Box<EntityMachine>);

impl Machine for Fragile {
    type Input = EntityInput;
    type Effect = EntityEffect;

    fn apply(&mut self, now: Moment, input: EntityInput, effects: &mut Effects<EntityEffect>) {
        let poisonous = match &input {
            EntityInput::Asked { ask: Ask::Request(request), .. } => {
                matches!(&**request, Request::ConversationSend(send) if send.text == POISON)
            }
            _ => false,
        };
        // After the state has changed and effects were pushed: both must be forgotten.
        self.0.apply(now, input, effects);
        assert!(!poisonous, "somebody drank poison");
    }
}

fn main() -> ExitCode {
    cli::run(|config| serve_with(config, Arc::new(|| Rc::new(FragileEntities) as Rc<dyn EntityFactory>)))
}
