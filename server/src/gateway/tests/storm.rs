//! Many clients that come at once.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::harness::{Server, hear, masked, upgrade_request};

const NUM_NEW: usize = 500;

#[actix_web::test]
async fn who_is_connected_goes_before_a_crowd_that_comes() {
    let server = Server::default();
    let mut established = server.raw().await;
    established.upgrade("/connection/websocket").await;
    server.gateway.until("open", |gateway| gateway.opened.borrow().len() == 1).await;
    // None of this lets the gateway run: it finds the crowd and the message together.
    let mut crowd: Vec<TcpStream> = (0..NUM_NEW).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    for stream in &mut crowd {
        stream.write_all(upgrade_request("/connection/websocket").as_bytes()).unwrap();
    }
    server.block_until_waiting(NUM_NEW);
    assert_eq!(established.0.try_write(&masked(0x81, b"me first")).unwrap(), 14);
    server.gateway.until("heard", |gateway| gateway.num_texts.get() == 1).await;
    let num_before = server.gateway.num_opened_before_text.get();
    assert!(num_before < NUM_NEW / 10, "it waited for {num_before}");
    server.gateway.until("all open", |gateway| gateway.opened.borrow().len() == 1 + NUM_NEW).await;
    // And the crowd is served no less.
    let mut late = crowd.pop().unwrap();
    let mut answer = [0; 12];
    late.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
    let mut client = server.session().await;
    super::harness::say(&mut client, "hello").await;
    assert_eq!(hear(&mut client).await.to_string(), "echo:hello");
}
