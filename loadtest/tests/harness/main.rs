//! The harness's own correctness: servers that do one thing wrong make it fail, one that does nothing wrong does not, and a generator that is too busy
//! refuses to judge.

mod fake;
mod form;
mod run;

use fake::{Fault, SLOW_MS, broadcast, centrifuge};
use run::{Ran, rialto_load};

/// Five clients in one room that all send and listen.
const TALK: &str = r#"
name = "talk"
about = "a test"
thresholds = ["loss == 0", "duplicates == 0", "reordered == 0", "deliveries > 0"]
[target]
kind = "ws"
[personas.a]
count = 5
[[phases]]
name = "connect"
seconds = 10
until_done = true
connect = { a = 1.0 }
connect_rate = 200.0
[[phases]]
name = "talk"
seconds = 1.5
send.a = { rate = 100.0 }
"#;

/// A listener that is cut off and resumes while messages go on.
const RESUME: &str = r#"
name = "resume"
about = "a test"
thresholds = ["loss == 0", "duplicates == 0", "gaps == 0", "recovered == 3"]
[target]
kind = "centrifuge"
[personas.publisher]
count = 1
[personas.listener]
count = 3
[[phases]]
name = "connect"
seconds = 10
until_done = true
connect = { publisher = 1.0, listener = 1.0 }
connect_rate = 200.0
[[phases]]
name = "before"
seconds = 0.5
send.publisher = { rate = 50.0 }
[[phases]]
name = "cut"
seconds = 10
until_done = true
cut = { listener = 1.0 }
send.publisher = { rate = 100.0 }
[[phases]]
name = "after"
seconds = 0.5
send.publisher = { rate = 50.0 }
"#;

/// Tests share their machine: only CPU saturates here.
const BUSY: &str = "run.lag_ms_max=60000";

fn talk(fault: Fault, sets: &[&str]) -> Ran {
    rialto_load(TALK, &broadcast(fault), sets)
}

#[test]
fn a_server_that_does_nothing_wrong_passes() {
    let ran = talk(Fault::Nothing, &[]);
    assert_eq!(ran.exit, 0, "{}", ran.output);
    assert!(ran.last_line().starts_with("PASS talk: 4 of 4"), "{}", ran.output);
    let sent = ran.count("sends");
    assert!((140..=151).contains(&sent), "an open rate of 100 a second over 1.5 s: {sent}");
    assert_eq!((ran.count("deliveries"), ran.count("acks"), ran.count("clients_lost")), (sent * 5, sent, 0));
}

#[test]
fn a_lossy_server_fails() {
    let ran = talk(Fault::Loses, &[]);
    assert_eq!(ran.exit, 1, "{}", ran.output);
    assert!(ran.last_line().contains("FAIL talk: 1 of 4 thresholds missed: loss == 0"), "{}", ran.output);
    assert_eq!(ran.count("loss"), (ran.count("sends") + 13) / 20);
}

#[test]
fn a_doubling_server_fails() {
    let ran = talk(Fault::Doubles, &[]);
    assert_eq!((ran.exit, ran.count("loss"), ran.count("reordered")), (1, 0, 0), "{}", ran.output);
    assert_eq!(ran.count("duplicates"), (ran.count("sends") + 13) / 20);
}

#[test]
fn a_reordering_server_fails() {
    // One sender: between senders there is no order to keep.
    let ran = talk(Fault::Reorders, &["personas.a.count=1"]);
    assert_eq!((ran.exit, ran.count("duplicates")), (1, 0), "{}", ran.output);
    assert!(ran.count("reordered") >= 6, "{}", ran.output);
}

#[test]
fn a_slow_server_fails_by_its_latency() {
    let sets = [BUSY, "phases.talk.send.a={rate = 2.0}", "thresholds=[\"p50(a.deliver) < 200ms\", \"loss == 0\"]"];
    let ran = talk(Fault::Slow, &sets);
    assert_eq!(ran.exit, 1, "{}", ran.output);
    assert!(ran.last_line().contains("missed: p50(a.deliver) < 200ms"), "{}", ran.output);
    let p50 = ran.report["total"]["latencies"]["a.deliver"]["corrected"]["p50"].as_u64().unwrap();
    assert!(p50 >= SLOW_MS * 1_000, "{p50} µs");
}

#[test]
fn latency_counts_from_the_intended_time() {
    // The server takes 300 ms for each message of one sender: with ten a second the queue grows, and the true latency with it.
    let sets = [
        BUSY,
        "personas.a.count=1",
        "phases.talk.send.a={rate = 10.0}",
        "run.drain_ms=10000",
        "thresholds=[\"max(a.deliver) > 1s\", \"loss == 0\"]",
    ];
    let ran = talk(Fault::Slow, &sets);
    assert_eq!(ran.exit, 0, "{}", ran.output);
}

#[test]
fn a_lost_client_voids_the_run() {
    let ran = talk(Fault::HangsUp, &[]);
    assert_eq!(ran.exit, 3, "{}", ran.output);
    assert!(ran.last_line().starts_with("VOID talk: 1 clients lost"), "{}", ran.output);
}

#[test]
fn a_saturated_generator_voids_latency_but_not_counts() {
    let load = "phases.talk.send.a={rate = 5000000.0}";
    let ran = talk(Fault::Nothing, &[load, "thresholds=[\"p99(a.send) < 100s\"]"]);
    assert_eq!(ran.exit, 3, "{}", ran.output);
    assert!(ran.last_line().contains("the generator was saturated"), "{}", ran.output);
    let ran = talk(Fault::Nothing, &[load, "thresholds=[\"duplicates == 0\"]"]);
    assert_eq!(ran.exit, 0, "{}", ran.output);
    assert!(ran.last_line().contains("CPU figures only"), "{}", ran.output);
}

