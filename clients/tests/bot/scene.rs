//! A room with Ada and a robot.

use rialto_client::Client;
use rialto_client::bot::Bot;
use rialto_client::protocol::ConversationId;
use rialto_client::protocol::rpc::ConversationKind;
use rialto_client::testing::{Person, TestServer};

pub(crate) struct Scene {
    pub(crate) server: TestServer,
    pub(crate) ada: Person,
    pub(crate) robot: Person,
    pub(crate) room: ConversationId,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::on(TestServer::start().await)
    }

    pub(crate) fn on(server: TestServer) -> Self {
        let (ada, robot) = (server.person("ada"), server.person("robot"));
        let room = ada.creates(ConversationKind::Group, Some("room"), &[&robot]);
        Self { server, ada, robot, room }
    }

    pub(crate) fn client(&self) -> Client {
        self.server.client(&self.robot)
    }

    pub(crate) fn bot(&self) -> Bot {
        Bot::new(self.client())
    }

    /// What the robot has said in the room.
    pub(crate) fn texts(&self) -> Vec<String> {
        let said = self.ada.reads(self.room).into_iter().filter(|message| message.sender == self.robot.id());
        said.map(|message| message.text).collect()
    }
}
