//! JSON Schema → TypeScript, as far as our schemas go; anything else is a panic, never a guess.

use serde_json::{Map, Value};

/// One exported type.
pub(crate) fn definition(out: &mut String, name: &str, schema: &Value) {
    out.push('\n');
    comment(out, "", schema);
    match fields(schema) {
        Some(fields) if schema.get("oneOf").is_none() => {
            out.push_str(&format!("export interface {name} {{\n"));
            interface_body(out, schema, fields);
            out.push_str("}\n");
        }
        _ => match schema["oneOf"].as_array().filter(|variants| variants.iter().any(|variant| variant.get("$ref").is_some())) {
            Some(variants) => union(out, name, variants),
            None => out.push_str(&format!("export type {name} = {};\n", inline(schema))),
        },
    }
}

fn fields(schema: &Value) -> Option<&Map<String, Value>> {
    schema["properties"].as_object()
}

fn interface_body(out: &mut String, schema: &Value, fields: &Map<String, Value>) {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (field, schema) in fields {
        comment(out, "  ", schema);
        if required.contains(&field.as_str()) {
            out.push_str(&format!("  readonly {field}: {};\n", inline(schema)));
        } else {
            let kind = inline(&without_null(schema));
            // `unknown` holds `undefined` already.
            let absent = if kind == "unknown" { "" } else { " | undefined" };
            out.push_str(&format!("  readonly {field}?: {kind}{absent};\n"));
        }
    }
}

/// A tagged union of named bodies.
fn union(out: &mut String, name: &str, variants: &[Value]) {
    out.push_str(&format!("export type {name} =\n"));
    let lines: Vec<String> = variants
        .iter()
        .map(|variant| {
            let tag = variant["properties"]["type"]["const"].as_str().expect("a variant has a tag");
            format!("  | ({{ readonly type: '{tag}' }} & {})", reference(variant).expect("a variant has a named body"))
        })
        .collect();
    out.push_str(&lines.join("\n"));
    out.push_str(";\n");
}

fn inline(schema: &Value) -> String {
    if *schema == Value::Bool(true) || schema.as_object().is_some_and(|object| object.keys().all(|key| key == "description")) {
        return "unknown".to_owned();
    }
    if let Some(name) = reference(schema) {
        return name.to_owned();
    }
    if let Some(word) = schema["const"].as_str() {
        return format!("'{word}'");
    }
    if let Some(words) = schema["enum"].as_array() {
        return join(words.iter().map(|word| format!("'{}'", word.as_str().expect("enums are words"))));
    }
    if let Some(choices) = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array()) {
        return join(choices.iter().map(inline));
    }
    match &schema["type"] {
        Value::Array(types) => join(types.iter().map(|one| simple(one.as_str().expect("a type is a word"), schema))),
        Value::String(one) => simple(one, schema),
        _ => panic!("no TypeScript for {schema}"),
    }
}

fn simple(kind: &str, schema: &Value) -> String {
    match kind {
        "string" => "string".to_owned(),
        "integer" | "number" => "number".to_owned(),
        "boolean" => "boolean".to_owned(),
        "null" => "null".to_owned(),
        "array" => match inline(&schema["items"]) {
            union if union.contains(" | ") => format!("readonly ({union})[]"),
            item => format!("readonly {item}[]"),
        },
        "object" => format!("Readonly<Record<string, {}>>", inline(&schema["additionalProperties"])),
        _ => panic!("no TypeScript for {schema}"),
    }
}

fn join(choices: impl Iterator<Item = String>) -> String {
    choices.collect::<Vec<_>>().join(" | ")
}

fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix("#/$defs/")
}

/// What may be absent need not be `null` too.
fn without_null(schema: &Value) -> Value {
    let mut schema = schema.clone();
    let is_null = |value: &Value| *value == "null" || value["type"] == "null";
    for key in ["type", "anyOf"] {
        if let Some(choices) = schema.get_mut(key).and_then(Value::as_array_mut) {
            choices.retain(|choice| !is_null(choice));
        }
    }
    schema
}

fn comment(out: &mut String, indent: &str, schema: &Value) {
    if let Some(text) = schema["description"].as_str() {
        out.push_str(&format!("{indent}/** {} */\n", text.replace("\n", " ").replace("[`", "`").replace("`]", "`")));
    }
}
