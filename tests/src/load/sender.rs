//! A lane: one message after the other, each retried under its id until it is acknowledged.

use serde_json::{Value, json};

use super::{Scene, is_patience};
use crate::history::{Ack, Sent};
use crate::user::client_id;
use crate::{Closed, Dice, Pick as _, Refusal, User, Wire, clock};

/// One in how many messages is sent on both connections at once.
const TWIN_ONE_IN: u64 = 3;

/// A sender with two connections of the same user.
#[derive(Debug)]
pub struct Sender {
    lane: String,
    user: User,
    scene: Scene,
    dice: Dice,
    main: Option<Wire>,
    twin: Option<Wire>,
}

impl Sender {
    /// A lane of `user` in the scene's conversation.
    #[must_use]
    pub const fn new(lane: String, user: User, scene: Scene, dice: Dice) -> Self {
        Self { lane, user, scene, dice, main: None, twin: None }
    }

    /// Sends until told to stop; the message in hand is brought to its acknowledgement first.
    pub async fn run(mut self) {
        let mut number = 0;
        while !*self.scene.stop.borrow() {
            let client_id = client_id();
            let sent = Sent { lane: self.lane.clone(), number, client_id: client_id.clone() };
            self.scene.record.lock().expect("no task panics while it writes").sent.push(sent);
            self.bring_home(&client_id, number).await;
            number += 1;
        }
    }

    async fn bring_home(&mut self, client_id: &str, number: u64) {
        let text = format!("{} says {number}", self.lane);
        let data = json!({"conversation": self.scene.conversation, "client_id": client_id, "text": text});
        loop {
            let acknowledged = if self.dice.one_in(TWIN_ONE_IN) { self.try_on_both(&data).await } else { self.try_on_one(&data).await };
            if acknowledged {
                return;
            }
            clock::look_again().await;
        }
    }

    async fn try_on_one(&mut self, data: &Value) -> bool {
        let mut main = self.take_main().await;
        let answer = send(&mut main, data).await;
        let (acknowledged, alive) = self.settle(answer, data);
        self.main = alive.then_some(main);
        acknowledged
    }

    /// The same id on two connections at the same time: both must get the same answer.
    async fn try_on_both(&mut self, data: &Value) -> bool {
        let mut main = self.take_main().await;
        let mut twin = match self.twin.take() {
            Some(twin) => twin,
            None => self.scene.connect(&self.user).await,
        };
        let (one, other) = futures_util::future::join(send(&mut main, data), send(&mut twin, data)).await;
        let (one_acknowledged, main_alive) = self.settle(one, data);
        let (other_acknowledged, twin_alive) = self.settle(other, data);
        self.main = main_alive.then_some(main);
        self.twin = twin_alive.then_some(twin);
        one_acknowledged || other_acknowledged
    }

    async fn take_main(&mut self) -> Wire {
        match self.main.take() {
            Some(main) => main,
            None => self.scene.connect(&self.user).await,
        }
    }

    /// Writes an acknowledgement down. Gives whether there was one, and whether the connection still lives.
    fn settle(&self, answer: Result<Result<Value, Refusal>, Closed>, data: &Value) -> (bool, bool) {
        match answer {
            Ok(Ok(reply)) => {
                let answer = &reply["data"];
                let ack = Ack {
                    client_id: data.text("client_id"),
                    offset: answer.number("offset"),
                    epoch: answer.text("epoch"),
                    duplicate: answer.flag("duplicate"),
                };
                self.scene.record.lock().expect("no task panics while it writes").acks.push(ack);
                (true, true)
            }
            Ok(Err(refusal)) if is_patience(&refusal) => (false, true),
            Ok(Err(refusal)) => panic!("{} was refused: {refusal:?}", self.lane),
            Err(_closed) => (false, false),
        }
    }
}

async fn send(wire: &mut Wire, data: &Value) -> Result<Result<Value, Refusal>, Closed> {
    wire.try_call("rpc", json!({"method": "conversation.send", "data": data})).await
}
