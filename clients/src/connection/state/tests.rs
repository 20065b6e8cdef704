//! The machine without a socket: time is a number, the server is what each test says.

mod channels;
mod random;
mod requests;

use super::*;
use crate::event::Event;

/// A machine, its time, and what it wanted since somebody looked.
pub(super) struct Rig {
    pub(super) machine: Connection,
    pub(super) now_ms: u64,
    out: Vec<Effect>,
    next_key: u64,
}

impl Rig {
    pub(super) fn new(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings { seed: 42, ..Settings::new() };
        change(&mut settings);
        let mut rig = Self { machine: Connection::new(settings), now_ms: 1_000, out: Vec::new(), next_key: 0 };
        rig.give(Input::Start);
        rig
    }

    /// Connected, with pings each 25 s.
    pub(super) fn connected() -> Self {
        let mut rig = Self::new(|_| {});
        rig.accept(r#"{"client":"c1","ping":25,"pong":true,"time":1790000000000}"#);
        rig.effects();
        rig
    }

    pub(super) fn give(&mut self, input: Input<'_>) {
        self.machine.apply(self.now_ms, input, &mut self.out);
    }

    pub(super) fn hear(&mut self, frame: &str) {
        self.give(Input::Frame(frame));
    }

    /// The socket opens and `connect` is answered.
    pub(super) fn accept(&mut self, result: &str) {
        self.give(Input::Opened);
        self.hear(&format!("{{\"id\":1,\"connect\":{result}}}"));
    }

    pub(super) fn effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.out)
    }

    pub(super) fn written(&mut self) -> Vec<String> {
        let written = |effect| if let Effect::Write(line) = effect { Some(line) } else { None };
        self.effects().into_iter().filter_map(written).collect()
    }

    pub(super) fn events(&mut self) -> Vec<Event> {
        let emitted = |effect| if let Effect::Emit(event) = effect { Some(event) } else { None };
        self.effects().into_iter().filter_map(emitted).collect()
    }

    pub(super) fn answers(&mut self) -> Vec<(u64, Result<String, Error>)> {
        let answered = |effect| if let Effect::Answer { key, result } = effect { Some((key, result)) } else { None };
        self.effects().into_iter().filter_map(answered).collect()
    }

    pub(super) fn states(&mut self) -> Vec<ConnectionState> {
        let told = |effect| if let Effect::State(state) = effect { Some(state) } else { None };
        self.effects().into_iter().filter_map(told).collect()
    }

    /// Time passes up to the next deadline, and then the machine is told.
    pub(super) fn tick(&mut self) {
        self.now_ms = self.now_ms.max(self.machine.deadline_ms().expect("something to wait for"));
        self.give(Input::Tick);
    }

    pub(super) fn pass_ms(&mut self, ms: u64) {
        let until = self.now_ms + ms;
        while let Some(deadline) = self.machine.deadline_ms().filter(|deadline| *deadline <= until) {
            self.now_ms = self.now_ms.max(deadline);
            self.give(Input::Tick);
        }
        self.now_ms = until;
    }

    pub(super) fn lose(&mut self, code: u32, reason: &str) {
        self.give(Input::Lost { code, reason });
    }

    /// After a loss: the pause passes, the socket opens, `connect` is answered. Returns what was written, `connect` first.
    pub(super) fn reconnect(&mut self, result: &str) -> Vec<String> {
        self.tick();
        self.accept(result);
        self.written()
    }

    pub(super) fn request(&mut self, method: &str, retry: Retry) -> u64 {
        self.next_key += 1;
        let data = serde_json::value::RawValue::from_string("{}".to_owned()).expect("JSON");
        self.give(Input::Request { key: self.next_key, kind: CommandKind::Rpc { method: method.to_owned(), data }, retry });
        self.next_key
    }
}

fn with_token(kind: TokenKind) -> Rig {
    Rig::new(|settings| settings.token = kind)
}

fn closed_with(states: &[ConnectionState]) -> Option<u32> {
    states.iter().find_map(|state| if let ConnectionState::Closed { reason } = state { Some(reason.code) } else { None })
}

fn pause_of(states: &[ConnectionState]) -> Option<u64> {
    states.iter().find_map(|s| if let ConnectionState::Disconnected { retry_in_ms, .. } = s { Some(*retry_in_ms) } else { None })
}

