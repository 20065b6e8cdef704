//! Lists, members, pages, markers.

use rialto_protocol::ConversationId;
use rialto_protocol::rpc::{ConversationKind, Role};
use uuid::Uuid;

use super::script::{Script, user};
use crate::Store;
use crate::views::{MessageRange, MessageRows, ReadMark, Summary, Whose};

/// The conversation as it stands in a user's list, if it does.
pub(super) async fn listed(script: &Script, of: u64) -> Option<Summary> {
    let (entries, _) = script.store.views.list(Whose::User(user(of)), None, 100).await.expect("a list can be read");
    entries.into_iter().map(|(_, summary)| summary).find(|summary| summary.conversation == script.conversation)
}

async fn summary(script: &Script, of: u64) -> Summary {
    let listed = listed(script, of).await.expect("the user is a member");
    let alone = script.store.views.summary(script.conversation, user(of)).await.expect("a conversation can be read");
    assert_eq!(alone.as_ref(), Some(&listed), "alone as in the list");
    listed
}

pub(super) async fn lists(store: Store) {
    let (empty, more) = store.views.list(Whose::User(user(1)), None, 10).await.expect("list");
    assert!(empty.is_empty() && !more, "somebody without conversations");
    let mut scripts = Vec::new();
    for number in 1..=7_u16 {
        let mut script = Script::claim(&store, number).await;
        script.time_ms = 1_000_000 + u64::from(number) * 100;
        script.create(ConversationKind::Group, &[user(1), user(2)]).await;
        scripts.push(script);
    }
    let first = scripts.first_mut().expect("there are seven");
    first.time_ms = 2_000_000;
    first.message(user(2), "makes it the newest").await;
    let silent = scripts.get_mut(2).expect("there are seven");
    silent.time_ms = 3_000_000;
    silent.retitle(user(1), "no message, no activity").await;
    // Two of equal activity: the id decides.
    for index in [4, 5] {
        let script = scripts.get_mut(index).expect("there are seven");
        script.time_ms = 1_900_000;
        script.message(user(1), "at once").await;
    }
    let expected: Vec<ConversationId> =
        [0, 5, 4, 6, 3, 2, 1].iter().filter_map(|index| scripts.get(*index)).map(|script| script.conversation).collect();
    for page in [1, 2, 3, 7, 50] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let (entries, more) = store.views.list(Whose::User(user(1)), after, page).await.expect("list");
            assert!(entries.len() <= page, "a page is limited");
            after = entries.last().map(|(position, _)| *position);
            seen.extend(entries.into_iter().map(|(_, summary)| summary.conversation));
            if !more {
                break;
            }
        }
        assert_eq!(seen, expected, "pages of {page}");
    }
    let (public, _) = store.views.list(Whose::Public { title: None }, None, 50).await.expect("list");
    assert!(public.is_empty(), "groups are nobody else's business");
    let left = scripts.get_mut(3).expect("there are seven");
    left.leave(user(1)).await;
    let (entries, _) = store.views.list(Whose::User(user(1)), None, 50).await.expect("list");
    assert_eq!(entries.len(), 6, "who left does not list it");
    let (others, _) = store.views.list(Whose::User(user(2)), None, 50).await.expect("list");
    assert_eq!(others.len(), 7, "who stayed does");
}

pub(super) async fn public(store: Store) {
    for (number, title) in (1..=5_u16).zip(["Tea", "Bridges", "tea and toast", "", "Coffee"]) {
        let mut script = Script::claim(&store, number).await;
        script.time_ms = 1_000_000 + u64::from(number) * 100;
        script.create(ConversationKind::Public, &[user(u64::from(number)), user(9)]).await;
        script.retitle(user(9), title).await;
    }
    Script::claim(&store, 6).await.create(ConversationKind::Group, &[user(1)]).await;
    let titles = async |title: Option<&str>, page: usize| {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let whose = Whose::Public { title: title.map(str::to_owned) };
            let (entries, more) = store.views.list(whose, after, page).await.expect("list");
            after = entries.last().map(|(position, _)| *position);
            assert!(entries.iter().all(|(_, summary)| summary.role.is_none() && summary.member_count == 2), "nobody's view");
            seen.extend(entries.into_iter().map(|(_, summary)| summary.title.unwrap_or_default()));
            if !more {
                return seen;
            }
        }
    };
    for page in [1, 2, 50] {
        assert_eq!(titles(None, page).await, ["Coffee", "", "tea and toast", "Bridges", "Tea"], "pages of {page}");
        assert_eq!(titles(Some("TEA"), page).await, ["tea and toast", "Tea"], "pages of {page}");
    }
    assert!(titles(Some("nothing like it"), 10).await.is_empty());
}

