//! Stories of accounts over tables in memory, with a clock that is moved by hand.

mod memory;

use core::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use rialto_protocol::{ClientId, ErrorCode};
use rialto_storage::backend::memory::MemoryShared;

use super::*;
use memory::Memory;

const START_MS: u64 = 1_790_000_000_000;
const HERE: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(10, 0, 0, 1));
const ELSEWHERE: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(10, 0, 0, 2));
const PASSWORD: &str = "correct-horse-7-battery";

struct Scene {
    accounts: Accounts,
    elapsed_ms: Arc<AtomicU64>,
    memory: Arc<Memory>,
}

impl Scene {
    async fn with(settings: Settings) -> Self {
        let memory = Arc::new(Memory::default());
        let elapsed_ms = Arc::new(AtomicU64::new(0));
        let keys = KeyRing::new(&KeyMaterial::generate(START_MS)).unwrap();
        let verifier = Verifier::new(keys, Vec::new(), false);
        let accounts = Self::open(&memory, &elapsed_ms, verifier, settings, None).await;
        Self { accounts, elapsed_ms, memory }
    }

    async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    async fn open(
        memory: &Arc<Memory>,
        elapsed_ms: &Arc<AtomicU64>,
        verifier: Verifier,
        settings: Settings,
        limits: Option<Arc<dyn RateLimits>>,
    ) -> Accounts {
        let tables = Tables {
            accounts: memory.clone(),
            families: memory.clone(),
            tokens: memory.clone(),
            records: memory.records(),
            limits,
            mutes: nobody_is_muted(),
        };
        let (elapsed_ms, drawn) = (elapsed_ms.clone(), AtomicU64::new(1));
        let now: TimeSource = Arc::new(move || {
            let elapsed_ms = elapsed_ms.load(Ordering::Relaxed);
            let entropy = u128::from(drawn.fetch_add(1, Ordering::Relaxed)) << 16;
            Moment { wall_ms: START_MS + elapsed_ms, mono_ms: elapsed_ms, entropy }
        });
        Accounts::open(tables, verifier, settings, now).await.unwrap()
    }

    /// The same store, opened by a process that has just started.
    async fn restarted(&self) -> Accounts {
        let verifier = Verifier::new(self.accounts.verifier().keys().clone(), Vec::new(), false);
        Self::open(&self.memory, &self.elapsed_ms, verifier, Settings::default(), None).await
    }

    /// Another node on the same store, which shares limits with whoever has these.
    async fn node(&self, settings: Settings, limits: &MemoryShared) -> Accounts {
        let verifier = Verifier::new(self.accounts.verifier().keys().clone(), Vec::new(), false);
        Self::open(&self.memory, &self.elapsed_ms, verifier, settings, Some(Arc::new(limits.clone()))).await
    }

    fn pass(&self, ms: u64) {
        self.elapsed_ms.fetch_add(ms, Ordering::Relaxed);
    }

    async fn registers(&self, name: &str) -> Session {
        self.accounts.register(wanted(name, PASSWORD), HERE).await.unwrap().0
    }

    fn judged(&self, session: &AccessToken) -> Result<Verified, TokenProblem> {
        self.accounts.verifier().verify(&session.token, self.accounts.now().wall_ms)
    }
}

fn wanted(name: &str, password: &str) -> Registration {
    Registration { username: name.into(), password: password.into(), display_name: None, idempotency_key: None }
}

fn code<T>(result: Result<T, Refusal>) -> ErrorCode {
    result.err().expect("it is refused").code
}

#[tokio::test]
async fn somebody_registers_and_logs_in_from_another_device() {
    let scene = Scene::new().await;
    let first = scene.registers("Alice").await;
    assert_eq!((first.profile.username.as_str(), first.profile.display_name.as_str()), ("Alice", "Alice"));
    let verified = scene.judged(&first.access).unwrap();
    assert_eq!(verified.user, first.profile.id);
    let second = scene.accounts.login("aLICE", PASSWORD.into(), ELSEWHERE).await.unwrap();
    assert_eq!(second.profile, first.profile);
    assert_ne!(second.refresh.token, first.refresh.token);
    assert_eq!(scene.accounts.profile(first.profile.id).await.unwrap(), first.profile);
    assert_eq!(scene.accounts.find("ALICE").await.unwrap(), first.profile);
    assert_eq!(code(scene.accounts.find("bob").await), ErrorCode::NotFound);
}

