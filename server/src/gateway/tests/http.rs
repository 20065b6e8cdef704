//! The way to the actix-web application.

use tokio::io::AsyncReadExt as _;

use super::harness::{Server, upgrade_request};

const LAST: &str = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

#[actix_web::test]
async fn keep_alive_pipelining_and_bodies_work() {
    let server = Server::default();
    let mut raw = server.raw().await;
    let body = "b".repeat(100_000);
    raw.send(format!("GET / HTTP/1.1\r\nhost: x\r\n\r\nPOST /length HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len())).await;
    // The body comes after the head has been handed over.
    let mut first = [0; 17];
    raw.0.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK\r\n");
    raw.send(body).await;
    raw.send("POST /length HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n").await;
    raw.send(LAST).await;
    let answers = raw.rest_as_text().await;
    assert_eq!(answers.matches("HTTP/1.1 200 OK\r\n").count(), 3, "{answers}");
    assert!(answers.contains("\r\n\r\n100000HTTP"), "{answers}");
    assert!(answers.contains("\r\n\r\n5HTTP"), "{answers}");
    assert!(answers.ends_with("hello"), "{answers}");
}

#[actix_web::test]
async fn a_head_in_single_bytes_is_served() {
    let server = Server::default();
    let mut raw = server.raw().await;
    for byte in LAST.bytes() {
        raw.send([byte]).await;
        tokio::task::yield_now().await;
    }
    assert!(raw.rest_as_text().await.ends_with("hello"));
}

#[actix_web::test]
async fn the_application_sees_the_peer() {
    let server = Server::default();
    let mut raw = server.raw().await;
    let peer = raw.0.local_addr().unwrap().to_string();
    raw.send(LAST.replace("GET / ", "GET /peer ")).await;
    let answer = raw.rest_as_text().await;
    assert!(answer.ends_with(&peer), "{answer}");
}

#[actix_web::test]
async fn requests_pipelined_behind_a_refused_upgrade_are_served() {
    let server = Server::default();
    let mut raw = server.raw().await;
    let refused = upgrade_request("/connection/websocket").replace("Version: 13", "Version: 8");
    raw.send(format!("{refused}GET / HTTP/1.1\r\nhost: x\r\n\r\n{LAST}")).await;
    let answers = raw.rest_as_text().await;
    assert!(answers.starts_with("HTTP/1.1 426 "), "{answers}");
    assert!(answers.contains("sec-websocket-version: 13\r\n"), "{answers}");
    assert_eq!(answers.matches("HTTP/1.1 200 OK\r\n").count(), 2, "{answers}");
}

#[actix_web::test]
async fn what_is_not_ours_goes_to_the_application() {
    let server = Server::default();
    for (request, status) in [
        (upgrade_request("/elsewhere"), "404"),
        ("GET /connection/websocket HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".to_owned(), "404"),
        ("\u{1}\u{2}\u{3} garbage\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/7.3\r\n\r\n".to_owned(), "400"),
    ] {
        let mut raw = server.raw().await;
        raw.send(&request).await;
        let mut head = [0; 12];
        raw.0.read_exact(&mut head).await.unwrap();
        assert_eq!(&head, format!("HTTP/1.1 {status}").as_bytes(), "{request}");
    }
}
