//! The small tables.

use rialto_protocol::UserId;
use uuid::Uuid;

use super::script::user;
use crate::accounts::{Account, AccountChange, AccountRole, BotToken, Family, IdempotentAnswer, Origin};
use crate::{ErrorKind, Store};

fn account(number: u64, name: &str) -> Account {
    Account {
        id: user(number),
        username: name.to_owned(),
        username_key: name.to_lowercase(),
        display_name: format!("Display {name}"),
        password_hash: Some("$argon2id$…".to_owned()),
        role: AccountRole::User,
        origin: Origin::External { issuer: "https://issuer".to_owned(), subject: name.to_owned() },
        created_ms: 17,
    }
}

pub(super) async fn unique_names(store: Store) {
    let accounts = &store.accounts;
    let pending: Vec<_> = (1..=40).map(|number| (number, accounts.create(account(number, "Alice")))).collect();
    let mut won = Vec::new();
    for (number, answer) in pending {
        match answer.await {
            Ok(()) => won.push(number),
            Err(error) => assert_eq!(error.kind, ErrorKind::Conflict, "the others are told why"),
        }
    }
    let winner = *won.first().expect("somebody wins");
    assert_eq!(won.len(), 1, "exactly one of many equal names is taken");
    let stored = accounts.by_name("alice".to_owned()).await.expect("by name").expect("it is there");
    assert_eq!(stored, account(winner, "Alice"), "every field comes back");
    let taken = accounts.create(account(winner, "Bob")).await.expect_err("the id is taken");
    assert_eq!(taken.kind, ErrorKind::Conflict, "the id is taken");
    assert_eq!(accounts.by_name("bob".to_owned()).await.expect("by name"), None, "nothing of a refused account is there");
    accounts.create(account(90, "Bob")).await.expect("another name and id");
    let asked = vec![user(90), user(91), user(winner)];
    assert_eq!(accounts.existing(asked).await.expect("existing"), vec![user(90), user(winner)], "those that exist, in order");
    // At once, because none of them may undo another.
    let changing = [
        AccountChange::DisplayName("New".to_owned()),
        AccountChange::Role(AccountRole::Admin),
        AccountChange::PasswordHash("h".to_owned()),
    ]
    .map(|change| accounts.change(user(90), change));
    for change in changing {
        assert!(change.await.expect("change").is_some(), "it exists");
    }
    let changed =
        Account { display_name: "New".to_owned(), role: AccountRole::Admin, password_hash: Some("h".to_owned()), ..account(90, "Bob") };
    assert_eq!(accounts.by_id(user(90)).await.expect("by id"), Some(changed), "changed");
    let nobody = accounts.change(user(99), AccountChange::Role(AccountRole::Bot)).await.expect("change");
    assert_eq!(nobody, None, "nobody to change");
}

fn family(number: u128, of: UserId, serial: u64) -> Family {
    Family {
        id: Uuid::from_u128(number),
        user: of,
        serial,
        current: [1; 32],
        previous: (serial > 0).then_some([2; 32]),
        rotated_ms: serial,
        expires_ms: 1000,
        device: "Mozilla/5.0 (X11; Linux x86_64)".to_owned(),
    }
}

pub(super) async fn families(store: Store) {
    let families = &store.families;
    for number in 1..=4 {
        families.create(family(number, user(1), 0)).await.expect("create");
    }
    families.create(Family { expires_ms: 10, ..family(5, user(2), 0) }).await.expect("create");
    assert_eq!(families.create(family(1, user(2), 0)).await.expect_err("taken").kind, ErrorKind::Conflict, "the id is taken");
    let pending: Vec<_> = (0..16).map(|_| families.replace(0, family(1, user(1), 1))).collect();
    let mut swapped = 0;
    for answer in pending {
        swapped += u32::from(answer.await.expect("replace"));
    }
    assert_eq!(swapped, 1, "one of many rotations of one token wins");
    assert_eq!(families.get(Uuid::from_u128(1)).await.expect("get"), Some(family(1, user(1), 1)), "the rotated one");
    families.end(Uuid::from_u128(1)).await.expect("end");
    families.end(Uuid::from_u128(1)).await.expect("end again");
    assert!(!families.replace(1, family(1, user(1), 2)).await.expect("replace"), "an end is final");
    let mut standing = families.of_user(user(1)).await.expect("of a user");
    standing.sort_by_key(|family| family.id);
    assert_eq!(standing, [2, 3, 4].map(|number| family(number, user(1), 0)), "every field of those that were not ended");
    assert!(families.of_user(user(9)).await.expect("of a user").is_empty(), "nobody's");
    assert_eq!(families.expire(11).await.expect("expire"), 1, "one was over");
    assert_eq!(families.get(Uuid::from_u128(5)).await.expect("get"), None, "and is gone");
    assert_eq!(families.of_user(user(2)).await.expect("of a user"), Vec::new(), "from its user too");
}

