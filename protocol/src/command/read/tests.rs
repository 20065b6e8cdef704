//! The quick way against the one it stands for.

use proptest::prelude::*;

use super::super::{Command, CommandKind, encode, parse_any};
use super::command;
use crate::rpc::Request;

/// Commands of all kinds and of many clients.
const GOLDEN: [&str; 2] = [include_str!("../../../tests/golden/commands.jsonl"), include_str!("../../../tests/golden/foreign.jsonl")];
/// What else people write.
const MORE: [&str; 8] = [
    r#"{"id":7,"rpc":{"method":"conversation.send","data":{"conversation":"0198f2a0-0000-7000-8000-000000000007","client_id":"c-1","text":"a \"quoted\" \u00e9 \ud83d\udc4d","reply_to":4}}}"#,
    r#"{"id":7,"rpc":{"data":{"client_id":"c-1","reply_to":null,"text":"hi","conversation":"0198f2a0-0000-7000-8000-000000000007"},"method":"conversation.send"}}"#,
    r#" { "id" : 8 , "rpc" : { "method" : "conversation.edit" , "data" : { "conversation":"0198f2a000007000800000000000000a","client_id":"e","target":3,"text":"x" } } } "#,
    r#"{"id":9,"rpc":{"method":"conversation.list","data":null}}"#,
    r#"{"id":9,"publish":{"channel":"conversation:0198f2a0-0000-7000-8000-000000000007","data":{"client_id":"p","text":"hi"}}}"#,
    r#"{"id":4294967295,"subscribe":{"channel":"news","recover":true,"epoch":"e","offset":18446744073709551615,"flag":2}}"#,
    r#"{"id":2,"connect":{"token":"t","subs":{"user:1":{"recover":true,"offset":3}},"data":{"a":[1,2.5e3,null]}}}"#,
    r#"{"id":3,"rpc":{"method":"user.me"},"subscribe":null,"x":{"y":[]}}"#,
];

fn lines() -> Vec<&'static str> {
    let golden = GOLDEN.iter().flat_map(|file| file.lines()).filter_map(|line| line.strip_prefix("→ "));
    golden.chain(MORE).collect()
}

/// Where the quick way has an answer, it is that of the other.
fn agrees(line: &str) -> Result<(), TestCaseError> {
    let Some(quick) = command(line) else { return Ok(()) };
    let Ok(slow) = parse_any(line) else { return Err(TestCaseError::fail(format!("refused otherwise: {line}"))) };
    prop_assert_eq!(quick.id, slow.id, "{}", line);
    match (quick, slow) {
        (Command { kind: CommandKind::Request(request), .. }, Command { kind: CommandKind::Rpc { method, data }, .. }) => {
            prop_assert_eq!(Request::parse(&method, data.get()), Ok(*request), "{}", line);
        }
        (quick, slow) => prop_assert_eq!(encode(1, &quick.kind), encode(1, &slow.kind), "{}", line),
    }
    Ok(())
}

#[test]
fn what_clients_mostly_write_is_read_the_quick_way() {
    let quick = |word: &str| word.contains("rpc") || word.contains("publish") || word.contains("\"subscribe") || word.contains("connect");
    let mut num_quick = 0;
    for line in lines().into_iter().filter(|line| quick(line)) {
        assert!(command(line).is_some(), "{line}");
        agrees(line).expect("both agree");
        num_quick += 1;
    }
    assert!(num_quick >= 15, "{num_quick}");
}

