//! Guests, where the configuration lets them in.

use rialto_tests::{Pick as _, Rialto, Wire, json};

#[tokio::test]
async fn guests_come_in_only_by_configuration() {
    let closed = Rialto::start(&["auth.guests=false"]).await;
    let refused = closed.http().post("/v1/auth/guest").json(&json!({"display_name": "Gast"})).send().await;
    assert!([403, 404, 501].contains(&refused.status), "{}", refused.text());

    let open = Rialto::start(&["auth.guests=true"]).await;
    let answer = open.http().post("/v1/auth/guest").json(&json!({"display_name": "Gast"})).send().await;
    assert!([200, 201].contains(&answer.status), "{}", answer.text());
    let made = answer.expect(answer.status);
    assert_eq!(made["user"]["display_name"], "Gast");
    let mut wire = Wire::connect(open.url(), &made.text("token")).await;
    assert_eq!(wire.ask("user.me", json!({})).await.text("id"), made["user"].text("id"));
}