pub(super) async fn tokens(store: Store) {
    let tokens = &store.tokens;
    let bot =
        BotToken { id: Uuid::from_u128(1), bot: user(1), hash: [5; 32], scopes: vec!["conversation.*".to_owned()], expires_ms: Some(9) };
    assert_eq!(tokens.bot(bot.id).await.expect("bot"), None, "none yet");
    tokens.put_bot(bot.clone()).await.expect("put");
    assert_eq!(tokens.bot(bot.id).await.expect("bot"), Some(bot), "every field");
    for (id, until) in [(1, 100), (2, 200), (3, 300), (2, 50)] {
        tokens.revoke(Uuid::from_u128(id), until).await.expect("revoke");
    }
    let mut standing = tokens.revocations(150).await.expect("revocations");
    standing.sort();
    assert_eq!(standing, vec![(Uuid::from_u128(2), 200), (Uuid::from_u128(3), 300)], "a revocation is never shortened");
    assert_eq!(tokens.revocations(0).await.expect("revocations").len(), 2, "what was over is forgotten");
    let answer = |text: &str| IdempotentAnswer { request: [1; 32], answer: text.to_owned(), expires_ms: 1000 };
    let remember = |scope: &str, key: &str, text: &str| tokens.remember(scope.to_owned(), key.to_owned(), answer(text));
    let racing = [remember("user/1", "k", "a"), remember("user/1", "k", "b"), remember("user/1", "k", "c")];
    let mut answers = Vec::new();
    for one in racing {
        answers.push(one.await.expect("remember"));
    }
    let stands = answers[0].clone();
    assert!(["a", "b", "c"].contains(&stands.answer.as_str()) && answers.iter().all(|one| *one == stands), "one answer stands for all");
    assert_eq!(remember("user/1k", "", "other").await.expect("remember"), answer("other"), "scope and key are apart");
    assert_eq!(tokens.recall("user/1".to_owned(), "k".to_owned()).await.expect("recall"), Some(stands), "recalled");
    assert_eq!(tokens.recall("user/1".to_owned(), "x".to_owned()).await.expect("recall"), None, "never sent");
    tokens.revocations(1001).await.expect("revocations");
    assert_eq!(tokens.recall("user/1".to_owned(), "k".to_owned()).await.expect("recall"), None, "over");
}

pub(super) async fn mutes(store: Store) {
    let mutes = &store.mutes;
    assert_eq!(mutes.standing(0).await.expect("standing"), Vec::new(), "nobody yet");
    for (number, until_ms) in [(1, 5_000), (2, 9_000), (3, 2_000), (1, 6_000)] {
        mutes.set(user(number), until_ms, 1_000).await.expect("set");
    }
    let standing = async |now_ms: u64| {
        let mut standing = mutes.standing(now_ms).await.expect("standing");
        standing.sort();
        standing
    };
    assert_eq!(standing(1_500).await, vec![(user(1), 6_000), (user(2), 9_000), (user(3), 2_000)], "the last word stands");
    assert_eq!(standing(2_000).await, vec![(user(1), 6_000), (user(2), 9_000)], "one is over");
    mutes.set(user(2), 3_000, 2_000).await.expect("shortened");
    mutes.set(user(1), 0, 2_000).await.expect("taken back");
    assert_eq!(standing(2_500).await, vec![(user(2), 3_000)], "shortened and taken back");
    mutes.set(user(1), u64::MAX, 2_500).await.expect("for ever");
    assert_eq!(standing(3_000).await.len(), 1, "only the one without an end");
}

pub(super) async fn hostile_names(store: Store) {
    let names = [
        "",
        " ",
        "\0",
        "a\0b",
        "'; DROP TABLE accounts; --",
        "../../etc/passwd",
        "👩‍👩‍👧‍👦",
        "\u{202e}evil",
        "\u{ffff}",
        "{}",
        "a",
        "a\u{300}",
        &"n".repeat(4096),
    ];
    for (number, name) in (1..).zip(names) {
        let made = Account { username_key: name.to_owned(), ..account(number, name) };
        store.accounts.create(made.clone()).await.expect("any text is a name here; the caller decides which are good");
        assert_eq!(store.accounts.by_name(name.to_owned()).await.expect("by name"), Some(made), "found by itself: {name:?}");
    }
    for absent in ["b", "\0\0", "aa", "'; DROP TABLE accounts"] {
        assert_eq!(store.accounts.by_name(absent.to_owned()).await.expect("by name"), None, "a prefix is another name: {absent:?}");
    }
    let huge = account(99, &"n".repeat(1024 * 1024));
    assert_eq!(store.accounts.create(huge).await.expect_err("too large").kind, ErrorKind::Limit, "a record is limited");
}
