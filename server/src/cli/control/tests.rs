//! Commands beside a running node.

use super::*;
use crate::config::{Origin, load};

async fn node(folder: &Path) -> (Foundation, tokio::task::JoinHandle<()>) {
    let config = folder.join("none.toml");
    fs::write(&config, "").unwrap();
    let origin = Origin { file: Some(config), data: Some(folder.join("data")), ..Origin::default() };
    let foundation = Foundation::open(load(&origin).unwrap()).await.unwrap();
    let control = Control::bind(&foundation.config.data_dir).unwrap();
    let serving = tokio::spawn(control.serve(foundation.clone()));
    (foundation, serving)
}

fn add(name: &str) -> Operation {
    Operation::UserAdd { name: name.into(), role: "operator".into(), password: "correct-horse-7-battery".into() }
}

#[tokio::test]
async fn a_command_reaches_the_node_and_hears_why_not() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    assert_eq!(ask_nobody(&data).await, None);
    let (foundation, serving) = node(folder.path()).await;
    let mode = fs::metadata(data.join(SOCKET)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    assert!(ask(&data, &add("olga")).await.unwrap().unwrap().starts_with("added olga"));
    assert_eq!(foundation.accounts.find("olga").await.unwrap().username, "olga");
    let refused = ask(&data, &add("OLGA")).await.unwrap_err();
    assert_eq!((refused.exit, refused.message.contains("taken")), (Exit::Failed, true));
    let weak = Operation::UserPasswd { name: "olga".into(), password: "short".into() };
    assert_eq!(ask(&data, &weak).await.unwrap_err().exit, Exit::Usage);
    let token = ask(&data, &Operation::BotAdd { name: "echo".into(), scopes: vec!["*".into()], ttl_s: None }).await.unwrap().unwrap();
    assert!(foundation.accounts.authenticate(&token).await.is_ok());
    assert!(ask(&data, &Operation::Verify).await.unwrap().unwrap().contains("2 accounts"));
    serving.abort();
    assert!(serving.await.unwrap_err().is_cancelled());
    assert_eq!(ask_nobody(&data).await, None, "a node that is gone is nobody");
}

async fn ask_nobody(data: &Path) -> Option<String> {
    ask(data, &Operation::KeysReload).await.unwrap()
}

#[tokio::test]
async fn a_rotated_key_is_taken_into_use() {
    let folder = tempfile::tempdir().unwrap();
    let (foundation, _serving) = node(folder.path()).await;
    let data = foundation.config.data_dir.clone();
    let user = foundation.accounts.add_user("olga", "correct-horse-7-battery".into(), rialto_storage::accounts::AccountRole::User);
    user.await.unwrap();
    let login = || foundation.accounts.login("olga", "correct-horse-7-battery".into(), std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));
    let before = login().await.unwrap().access.token;
    let kid = crate::app::keys::rotate(&foundation.config.data_dir.join("keys.json"), 1).unwrap();
    ask(&data, &Operation::KeysReload).await.unwrap();
    let after = login().await.unwrap().access.token;
    let header = |token: &str| {
        use base64::Engine as _;
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
        String::from_utf8(bytes).unwrap()
    };
    assert!(header(&after).contains(&kid) && !header(&before).contains(&kid));
    assert!(foundation.accounts.authenticate(&before).await.is_ok(), "tokens of the old key live on");
    assert!(foundation.accounts.authenticate(&after).await.is_ok());
}

#[tokio::test]
async fn nonsense_on_the_socket_is_answered_and_a_long_path_works() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("x".repeat(120));
    fs::create_dir(&deep).unwrap();
    let (foundation, _serving) = node(&deep).await;
    let data = &foundation.config.data_dir;
    assert!(ask(data, &Operation::KeysReload).await.unwrap().is_some());
    let stream = with_short_path(data, |short| std::os::unix::net::UnixStream::connect(short)).unwrap();
    stream.set_nonblocking(true).unwrap();
    let mut stream = UnixStream::from_std(stream).unwrap();
    stream.write_all(b"{\"operation\":\"explode\"}\n").await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert!(text.contains("another version"), "{text}");
}
