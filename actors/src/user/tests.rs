use rialto_protocol::rpc::{ConversationKind, ListConversations, Message, Role};
use rialto_protocol::{ClientId, ErrorCode};
use rialto_storage::accounts::AccountRole;
use rialto_storage::entity_rows::Activation;
use rialto_storage::views::{ListPosition, ReadMark, Summary};
use rialto_storage::{ErrorKind, StorageError};
use uuid::Uuid;

use super::*;
use crate::entity::{StreamMark, StreamPosition, SubscribeAsk};

const ME: UserId = UserId(Uuid::from_u128(1));
const OTHER: UserId = UserId(Uuid::from_u128(2));
const ROOM: ConversationId = ConversationId(Uuid::from_u128(0xC0));

struct World {
    user: User,
    now: Moment,
    events: Vec<String>,
    reads: Vec<(u64, Query)>,
    wake_at_ms: Option<u64>,
    /// It has nothing to do, and this is all that is to be kept.
    rest: Option<StreamMark>,
}

impl World {
    fn new() -> Self {
        let now = Moment { wall_ms: 5, mono_ms: 1_000, entropy: 9 };
        let mut world = Self { user: User::new(ME), now, events: Vec::new(), reads: Vec::new(), wake_at_ms: None, rest: None };
        world.input(EntityInput::Activated { generation: "g1".into(), activation: Activation::default(), applied: 0, mark: None });
        world
    }

    fn input(&mut self, input: EntityInput) -> Option<Result<Answer, Refusal>> {
        let mut effects = Effects::default();
        self.rest = None;
        self.user.apply(self.now, input, &mut effects);
        let mut answered = None;
        for effect in effects.drain() {
            match effect {
                EntityEffect::Reply { answer, .. } => answered = Some(answer),
                EntityEffect::Publish { data, offset, .. } => {
                    assert_eq!(offset, self.events.len() as u64 + 1);
                    self.events.push(String::from_utf8(data.to_vec()).unwrap());
                }
                EntityEffect::Read { token, query } => self.reads.push((token, query)),
                EntityEffect::WakeAt { mono_ms } => self.wake_at_ms = Some(mono_ms),
                EntityEffect::Rest(mark) => self.rest = Some(mark),
                other => panic!("a user does not want {other:?}"),
            }
        }
        answered
    }

    fn ask(&mut self, user: UserId, ask: Ask) -> Option<Result<Answer, Refusal>> {
        let caller = Caller { user, client: None, role: AccountRole::User, info: None };
        self.input(EntityInput::Asked { caller, ask, reply: ReplyTo::Test(1) })
    }

    fn subscribe(&mut self, user: UserId, recover: Option<(u64, &str)>) -> Result<rialto_protocol::reply::SubscribeResult, Refusal> {
        let recover = recover.map(|(offset, epoch)| StreamPosition { offset, epoch: epoch.to_owned() });
        match self.ask(user, Ask::Subscribe(SubscribeAsk { recover, ..SubscribeAsk::default() })).expect("answered")? {
            Answer::Subscribed(result) => Ok(*result),
            other => panic!("{other:?}"),
        }
    }

    fn changed(&mut self, ordinal: u64, own: u64) {
        let last = Message {
            offset: ordinal + 1,
            sender: OTHER,
            client_id: ClientId::new("m").unwrap(),
            text: format!("text {ordinal}"),
            time: 7,
            edited: false,
            deleted: false,
            reply_to: None,
            reactions: std::collections::BTreeMap::new(),
        };
        self.input(EntityInput::Told(Tell::Changed { conversation: ROOM, last: Some(Box::new(last)), ordinal, own }));
    }

    fn answer(&mut self, found: Result<Found, StorageError>) -> Option<Result<Answer, Refusal>> {
        let (token, _) = self.reads.remove(0);
        self.input(EntityInput::Answered { token, answer: found })
    }

    fn wake(&mut self, mono_ms: u64) {
        self.now.mono_ms = mono_ms;
        self.input(EntityInput::Woken);
    }
}

fn list(cursor: Option<&str>) -> Ask {
    Ask::Request(Box::new(Request::ConversationList(ListConversations { limit: Some(1), cursor: cursor.map(str::to_owned) })))
}

#[test]
fn an_inbox_is_its_owners_alone() {
    let mut world = World::new();
    assert_eq!(world.subscribe(OTHER, None).unwrap_err().code, ErrorCode::PermissionDenied);
    assert_eq!(world.ask(OTHER, list(None)), Some(Err(ErrorCode::Forbidden.into())));
    assert_eq!(world.ask(OTHER, Ask::Presence), Some(Err(ErrorCode::PermissionDenied.into())));
    assert_eq!(world.ask(ME, Ask::Presence), Some(Ok(Answer::Allowed)));
    let mine = world.subscribe(ME, None).unwrap();
    assert!(mine.recoverable && mine.positioned && !mine.epoch.is_empty() && world.rest.is_some());
}