#[test]
fn a_connection_is_made_in_open_steps() {
    let mut rig = Rig::new(|_| {});
    assert_eq!(rig.effects(), [Effect::State(ConnectionState::Connecting { attempt: 0 }), Effect::Open { address: 0 }]);
    rig.give(Input::Opened);
    assert_eq!(
        rig.written(),
        [format!("{{\"id\":1,\"connect\":{{\"name\":\"rialto-rust\",\"version\":\"{}\"}}}}", env!("CARGO_PKG_VERSION"))]
    );
    rig.hear(r#"{"id":1,"connect":{"client":"c1","ping":25,"pong":true,"time":1790000000000}}"#);
    let connected = Effect::State(ConnectionState::Connected { client: "c1".into() });
    assert_eq!(rig.effects(), [Effect::ServerTime { ms: 1_790_000_000_000 }, connected]);
}

#[test]
fn the_token_comes_first_and_is_kept_over_reconnects() {
    let mut rig = with_token(TokenKind::Renewable);
    assert!(rig.effects().contains(&Effect::FetchToken));
    rig.give(Input::Token(Ok("t1".into())));
    rig.give(Input::Opened);
    assert!(rig.written()[0].contains(r#""token":"t1""#));
    rig.hear(r#"{"id":1,"connect":{"client":"c1"}}"#);
    rig.lose(3001, "shutdown");
    rig.tick();
    assert!(!rig.effects().contains(&Effect::FetchToken));
}

#[test]
fn an_expired_token_is_renewed_and_a_fixed_one_ends_it() {
    for (kind, ends) in [(TokenKind::Renewable, None), (TokenKind::Fixed, Some(109))] {
        let mut rig = with_token(kind);
        rig.give(Input::Token(Ok("old".into())));
        rig.give(Input::Opened);
        rig.effects();
        rig.hear(r#"{"id":1,"error":{"code":109,"message":"token expired"}}"#);
        assert_eq!(closed_with(&rig.states()), ends);
        if ends.is_none() {
            rig.tick();
            assert!(rig.effects().contains(&Effect::FetchToken));
            rig.give(Input::Token(Ok("new".into())));
            rig.give(Input::Opened);
            assert!(rig.written()[0].contains(r#""token":"new""#));
        }
    }
}

#[test]
fn a_callback_can_say_not_now_and_never() {
    let mut rig = with_token(TokenKind::Renewable);
    rig.give(Input::Token(Err(TokenError::Temporary("down".into()))));
    assert!(pause_of(&rig.states()).is_some());
    rig.tick();
    assert!(rig.effects().contains(&Effect::FetchToken));
    rig.give(Input::Token(Err(TokenError::Unauthorized("gone".into()))));
    assert_eq!(closed_with(&rig.states()), Some(Reason::NO_TOKEN));
    assert_eq!(rig.machine.deadline_ms(), None);
}

#[test]
fn a_callback_that_never_answers_is_a_failure_for_now() {
    let mut rig = with_token(TokenKind::Renewable);
    rig.effects();
    rig.tick();
    assert!(pause_of(&rig.states()).is_some());
}

#[test]
fn the_token_is_renewed_before_it_ends_and_a_silent_refresh_is_repeated() {
    let mut rig = with_token(TokenKind::Renewable);
    rig.give(Input::Token(Ok("t1".into())));
    rig.accept(r#"{"client":"c1","expires":true,"ttl":300}"#);
    rig.effects();
    rig.pass_ms(269_000);
    assert_eq!(rig.effects(), []);
    rig.pass_ms(2_000);
    assert_eq!(rig.effects(), [Effect::FetchToken]);
    rig.give(Input::Token(Ok("t2".into())));
    assert_eq!(rig.written(), [r#"{"id":2,"refresh":{"token":"t2"}}"#]);
    rig.pass_ms(11_000);
    assert_eq!(rig.effects(), [Effect::FetchToken]);
    rig.give(Input::Token(Ok("t3".into())));
    rig.hear(r#"{"id":3,"refresh":{"client":"c1","expires":true,"ttl":3600}}"#);
    rig.effects();
    rig.pass_ms(3_530_000);
    assert_eq!(rig.effects(), []);
    rig.pass_ms(20_000);
    assert_eq!(rig.effects(), [Effect::FetchToken]);
}

#[test]
fn close_codes_say_whether_to_come_back() {
    for (code, ends) in
        [(1000, false), (1006, false), (1009, true), (3000, false), (3001, false), (3008, false), (3499, false)].into_iter().chain([
            (3500, true),
            (3501, true),
            (3999, true),
            (4000, false),
            (4499, false),
            (4500, true),
            (4999, true),
            (5000, false),
            (0, false),
        ])
    {
        let mut rig = Rig::connected();
        rig.lose(code, "why");
        let states = rig.states();
        assert_eq!(closed_with(&states), ends.then_some(code), "{code}");
        assert_eq!(pause_of(&states).is_some(), !ends, "{code}");
    }
}

#[test]
fn a_refused_connect_ends_it_unless_it_may_pass() {
    for (error, ends) in [(r#""code":101,"message":"unauthorized""#, true), (r#""code":100,"message":"x","temporary":true"#, false)] {
        let mut rig = Rig::new(|_| {});
        rig.give(Input::Opened);
        rig.hear(&format!("{{\"id\":1,\"error\":{{{error}}}}}"));
        assert_eq!(closed_with(&rig.states()).is_some(), ends, "{error}");
    }
}

#[test]
fn addresses_take_turns_when_one_fails_but_not_for_a_wish_to_reconnect() {
    let mut rig = Rig::new(|settings| settings.addresses = 3);
    rig.give(Input::OpenFailed("refused".into()));
    rig.effects();
    rig.tick();
    assert!(rig.effects().contains(&Effect::Open { address: 1 }));
    rig.accept(r#"{"client":"c1"}"#);
    rig.lose(3011, "force reconnect");
    rig.effects();
    rig.tick();
    assert!(rig.effects().contains(&Effect::Open { address: 1 }));
    rig.accept(r#"{"client":"c2"}"#);
    rig.lose(3001, "shutdown");
    rig.effects();
    rig.tick();
    assert!(rig.effects().contains(&Effect::Open { address: 2 }));
}

#[test]
fn silence_at_any_step_moves_on() {
    let mut rig = Rig::new(|_| {});
    rig.tick();
    let effects = rig.effects();
    assert!(effects.contains(&Effect::Drop { reason: "no handshake" }), "{effects:?}");
    rig.tick();
    rig.give(Input::Opened);
    rig.effects();
    rig.tick();
    assert!(rig.effects().contains(&Effect::Drop { reason: "no reply" }));
}

#[test]
fn pauses_grow_until_a_connection_held() {
    let mut rig = Rig::connected();
    let mut longest = 0;
    for _ in 0..8 {
        rig.lose(3000, "connection closed");
        longest = pause_of(&rig.states()).expect("it comes back").max(longest);
        rig.reconnect(r#"{"client":"c"}"#);
    }
    assert!(longest > 2_000, "{longest}");
    rig.pass_ms(crate::limits::STABLE_MS);
    rig.lose(3000, "connection closed");
    assert!(pause_of(&rig.states()).expect("it comes back") <= 1_000);
}

#[test]
fn a_ping_is_answered_where_wanted_and_its_absence_noticed() {
    let mut rig = Rig::connected();
    rig.hear("{}");
    assert_eq!(rig.written(), ["{}"]);
    rig.pass_ms(34_999);
    assert_eq!(rig.effects(), []);
    rig.hear(r#"{"push":{"channel":"c","join":{"info":{"user":"u","client":"c"}}}}"#);
    rig.effects();
    rig.pass_ms(34_999);
    assert_eq!(rig.effects(), [], "any traffic counts");
    rig.pass_ms(1);
    let effects = rig.effects();
    assert!(effects.contains(&Effect::Drop { reason: "no ping" }));
    assert!(matches!(effects.last(), Some(Effect::State(ConnectionState::Disconnected { reason, .. })) if reason.code == Reason::NO_PING));
}

#[test]
fn close_lets_answers_come_and_then_ends() {
    let mut rig = Rig::connected();
    let key = rig.request("conversation.send", Retry::Safe);
    rig.give(Input::Close);
    assert!(!rig.effects().contains(&Effect::End));
    let late = rig.request("conversation.send", Retry::Safe);
    assert!(matches!(rig.answers().as_slice(), [(k, Err(Error::Closed(_)))] if *k == late));
    rig.hear(r#"{"id":2,"rpc":{"data":1}}"#);
    let effects = rig.effects();
    assert!(matches!(&effects[0], Effect::Answer { key: k, result: Ok(_) } if *k == key));
    assert_eq!(effects.last(), Some(&Effect::End));
}

#[test]
fn close_waits_no_longer_than_its_limit() {
    let mut rig = Rig::connected();
    let key = rig.request("conversation.send", Retry::Safe);
    rig.give(Input::Close);
    rig.effects();
    rig.pass_ms(crate::limits::CLOSE_WITHIN_MS);
    let effects = rig.effects();
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Answer { key: k, result: Err(Error::Closed(_)) } if *k == key)));
    assert_eq!(effects.last(), Some(&Effect::End));
}
