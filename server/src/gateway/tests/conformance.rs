//! Autobahn's cases against the echo, by the tool `kosoku`. It is not part of a Rust toolchain: without it the test says that it was skipped.

use std::process::Command;

use super::harness::Server;

/// Runs the cases outside the compression chapters: `KOSOKU=…/bin/kosoku cargo test -p rialto-server --lib conformance`.
#[actix_web::test]
async fn autobahn_cases_pass() {
    let Some(tool) = std::env::var_os("KOSOKU") else {
        println!("SKIPPED: KOSOKU does not name the tool's executable");
        return;
    };
    let server = Server::default();
    let address = format!("ws://{}/debug/echo", server.address);
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(tool);
    command.args(["-x", "12.*", "-x", "13.*", "-p", "4", "-o"]).arg(folder.path()).arg(address);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    println!("{said}{complained}");
    assert!(output.status.success(), "{said}{complained}");
    let report = std::fs::read_to_string(folder.path().join("index.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let mut num_cases = 0;
    for (case, result) in report.as_object().unwrap().values().flat_map(|agent| agent.as_object().unwrap()) {
        for field in ["behavior", "behaviorClose"] {
            let verdict = result[field].as_str().unwrap();
            assert!(["OK", "INFORMATIONAL", "NON-STRICT"].contains(&verdict), "{case}: {field} {verdict}");
            assert!(verdict != "NON-STRICT", "{case}: {field} {verdict}");
        }
        num_cases += 1;
    }
    assert_eq!(num_cases, 301);
}
