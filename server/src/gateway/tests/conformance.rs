//! Autobahn's cases against the echo, by the tool `kosoku`; ignored because it is not part of a Rust toolchain.

use std::process::Command;

use super::harness::Server;

/// Runs the cases outside the compression chapters. `KOSOKU` is the tool's path.
#[ignore = "needs the tool: KOSOKU=…/bin/kosoku cargo test -p rialto-server --lib conformance -- --ignored"]
#[actix_web::test]
async fn autobahn_cases_pass() {
    let tool = std::env::var_os("KOSOKU").expect("KOSOKU names the tool's executable");
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