pub(super) async fn members(store: Store) {
    let mut script = Script::claim(&store, 1).await;
    let first: Vec<_> = (1..=5).map(user).collect();
    script.create(ConversationKind::Group, &first).await;
    script.set_role(user(1), user(3), Role::Admin).await;
    script.leave(user(2)).await;
    script.join(user(9), None).await;
    script.join(user(7), Some(Role::Admin)).await;
    script.leave(user(7)).await;
    script.join(user(2), None).await;
    script.leave(user(4)).await;
    for (number, role) in [(1, Role::Owner), (2, Role::Member), (3, Role::Admin), (5, Role::Member), (9, Role::Member)] {
        assert_eq!(summary(&script, number).await.role, Some(role), "the role of user {number}");
    }
    let of = summary(&script, 1).await;
    assert_eq!((of.member_count, of.role), (5, Some(Role::Owner)), "the creator owns a group");
    assert_eq!(of.members, [1, 2, 3, 5, 9].map(user), "the first members");
    assert_eq!(listed(&script, 4).await, None, "gone");
    assert_eq!(listed(&script, 1000).await, None, "never there");
    script.leave(user(9)).await;
    script.leave(user(9)).await;
    assert_eq!(summary(&script, 1).await.member_count, 4, "who leaves twice is gone once");
    let mut direct = Script::claim(&store, 2).await;
    direct.create(ConversationKind::Direct, &[user(1), user(2)]).await;
    let of = summary(&direct, 1).await;
    assert_eq!((of.kind, of.role, of.title), (ConversationKind::Direct, Some(Role::Member), None), "nobody owns a direct conversation");
}

async fn page(script: &Script, before: Option<u64>, after: Option<u64>, limit: usize) -> Vec<MessageRows> {
    let range = MessageRange { before, after, limit };
    script.store.views.messages(script.conversation, range).await.expect("messages can be read")
}

async fn seqs(script: &Script, before: Option<u64>, after: Option<u64>, limit: usize) -> Vec<u64> {
    page(script, before, after, limit).await.into_iter().map(|message| message.row.seq).collect()
}

