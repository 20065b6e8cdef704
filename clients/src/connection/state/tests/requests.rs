use super::*;

#[test]
fn an_answer_finds_its_request() {
    let mut rig = Rig::connected();
    let (one, other) = (rig.request("a", Retry::Safe), rig.request("b", Retry::Once));
    assert_eq!(rig.written(), [r#"{"id":2,"rpc":{"method":"a","data":{}}}"#, r#"{"id":3,"rpc":{"method":"b","data":{}}}"#]);
    rig.hear("{\"id\":3,\"rpc\":{\"data\":1}}\n{\"id\":2,\"error\":{\"code\":403,\"message\":\"forbidden\"}}");
    let refused = Error::Refused { code: 403, message: "forbidden".into(), temporary: false };
    assert_eq!(rig.answers(), [(other, Ok(r#"{"data":1}"#.to_owned())), (one, Err(refused))]);
}

#[test]
fn what_was_under_way_goes_out_again_in_order_and_what_may_not_is_answered() {
    let mut rig = Rig::connected();
    rig.request("a", Retry::Safe);
    let once = rig.request("publish", Retry::Once);
    let typing = rig.request("typing", Retry::Ephemeral);
    rig.request("b", Retry::Safe);
    rig.effects();
    rig.lose(0, "cut");
    assert_eq!(rig.answers(), [(once, Err(Error::Interrupted)), (typing, Err(Error::NotConnected))]);
    let written = rig.reconnect(r#"{"client":"c2"}"#);
    assert_eq!(written[1..], [r#"{"id":2,"rpc":{"method":"a","data":{}}}"#, r#"{"id":3,"rpc":{"method":"b","data":{}}}"#]);
}

#[test]
fn requests_wait_for_a_connection_but_not_those_that_are_worth_nothing_later() {
    let mut rig = Rig::new(|_| {});
    let key = rig.request("a", Retry::Once);
    let typing = rig.request("typing", Retry::Ephemeral);
    assert_eq!(rig.answers(), [(typing, Err(Error::NotConnected))]);
    rig.accept(r#"{"client":"c1"}"#);
    assert_eq!(rig.written().len(), 2);
    rig.hear(r#"{"id":2,"rpc":{"data":null}}"#);
    assert_eq!(rig.answers().len(), 1, "{key}");
}

#[test]
fn a_silent_attempt_is_repeated_and_the_first_answer_counts() {
    let mut rig = Rig::connected();
    let key = rig.request("a", Retry::Safe);
    rig.effects();
    rig.pass_ms(crate::limits::ACK_WITHIN_MS);
    assert_eq!(rig.written(), [r#"{"id":3,"rpc":{"method":"a","data":{}}}"#]);
    rig.hear(r#"{"id":2,"rpc":{"data":1}}"#);
    assert_eq!(rig.answers(), [(key, Ok(r#"{"data":1}"#.to_owned()))]);
    rig.hear(r#"{"id":3,"rpc":{"data":1}}"#);
    assert_eq!(rig.effects(), []);
}

#[test]
fn a_silent_request_ends_in_time_and_says_whether_it_was_sent() {
    let mut rig = Rig::connected();
    let (safe, once) = (rig.request("a", Retry::Safe), rig.request("b", Retry::Once));
    rig.pass_ms(crate::limits::ACK_WITHIN_MS);
    assert_eq!(rig.answers(), [(once, Err(Error::Timeout { sent: true }))]);
    rig.pass_ms(crate::limits::REQUEST_WITHIN_MS);
    assert!(rig.answers().contains(&(safe, Err(Error::Timeout { sent: true }))));

    let mut rig = Rig::new(|_| {});
    let key = rig.request("a", Retry::Safe);
    rig.pass_ms(crate::limits::REQUEST_WITHIN_MS);
    assert!(rig.answers().contains(&(key, Err(Error::Timeout { sent: false }))));
}

#[test]
fn a_temporary_error_is_repeated_after_a_pause() {
    let mut rig = Rig::connected();
    let (safe, once) = (rig.request("a", Retry::Safe), rig.request("b", Retry::Once));
    rig.effects();
    let busy = |id: u32| format!("{{\"id\":{id},\"error\":{{\"code\":407,\"message\":\"overloaded\",\"temporary\":true}}}}");
    rig.hear(&busy(2));
    rig.hear(&busy(3));
    assert!(matches!(rig.answers().as_slice(), [(key, Err(Error::Refused { code: 407, .. }))] if *key == once));
    rig.tick();
    assert_eq!(rig.written(), [r#"{"id":4,"rpc":{"method":"a","data":{}}}"#]);
    rig.hear(r#"{"id":4,"rpc":{"data":1}}"#);
    assert_eq!(rig.answers().len(), 1, "{safe}");
}

#[test]
fn nothing_stays_unanswered_when_it_ends_for_good() {
    let mut rig = Rig::connected();
    for retry in [Retry::Safe, Retry::Once, Retry::Ephemeral] {
        rig.request("a", retry);
    }
    rig.effects();
    rig.lose(3500, "invalid token");
    let answers = rig.answers();
    assert_eq!(answers.len(), 3);
    assert!(answers.iter().all(|(_, result)| matches!(result, Err(Error::Closed(reason)) if reason.code == 3500)));
}
