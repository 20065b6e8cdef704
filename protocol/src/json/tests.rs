use proptest::prelude::*;
use serde_json::value::RawValue;

use super::{Scanner, plain_run, put_text};
use crate::limits::JSON_DEPTH_MAX;

fn value(text: &str) -> Option<&str> {
    let mut scanner = Scanner::new(text);
    let value = scanner.value()?;
    scanner.end()?;
    Some(value)
}

#[test]
fn usual_json_is_passed_over_as_it_stands() {
    for text in [
        "0",
        "-0",
        "-17.25e-3",
        "1E+9",
        "99999999999999999999999999",
        "true",
        "false",
        "null",
        "\"\"",
        r#""a\u00e9\ud800\n\/ é 👍 long enough for several blocks of sixteen bytes""#,
        "[]",
        "[1,[2,{}],\"x\"]",
        r#"{"a":{"b":[true,null]},"a":1}"#,
    ] {
        assert_eq!(value(&format!(" \t{text}\r\n")), Some(text));
    }
}

#[test]
fn what_is_no_json_is_not_passed_over() {
    for text in [
        "",
        "+1",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "1e+",
        "tru",
        "nulL",
        "\"",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u00g0\"",
        "\"\\u12\"",
        "\"\n\"",
        "[",
        "[1",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{",
        "{1:2}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\":1",
        "{\"a\":1]",
        "[1}",
        "1 2",
        "'a'",
        "[1]]",
    ] {
        assert_eq!(value(text), None, "{text}");
        assert!(serde_json::from_str::<&RawValue>(text).is_err(), "{text}");
    }
}

#[test]
fn nesting_ends_at_the_limit() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(value(&nested(JSON_DEPTH_MAX)).is_some());
    assert!(value(&nested(JSON_DEPTH_MAX + 1)).is_none());
    assert!(value(&"{\"a\":".repeat(20_000)).is_none());
    assert!(value(&format!("[{}]", vec![nested(JSON_DEPTH_MAX - 1); 100].join(","))).is_some(), "what is closed does not count");
}

#[test]
fn whole_numbers_end_where_u64_does() {
    let number = |text| Scanner::new(text).number();
    assert_eq!(number("18446744073709551615"), Some(u64::MAX));
    assert_eq!((number("0"), number("0,")), (Some(0), Some(0)));
    for text in ["18446744073709551616", "00", "07", "-1", "", "x", "99999999999999999999999"] {
        assert_eq!(number(text), None, "{text}");
    }
}

/// Scraps that JSON is made of, and some that it is not.
fn scraps() -> impl Strategy<Value = String> {
    let scrap = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        "\"",
        ":",
        ",",
        "\\",
        "\\u",
        "00e9",
        "d800",
        "0",
        "-1",
        "1.5",
        "e9",
        "E+",
        "null",
        "true",
        "false",
        "\"a\"",
        "\"a\":",
        "\"b\":[1]",
        " ",
        "\n",
        "\u{1}",
        "\u{7f}",
        "é",
        "👍",
        "sixteen bytes ...",
    ]);
    prop::collection::vec(scrap, 0..24).prop_map(|scraps| scraps.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 4096, ..ProptestConfig::default() })]

    #[test]
    fn what_is_passed_over_is_what_serde_takes_for_a_value(text in prop_oneof![any::<String>(), scraps(), scraps().prop_map(|inside| format!("[{inside}]"))]) {
        if let Some(value) = value(&text) {
            prop_assert_eq!(serde_json::from_str::<&RawValue>(&text).map(RawValue::get).ok(), Some(value));
        }
    }

    #[test]
    fn a_string_says_what_serde_says(text in prop_oneof![any::<String>(), scraps()]) {
        for quoted in [format!("\"{text}\""), serde_json::to_string(&text).expect("JSON")] {
            let mut scanner = Scanner::new(&quoted);
            let read = scanner.text();
            if scanner.end().is_some() {
                prop_assert_eq!(read.and_then(super::Text::to_owned), serde_json::from_str::<String>(&quoted).ok());
            }
        }
    }

    #[test]
    fn a_plain_run_ends_at_the_first_special_byte(bytes in prop::collection::vec(prop_oneof![20 => 0x20_u8.., 1 => any::<u8>()], 0..80)) {
        let special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
        prop_assert_eq!(plain_run(&bytes), bytes.iter().position(special).unwrap_or(bytes.len()));
    }

    #[test]
    fn a_string_is_written_as_serde_writes_it(text in any::<String>()) {
        let mut written = Vec::new();
        put_text(&mut written, &text);
        prop_assert_eq!(written, serde_json::to_vec(&text).expect("JSON"));
    }
}