#[tokio::test]
async fn names_are_unique_in_any_case_and_passwords_must_be_good() {
    let scene = Scene::new().await;
    scene.registers("alice").await;
    assert_eq!(code(scene.accounts.register(wanted("ALICE", PASSWORD), HERE).await), ErrorCode::Conflict);
    assert_eq!(code(scene.accounts.register(wanted("bob", "bob-is-my-name"), HERE).await), ErrorCode::InvalidArgument);
    assert_eq!(code(scene.accounts.register(wanted("b", PASSWORD), HERE).await), ErrorCode::InvalidArgument);
}

#[tokio::test]
async fn the_same_registration_twice_is_one_account() {
    let scene = Scene::new().await;
    let keyed = |password: &str| Registration { idempotency_key: Some(ClientId::new("k1").unwrap()), ..wanted("alice", password) };
    let (first, created) = scene.accounts.register(keyed(PASSWORD), HERE).await.unwrap();
    let (again, created_again) = scene.accounts.register(keyed(PASSWORD), HERE).await.unwrap();
    assert_eq!((created, created_again), (true, false));
    assert_eq!(first.profile, again.profile);
    assert_eq!(code(scene.accounts.register(keyed("another-password-9"), HERE).await), ErrorCode::Conflict);
}

#[tokio::test]
async fn guessing_is_slowed_and_the_owner_gets_in() {
    let scene = Scene::new().await;
    scene.registers("alice").await;
    for attempt in 1..=11 {
        let expected = if attempt <= 10 { ErrorCode::InvalidCredentials } else { ErrorCode::RateLimited };
        assert_eq!(code(scene.accounts.login("alice", format!("wrong {attempt}"), ELSEWHERE).await), expected, "{attempt}");
    }
    let refused = scene.accounts.login("alice", PASSWORD.into(), ELSEWHERE).await.unwrap_err();
    assert_eq!((refused.code, refused.retry_after_ms), (ErrorCode::RateLimited, Some(60_000)));
    assert!(scene.accounts.login("alice", PASSWORD.into(), HERE).await.is_ok(), "from where alice registered");
    scene.pass(60_000);
    assert!(scene.accounts.login("alice", PASSWORD.into(), ELSEWHERE).await.is_ok());
}

#[tokio::test]
async fn an_unknown_user_looks_like_a_wrong_password() {
    let scene = Scene::new().await;
    scene.registers("alice").await;
    let unknown = scene.accounts.login("nobody", "some password".into(), ELSEWHERE).await.unwrap_err();
    let wrong = scene.accounts.login("alice", "some password".into(), ELSEWHERE).await.unwrap_err();
    assert_eq!(unknown, wrong);
}

#[tokio::test]
async fn registrations_are_limited_per_address() {
    let scene = Scene::with(Settings { registrations_per_minute_max: 1, guests: true, ..Settings::default() }).await;
    scene.registers("alice").await;
    assert_eq!(code(scene.accounts.guest("Guest", HERE).await), ErrorCode::RateLimited);
    let guest = scene.accounts.guest("Guest", ELSEWHERE).await.unwrap();
    assert_eq!(guest.profile.display_name, "Guest");
    assert!(scene.judged(&guest.access).is_ok());
    assert_eq!(code(Scene::new().await.accounts.guest("Guest", HERE).await), ErrorCode::NotConfigured);
}

#[tokio::test]
async fn a_refresh_token_is_good_once() {
    let scene = Scene::new().await;
    let session = scene.registers("alice").await;
    scene.pass(5_000);
    let second = scene.accounts.refresh(&session.refresh.token, HERE).await.unwrap();
    assert_ne!(second.refresh.token, session.refresh.token);
    assert!(scene.judged(&second.access).is_ok());
    scene.pass(5_000);
    let third = scene.accounts.refresh(&second.refresh.token, HERE).await.unwrap();
    assert!(scene.judged(&third.access).is_ok());
}

#[tokio::test]
async fn two_tabs_at_once_get_the_same_successor() {
    let scene = Scene::new().await;
    let session = scene.registers("alice").await;
    scene.pass(5_000);
    let (one, other) =
        tokio::join!(scene.accounts.refresh(&session.refresh.token, HERE), scene.accounts.refresh(&session.refresh.token, HERE));
    assert_eq!(one.clone().unwrap(), other.unwrap());
    scene.pass(1_000);
    let late = scene.accounts.refresh(&session.refresh.token, HERE).await.unwrap();
    assert_eq!(one.unwrap(), late, "for a whole second");
}

