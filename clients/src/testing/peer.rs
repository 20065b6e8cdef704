//! The server's end of one connection: commands in, replies and pushes out.

use std::collections::HashMap;

use rialto_protocol::command::{Command, CommandKind, Connect, Recover, commands};
use rialto_protocol::reply::{ClientInfo, ConnectResult, Empty, Publication, RawJson, RefreshResult, ReplyBody, reply};
use rialto_protocol::rpc::Request;
use rialto_protocol::{Channel, CloseCode, ErrorCode, Refusal, UserId};
use tokio::sync::mpsc;

use super::world::World;

/// What may befall a command on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It never arrives.
    LostBefore,
    /// Its answer never arrives.
    LostAfter,
    /// The connection breaks when it is done.
    CutAfter,
    /// It is refused as too many requests.
    RefusedForNow,
    /// It is refused as above a limit.
    Refused,
}

pub(super) type Decide = Box<dyn FnMut(&Command) -> Option<Fault> + Send>;

/// What goes to a client.
pub(super) enum Out {
    Text(String),
    /// A close frame; without a code the line is cut.
    Close(Option<CloseCode>),
}

pub(super) struct Peer {
    pub(super) user: Option<UserId>,
    pub(super) client: String,
    /// Channels, and whether it is told who comes and goes.
    pub(super) channels: HashMap<String, bool>,
    out: mpsc::Sender<Out>,
}

impl Peer {
    pub(super) fn new(number: u64, out: mpsc::Sender<Out>) -> Self {
        Self { user: None, client: format!("c{number}"), channels: HashMap::new(), out }
    }

    pub(super) fn info(&self) -> ClientInfo {
        let user = self.user.map(|user| user.to_string()).unwrap_or_default();
        ClientInfo { user, client: self.client.clone(), conn_info: None, chan_info: None }
    }

    /// Whoever reads too slowly is cut off.
    pub(super) fn says(&mut self, text: String) {
        if self.out.try_send(Out::Text(text)).is_err() {
            self.closes(None);
        }
    }

    pub(super) fn closes(&mut self, code: Option<CloseCode>) {
        // A queue without room belongs to a line that ends when its sender goes.
        if self.out.try_send(Out::Close(code)).is_err() {
            self.out = mpsc::channel(1).0;
        }
    }
}

impl World {
    /// One frame from a client.
    pub(super) fn receive(&mut self, number: u64, frame: &str) {
        for command in commands(frame) {
            match command {
                Ok(command) => self.command(number, command),
                Err(_) => self.close(number, Some(CloseCode::BadRequest)),
            }
        }
    }

    pub(super) fn close(&mut self, number: u64, code: Option<CloseCode>) {
        if let Some(peer) = self.peers.get_mut(&number) {
            peer.closes(code);
        }
    }

    /// The connection is gone, whoever ended it.
    pub(super) fn left(&mut self, number: u64) {
        if let Some(peer) = self.peers.remove(&number) {
            peer.channels.keys().for_each(|channel| self.joined(channel, &peer.info(), false));
        }
    }

    fn command(&mut self, number: u64, command: Command) {
        if matches!(command.kind, CommandKind::Pong | CommandKind::Send) {
            return;
        }
        let fault = self.decide.as_mut().and_then(|decide| decide(&command));
        let Command { id, kind } = command;
        let body = match fault {
            Some(Fault::LostBefore) => return,
            Some(Fault::Refused) => Err(ErrorCode::LimitExceeded.into()),
            Some(Fault::RefusedForNow) => Err(ErrorCode::TooManyRequests.into()),
            _ => self.answer(number, kind),
        };
        match fault {
            Some(Fault::CutAfter) => self.close(number, None),
            Some(Fault::LostAfter) => {}
            _ => {
                let body = body.unwrap_or_else(|refusal| ReplyBody::from(&refusal));
                if let Some(peer) = self.peers.get_mut(&number) {
                    peer.says(reply(id, &body));
                }
            }
        }
    }

    fn answer(&mut self, number: u64, kind: CommandKind) -> Result<ReplyBody, Refusal> {
        let info = self.peers.get(&number).ok_or(ErrorCode::BadRequest)?.info();
        match (self.peers[&number].user, kind) {
            (None, CommandKind::Connect(connect)) => self.connect(number, &connect),
            // A connect that is missing, or comes twice.
            (None, _) | (Some(_), CommandKind::Connect(_)) => {
                self.close(number, Some(CloseCode::BadRequest));
                Err(ErrorCode::BadRequest.into())
            }
            (Some(user), kind) => self.answer_to(number, user, info, kind),
        }
    }

