//! The checker must accept a good history and name what is wrong with each kind of bad one.

use super::{Ack, Record, Row, Sent, Stream, Violation, check};

/// Two lanes, `a` and `b`, that each sent 0, 1, 2, taking turns, after a row that is no message.
fn good() -> Record {
    let mut record = Record { rows: vec![Row { offset: 1, client_id: None }], ..Record::default() };
    for number in 0..3 {
        for lane in ["a", "b"] {
            let offset = record.rows.len() as u64 + 1;
            let client_id = format!("{lane}{number}");
            record.sent.push(Sent { lane: lane.to_owned(), number, client_id: client_id.clone() });
            record.acks.push(Ack { client_id: client_id.clone(), offset, epoch: "e".to_owned(), duplicate: false });
            record.rows.push(Row { offset, client_id: Some(client_id) });
        }
    }
    record.streams.push(Stream { subscriber: "s".to_owned(), from: 2, rows: record.rows[2..].to_vec() });
    record
}

fn id(text: &str) -> String {
    text.to_owned()
}

#[test]
fn accepts_a_good_history() {
    assert_eq!(check(&good()), []);
}

#[test]
fn accepts_a_retry_that_got_the_first_answer() {
    let mut record = good();
    let first = record.acks[1].clone();
    record.acks.push(Ack { duplicate: true, ..first });
    assert_eq!(check(&record), []);
}

#[test]
fn accepts_a_stored_message_whose_acknowledgement_was_lost() {
    let mut record = good();
    record.acks.remove(3);
    assert_eq!(check(&record), []);
}

#[test]
fn sees_a_lost_message() {
    let mut record = good();
    record.streams.clear();
    record.rows.pop();
    assert_eq!(check(&record), [Violation::Lost { client_id: id("b2"), offset: 7 }]);
}

#[test]
fn sees_a_hole_in_the_log() {
    let mut record = good();
    record.streams.clear();
    record.rows.remove(3);
    let expected = [Violation::NotDense { expected: 4, found: 5 }, Violation::Lost { client_id: id("a1"), offset: 4 }];
    assert_eq!(check(&record), expected);
}

#[test]
fn sees_a_doubled_message() {
    let mut record = good();
    record.rows.push(Row { offset: 8, client_id: Some(id("a2")) });
    assert_eq!(check(&record), [Violation::Doubled { client_id: id("a2"), offsets: vec![6, 8] }]);
}

#[test]
fn sees_a_retry_that_got_another_answer() {
    let mut record = good();
    let first = record.acks[5].clone();
    record.acks.push(Ack { offset: 8, duplicate: true, ..first });
    record.rows.push(Row { offset: 8, client_id: Some(id("b2")) });
    let expected = [
        Violation::Doubled { client_id: id("b2"), offsets: vec![7, 8] },
        Violation::AnsweredTwice { client_id: id("b2"), offsets: vec![7, 8] },
    ];
    assert_eq!(check(&record), expected);
}

#[test]
fn sees_two_first_answers() {
    let mut record = good();
    record.acks.push(record.acks[0].clone());
    assert_eq!(check(&record), [Violation::FirstTwice { client_id: id("a0") }]);
}

#[test]
fn sees_a_moved_message() {
    let mut record = good();
    record.acks[2].offset = 9;
    assert_eq!(check(&record), [Violation::Moved { client_id: id("a1"), acked: 9, found: 4 }]);
}

#[test]
fn sees_a_reordered_lane() {
    let mut record = good();
    record.streams.clear();
    // a0 and a1 change places, and the acknowledgements agree with it: only the lane's order is wrong.
    record.rows[1].client_id = Some(id("a1"));
    record.rows[3].client_id = Some(id("a0"));
    record.acks[0].offset = 4;
    record.acks[2].offset = 2;
    assert_eq!(check(&record), [Violation::Reordered { lane: id("a"), number: 0 }]);
}

#[test]
fn sees_an_invented_message() {
    let mut record = good();
    record.rows.push(Row { offset: 8, client_id: Some(id("nobody's")) });
    assert_eq!(check(&record), [Violation::Invented { client_id: id("nobody's") }]);
}

#[test]
fn sees_another_epoch() {
    let mut record = good();
    record.acks[4].epoch = id("f");
    assert_eq!(check(&record), [Violation::NewEpoch { epochs: vec![id("e"), id("f")] }]);
}

#[test]
fn sees_a_gap_a_repetition_and_a_foreign_row_in_a_stream() {
    let mut gap = good();
    gap.streams[0].rows.remove(1);
    assert_eq!(check(&gap), [Violation::Gap { subscriber: id("s"), expected: 4, found: 5 }]);

    let mut repeated = good();
    let second = repeated.streams[0].rows[1].clone();
    repeated.streams[0].rows.insert(2, second);
    assert_eq!(check(&repeated), [Violation::Gap { subscriber: id("s"), expected: 5, found: 4 }]);

    let mut foreign = good();
    foreign.streams[0].rows[0].client_id = Some(id("a9"));
    assert_eq!(check(&foreign), [Violation::Mismatch { subscriber: id("s"), offset: 3 }]);
}

#[test]
fn sees_a_late_start_of_a_stream() {
    let mut record = good();
    record.streams[0].from = 1;
    assert_eq!(check(&record), [Violation::Gap { subscriber: id("s"), expected: 2, found: 3 }]);
}