#[tokio::test]
async fn reuse_ends_the_family_and_its_access_tokens() {
    let scene = Scene::new().await;
    let session = scene.registers("alice").await;
    let bystander = scene.accounts.login("alice", PASSWORD.into(), HERE).await.unwrap();
    let second = scene.accounts.refresh(&session.refresh.token, HERE).await.unwrap();
    let mut news = scene.accounts.verifier().revocations().subscribe();
    scene.pass(1_001);
    assert_eq!(code(scene.accounts.refresh(&session.refresh.token, HERE).await), ErrorCode::InvalidCredentials);
    assert_eq!(code(scene.accounts.refresh(&second.refresh.token, HERE).await), ErrorCode::InvalidCredentials);
    for access in [&session.access, &second.access] {
        assert_eq!(scene.judged(access), Err(TokenProblem::Revoked));
    }
    let family = scene.judged(&bystander.access).expect("another login goes on").session;
    assert!(!news.try_recv().unwrap().sessions.contains(&family.unwrap()));
    let verdict = scene.restarted().await.verifier().verify(&second.access.token, START_MS + 2_000);
    assert_eq!(verdict, Err(TokenProblem::Revoked), "after a restart too");
}

#[tokio::test]
async fn a_forged_refresh_token_ends_nothing() {
    let scene = Scene::new().await;
    let session = scene.registers("alice").await;
    let second = scene.accounts.refresh(&session.refresh.token, HERE).await.unwrap();
    scene.pass(5_000);
    let forged = session.refresh.token.replace(".1.", ".2.");
    for token in [forged.as_str(), "", "rlt_refresh_", "x", &"x".repeat(9000)] {
        assert_eq!(code(scene.accounts.refresh(token, HERE).await), ErrorCode::InvalidCredentials);
    }
    assert!(scene.accounts.refresh(&second.refresh.token, HERE).await.is_ok());
}

#[tokio::test]
async fn a_session_left_alone_for_a_week_expires() {
    let scene = Scene::new().await;
    let session = scene.registers("alice").await;
    scene.pass(7 * 24 * 3_600_000);
    assert_eq!(code(scene.accounts.refresh(&session.refresh.token, HERE).await), ErrorCode::TokenExpired);
    assert_eq!(code(scene.accounts.refresh(&session.refresh.token, HERE).await), ErrorCode::InvalidCredentials);
}

#[tokio::test]
async fn logout_ends_the_session() {
    let scene = Scene::new().await;
    let session = scene.registers("alice").await;
    let other = scene.accounts.login("alice", PASSWORD.into(), HERE).await.unwrap();
    scene.accounts.logout(Some(&session.refresh.token), None, HERE).await.unwrap();
    scene.accounts.logout(Some(&session.refresh.token), None, HERE).await.unwrap();
    assert_eq!(scene.judged(&session.access), Err(TokenProblem::Revoked));
    assert_eq!(code(scene.accounts.refresh(&session.refresh.token, HERE).await), ErrorCode::InvalidCredentials);
    assert!(scene.judged(&other.access).is_ok());
}

#[tokio::test]
async fn a_new_password_ends_all_other_sessions() {
    let scene = Scene::new().await;
    let here = scene.registers("alice").await;
    let there = scene.accounts.login("alice", PASSWORD.into(), HERE).await.unwrap();
    let kept = scene.judged(&here.access).unwrap().session;
    let user = here.profile.id;
    let change = |old: &str, new: &str| scene.accounts.change_password(user, kept, old.into(), new.into(), HERE);
    assert_eq!(code(change("wrong", "another-password-9").await), ErrorCode::InvalidCredentials);
    assert_eq!(code(change(PASSWORD, "short").await), ErrorCode::InvalidArgument);
    change(PASSWORD, "another-password-9").await.unwrap();
    assert!(scene.judged(&here.access).is_ok());
    assert!(scene.accounts.refresh(&here.refresh.token, HERE).await.is_ok());
    assert_eq!(scene.judged(&there.access), Err(TokenProblem::Revoked));
    assert_eq!(code(scene.accounts.login("alice", PASSWORD.into(), HERE).await), ErrorCode::InvalidCredentials);
    assert!(scene.accounts.login("alice", "another-password-9".into(), HERE).await.is_ok());
}