pub(super) async fn messages(store: Store) {
    let mut script = Script::claim(&store, 1).await;
    assert!(page(&script, None, None, 5).await.is_empty(), "nothing yet");
    script.create(ConversationKind::Group, &[user(1), user(2)]).await;
    assert!(page(&script, None, None, 5).await.is_empty(), "no message yet");
    assert!(summary(&script, 1).await.last.is_none(), "no last message yet");
    let hello = script.message(user(1), "helo").await;
    script.edit(user(1), hello, "hello").await;
    for _ in 0..3 {
        script.react(user(2), hello, "👍", true).await;
        script.react(user(2), hello, "👍", false).await;
    }
    let stands = script.react(user(2), hello, "🎉", true).await;
    let edited = script.edit(user(1), hello, "hello!").await;
    let second = script.message(user(2), "second").await;
    let third = script.message(user(1), "third").await;
    let first = page(&script, None, None, 50).await;
    let overlay = |message: &MessageRows| message.overlay.iter().map(|row| row.seq).collect::<Vec<_>>();
    assert_eq!(first.iter().map(overlay).collect::<Vec<_>>(), vec![vec![stands, edited], vec![], vec![]], "what stands, ascending");
    assert_eq!(seqs(&script, None, None, 2).await, vec![second, third], "the newest page");
    assert_eq!(seqs(&script, Some(third), None, 1).await, vec![second], "before, exclusive");
    assert_eq!(seqs(&script, Some(second), None, 9).await, vec![hello], "over rows that are no messages");
    assert_eq!(seqs(&script, Some(hello), None, 9).await, Vec::<u64>::new(), "before the first");
    assert_eq!(seqs(&script, None, Some(0), 2).await, vec![hello, second], "after, ascending from there");
    assert_eq!(seqs(&script, None, Some(hello), 1).await, vec![second], "after, exclusive");
    assert_eq!(seqs(&script, None, Some(stands), 9).await, vec![second, third], "after a row that is no message");
    assert_eq!(seqs(&script, None, Some(third), 9).await, Vec::<u64>::new(), "after the last");
    assert_eq!(seqs(&script, Some(0), None, 9).await, Vec::<u64>::new(), "before everything");
    assert_eq!(seqs(&script, Some(u64::MAX), None, 1).await, vec![third], "before the end of time");
    assert_eq!(seqs(&script, None, Some(u64::MAX), 1).await, Vec::<u64>::new(), "after the end of time");
    assert_eq!(seqs(&script, None, None, 0).await, Vec::<u64>::new(), "none wanted");
    let changed = script.edit(user(1), third, "3rd").await;
    let gone = script.delete(user(1), third).await;
    let last = summary(&script, 2).await.last.expect("there is one");
    assert_eq!(last.row.seq, third, "a deleted message is still the last");
    assert_eq!(last.overlay.iter().map(|row| row.seq).collect::<Vec<_>>(), vec![changed, gone], "with what changed it");
    assert_eq!(seqs(&script, None, None, 9).await, vec![hello, second, third], "deleted messages keep their place");
}

pub(super) async fn unread(store: Store) {
    let mut script = Script::claim(&store, 1).await;
    script.create(ConversationKind::Public, &[user(1)]).await;
    script.message(user(1), "one").await;
    let two = script.message(user(1), "two").await;
    script.join(user(2), None).await;
    script.message(user(2), "mine").await;
    script.message(user(1), "three").await;
    script.retitle(user(1), "second title").await;
    let of = summary(&script, 2).await;
    assert_eq!((of.offset, of.ordinal, of.own), (7, 4, 1), "rows, messages, mine");
    assert_eq!(of.title.as_deref(), Some("second title"), "the newest title");
    assert_eq!(of.mark, ReadMark::default(), "nothing read");
    let mark = ReadMark { offset: two, ordinal: 2, own: 0 };
    assert_eq!(store.views.advance(user(2), script.conversation, mark).await.expect("advance"), mark, "moved");
    let of = summary(&script, 2).await;
    assert_eq!((of.ordinal - of.own) - (of.mark.ordinal - of.mark.own), 1, "one of others is unread");
    assert_eq!(summary(&script, 1).await.mark, ReadMark::default(), "markers are one's own");
    script.leave(user(2)).await;
    script.join(user(2), None).await;
    script.message(user(2), "again").await;
    let of = summary(&script, 2).await;
    assert_eq!((of.own, of.mark), (2, mark), "leaving and coming back do not unsay");
    assert_eq!(of.created_ms, 1_000_001, "the time of the first row");
}

pub(super) async fn marks(store: Store) {
    let conversation = ConversationId(Uuid::from_u128(77));
    let at = |offset| ReadMark { offset, ordinal: offset / 2, own: offset / 4 };
    assert_eq!(store.views.mark(user(1), conversation).await.expect("mark"), ReadMark::default(), "none yet");
    let pending: Vec<_> =
        [3, 9, 4, 8, 1, 7].into_iter().map(|offset| (offset, store.views.advance(user(1), conversation, at(offset)))).collect();
    for (offset, answer) in pending {
        let stands = answer.await.expect("advance");
        assert!(stands == at(stands.offset) && stands.offset >= offset, "at least as far as asked, and whole");
    }
    assert_eq!(store.views.mark(user(1), conversation).await.expect("mark"), at(9), "the highest stands");
    assert_eq!(
        store.views.advance(user(1), conversation, at(5)).await.expect("advance"),
        at(9),
        "a lower one is answered with what stands"
    );
    assert_eq!(store.views.mark(user(2), conversation).await.expect("mark"), ReadMark::default(), "another user's");
}