#[test]
fn a_closed_loop_keeps_its_depth() {
    let sets = [
        "phases.talk.send.a={depth = 2, count = 50, complete = \"deliver\"}",
        "phases.talk.until_done=true",
        "thresholds=[\"deliveries@talk == 1250\"]",
    ];
    let ran = talk(Fault::Nothing, &sets);
    assert_eq!((ran.exit, ran.count("sends"), ran.count("timeouts")), (0, 250, 0), "{}", ran.output);
}

#[test]
fn several_generator_processes_agree() {
    let ran = talk(Fault::Nothing, &["run.workers=2"]);
    assert_eq!((ran.exit, ran.count("connects")), (0, 5), "{}", ran.output);
    assert_eq!(ran.count("deliveries"), ran.count("sends") * 5);
    let ran = talk(Fault::Loses, &["run.workers=2"]);
    assert_eq!(ran.exit, 1, "what one process sent and another one missed is a loss: {}", ran.output);
}

#[test]
fn a_persona_apart_has_a_process_of_its_own() {
    let both = format!("{TALK}[personas.b]\ncount = 3\n").replace("connect = { a = 1.0 }", "connect = { a = 1.0, b = 1.0 }");
    let ran = rialto_load(&both, &broadcast(Fault::Nothing), &["personas.a.apart=true", "run.workers=2"]);
    assert_eq!((ran.exit, ran.count("connects")), (0, 8), "{}", ran.output);
    assert_eq!(ran.count("deliveries"), ran.count("sends") * 8);
    let processes = ran.report["phases"][1]["generator"]["processes"].as_array().unwrap();
    let personas: Vec<&serde_json::Value> = processes.iter().map(|process| &process["personas"]).collect();
    assert_eq!(personas, [&serde_json::json!(["b"]), &serde_json::json!(["b"]), &serde_json::json!(["a"])]);
    assert_eq!((processes[0]["sends"].as_u64(), processes[2]["sends"].as_u64()), (Some(0), Some(ran.count("sends"))));
}

#[test]
fn an_honest_resume_passes() {
    let ran = rialto_load(RESUME, &centrifuge(Fault::Nothing), &[]);
    assert_eq!((ran.exit, ran.count("recovered"), ran.count("reconnects")), (0, 3, 3), "{}", ran.output);
}

#[test]
fn a_resume_with_a_gap_fails() {
    let ran = rialto_load(RESUME, &centrifuge(Fault::ForgetsOnResume), &[]);
    assert_eq!(ran.exit, 1, "{}", ran.output);
    assert!(ran.count("gaps") > 0 && ran.count("loss") > 0, "{}", ran.output);
}

#[test]
fn a_share_is_of_what_an_earlier_phase_reached() {
    let half = format!("{TALK}\n[[phases]]\nname = \"half\"\nseconds = 1.5\nsend.a = {{ share = 0.5, of = \"talk\" }}\n");
    let sets = ["phases.talk.send.a={rate = 200.0}", "thresholds=[\"sends@half <= 0.6 * acks@talk\", \"sends@half >= 0.3 * acks@talk\"]"];
    let ran = rialto_load(&half, &broadcast(Fault::Nothing), &sets);
    assert_eq!(ran.exit, 0, "{}", ran.output);
}

#[test]
fn a_saturated_phase_voids_only_what_was_timed_in_it() {
    let calm = format!("{TALK}\n[[phases]]\nname = \"calm\"\nseconds = 1.0\nsend.a = {{ rate = 5.0 }}\n");
    let load = ["run.lag_ms_max=100", "phases.talk.send.a={rate = 5000000.0}"];
    let ran = rialto_load(&calm, &broadcast(Fault::Nothing), &[load[0], load[1], "thresholds=[\"p99(a.send@talk) < 100s\"]"]);
    assert_eq!(ran.exit, 3, "{}", ran.output);
    let ran = rialto_load(&calm, &broadcast(Fault::Nothing), &[load[0], load[1], "thresholds=[\"seconds@calm < 100s\"]"]);
    assert_eq!(ran.exit, 0, "{}", ran.output);
}

#[test]
fn a_server_that_is_killed_and_started_again_is_met_again() {
    let restart = "\n[[phases]]\nname = \"restart\"\nseconds = 10\nuntil_done = true\nrestart = true\n[[phases]]\nname = \"again\"\nseconds = 0.5\nsend.a = { rate = 50.0 }\n";
    let sets = [
        "personas.a.subscribe=false",
        "phases.talk.seconds=0.5",
        "thresholds=[\"server.start@restart < 60s\", \"reconnects@restart == 5\", \"acks@again > 0\", \"clients_lost == 0\"]",
    ];
    let ran = run::rialto_load_spawning(&format!("{TALK}{restart}"), "file", &sets);
    assert_eq!(ran.exit, 0, "{}", ran.output);
    let ran = rialto_load(&format!("{TALK}{restart}"), &broadcast(Fault::Nothing), &[]);
    assert_eq!(ran.exit, 2, "only what was spawned can be killed: {}", ran.output);
}

#[test]
fn bad_usage_and_unreachable_targets_exit_with_2() {
    for (url, sets, wanted) in [
        ("http://127.0.0.1:1", vec![], "nobody accepts"),
        ("http://192.0.2.1:80", vec![], "--allow-remote"),
        ("ftp://127.0.0.1", vec![], "http://"),
        ("http://127.0.0.1:1", vec!["personas.a.colour=1"], "colour"),
    ] {
        let ran = rialto_load(TALK, url, &sets);
        assert_eq!(ran.exit, 2, "{}", ran.output);
        assert!(ran.last_line().starts_with("ERROR ") && ran.last_line().contains(wanted), "{}", ran.output);
    }
}