#[tokio::test]
async fn a_bot_token_is_judged_by_the_store() {
    let scene = Scene::new().await;
    let bot = scene.accounts.create_bot("echo", vec!["conversation.*".into()], Some(60)).await.unwrap();
    let verified = scene.accounts.authenticate(&bot.token).await.unwrap();
    assert_eq!((verified.user, verified.role), (bot.profile.id, AccountRole::Bot));
    assert!(verified.allows("conversation.send") && !verified.allows("user.me"));
    let mut other = bot.token.clone();
    other.pop();
    for token in [other.as_str(), "rlt_bot_", "rlt_bot_é", &bot.token.replace("rlt_bot_", "rlt_bot_0")] {
        assert_eq!(code(scene.accounts.authenticate(token).await), ErrorCode::InvalidCredentials, "{token}");
    }
    let second = scene.accounts.create_bot("ECHO", vec!["*".into()], None).await.unwrap();
    assert_eq!(second.profile, bot.profile, "another token of the same bot");
    scene.pass(60_000);
    assert_eq!(code(scene.accounts.authenticate(&bot.token).await), ErrorCode::TokenExpired);
    scene.accounts.revoke_bot(scene.accounts.authenticate(&second.token).await.unwrap().session.unwrap()).await.unwrap();
    assert_eq!(code(scene.accounts.authenticate(&second.token).await), ErrorCode::InvalidCredentials);
    assert_eq!(code(scene.accounts.create_bot("other", vec!["conv*".into()], None).await), ErrorCode::InvalidArgument);
}

#[tokio::test]
async fn operators_add_users_and_change_roles() {
    let scene = Scene::new().await;
    let profile = scene.accounts.add_user("root", PASSWORD.into(), AccountRole::Admin).await.unwrap();
    let session = scene.accounts.login("root", PASSWORD.into(), HERE).await.unwrap();
    assert_eq!(scene.judged(&session.access).unwrap().role, AccountRole::Admin);
    assert_eq!(scene.accounts.set_role("ROOT", AccountRole::User).await.unwrap(), profile);
    assert_eq!(scene.judged(&session.access), Err(TokenProblem::Revoked), "its token still says admin");
    scene.accounts.reset_password("root", "another-password-9".into()).await.unwrap();
    assert!(scene.accounts.login("root", "another-password-9".into(), HERE).await.is_ok());
    assert_eq!(code(scene.accounts.set_role("nobody", AccountRole::User).await), ErrorCode::NotFound);
}

#[tokio::test]
async fn sweeping_forgets_what_is_over() {
    let scene = Scene::new().await;
    let session = scene.registers("alice").await;
    scene.accounts.logout(Some(&session.refresh.token), None, HERE).await.unwrap();
    scene.registers("bob").await;
    scene.pass(8 * 24 * 3_600_000);
    scene.accounts.sweep().await.unwrap();
    assert!(scene.memory.is_empty_of_sessions());
}

#[tokio::test]
async fn guesses_and_registrations_are_counted_over_all_nodes_and_by_each_node_while_these_are_apart() {
    let (scene, shared) = (Scene::new().await, MemoryShared::default());
    let settings = Settings { registrations_per_minute_max: 3, ..Settings::default() };
    let nodes = [scene.node(settings.clone(), &shared).await, scene.node(settings, &shared).await];
    nodes[0].register(wanted("alice", PASSWORD), HERE).await.unwrap();
    let mut answered = 0;
    for turn in 0..14 {
        let guess = nodes[turn % 2].login("alice", "not the password".into(), ELSEWHERE).await;
        match code(guess) {
            ErrorCode::InvalidCredentials => answered += 1,
            other => assert_eq!(other, ErrorCode::RateLimited),
        }
    }
    assert_eq!(answered, limits::LOGIN_FAILURES_PER_ACCOUNT, "as many as on one node");
    assert_eq!(code(nodes[1].login("alice", PASSWORD.into(), ELSEWHERE).await), ErrorCode::RateLimited, "strangers wait");
    nodes[1].login("alice", PASSWORD.into(), HERE).await.expect("who was known on the other node does not");
    nodes[0].register(wanted("bob", PASSWORD), HERE).await.unwrap();
    nodes[1].register(wanted("carol", PASSWORD), HERE).await.unwrap();
    assert_eq!(code(nodes[1].register(wanted("dave", PASSWORD), HERE).await), ErrorCode::RateLimited, "the fourth within the minute");
    shared.set_away(true);
    nodes[1].register(wanted("dave", PASSWORD), HERE).await.expect("each node counts for itself");
    assert_eq!(code(nodes[1].register(wanted("erin", PASSWORD), HERE).await), ErrorCode::RateLimited, "it has counted all along");
}

/// Mutes have a test of their own.
fn nobody_is_muted() -> Arc<dyn rialto_storage::accounts::Mutes> {
    rialto_storage::backend::memory::MemoryStore::default().store().mutes
}
