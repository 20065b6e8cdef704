//! Bad input and overload: each gets its code, memory stays bounded, the others do not notice.
//!
//! `RIALTO_SILENT_SOCKETS` and `RIALTO_TOUCHED_CONVERSATIONS` make the crowds larger (up to 10,000 and 100,000).

mod crowds;
mod floods;
mod frames;
mod http;
mod slow;

use rialto_tests::{Person, Rialto};

/// Two people in a conversation whom the attack must not disturb.
struct Bystanders {
    alice: Person,
    bob: Person,
    said: u64,
}

impl Bystanders {
    async fn of(node: &Rialto) -> Self {
        let (mut alice, mut bob) = node.two_people("alice", "bob").await;
        let room = alice.opens_group("tea", &[&bob]).await;
        bob.enters(&room).await;
        Self { alice, bob, said: 0 }
    }

    /// They talk, and every word arrives.
    async fn talk(&mut self) {
        self.said += 1;
        let text = format!("word {}", self.said);
        self.alice.says(&text).await;
        self.bob.hears(&text).await;
    }
}
