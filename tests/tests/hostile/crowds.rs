//! Many at once: sockets that never say who they are, conversations that are touched once.

use rialto_tests::dice::number_from_env;
use rialto_tests::{Pick as _, RawSocket, Rialto, clock, json, note};

use super::Bystanders;

/// Sockets that never authenticate, when nothing else is said.
const SILENT_SOCKETS: u64 = 2000;

/// What one of them may cost the node, in KiB.
const SILENT_SOCKET_KIB_MAX: u64 = 8;

/// Conversations touched once, when nothing else is said.
const TOUCHED_CONVERSATIONS: u64 = 3000;

/// What one of them may leave behind in memory, in KiB: an entity that has left memory leaves caches at most.
const TOUCHED_CONVERSATION_KIB_MAX: u64 = 8;

/// What a node may grow by whatever it does: caches, pools, allocator slack.
const SLACK_KIB: u64 = 64 * 1024;

/// Commands in flight, far below the session's rate.
const IN_FLIGHT: usize = 64;

/// The others talk this often meanwhile; they would be closed for want of a pong if they never looked at their sockets.
const TOUCHES_BETWEEN_TALKS: u64 = 64 * 16;

#[tokio::test]
async fn sockets_that_never_authenticate_are_closed_with_3502() {
    let count = number_from_env("RIALTO_SILENT_SOCKETS").unwrap_or(SILENT_SOCKETS);
    let node = Rialto::start(&[]).await;
    let mut bystanders = Bystanders::of(&node).await;
    let before = node.resident_kib();
    let mut silent = Vec::new();
    for _ in 0..count {
        silent.push(RawSocket::upgrade(node.url(), "/connection/websocket").await);
    }
    bystanders.talk().await;
    let grown = node.resident_kib().saturating_sub(before);
    note(&format!("{count} silent sockets cost {grown} KiB"));
    assert!(grown < SLACK_KIB + count * SILENT_SOCKET_KIB_MAX, "{count} silent sockets cost {grown} KiB");
    for mut raw in silent {
        assert_eq!(raw.close_code().await, Some(3502));
    }
    bystanders.talk().await;
}

#[tokio::test]
async fn many_conversations_touched_once_leave_memory_bounded() {
    let count = number_from_env("RIALTO_TOUCHED_CONVERSATIONS").unwrap_or(TOUCHED_CONVERSATIONS);
    let node = Rialto::start(&[]).await;
    let mut bystanders = Bystanders::of(&node).await;
    let mut toucher = node.person("toucher").await.wire;
    let before = node.resident_kib();
    let (mut touched, mut asked) = (0, 0);
    while touched < count {
        let mut ids = Vec::new();
        for _ in 0..IN_FLIGHT {
            let create = json!({"kind": "group", "title": "once", "client_id": format!("c-{asked}")});
            ids.push(toucher.issue("rpc", json!({"method": "conversation.create", "data": create})).await);
            asked += 1;
        }
        let touched_before = touched;
        for id in ids {
            match toucher.reply(id, "rpc").await {
                Ok(made) => {
                    assert_eq!(made["data"].number("offset"), 1);
                    touched += 1;
                }
                Err(refusal) => assert!(refusal.temporary, "{refusal:?}"),
            }
        }
        if touched == touched_before {
            clock::look_again().await;
        }
        if asked % TOUCHES_BETWEEN_TALKS == 0 {
            bystanders.talk().await;
        }
    }
    bystanders.talk().await;
    let grown = node.resident_kib().saturating_sub(before);
    note(&format!("{touched} conversations (asked for {asked}) left {grown} KiB"));
    assert!(grown < SLACK_KIB + count * TOUCHED_CONVERSATION_KIB_MAX, "{count} conversations left {grown} KiB");
}