#[test]
fn news_wait_for_the_read_marker_and_come_at_most_once_a_second() {
    let mut world = World::new();
    world.changed(9, 2);
    assert!(world.events.is_empty() && matches!(world.reads[..], [(_, Query::Mark { .. })]));
    world.answer(Ok(Found::Mark(ReadMark { offset: 5, ordinal: 4, own: 1 })));
    assert_eq!(world.events.len(), 1);
    assert!(world.events[0].contains("\"conversation_changed\"") && world.events[0].contains("\"unread\":4"));
    for ordinal in 10..20 {
        world.changed(ordinal, 2);
    }
    assert!(world.events.len() == 1 && world.wake_at_ms == Some(2_000) && world.reads.is_empty());
    world.wake(2_000);
    assert!(world.events.len() == 2 && world.events[1].contains("text 19") && world.events[1].contains("\"unread\":14"));
    world.input(EntityInput::Told(Tell::Read { conversation: ROOM, mark: ReadMark { offset: 20, ordinal: 19, own: 2 } }));
    world.changed(20, 2);
    world.wake(3_000);
    assert!(world.events[2].contains("\"unread\":1"));
    world.wake(4_000);
    assert!(world.events[3].contains("\"type\":\"read\"") && world.events[3].contains("\"offset\":20"));
    world.wake(5_000);
    assert_eq!(world.events.len(), 4);
}

#[test]
fn a_failed_marker_drops_the_news_and_the_next_ones_heal() {
    let mut world = World::new();
    world.changed(1, 0);
    world.answer(Err(StorageError::new(ErrorKind::Unavailable, "mark", "cut")));
    assert!(world.events.is_empty() && world.rest.is_some());
    world.changed(2, 0);
    world.answer(Ok(Found::Mark(ReadMark::default())));
    assert!(world.events[0].contains("\"unread\":2"));
}

#[test]
fn coming_and_going_is_told_and_recovered_until_it_expires() {
    let mut world = World::new();
    let epoch = world.subscribe(ME, None).unwrap().epoch;
    world.input(EntityInput::Told(Tell::Added { conversation: ROOM }));
    world.wake(3_000);
    world.input(EntityInput::Told(Tell::Removed { conversation: ROOM }));
    assert!(world.events[0].contains("conversation_added") && world.events[1].contains("conversation_removed"));
    let recovered = world.subscribe(ME, Some((0, &epoch))).unwrap();
    assert!(recovered.recovered && recovered.publications.len() == 2);
    assert!(!world.subscribe(ME, Some((0, "other"))).unwrap().recovered);
    world.wake(4_000 + INBOX_TTL_MS);
    assert!(world.rest.is_some() && !world.subscribe(ME, Some((0, &epoch))).unwrap().recovered);
}

#[test]
fn a_user_who_was_not_in_memory_goes_on_where_the_inbox_stood() {
    let mut world = World::new();
    let epoch = world.subscribe(ME, None).unwrap().epoch;
    world.input(EntityInput::Told(Tell::Added { conversation: ROOM }));
    world.wake(4_000 + INBOX_TTL_MS);
    let mark = world.rest.expect("an inbox without events rests");
    world.user = User::new(ME);
    world.input(EntityInput::Activated { generation: "g1".into(), activation: Activation::default(), applied: 0, mark: Some(mark) });
    assert!(world.subscribe(ME, Some((1, &epoch))).unwrap().recovered, "whoever has everything has missed nothing");
    assert!(!world.subscribe(ME, Some((0, &epoch))).unwrap().recovered);
    // The event's offset is checked: it follows the one before.
    world.input(EntityInput::Told(Tell::Removed { conversation: ROOM }));
    assert_eq!(world.events.len(), 2);
}

#[test]
fn a_flood_of_conversations_is_bounded() {
    let mut world = World::new();
    for number in 0..5_000_u128 {
        let conversation = ConversationId(Uuid::from_u128(number));
        world.input(EntityInput::Told(Tell::Changed { conversation, last: None, ordinal: 1, own: 0 }));
    }
    assert!(world.reads.len() <= READS_MAX);
    while !world.reads.is_empty() {
        world.answer(Ok(Found::Mark(ReadMark::default())));
    }
    assert!(world.events.len() <= READS_MAX);
}

#[test]
fn the_list_is_a_page_of_the_store() {
    let mut world = World::new();
    assert_eq!(world.ask(ME, list(Some("nonsense"))).unwrap().unwrap_err().code, ErrorCode::InvalidArgument);
    assert_eq!(world.ask(ME, list(None)), None);
    let summary = Summary {
        conversation: ROOM,
        kind: ConversationKind::Group,
        title: Some(String::new()),
        created_ms: 36,
        offset: 12,
        ordinal: 9,
        role: Some(Role::Member),
        own: 3,
        mark: ReadMark { offset: 4, ordinal: 3, own: 1 },
        member_count: 2,
        members: vec![ME, OTHER],
        last: None,
    };
    let position = ListPosition { active_ms: 0xab, conversation: ROOM };
    let Some(Ok(Answer::Conversations(page))) = world.answer(Ok(Found::List(vec![(position, summary)], true))) else { panic!() };
    let item = &page.items[0];
    assert!(item.unread == 4 && item.read == 4 && item.title.is_none() && item.epoch == "g110" && item.offset == 12);
    assert_eq!(world.ask(ME, list(page.next.as_deref())), None);
    assert!(matches!(world.reads[0].1, Query::List { after: Some(after), .. } if after == position));
    let failed = world.answer(Err(StorageError::new(ErrorKind::Overloaded, "list", "full")));
    assert_eq!(failed.unwrap().unwrap_err().code, ErrorCode::Overloaded);
}

/// There is one for each user who is here: a size class of the allocator's.
#[test]
fn a_user_is_small() {
    assert!(size_of::<User>() <= 160, "{} bytes", size_of::<User>());
}
