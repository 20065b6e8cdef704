//! From file, parameters and `--set` to a scenario.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use toml::{Table, Value};

use super::Scenario;

/// The scenarios that come with the harness, by name.
const SHIPPED: [(&str, &str); 10] = [
    ("idle", include_str!("../../scenarios/idle.toml")),
    ("fanout", include_str!("../../scenarios/fanout.toml")),
    ("chat", include_str!("../../scenarios/chat.toml")),
    ("durable", include_str!("../../scenarios/durable.toml")),
    ("storm", include_str!("../../scenarios/storm.toml")),
    ("slow_readers", include_str!("../../scenarios/slow_readers.toml")),
    ("churn", include_str!("../../scenarios/churn.toml")),
    ("burst", include_str!("../../scenarios/burst.toml")),
    ("latency", include_str!("../../scenarios/latency.toml")),
    ("restart", include_str!("../../scenarios/restart.toml")),
];

/// Names and texts of the shipped scenarios.
pub(crate) fn shipped() -> &'static [(&'static str, &'static str)] {
    &SHIPPED
}

/// Reads a scenario: a file, or the name of a shipped one. Each of `sets` is `key=value`: a parameter's name, or a dotted path into the file.
///
/// # Errors
/// One clear line about what is wrong where.
pub(crate) fn load(path: &Path, sets: &[String]) -> Result<Scenario> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => embedded(path).ok_or_else(|| anyhow!("{}: {error}", path.display()))?.to_owned(),
    };
    parse(&text, sets).with_context(|| path.display().to_string())
}

fn embedded(path: &Path) -> Option<&'static str> {
    let name = if path.extension().is_none() { path.to_path_buf() } else { PathBuf::new() };
    SHIPPED.iter().find(|(known, _)| name == Path::new(known)).map(|(_, text)| *text)
}

/// A scenario from its text.
pub(crate) fn parse(text: &str, sets: &[String]) -> Result<Scenario> {
    let mut table: Table = toml::from_str(text).map_err(|error| one_line(&error))?;
    let mut params = match table.remove("params") {
        None => Table::new(),
        Some(Value::Table(params)) => params,
        Some(_) => bail!("params is no table"),
    };
    for set in sets {
        let (key, value) = set.split_once('=').with_context(|| format!("--set {set:?} is not key=value"))?;
        let value = value_of(value.trim());
        match key.trim() {
            key if params.contains_key(key) => _ = params.insert(key.to_owned(), value),
            key => put(&mut table, key, value)?,
        }
    }
    for (_, value) in &mut table {
        fill(value, &params)?;
    }
    let scenario: Scenario = Value::Table(table).try_into().map_err(|error| one_line(&error))?;
    super::validate::validate(&scenario)?;
    Ok(scenario)
}

/// The parser draws pictures; an error of ours is one line.
fn one_line(error: &toml::de::Error) -> anyhow::Error {
    let text = error.to_string();
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.contains('|')).collect();
    anyhow!("{}", lines.join(" "))
}

/// What parses as a TOML value is one, the rest is a string.
fn value_of(text: &str) -> Value {
    toml::from_str::<Table>(&format!("value = {text}"))
        .ok()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| Value::String(text.to_owned()))
}

/// Puts `value` at a dotted path; members of an array of tables are named by their `name` or their number.
fn put(table: &mut Table, path: &str, value: Value) -> Result<()> {
    let (parents, last) = path.rsplit_once('.').unwrap_or(("", path));
    let mut at = table;
    let mut parts = parents.split('.').filter(|part| !part.is_empty());
    while let Some(part) = parts.next() {
        let child = at.entry(part).or_insert_with(|| Value::Table(Table::new()));
        at = match child {
            Value::Table(child) => child,
            Value::Array(members) => {
                let wanted = parts.next().with_context(|| format!("--set {path}: {part} wants a member"))?;
                let named = |member: &Value| member.get("name").and_then(Value::as_str) == Some(wanted);
                let index = members.iter().position(named).or_else(|| wanted.parse().ok());
                let member = index.and_then(|index| members.get_mut(index)).and_then(Value::as_table_mut);
                member.with_context(|| format!("--set {path}: {part} has no member {wanted}"))?
            }
            _ => bail!("--set {path}: {part} is no table"),
        };
    }
    ensure!(!last.is_empty(), "--set {path:?} names nothing");
    at.insert(last.to_owned(), value);
    Ok(())
}

/// Replaces every string `$name` by that parameter's value, and `{$name}` inside longer strings by its text.
fn fill(value: &mut Value, params: &Table) -> Result<()> {
    match value {
        Value::String(text) => {
            if let Some(name) = text.strip_prefix('$') {
                *value = params.get(name).with_context(|| format!("there is no parameter {name}"))?.clone();
            } else if text.contains("{$") {
                for (name, param) in params {
                    let written = param.as_str().map_or_else(|| param.to_string(), str::to_owned);
                    *text = text.replace(&format!("{{${name}}}"), &written);
                }
                ensure!(!text.contains("{$"), "an unknown parameter in {text:?}");
            }
        }
        Value::Array(members) => members.iter_mut().try_for_each(|member| fill(member, params))?,
        Value::Table(table) => table.iter_mut().try_for_each(|(_, member)| fill(member, params))?,
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"
name = "small"
about = "for tests"
thresholds = ["p99(a.deliver) < {$limit}"]
[params]
clients = 10
limit = "5ms"
[personas.a]
count = "$clients"
[[phases]]
name = "ramp"
seconds = 2
connect = { a = 1.0 }
[[phases]]
name = "work"
seconds = 1
send.a = { rate = 5.0 }
"#;

    #[test]
    fn parameters_and_paths_are_set() {
        let sets = ["clients=3", "limit=9ms", "phases.work.seconds=7", "phases.0.connect_rate=50.0", "target.kind=ws"].map(str::to_owned);
        let scenario = parse(SMALL, &sets).unwrap();
        assert_eq!(scenario.personas["a"].count, 3);
        assert_eq!(scenario.thresholds, ["p99(a.deliver) < 9ms"]);
        assert_eq!((scenario.phases[1].seconds, scenario.phases[0].connect_rate), (7.0, 50.0));
        assert_eq!(scenario.target.kind, super::super::Kind::Ws);
    }

    #[test]
    fn mistakes_are_named() {
        for (set, wanted) in [
            ("clients", "key=value"),
            ("colour=red", "colour"),
            ("phases.nope.seconds=1", "nope"),
            ("phases.work.seconds=0", "seconds"),
            ("clients=20000000", "sockets"),
            ("phases.work.send.b.rate=1.0", "persona b"),
            ("thresholds=[\"p99(a.deliver < 1\"]", "threshold"),
            ("thresholds=[\"p99(nobody.deliver) < 1ms\"]", "nobody"),
        ] {
            let error = format!("{:#}", parse(SMALL, &[set.to_owned()]).unwrap_err());
            assert!(error.contains(wanted), "{set}: {error}");
        }
    }

    #[test]
    fn every_shipped_scenario_is_valid_and_named_like_its_file() {
        for (name, text) in shipped() {
            let scenario = parse(text, &[]).unwrap_or_else(|error| panic!("{name}: {error:#}"));
            assert_eq!(scenario.name, *name);
            assert!(!scenario.thresholds.is_empty());
        }
    }
}
