//! Many clients that come or go at once.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::harness::{MINE, Raw, Server, hear, masked, say, upgrade_request};
use crate::gateway::limits::NEWCOMER_READS;

const NUM_NEW: usize = 500;
const NUM_GONE: usize = 500;

/// A client that has been there for a while.
async fn standing(server: &Server) -> Raw {
    let mut client = server.raw().await;
    client.upgrade("/connection/websocket").await;
    let gateway = &server.gateway;
    for number in 1..=usize::from(NEWCOMER_READS) {
        client.send(masked(0x81, MINE.as_bytes())).await;
        gateway.until("heard", |gateway| gateway.num_mine.get() == number).await;
    }
    client
}

#[actix_web::test]
async fn who_is_connected_goes_before_a_crowd_that_comes() {
    let server = Server::default();
    let mut established = standing(&server).await;
    // None of this lets the gateway run: it finds the crowd all at once.
    let mut crowd: Vec<TcpStream> = (0..NUM_NEW).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    for stream in &mut crowd {
        stream.write_all(upgrade_request("/connection/websocket").as_bytes()).unwrap();
    }
    server.block_until_waiting(NUM_NEW);
    let num_open = || server.gateway.opened.borrow().len();
    let (mut num_texts, mut num_before) = (server.gateway.num_texts.get(), num_open());
    while num_open() < 1 + NUM_NEW {
        established.send(masked(0x81, MINE.as_bytes())).await;
        num_texts += 1;
        server.gateway.until("heard", |gateway| gateway.num_texts.get() == num_texts).await;
        let num_overtaken_by = server.gateway.num_opened_before_text.get() - num_before;
        assert!(num_overtaken_by < 32, "it waited for {num_overtaken_by} of the crowd");
        num_before = num_open();
    }
    // And the crowd is served no less.
    let mut late = crowd.pop().unwrap();
    let mut answer = [0; 12];
    late.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
    let mut client = server.session().await;
    say(&mut client, "hello").await;
    assert_eq!(hear(&mut client).await.to_string(), "echo:hello");
}

#[actix_web::test]
async fn who_stands_goes_before_what_a_crowd_says_first() {
    let server = Server::default();
    let gateway = &server.gateway;
    let mut established = standing(&server).await;
    let mut crowd: Vec<TcpStream> = (0..NUM_NEW).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    for stream in &mut crowd {
        stream.write_all(upgrade_request("/connection/websocket").as_bytes()).unwrap();
    }
    gateway.until("open", |gateway| gateway.opened.borrow().len() == 1 + NUM_NEW).await;
    // None of this lets the gateway run.
    for stream in &mut crowd {
        stream.write_all(&masked(0x81, b"hello")).unwrap();
    }
    let num_heard = || gateway.num_texts.get() - gateway.num_mine.get();
    while num_heard() < NUM_NEW {
        let (num_before, num_mine) = (num_heard(), gateway.num_mine.get());
        established.send(masked(0x81, MINE.as_bytes())).await;
        gateway.until("heard", |gateway| gateway.num_mine.get() > num_mine).await;
        let num_overtaken_by = num_heard() - num_before;
        assert!(num_overtaken_by < 64, "it waited for {num_overtaken_by} of the crowd");
    }
}

#[actix_web::test]
async fn who_stays_goes_before_a_crowd_that_goes() {
    let server = Server::default();
    let mut crowd = Vec::new();
    for number in 0..NUM_GONE {
        let mut client = server.raw().await;
        client.upgrade("/connection/websocket").await;
        if number % 2 == 0 {
            // Some say goodbye, for the others the network ends.
            client.send(masked(0x88, b"\x03\xe8")).await;
        }
        crowd.push(client);
    }
    let mut established = standing(&server).await;
    let num_closed = || server.gateway.num_closed.get();
    // Nothing of this lets the gateway run.
    let mut num_before = num_closed();
    drop::<Vec<Raw>>(crowd);
    let mut num_texts = server.gateway.num_texts.get();
    while num_closed() < NUM_GONE {
        established.send(masked(0x81, MINE.as_bytes())).await;
        num_texts += 1;
        server.gateway.until("heard", |gateway| gateway.num_texts.get() == num_texts).await;
        let num_overtaken_by = server.gateway.num_closed_before_text.get() - num_before;
        assert!(num_overtaken_by < 128, "it waited for {num_overtaken_by} of the crowd");
        num_before = server.gateway.num_closed_before_text.get();
    }
}
