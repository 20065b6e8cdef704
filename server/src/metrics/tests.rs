use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::*;

/// The sources of what a node is made of.
fn sources() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut folders: Vec<PathBuf> = vec![root.join("actors/src"), root.join("server/src")];
    let mut texts = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                texts.push(std::fs::read_to_string(path).unwrap());
            }
        }
    }
    texts
}

/// The names of the metrics of a kind that some source reports.
fn reported(kind: Kind) -> BTreeSet<String> {
    let call = match kind {
        Kind::Counter => "counter!(",
        Kind::Gauge => "gauge!(",
        Kind::Histogram => "histogram!(",
    };
    let names = sources().into_iter().flat_map(|text| {
        let calls = text.split(call).skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next().map(str::to_owned));
        calls.collect::<Vec<_>>()
    });
    names.filter(|name| name.starts_with("rialto_")).collect()
}

#[test]
fn every_metric_is_described_and_every_described_one_reported() {
    for kind in [Kind::Counter, Kind::Gauge, Kind::Histogram] {
        let described: BTreeSet<String> = METRICS.iter().filter(|one| one.0 == kind).map(|one| one.1.to_owned()).collect();
        assert_eq!(described, reported(kind), "{kind:?}: left what is described, right what is reported");
    }
}

#[test]
fn names_have_one_form() {
    for (kind, name, about) in METRICS {
        let words: Vec<&str> = name.split('_').collect();
        let is_plain = words.iter().all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase()));
        assert!(words.len() >= 2 && words[0] == "rialto" && is_plain, "{name}");
        assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
        assert!(*kind != Kind::Histogram || name.ends_with("_seconds"), "{name}");
        assert!(!about.is_empty() && !about.ends_with('.'), "{name}: {about}");
    }
}

#[test]
fn the_rendered_text_has_what_is_described() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let text = metrics::with_local_recorder(&recorder, || {
        describe();
        metrics::counter!("rialto_commands_total").increment(3);
        recorder.handle().render()
    });
    assert!(text.contains("# HELP rialto_commands_total Commands of clients"), "{text}");
    assert!(text.contains("rialto_commands_total 3") && text.contains("rialto_start_time_seconds 1"), "{text}");
}
