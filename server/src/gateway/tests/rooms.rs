//! Output for all listeners of a large room.

use super::harness::{Client, FakeGateway, Server, hear, say};
use crate::gateway::GatewayLimits;
use crate::gateway::limits::SOCKETS_PER_ROUND;
use crate::ws::encode::{FrameKind, frame};

/// More than two rounds.
const NUM_LISTENERS: usize = 2 * SOCKETS_PER_ROUND + 10;

async fn listeners(server: &Server) -> Vec<Client> {
    let mut clients = Vec::new();
    for _ in 0..NUM_LISTENERS {
        clients.push(server.session().await);
    }
    server.gateway.until("open", |gateway| gateway.sessions.borrow().len() == NUM_LISTENERS).await;
    clients
}

#[actix_web::test]
async fn everybody_hears_everything_in_order_and_what_comes_during_a_flush_goes_out_together() {
    let server = Server::start(GatewayLimits::default());
    let mut clients = listeners(&server).await;
    let gateway = &server.gateway;
    gateway.publish(frame(FrameKind::Text, b"0"));
    gateway.until("flushed", |gateway| gateway.num_room_flushes.get() == 1).await;
    // More rounds of the first flush are to come: all of this waits for the second.
    for number in 1..5 {
        gateway.publish(frame(FrameKind::Text, number.to_string().as_bytes()));
    }
    for client in &mut clients {
        for number in 0..5 {
            assert_eq!(hear(client).await.to_string(), number.to_string());
        }
    }
    assert_eq!(gateway.num_room_flushes.get(), 2);
}

#[actix_web::test]
async fn whoever_has_something_of_its_own_does_not_wait_for_the_room() {
    let server = Server::start(GatewayLimits::default());
    let mut clients = listeners(&server).await;
    let gateway = &server.gateway;
    gateway.publish(frame(FrameKind::Text, b"room"));
    gateway.until("flushed", |gateway| gateway.num_room_flushes.get() == 1).await;
    // The last of the room gets its own within the next round, and what the room has for it before it.
    let last = FakeGateway::id(u32::try_from(NUM_LISTENERS - 1).unwrap());
    gateway.push(last, frame(FrameKind::Text, b"own"));
    assert!(gateway.sessions.borrow()[&last.index].output.chunks.len() == 2, "its turn has not come yet");
    gateway.until("written", |gateway| gateway.sessions.borrow()[&last.index].output.chunks.is_empty()).await;
    let waiting = gateway.sessions.borrow().values().filter(|session| !session.output.chunks.is_empty()).count();
    assert!(waiting > 0, "the room was served first");
    for client in &mut clients {
        assert_eq!(hear(client).await.to_string(), "room");
    }
    let last = clients.last_mut().unwrap();
    assert_eq!(hear(last).await.to_string(), "own");
    // Each of them was written to once: nothing comes twice.
    say(last, "after").await;
    assert_eq!(hear(last).await.to_string(), "echo:after");
}

#[actix_web::test]
async fn a_panic_while_rooms_are_flushed_does_not_end_the_writing() {
    let server = Server::default();
    let mut client = server.session().await;
    server.gateway.until("open", |gateway| gateway.sessions.borrow().len() == 1).await;
    server.gateway.flush_panics.set(true);
    server.gateway.publish(frame(FrameKind::Text, b"one"));
    server.gateway.until("flushed", |gateway| !gateway.flush_panics.get()).await;
    server.gateway.publish(frame(FrameKind::Text, b"two"));
    assert_eq!(hear(&mut client).await.to_string(), "one");
    assert_eq!(hear(&mut client).await.to_string(), "two");
    say(&mut client, "still there?").await;
    assert_eq!(hear(&mut client).await.to_string(), "echo:still there?");
}
