//! A whole store: something of everything in it, and all that can be read of it. For what copies and checks stores.

use bytes::Bytes;
use rialto_protocol::rpc::ConversationKind;
use uuid::Uuid;

use super::script::{Script, user};
use crate::Store;
use crate::accounts::{Account, AccountRole, BotToken, Family, IdempotentAnswer, Origin};
use crate::entity_rows::{RowRange, Snapshot};
use crate::records::{RecordKey, RecordTable};
use crate::views::{MessageRange, ReadMark, Whose};

const ALL: RowRange = RowRange { from: 1, to: u64::MAX, limit: 1024, reverse: false };

/// Puts something of everything into an empty store.
///
/// # Panics
/// When the store does not take it.
pub async fn fill(store: &Store) -> Vec<Script> {
    let mut scripts = Vec::new();
    for number in 1..=3 {
        let mut script = Script::claim(store, number).await;
        let kind = if number == 1 { ConversationKind::Public } else { ConversationKind::Group };
        script.create(kind, &[user(1), user(2), user(3)]).await;
        let first = script.message(user(1), "hello").await;
        script.message(user(2), &"large ".repeat(5000)).await;
        script.edit(user(1), first, "hello!").await;
        script.react(user(2), first, "👍", true).await;
        script.leave(user(3)).await;
        script.retitle(user(1), "new title").await;
        let state = Bytes::from(vec![9; 300_000]);
        store.rows.put_snapshot(script.conversation.into(), Snapshot { seq: 3, state }).await.expect("the store works");
        let mark = ReadMark { offset: 3, ordinal: 2, own: 1 };
        store.views.advance(user(2), script.conversation, mark).await.expect("the store works");
        store.blobs.put(script.conversation.into(), Uuid::from_u128(5), Bytes::from(vec![1; 600_000])).await.expect("the store works");
        scripts.push(script);
    }
    let account = Account {
        id: user(1),
        username: "Alice".to_owned(),
        username_key: "alice".to_owned(),
        display_name: "Alice".to_owned(),
        password_hash: None,
        role: AccountRole::Admin,
        origin: Origin::Own,
        created_ms: 4,
    };
    store.accounts.create(account).await.expect("the store works");
    let id = Uuid::from_u128(8);
    let family = Family {
        id,
        user: user(1),
        serial: 4,
        current: [1; 32],
        previous: None,
        rotated_ms: 1,
        expires_ms: 9,
        device: "a phone".to_owned(),
    };
    store.families.create(family).await.expect("the store works");
    store
        .tokens
        .put_bot(BotToken { id, bot: user(1), hash: [2; 32], scopes: Vec::new(), expires_ms: None })
        .await
        .expect("the store works");
    store.tokens.revoke(id, 1000).await.expect("the store works");
    let answer = IdempotentAnswer { request: [3; 32], answer: "made".to_owned(), expires_ms: 5000 };
    store.tokens.remember("s".to_owned(), "k".to_owned(), answer).await.expect("the store works");
    let bot = RecordKey { table: RecordTable::Bot, part: Uuid::nil(), id };
    for (seen, data) in [(0, "first"), (1, "second")] {
        assert!(store.records.put(bot, seen, Bytes::from(data)).await.expect("the store works"));
    }
    store.mutes.set(user(2), MUTED_UNTIL_MS, 1).await.expect("the store works");
    scripts
}

/// Later than any run of this.
const MUTED_UNTIL_MS: u64 = 4_000_000_000_000;

/// Everything of it that can be read, as text: two stores with the same contents give the same.
///
/// # Panics
/// When it cannot be read.
pub async fn everything(store: &Store, scripts: &[Script]) -> String {
    let mut out = String::new();
    let newest = MessageRange { limit: 100, ..MessageRange::default() };
    for script in scripts {
        let entity = script.conversation.into();
        let rows = store.rows.read(entity, ALL).await.expect("the store works");
        for row in &rows {
            let found = store.rows.find(entity, row.sender.clone(), None).await.expect("the store works");
            out.push_str(&format!("{row:?} {found:?}\n"));
        }
        out.push_str(&format!("{:?}\n", store.rows.activate(entity).await.expect("the store works")));
        out.push_str(&format!("{:?}\n", store.blobs.get(entity, Uuid::from_u128(5)).await.expect("the store works")));
        out.push_str(&format!("{:?}\n", store.views.messages(script.conversation, newest).await.expect("the store works")));
    }
    for number in 1..=3 {
        out.push_str(&format!("{:?}\n", store.views.list(Whose::User(user(number)), None, 10).await.expect("the store works")));
    }
    let id = Uuid::from_u128(8);
    out.push_str(&format!("{:?}\n", store.accounts.by_name("alice".to_owned()).await.expect("the store works")));
    out.push_str(&format!(
        "{:?} {:?}\n",
        store.families.get(id).await.expect("the store works"),
        store.tokens.bot(id).await.expect("the store works")
    ));
    out.push_str(&format!("{:?}\n", store.families.of_user(user(9)).await.expect("the store works")));
    out.push_str(&format!("{:?}\n", store.tokens.recall("s".to_owned(), "k".to_owned()).await.expect("the store works")));
    out.push_str(&format!("{:?}\n", store.tokens.revocations(0).await.expect("the store works")));
    out.push_str(&format!("{:?}\n", store.records.list(RecordTable::Bot, Uuid::nil(), None, 9).await.expect("the store works")));
    out.push_str(&format!("{:?}\n", store.mutes.standing(1).await.expect("the store works")));
    let whose = Whose::Public { title: None };
    out.push_str(&format!("{:?}\n", store.views.list(whose, None, 9).await.expect("the store works")));
    out
}