    fn answer_to(&mut self, number: u64, user: UserId, info: ClientInfo, kind: CommandKind) -> Result<ReplyBody, Refusal> {
        Ok(match kind {
            CommandKind::Subscribe(wanted) => {
                if self.peers[&number].channels.contains_key(&wanted.channel) {
                    return Err(ErrorCode::AlreadySubscribed.into());
                }
                let recover = Recover { recover: wanted.recover, epoch: wanted.epoch, offset: wanted.offset };
                let result = self.stream(&wanted.channel, user)?.subscribe(&recover);
                if let Some(peer) = self.peers.get_mut(&number) {
                    peer.channels.insert(wanted.channel.clone(), wanted.join_leave);
                }
                self.joined(&wanted.channel, &info, true);
                ReplyBody::Subscribe(Box::new(result))
            }
            CommandKind::Unsubscribe { channel } => {
                if self.peers.get_mut(&number).is_some_and(|peer| peer.channels.remove(&channel).is_some()) {
                    self.joined(&channel, &info, false);
                }
                ReplyBody::Unsubscribe(Empty {})
            }
            CommandKind::Publish { channel, data } => {
                let Ok(Channel::Topic(_)) = Channel::parse(&channel) else { return Err(ErrorCode::PermissionDenied.into()) };
                let publication: Publication = self.stream(&channel, user)?.push(RawJson::new(data), Some(info));
                self.broadcast(&channel, &publication);
                ReplyBody::Publish(Empty {})
            }
            CommandKind::Presence { channel } => {
                self.stream(&channel, user)?;
                ReplyBody::Presence { presence: self.present(&channel) }
            }
            CommandKind::PresenceStats { channel } => {
                self.stream(&channel, user)?;
                let present = self.present(&channel);
                let users: std::collections::BTreeSet<_> = present.values().map(|info| &info.user).collect();
                let count = |number| u32::try_from(number).unwrap_or(u32::MAX);
                ReplyBody::PresenceStats { num_clients: count(present.len()), num_users: count(users.len()) }
            }
            CommandKind::History(history) => {
                let found = self.stream(&history.channel, user)?.history(&history);
                ReplyBody::History(found.ok_or(ErrorCode::UnrecoverablePosition)?)
            }
            CommandKind::Request(request) => ReplyBody::Rpc { data: self.call(user, *request)? },
            CommandKind::Rpc { method, data } => ReplyBody::Rpc { data: self.call(user, Request::parse(&method, data.get())?)? },
            CommandKind::Refresh { .. } => ReplyBody::Refresh(RefreshResult { client: info.client, ..RefreshResult::default() }),
            CommandKind::SubRefresh { .. } => ReplyBody::SubRefresh(RefreshResult::default()),
            CommandKind::Connect(_) | CommandKind::Pong | CommandKind::Send => return Err(ErrorCode::BadRequest.into()),
        })
    }

    /// Tokens are `test:` and the user's id.
    fn connect(&mut self, number: u64, connect: &Connect) -> Result<ReplyBody, Refusal> {
        let user = connect.token.strip_prefix("test:").and_then(|id| id.parse().ok()).filter(|user| self.users.contains_key(user));
        let Some(user) = user else {
            self.close(number, Some(CloseCode::InvalidToken));
            return Err(ErrorCode::Unauthorized.into());
        };
        let inbox = Channel::User(user).to_string();
        let subscribed = self.stream(&inbox, user)?.subscribe(&connect.subs.get(&inbox).cloned().unwrap_or_default());
        let time = self.now();
        let peer = self.peers.get_mut(&number).ok_or(ErrorCode::BadRequest)?;
        peer.user = Some(user);
        peer.channels.insert(inbox.clone(), false);
        Ok(ReplyBody::Connect(Box::new(ConnectResult {
            client: peer.client.clone(),
            version: "test",
            subs: [(inbox, subscribed)].into(),
            ping: 25,
            pong: true,
            time,
            ..ConnectResult::default()
        })))
    }
}
