//! What the feed says, and when it ends.

use rialto_tests::{Pick as _, Rialto, eventually, json};
use tokio_tungstenite::tungstenite::Error;

use crate::client::{Feed, with_role};

#[tokio::test]
async fn what_people_do_shows_in_the_samples() {
    let node = Rialto::start(&[]).await;
    let olga = with_role(&node, "olga", "operator").await;
    let mut feed = Feed::open(node.url(), &olga.token).await;
    feed.history().await;
    let (mut ada, mut bob) = node.two_people("ada", "bob").await;
    let room = ada.opens_group("busy", &[&bob]).await;
    bob.enters(&room).await;
    for number in 0..20 {
        ada.says(&format!("message {number}")).await;
    }
    let channel = format!("conversation:{room}");
    let sample = feed
        .until("the room is among the busiest", |_, sample| {
            let rooms = sample.list("rooms");
            rooms.iter().any(|one| one.text("channel") == channel && one.number("publications") >= 20 && one.number("deliveries") >= 20)
        })
        .await;
    assert!(sample.list("rooms").iter().all(|one| !one.text("channel").starts_with("user:")), "inboxes are no rooms: {sample}");
    assert_eq!(sample["dependencies"]["store"]["state"], "ok");
    // Rates are those of single seconds: all that happened is in the rows from then on and before.
    let mut again = Feed::open(node.url(), &olga.token).await;
    let rows = again.history().await;
    assert!(rows.windows(2).all(|pair| pair[0].number("time") < pair[1].number("time")), "ascending");
    assert!(rows.iter().all(|row| row.list("values").len() == again.columns.len()));
    let sum = |column: &str| rows.iter().filter_map(|row| again.value(row, column)).sum::<f64>();
    assert!(sum("commands") > 15.0 && sum("publications") > 15.0 && sum("rows") > 15.0, "{rows:?}");
    let last = rows.last().expect("there are rows");
    assert_eq!(again.value(last, "connections"), Some(2.0));
    assert!(again.value(last, "memory_bytes").is_some_and(|bytes| bytes > 1e6));
    assert!(again.value(last, "thread_0_busy").is_some_and(|share| (0.0..=1.5).contains(&share)));
    assert!(rows.iter().any(|row| again.value(row, "command_p99").is_some_and(|seconds| seconds > 0.0)), "commands took some time");
    assert!(rows.iter().any(|row| again.value(row, "append_p50").is_some_and(|seconds| seconds > 0.0)), "and so did appends");
    // Some commits hold no rows but accounts.
    assert!(rows.iter().any(|row| again.value(row, "rows_per_commit").is_some_and(|rows| rows > 0.0)), "commits had rows");
}

#[tokio::test]
async fn the_feed_says_what_metrics_say() {
    let node = Rialto::start(&[]).await;
    let olga = with_role(&node, "olga", "operator").await;
    let mut ada = node.person("ada").await;
    ada.opens_group("room", &[]).await;
    ada.says("one").await;
    let metrics = eventually("the load is in the metrics", async || {
        let text = node.http().get("/metrics").send().await.text();
        (!text.contains("rialto_command_seconds_count 0\n") && !text.contains("rialto_publications_total 0\n")).then_some(text)
    })
    .await;
    for name in [
        "rialto_publications_total ",
        "rialto_mailbox_length ",
        "rialto_mailbox_longest_length ",
        "rialto_resident_memory_bytes ",
        "rialto_command_seconds_bucket{le=\"+Inf\"} ",
        "rialto_append_seconds_count ",
        "rialto_thread_busy_seconds_total{thread=\"0\"} ",
    ] {
        assert!(metrics.lines().any(|line| line.starts_with(name)), "{name}: {metrics}");
    }
    let mut feed = Feed::open(node.url(), &olga.token).await;
    feed.history().await;
    feed.until("one connection", |feed, sample| feed.value(&sample["row"], "connections") == Some(1.0)).await;
}

#[tokio::test]
async fn who_listens_is_asked_first() {
    let node = Rialto::start(&[]).await;
    let (olga, ada) = (with_role(&node, "olga", "operator").await, node.user("ada").await);
    let closes = async |token: &str| Feed::open(node.url(), token).await.closed().await;
    assert_eq!(closes(&ada.token).await, 3507, "the role does not suffice");
    assert_eq!(closes("nonsense").await, 3500);
    let mut feed = Feed::try_open(node.url(), &[]).await.expect("open");
    feed.say("not JSON").await;
    assert_eq!(feed.closed().await, 3501);
    let mut feed = Feed::try_open(node.url(), &[]).await.expect("open");
    feed.say(&"x".repeat(20 * 1024)).await;
    assert_eq!(feed.closed().await, 1009);
    // As a subprotocol, which the server repeats: browsers want that.
    let protocol = format!("rialto.{}", olga.token);
    let mut feed = Feed::try_open(node.url(), &[("sec-websocket-protocol", &protocol)]).await.expect("open");
    assert_eq!(feed.protocol, protocol);
    feed.history().await;
    feed.sample().await;
    // A fresh token of the same user is welcome, somebody else's is not.
    feed.auth(&olga.log_in().await.token).await;
    feed.sample().await;
    let root = with_role(&node, "root", "admin").await;
    feed.auth(&root.token).await;
    assert_eq!(feed.closed().await, 3500);
}

#[tokio::test]
async fn foreign_pages_are_refused() {
    let node = Rialto::start(&[]).await;
    let refused = Feed::try_open(node.url(), &[("origin", "https://evil.example")]).await.err();
    match refused {
        Some(Error::Http(response)) => assert_eq!(response.status(), 403),
        other => panic!("{other:?}"),
    }
    Feed::try_open(node.url(), &[("origin", node.url())]).await.expect("its own page");
}

#[tokio::test]
async fn a_lost_role_a_logout_and_the_end_of_a_token_end_the_feed() {
    let node = Rialto::start(&[]).await;
    let olga = with_role(&node, "olga", "operator").await;
    let (second, third) = (olga.log_in().await, olga.log_in().await);
    let mut feeds = Vec::new();
    for token in [&second.token, &third.token] {
        let mut feed = Feed::open(node.url(), token).await;
        feed.history().await;
        feeds.push(feed);
    }
    node.http().post("/v1/auth/logout").token(&second.token).refresh_cookie(&second.refresh).send().await.expect(204);
    assert_eq!(feeds[0].closed().await, 3500, "logged out");
    feeds[1].sample().await;
    node.command(&["user", "role", &olga.username, "user"]).await.ok();
    assert_eq!(feeds[1].closed().await, 3500, "the role is lost");
    let short = node.command(&["token", "--user", &olga.id, "--role", "operator", "--ttl", "2"]).await.ok();
    assert_eq!(Feed::open(node.url(), short.trim()).await.closed().await, 3005, "the token has ended");
}

#[tokio::test]
async fn a_drain_tells_the_feed() {
    let mut node = Rialto::start(&[]).await;
    let olga = with_role(&node, "olga", "operator").await;
    let mut feed = Feed::open(node.url(), &olga.token).await;
    feed.history().await;
    let mut silent = Feed::try_open(node.url(), &[]).await.expect("open");
    node.sigterm().await;
    assert_eq!((feed.closed().await, silent.closed().await), (3001, 3001));
    assert!(node.exit().await.success());
    assert!(!json!(node.log()).to_string().contains(&olga.token), "no token is logged");
}
