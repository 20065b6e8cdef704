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
    // None of this lets the gateway run: it finds the crowd all at once.
    let mut crowd: Vec<TcpStream> = (0..NUM_NEW).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    for stream in &mut crowd {
        stream.write_all(upgrade_request("/connection/websocket").as_bytes()).unwrap();
    }
    server.block_until_waiting(NUM_NEW);
    let num_open = || server.gateway.opened.borrow().len();
    let (mut num_texts, mut num_before) = (0, num_open());
    while num_open() < 1 + NUM_NEW {
        established.send(masked(0x81, b"me first")).await;
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
    super::harness::say(&mut client, "hello").await;
    assert_eq!(hear(&mut client).await.to_string(), "echo:hello");
}
