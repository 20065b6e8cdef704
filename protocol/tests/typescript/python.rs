//! The same contract for the Python SDK: JSON Schema → `TypedDict`s, as far as our schemas go; anything else is a panic, never a guess.

use std::fmt::Write as _;

use rialto_protocol::{CloseCode, ErrorCode, UnsubscribeCode};
use serde_json::{Map, Value};

use crate::{codes, types};

const TYPES_HEAD: &str =
    "\"\"\"Bodies, events and frames. Made from the protocol crate's schemas by its test `typescript`; do not edit.\"\"\"

from __future__ import annotations

from typing import Any, Generic, Literal, NotRequired, TypeAlias, TypedDict, TypeVar

T = TypeVar(\"T\")
";

const PAGE: &str = "

class Page(TypedDict, Generic[T]):
    \"\"\"One page of a list.\"\"\"

    # The items.
    items: list[T]
    # Cursor of the page after this one; null at the end.
    next: str | None
";

const CODES_HEAD: &str = "\"\"\"Codes and limits. Made from the protocol crate's tables by its test `typescript`; do not edit.\"\"\"

from __future__ import annotations

from typing import Final, NamedTuple


class ErrorInfo(NamedTuple):
    \"\"\"What an error code means.\"\"\"

    word: str
    status: int
    temporary: bool


class CloseInfo(NamedTuple):
    \"\"\"What a close code means.\"\"\"

    reason: str
    reconnect: bool


class UnsubscribeInfo(NamedTuple):
    \"\"\"What an unsubscribe code means.\"\"\"

    reason: str
    resubscribe: bool

";

/// `types.py`: plain names first, then bodies, then the events that are made of them, because a name must be bound before it is used.
pub(crate) fn types_text() -> String {
    let mut out = TYPES_HEAD.to_owned();
    let all = types::schemas();
    let is_union = |schema: &Value| variants(schema).is_some();
    for (name, schema) in all.iter().filter(|(_, schema)| fields(schema).is_none() && !is_union(schema)) {
        comment(&mut out, "\n", schema);
        writeln!(out, "{name}: TypeAlias = {}", inline(schema)).expect("a string takes everything");
    }
    out.push_str(PAGE);
    for (name, schema) in &all {
        if let (Some(fields), false) = (fields(schema), is_union(schema)) {
            class(&mut out, name, schema, fields);
        }
    }
    for (name, schema) in &all {
        if let Some(variants) = variants(schema) {
            union(&mut out, name, schema, variants);
        }
    }
    out
}

/// `codes.py`.
pub(crate) fn codes_text() -> String {
    let mut out = CODES_HEAD.to_owned();
    let bool = |value: bool| if value { "True" } else { "False" };
    table(
        &mut out,
        "Error codes of replies: the stable word of HTTP's `code` and of `RialtoError.code`, and whether trying again may help.",
        "ERROR_CODES: Final[dict[int, ErrorInfo]]",
        ErrorCode::ALL.iter().map(|code| {
            let word = code.word().replace(' ', "_");
            format!("{}: ErrorInfo(\"{word}\", {}, {})", code.number(), code.status(), bool(code.temporary()))
        }),
    );
    table(
        &mut out,
        "Codes that a server closes a socket with, and whether the client comes back by itself.",
        "CLOSE_CODES: Final[dict[int, CloseInfo]]",
        CloseCode::ALL.iter().map(|code| {
            let number = u32::from(code.number());
            format!("{number}: CloseInfo(\"{}\", {})", code.reason(), bool(!CloseCode::is_final(number)))
        }),
    );
    table(
        &mut out,
        "Codes that a server ends one subscription with, and whether the client subscribes again by itself.",
        "UNSUBSCRIBE_CODES: Final[dict[int, UnsubscribeInfo]]",
        UnsubscribeCode::ALL.iter().map(|code| {
            let again = code.number() >= UnsubscribeCode::RETRY_MIN;
            format!("{}: UnsubscribeInfo(\"{}\", {})", code.number(), code.reason(), bool(again))
        }),
    );
    out.push_str("\n# Limits of the protocol, each with its unit in its name.\n");
    for (name, value) in codes::limits() {
        writeln!(out, "{}: Final = {value}", upper(name)).expect("a string takes everything");
    }
    for (name, about, words) in [
        ("CONVERSATION_EVENTS", "Every `type` that a `ConversationEvent` may have.", types::tags("ConversationEvent")),
        ("INBOX_EVENTS", "Every `type` that an `InboxEvent` may have.", types::tags("InboxEvent")),
        ("METHODS", "Every rpc method.", types::METHODS.iter().map(|(method, _, _)| (*method).to_owned()).collect()),
    ] {
        let words: Vec<String> = words.into_iter().map(|word| format!("    \"{word}\",\n")).collect();
        write!(out, "\n# {about}\n{name}: Final[frozenset[str]] = frozenset((\n{}))\n", words.concat()).expect("a string takes everything");
    }
    out
}

fn table(out: &mut String, about: &str, name: &str, rows: impl Iterator<Item = String>) {
    let rows: Vec<String> = rows.map(|row| format!("    {row},\n")).collect();
    write!(out, "\n# {about}\n{name} = {{\n{}}}\n", rows.concat()).expect("a string takes everything");
}

/// `textBytesMax` → `TEXT_BYTES_MAX`.
fn upper(name: &str) -> String {
    name.chars().fold(String::new(), |mut word, letter| {
        if letter.is_uppercase() {
            word.push('_');
        }
        word.extend(letter.to_uppercase());
        word
    })
}

/// `member_joined` → `MemberJoinedEvent`.
fn event_name(tag: &str) -> String {
    let words = tag.split('_').map(|word| word[..1].to_uppercase() + &word[1..]);
    words.collect::<String>() + "Event"
}

fn fields(schema: &Value) -> Option<&Map<String, Value>> {
    schema["properties"].as_object()
}

/// The bodies of a tagged union.
fn variants(schema: &Value) -> Option<&Vec<Value>> {
    schema["oneOf"].as_array().filter(|variants| variants.iter().any(|variant| variant.get("$ref").is_some()))
}

fn class(out: &mut String, name: &str, schema: &Value, fields: &Map<String, Value>) {
    let about = described(schema).expect("a body says what it is");
    write!(out, "\n\nclass {name}(TypedDict):\n    \"\"\"{about}\"\"\"\n").expect("a string takes everything");
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (index, (field, kind)) in fields.iter().enumerate() {
        comment(out, if index == 0 { "\n    " } else { "    " }, kind);
        let full = inline(kind);
        let annotation = if required.contains(&field.as_str()) {
            full
        } else {
            // What may be absent need not be null too.
            format!("NotRequired[{}]", full.strip_suffix(" | None").unwrap_or(&full))
        };
        writeln!(out, "    {field}: {annotation}").expect("a string takes everything");
    }
}

/// A tagged union of named bodies: one class for each tag.
fn union(out: &mut String, name: &str, schema: &Value, variants: &[Value]) {
    let mut classes = Vec::new();
    for variant in variants {
        let tag = variant["properties"]["type"]["const"].as_str().expect("a variant has a tag");
        let body = reference(variant).expect("a variant has a named body");
        let class = event_name(tag);
        write!(out, "\n\nclass {class}({body}):\n    \"\"\"`{tag}`.\"\"\"\n\n    type: Literal[\"{tag}\"]\n")
            .expect("a string takes everything");
        classes.push(class);
    }
    out.push('\n');
    comment(out, "\n", schema);
    writeln!(out, "{name}: TypeAlias = {}", classes.join(" | ")).expect("a string takes everything");
}

fn inline(schema: &Value) -> String {
    if *schema == Value::Bool(true) || schema.as_object().is_some_and(|object| object.keys().all(|key| key == "description")) {
        return "Any".to_owned();
    }
    if let Some(name) = reference(schema) {
        return name.to_owned();
    }
    if let Some(word) = schema["const"].as_str() {
        return format!("Literal[\"{word}\"]");
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<String> = words.iter().map(|word| format!("\"{}\"", word.as_str().expect("enums are words"))).collect();
        return format!("Literal[{}]", words.join(", "));
    }
    if let Some(choices) = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array()) {
        return join(choices.iter().map(inline));
    }
    match &schema["type"] {
        Value::Array(types) => join(types.iter().map(|one| simple(one.as_str().expect("a type is a word"), schema))),
        Value::String(one) => simple(one, schema),
        _ => panic!("no Python for {schema}"),
    }
}

fn simple(kind: &str, schema: &Value) -> String {
    match kind {
        "string" => "str".to_owned(),
        "integer" => "int".to_owned(),
        "number" => "float".to_owned(),
        "boolean" => "bool".to_owned(),
        "null" => "None".to_owned(),
        "array" => format!("list[{}]", inline(&schema["items"])),
        "object" => format!("dict[str, {}]", inline(&schema["additionalProperties"])),
        _ => panic!("no Python for {schema}"),
    }
}

/// `None` comes last.
fn join(choices: impl Iterator<Item = String>) -> String {
    let (nothing, mut kinds): (Vec<String>, Vec<String>) = choices.partition(|kind| kind == "None");
    kinds.extend(nothing);
    kinds.join(" | ")
}

fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix("#/$defs/")
}

fn described(schema: &Value) -> Option<String> {
    Some(schema["description"].as_str()?.replace('\n', " ").replace("[`", "`").replace("`]", "`"))
}

fn comment(out: &mut String, before: &str, schema: &Value) {
    if let Some(text) = described(schema) {
        writeln!(out, "{before}# {text}").expect("a string takes everything");
    } else {
        out.push_str(before.trim_end_matches(' '));
    }
}
