use super::*;
use crate::connection::subscription::Wish;

/// Whatever happens in whatever order: no panic, each request is answered once, and a tick at the deadline moves the deadline on (no busy loop).
fn run(seed: u64) {
    let mut random = Random::new(seed);
    let mut rig = Rig::new(|settings| {
        settings.seed = seed;
        settings.addresses = 2;
        settings.token = if seed.is_multiple_of(2) { TokenKind::Renewable } else { TokenKind::None };
    });
    let frames = [
        r#"{"id":1,"connect":{"client":"c","ping":5,"pong":true,"expires":true,"ttl":9,"subs":{"user:x":{"recoverable":true,"offset":1}}}}"#,
        r#"{"id":1,"error":{"code":109,"message":"token expired"}}"#,
        "{}",
        "{",
        r#"{"id":2,"subscribe":{"recoverable":true,"expires":true,"ttl":1,"offset":1,"publications":[{"data":{},"offset":2}]}}"#,
        r#"{"id":3,"rpc":{"data":1}}"#,
        r#"{"id":2,"error":{"code":111,"message":"m","temporary":true}}"#,
        r#"{"id":4,"error":{"code":109,"message":"m"}}"#,
        r#"{"push":{"channel":"a","pub":{"data":{},"offset":5}}}"#,
        r#"{"push":{"channel":"a","unsubscribe":{"code":2500,"reason":"r"}}}"#,
        r#"{"push":{"channel":"a","unsubscribe":{"code":2000,"reason":"r"}}}"#,
        r#"{"push":{"disconnect":{"code":3001,"reason":"r"}}}"#,
    ];
    let (mut asked, mut answered) = (0_usize, 0_usize);
    for _ in 0..300 {
        match random.up_to(11) {
            0 => rig.give(Input::Opened),
            1 => rig.give(Input::OpenFailed("x".into())),
            2 => rig.lose(u32::try_from(random.up_to(1) * 3001).expect("small"), "x"),
            3 => rig.give(Input::Token(if random.up_to(3) == 0 { Err(TokenError::Temporary("x".into())) } else { Ok("t".into()) })),
            4 => rig.give(Input::SubscriptionToken { channel: "a", result: Ok("s".into()) }),
            5 => {
                asked += 1;
                let retry = [Retry::Safe, Retry::Once, Retry::Ephemeral][usize::try_from(random.up_to(2)).expect("small")];
                rig.request("m", retry);
            }
            6 => {
                asked += 1;
                let token = if random.up_to(1) == 0 { TokenKind::None } else { TokenKind::Renewable };
                rig.give(Input::Subscribe {
                    key: 10_000 + asked as u64,
                    channel: "a".into(),
                    wish: Wish { token, since: None, join_leave: false },
                });
            }
            7 => rig.give(Input::Unsubscribe { channel: "a".into() }),
            8 => rig.pass_ms(random.up_to(4_000)),
            _ => rig.hear(frames[usize::try_from(random.up_to(frames.len() as u64 - 1)).expect("small")]),
        }
        if let Some(deadline) = rig.machine.deadline_ms().filter(|deadline| *deadline <= rig.now_ms) {
            rig.give(Input::Tick);
            assert!(rig.machine.deadline_ms().is_none_or(|next| next > rig.now_ms), "stuck at {deadline}");
        }
        answered += rig.answers().len();
    }
    rig.give(Input::Close);
    rig.pass_ms(60_000);
    answered += rig.answers().len();
    assert_eq!(answered, asked);
    assert_eq!(rig.machine.deadline_ms(), None);
}

#[test]
fn any_order_of_events_is_survived() {
    for seed in 0..400 {
        if let Err(panic) = std::panic::catch_unwind(|| run(seed)) {
            eprintln!("seed {seed}");
            std::panic::resume_unwind(panic);
        }
    }
}
