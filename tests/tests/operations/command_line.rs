//! The command line: configuration, tokens, users, and exit codes that can be relied on.

use rialto_tests::binary::rialto_with_env;
use rialto_tests::user::PASSWORD;
use rialto_tests::{Pick as _, Rialto, Wire, json, rialto};

#[tokio::test]
async fn version_is_one_line() {
    let text = rialto(["version"]).await.ok();
    assert!(text.contains(env!("CARGO_PKG_VERSION")), "{text}");
    assert_eq!(text.trim().lines().count(), 1, "{text}");
}

#[tokio::test]
async fn bad_usage_and_bad_configuration_exit_with_2() {
    for arguments in [
        vec!["fly"],
        vec!["serve", "--no-such-flag"],
        vec!["token"],
        vec!["check-config", "--set", "no.such.key=1"],
        vec!["check-config", "--set", "nonsense"],
        vec!["check-config", "--config", "/no/such/file.toml"],
        vec!["serve", "--listen", "not-an-address"],
        vec!["serve", "--set", "drain.timeout_ms=\"soon\""],
    ] {
        let complaint = rialto(&arguments).await.fails_with(2);
        assert!(complaint.lines().count() < 30, "clear, not a dump: {complaint}");
    }
}

#[tokio::test]
async fn check_config_accepts_the_files_that_are_shipped() {
    let config = rialto_tests::repository::root().join("config");
    for name in ["dev.toml", "rialto.toml"] {
        let file = config.join(name).display().to_string();
        let ran = rialto(["check-config", "--config", &file]).await;
        assert_eq!(ran.code, Some(0), "{name}: {ran:?}");
    }
}

#[tokio::test]
async fn check_config_warns_about_each_switch_for_development() {
    for switch in ["debug.echo", "auth.guests", "auth.anonymous"] {
        let ran = rialto(["check-config", "--set", &format!("{switch}=true")]).await;
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(said.contains(switch), "{switch} is warned about: {said}");
    }
}

#[tokio::test]
async fn the_command_line_beats_the_environment_beats_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("some.toml");
    std::fs::write(&file, "[drain]\ntimeout_ms = 1111\n").expect("a file");
    let file = file.display().to_string();
    let environment = [("RIALTO_DRAIN__TIMEOUT_MS", "2222")];
    let printed = rialto(["print-config", "--config", &file]).await.ok();
    assert!(printed.contains("1111"), "{printed}");
    let printed = rialto_with_env(["print-config", "--config", &file], &environment).await.ok();
    assert!(printed.contains("2222") && !printed.contains("1111"), "{printed}");
    let arguments = ["print-config", "--config", &file, "--set", "drain.timeout_ms=3333"];
    let printed = rialto_with_env(arguments, &environment).await.ok();
    assert!(printed.contains("3333") && !printed.contains("2222"), "{printed}");
}

#[tokio::test]
async fn print_config_masks_secrets() {
    let secret = "this-must-never-be-printed-anywhere";
    let setting = format!(r#"auth.external=[{{algorithm = "HS256", key = "{secret}", issuer = "x"}}]"#);
    let printed = rialto(["print-config", "--set", &setting]).await.ok();
    assert!(!printed.contains(secret), "{printed}");
    assert!(printed.contains("HS256"), "{printed}");
}

#[tokio::test]
async fn secrets_and_socket_in_the_data_folder_are_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let node = Rialto::start(&[]).await;
    let mut private = 0;
    for entry in std::fs::read_dir(node.data()).expect("the data folder exists") {
        let entry = entry.expect("an entry");
        let mode = entry.metadata().expect("metadata").permissions().mode() & 0o777;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.contains("secret") || name.contains("key") || name == "control.sock" {
            assert_eq!(mode, 0o600, "{name}");
            private += 1;
        }
    }
    assert!(private >= 2, "secrets were generated, and the control socket is there");
}

#[tokio::test]
async fn user_add_passwd_and_role_beside_a_running_node() {
    let node = Rialto::start(&[]).await;
    let typed = format!("{PASSWORD}\n");
    node.command_with_input(&["user", "add", "olga", "--role", "operator"], &typed).await.ok();
    let login =
        async |password: &str| node.http().post("/v1/auth/login").json(&json!({"username": "olga", "password": password})).send().await;
    let session = login(PASSWORD).await.expect(200);
    assert_eq!(role_claim(&session.text("token")), "operator");
    node.command_with_input(&["user", "passwd", "olga"], "another-long-one-9\n").await.ok();
    login(PASSWORD).await.problem(401, "invalid_credentials");
    node.command(&["user", "role", "olga", "user"]).await.ok();
    let session = login("another-long-one-9").await.expect(200);
    assert_eq!(role_claim(&session.text("token")), "user");
    let complaint = node.command(&["user", "role", "nobody-at-all", "user"]).await;
    assert_ne!(complaint.code, Some(0), "{complaint:?}");
}

/// The `role` claim of a token, unverified.
fn role_claim(token: &str) -> String {
    rialto_tests::tokens::unverified_claims(token).text("role")
}

#[tokio::test]
async fn a_token_of_the_command_line_names_its_key_and_role() {
    let node = Rialto::start(&[]).await;
    let alice = node.user("alice").await;
    let arguments = ["token", "--user", &alice.id, "--ttl", "120", "--role", "bot"];
    let token = node.command(&arguments).await.ok().trim().to_owned();
    let claims = rialto_tests::tokens::unverified_claims(&token);
    assert_eq!(claims.text("sub"), alice.id);
    assert_eq!(claims.text("role"), "bot");
    assert_eq!(claims.number("exp") - claims.number("iat"), 120);
    assert!(!claims.text("jti").is_empty());
    assert!(!rialto_tests::tokens::unverified_header(&token).text("kid").is_empty());
    Wire::connect(node.url(), &token).await;
}
