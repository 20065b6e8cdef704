//! One message in a conversation that is in memory: checked, deduplicated, made a row.

use std::sync::Arc;

use rialto_actors::conversation::Conversation;
use rialto_actors::entity::{Answer, Ask, Caller, EntityEffect, EntityInput};
use rialto_actors::kernel::{Effects, Machine, Moment};
use rialto_actors::reply_to::ReplyTo;
use rialto_protocol::rpc::{ConversationKind, CreateConversation, JoinOrLeave, Request, SendMessage};
use rialto_protocol::{ClientId, ConversationId, UserId};
use rialto_storage::accounts::AccountRole;
use uuid::Uuid;

pub(crate) const ROOM: ConversationId = ConversationId(Uuid::from_u128(7));
/// Members, each of whom speaks in turn.
pub(crate) const MEMBERS: usize = 64;
/// Virtual time: all happens at once.
pub(crate) const NOW: Moment = Moment { wall_ms: 1_790_000_000_000, mono_ms: 5_000, entropy: 11 };

pub(crate) fn caller(number: usize) -> Caller {
    let user = UserId(Uuid::from_u128(1 + (number % MEMBERS) as u128));
    Caller { user, client: None, role: AccountRole::User, info: None }
}

/// A dated id, as the SDKs make it.
fn client_id(number: usize) -> ClientId {
    let mut tail = [0x5A; 10];
    tail[2..].copy_from_slice(&(number as u64).to_be_bytes());
    let id = uuid::Builder::from_unix_timestamp_millis(NOW.wall_ms, &tail).into_uuid();
    ClientId::new(&id.to_string()).expect("a UUID is visible ASCII")
}

/// The requests that make the room.
pub(crate) fn founding() -> Vec<Request> {
    let (kind, title) = (ConversationKind::Public, Some("lobby".to_owned()));
    let create = Request::ConversationCreate(CreateConversation { kind, title, members: Vec::new(), client_id: Some(client_id(0)) });
    let join = |number| Request::ConversationJoin(JoinOrLeave { conversation: ROOM, client_id: client_id(number) });
    std::iter::once(create).chain((1..MEMBERS).map(join)).collect()
}

/// Message number `number`.
pub(crate) fn message(number: usize) -> Request {
    let client_id = client_id(MEMBERS + number);
    Request::ConversationSend(SendMessage { conversation: ROOM, client_id, text: "m".repeat(128), reply_to: None })
}

pub(crate) fn send() -> Box<dyn FnMut()> {
    let (mut room, mut effects) = (Conversation::new(ROOM), Effects::default());
    let generation: Arc<str> = "6spfmtz".into();
    room.apply(NOW, EntityInput::Activated { generation, activation: Default::default(), applied: 0, mark: None }, &mut effects);
    for (number, request) in founding().into_iter().enumerate() {
        ask(&mut room, number, request, &mut effects);
    }
    let mut seq = MEMBERS as u64;
    room.apply(NOW, EntityInput::Applied { seq }, &mut effects);
    let rounds = crate::WARM_UP_ROUNDS + crate::COUNTED_ROUNDS;
    let mut requests: Vec<Request> = (0..rounds).rev().map(message).collect();
    Box::new(move || {
        let request = requests.pop().expect("one request for each round");
        ask(&mut room, requests.len(), request, &mut effects);
        seq += 1;
        room.apply(NOW, EntityInput::Applied { seq }, &mut effects);
        effects.clear();
    })
}

fn ask(room: &mut Conversation, number: usize, request: Request, effects: &mut Effects<EntityEffect>) {
    effects.clear();
    let input = EntityInput::Asked { caller: caller(number), ask: Ask::Request(Box::new(request)), reply: ReplyTo::Test(0) };
    room.apply(NOW, input, effects);
    let stands = |effect: &EntityEffect| match effect {
        EntityEffect::Reply { answer: Ok(Answer::Appended(appended)), .. } => !appended.duplicate,
        EntityEffect::Reply { answer: Ok(Answer::Conversation { created, .. }), .. } => *created,
        _ => false,
    };
    assert!(effects.as_slice().iter().any(stands), "a new row: {:?}", effects.as_slice());
}