#[test]
fn what_is_bad_or_rare_is_left_to_serde() {
    for line in [
        "",
        "{}",
        "null",
        "[1]",
        r#"{"id":1}"#,
        r#"{"rpc":{"method":"user.me"}}"#,
        r#"{"id":0,"rpc":{"method":"user.me"}}"#,
        r#"{"id":null,"rpc":{"method":"user.me"}}"#,
        r#"{"id":1.0,"rpc":{"method":"user.me"}}"#,
        r#"{"id":01,"rpc":{"method":"user.me"}}"#,
        r#"{"id":-1,"rpc":{"method":"user.me"}}"#,
        r#"{"id":4294967296,"rpc":{"method":"user.me"}}"#,
        r#"{"id":1,"id":1,"rpc":{"method":"user.me"}}"#,
        r#"{"id":1,"rpc":{"method":"user.me"},"rpc":null}"#,
        r#"{"id":1,"rpc":null}"#,
        r#"{"id":1,"rpc":{"method":"user.me","method":"user.me"}}"#,
        r#"{"id":1,"rpc":{"method":"user.you"}}"#,
        r#"{"id":1,"rpc":{"method":"conversation.send","data":{"text":"hi"}}}"#,
        r#"{"id":1,"rpc":["user.me",null]}"#,
        r#"{"id":1,"rpc":{"method":"user.me"},"publish":{"channel":"c","data":1}}"#,
        r#"{"id":1,"rpc":{"method":"user.me"},"send":{}}"#,
        r#"{"\u0069d":1,"rpc":{"method":"user.me"}}"#,
        r#"{"id":1,"rpc":{"method":"user.me"}} x"#,
        r#"{"id":1,"publish":{"channel":"c","data":null}}"#,
        r#"{"id":1,"publish":{"channel":"","data":1}}"#,
        r#"{"id":1,"subscribe":{"channel":""}}"#,
        r#"{"id":1,"subscribe":{"channel":"\ud800"}}"#,
        r#"{"id":1,"subscribe":{"channel":"c","offset":-1}}"#,
        r#"{"id":1,"history":{"channel":"c"}}"#,
    ] {
        assert!(command(line).is_none(), "{line}");
    }
}

/// One change to a line.
#[derive(Clone, Debug)]
enum Change {
    Replace(prop::sample::Index, u8),
    Remove(prop::sample::Index, usize),
    Repeat(prop::sample::Index, usize),
    Insert(prop::sample::Index, &'static str),
}

fn change() -> impl Strategy<Value = Change> {
    let scraps = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        "\"",
        ":",
        ",",
        "\\",
        "\n",
        "\u{0}",
        " ",
        "0",
        "-",
        ".5",
        "e3",
        "null",
        "true",
        "\\u0041",
        "\\ud800",
        "\"id\":2,",
        "\"data\":null,",
        "\"channel\":\"x\",",
        "\"text\":\"y\",",
        "\"reply_to\":7,",
        ",\"rpc\":{}",
        "é",
        "\u{feff}",
        "\"new\":{\"a\":[[]]},",
    ]);
    prop_oneof![
        (any::<prop::sample::Index>(), prop_oneof![0x20_u8..0x7f, any::<u8>()]).prop_map(|(at, byte)| Change::Replace(at, byte)),
        (any::<prop::sample::Index>(), 1..12_usize).prop_map(|(at, bytes)| Change::Remove(at, bytes)),
        (any::<prop::sample::Index>(), 1..40_usize).prop_map(|(at, bytes)| Change::Repeat(at, bytes)),
        (any::<prop::sample::Index>(), scraps).prop_map(|(at, scrap)| Change::Insert(at, scrap)),
    ]
}

fn changed(line: &str, changes: &[Change]) -> String {
    let mut bytes = line.as_bytes().to_vec();
    for change in changes {
        let at = |index: &prop::sample::Index| index.index(bytes.len().max(1)).min(bytes.len());
        match change {
            Change::Replace(index, byte) => {
                let at = at(index);
                bytes.splice(at..(at + 1).min(bytes.len()), [*byte]);
            }
            Change::Remove(index, count) => {
                let at = at(index);
                bytes.drain(at..(at + count).min(bytes.len()));
            }
            Change::Repeat(index, count) => {
                let at = at(index);
                let piece = bytes[at..(at + count).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
            Change::Insert(index, scrap) => {
                let at = at(index);
                bytes.splice(at..at, scrap.bytes());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 16_384, ..ProptestConfig::default() })]

    #[test]
    fn changed_commands_are_understood_alike(line in prop::sample::select(lines()), changes in prop::collection::vec(change(), 0..4)) {
        agrees(&changed(line, &changes))?;
    }
}
