//! The form of what comes out: the JSON fits its schema, the page needs nothing from elsewhere, comparisons print ratios.

use std::process::Command;

use serde_json::Value;

use crate::fake::{Fault, broadcast};
use crate::run::rialto_load;

const SCHEMA: &str = include_str!("../../schema/report.schema.json");
const COMPARE_SCHEMA: &str = include_str!("../../schema/compare.schema.json");

/// Whether `value` fits `schema`, as far as this schema's vocabulary goes; `path` tells where it does not.
fn fits(schema: &Value, root: &Value, value: &Value, path: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        let definition = &root["$defs"][name.rsplit('/').next().unwrap_or_default()];
        assert!(definition.is_object(), "{path}: no definition {name}");
        return fits(definition, root, value, path);
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => panic!("{path}: the schema says no type"),
    };
    let is = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_u64() || number.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    assert!(types.contains(&is) || (is == "integer" && types.contains(&"number")), "{path} is {is}, not {types:?}");
    if let Some(wanted) = schema.get("const") {
        assert_eq!(value, wanted, "{path}");
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        fits(&schema["items"], root, item, &format!("{path}[{index}]"));
    }
    let Some(fields) = value.as_object() else { return };
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(fields.contains_key(name.as_str().expect("names are text")), "{path} lacks {name}");
    }
    for (name, field) in fields {
        let known = schema["properties"].get(name).or_else(|| schema.get("additionalProperties"));
        let known = known.unwrap_or_else(|| panic!("{path}.{name} is not in the schema"));
        fits(known, root, field, &format!("{path}.{name}"));
    }
}

#[test]
fn reports_have_their_form() {
    let ran = rialto_load(crate::TALK, &broadcast(Fault::Nothing), &[]);
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    fits(&schema, &schema, &ran.report, "report");
    assert!(ran.report["seconds"].as_array().unwrap().len() >= 2);
    let server = &ran.report["total"]["server"];
    assert!(server["end"]["memory"].as_f64().unwrap() > 1e5, "the fake is this process: {server}");
    assert!(ran.html.starts_with("<!doctype html>") && ran.html.contains("<svg") && ran.html.contains("PASS talk"));
    for foreign in ["<script", "src=", "href=", "@import", "url("] {
        assert!(!ran.html.contains(foreign), "the page fetches something: {foreign}");
    }
}

#[test]
fn a_baseline_shows_what_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("s.toml"), crate::TALK).unwrap();
    let url = broadcast(Fault::Nothing);
    let run = |arguments: &[&std::ffi::OsStr]| {
        let output = Command::new(env!("CARGO_BIN_EXE_rialto-load"))
            .arg("run")
            .arg(path("s.toml"))
            .args(["--target", &url])
            .args(arguments)
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    run(&["--json".as_ref(), path("old.json").as_ref()]);
    let output = run(&["--baseline".as_ref(), path("old.json").as_ref()]);
    assert!(output.contains("against the baseline of talk") && output.contains("p99(a.deliver@talk)"), "{output}");
}

#[test]
fn comparisons_interleave_and_judge_ratios() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.toml");
    std::fs::write(&path, crate::TALK).unwrap();
    let compare = |assertion: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rialto-load"));
        command.arg("compare").arg(&path).arg(&path).args(["--runs", "2", "--assert", assertion]);
        command.args(["--target-a", &broadcast(Fault::Nothing), "--target-b", &broadcast(Fault::Nothing)]);
        let output = command.args(["--set-a", "phases.talk.seconds=0.5", "--set-b", "phases.talk.seconds=1.0"]).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (exit, output) = compare("server.memory@talk <= 100");
    assert_eq!(exit, 0, "{output}");
    let order: Vec<&str> =
        output.lines().filter_map(|line| line.split(':').next()).filter(|name| ["A1", "B1", "A2", "B2"].contains(name)).collect();
    assert_eq!(order, ["A1", "B1", "A2", "B2"], "{output}");
    assert!(output.lines().last().unwrap().starts_with("PASS"), "{output}");
    let (exit, output) = compare("server.memory@talk <= 0.001");
    assert_eq!(exit, 1, "{output}");
}

#[test]
fn comparisons_have_their_form() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("s.toml"), crate::TALK).unwrap();
    let (schema, run_schema): (Value, Value) = (serde_json::from_str(COMPARE_SCHEMA).unwrap(), serde_json::from_str(SCHEMA).unwrap());
    for has_b in [false, true] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rialto-load"));
        command.arg("compare").arg(path("s.toml")).args(has_b.then(|| path("s.toml"))).args(["--runs", "1", "--json"]).arg(path("c.json"));
        command.args(["--target-a", &broadcast(Fault::Nothing), "--target-b", &broadcast(Fault::Nothing)]);
        command.args(["--set", "phases.talk.seconds=0.3", "--assert", "max(a.deliver@talk) / p50(a.deliver@talk) >= 0"]);
        assert!(command.output().unwrap().status.code().is_some_and(|code| code == 0 || code == 3), "3: a saturated machine");
        let mut comparison: Value = serde_json::from_str(&std::fs::read_to_string(path("c.json")).unwrap()).unwrap();
        assert!(
            comparison["asserts"][0]["left"]["median"].as_f64().is_some_and(|median| median > 0.0),
            "a metric beyond the usual ones is found"
        );
        assert_eq!((comparison["b"].is_array(), comparison["figures"]["loss"]["b"].is_object()), (has_b, has_b));
        for side in ["a", "b"] {
            for report in comparison[side].take().as_array().into_iter().flatten() {
                fits(&run_schema, &run_schema, report, side);
            }
        }
        comparison["a"] = Value::Array(Vec::new());
        fits(&schema, &schema, &comparison, "comparison");
    }
}

#[test]
fn the_list_names_all_scenarios() {
    let output = Command::new(env!("CARGO_BIN_EXE_rialto-load")).arg("list").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let names: Vec<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names, ["idle", "fanout", "chat", "durable", "storm", "slow_readers", "churn", "burst", "latency", "restart"]);
}
