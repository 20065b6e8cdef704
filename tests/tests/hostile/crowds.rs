//! Many at once: sockets that never say who they are, conversations that are touched once.

use rialto_tests::dice::number_from_env;
use rialto_tests::{Pick as _, RawSocket, Rialto, json};

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
    let mut touched = 0;
    while touched < count {
        let mut ids = Vec::new();
        for _ in 0..IN_FLIGHT {
            let create = json!({"kind": "group", "title": "once", "client_id": format!("c-{touched}")});
            ids.push(toucher.issue("rpc", json!({"method": "conversation.create", "data": create})).await);
            touched += 1;
        }
        for id in ids {
            match toucher.reply(id, "rpc").await {
                Ok(made) => assert_eq!(made["data"].number("offset"), 1),
                Err(refusal) => assert!(refusal.temporary, "{refusal:?}"),
            }
        }
    }
    bystanders.talk().await;
    let grown = node.resident_kib().saturating_sub(before);
    assert!(grown < SLACK_KIB + count * TOUCHED_CONVERSATION_KIB_MAX, "{count} conversations left {grown} KiB");
}
