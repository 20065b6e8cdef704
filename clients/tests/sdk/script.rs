//! The stories of `clients/conformance`, which every SDK must tell the same way.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use rialto_client::{Client, ConnectionState, Error, Event, Events, SubscribeOptions, TokenError, TokenSource};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::peer::{Connection, Peer, within};

/// Bound ids may be dated so much later than the server's clock said, milliseconds.
const DATED_WITHIN_MS: u64 = 60_000;

struct Player {
    peers: Vec<Peer>,
    client: Client,
    events: Events,
    connection: Option<Connection>,
    /// Commands that were read with others in one message.
    commands: VecDeque<Value>,
    last_id: Value,
    bound: HashMap<String, Value>,
    outcomes: HashMap<String, JoinHandle<Result<Value, Error>>>,
    heard: VecDeque<Value>,
    states: VecDeque<Value>,
}

impl Player {
    async fn start(options: &Value) -> Self {
        let mut peers = Vec::new();
        for _ in 0..options["addresses"].as_u64().unwrap_or(1) {
            peers.push(Peer::listen().await);
        }
        let builder = Client::builder(peers.iter().map(Peer::url)).backoff(Duration::from_millis(1), Duration::from_millis(5));
        let (client, events) = builder.token(source(options)).start().expect("a client");
        Self {
            peers,
            client,
            events,
            connection: None,
            commands: VecDeque::new(),
            last_id: Value::Null,
            bound: HashMap::new(),
            outcomes: HashMap::new(),
            heard: VecDeque::new(),
            states: VecDeque::new(),
        }
    }

    async fn play(&mut self, step: &Value) {
        let (verb, value) = step.as_object().and_then(|step| step.iter().find(|(verb, _)| VERBS.contains(&verb.as_str()))).expect("a verb");
        match verb.as_str() {
            "opens" => {
                let address = usize::try_from(value.as_u64().expect("a number")).expect("small");
                self.connection = Some(self.peers[address].accept().await);
                self.commands.clear();
            }
            "reads" => {
                let command = self.command().await;
                self.last_id = command["id"].clone();
                self.fits(&command, value);
            }
            "answers" => {
                let mut reply = value.clone();
                reply["id"] = self.last_id.clone();
                self.connection().says(&reply.to_string()).await;
            }
            "says" => {
                let lines: Vec<String> = value.as_array().expect("frames").iter().map(Value::to_string).collect();
                self.connection().says(&lines.join("\n")).await;
            }
            "closes" => {
                let code = u16::try_from(value[0].as_u64().expect("a code")).expect("a code");
                self.connection.take().expect("a socket").closes(code, value[1].as_str().expect("a reason")).await;
            }
            "cuts" => self.connection = None,
            "calls" => self.call(step, value.as_str().expect("a name")),
            "resolves" => {
                let answer = self.outcome(value).await.expect("it succeeds");
                self.fits(&answer, &step["to"]);
            }
            "rejects" => {
                let error = self.outcome(value).await.expect_err("it fails");
                assert_eq!((json!(word(&error)), json!(error.outcome_unknown())), (step["code"].clone(), step["outcome_unknown"].clone()));
            }
            "hears" => {
                while self.heard.is_empty() {
                    self.listen().await;
                }
                let event = self.heard.pop_front().expect("just filled");
                self.fits(&event, value);
            }
            "state" => {
                while self.states.is_empty() {
                    self.listen().await;
                }
                let state = self.states.pop_front().expect("just filled");
                let code = step.get("code").cloned().unwrap_or(Value::Null);
                self.fits(&state, &json!({"name": value, "code": code}));
            }
            "dated" => {
                let id = self.bound[value.as_str().expect("a name")].as_str().expect("an id").to_owned();
                let dated = rialto_client::protocol::ClientId::new(&id).expect("fits").dated_ms().expect("a UUIDv7");
                let from = step["from"].as_u64().expect("a time");
                assert!((from..from + DATED_WITHIN_MS).contains(&dated), "{dated}");
            }
            _ => unreachable!("every verb has an arm"),
        }
    }

    fn connection(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("a socket")
    }

    async fn command(&mut self) -> Value {
        if self.commands.is_empty() {
            let text = self.connection().reads_text().await.expect("a text message");
            self.commands.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")));
        }
        self.commands.pop_front().expect("a message has a command")
    }

    fn call(&mut self, step: &Value, name: &str) {
        let (client, with, name) = (self.client.clone(), step["with"].clone(), name.to_owned());
        let text = move |field: &str| with[field].as_str().expect("a text").to_owned();
        let data = step["with"]["data"].clone();
        let outcome = tokio::spawn(async move {
            match name.as_str() {
                "subscribe" => client.subscribe(text("channel"), SubscribeOptions::default()).await.map(|_| json!({})),
                "publish" => client.publish(text("channel"), &data).await.map(|()| json!({})),
                "conversation.send" => {
                    let conversation = text("conversation").parse().expect("a UUID");
                    client.send(conversation, text("text")).await.map(|answer| json!(answer))
                }
                _ => panic!("the script calls {name}"),
            }
        });
        self.outcomes.insert(step["as"].as_str().expect("a name").to_owned(), outcome);
    }

    async fn outcome(&mut self, name: &Value) -> Result<Value, Error> {
        let outcome = self.outcomes.remove(name.as_str().expect("a name")).expect("a call of this name");
        within(outcome).await.expect("no panic")
    }

    async fn listen(&mut self) {
        let event = within(self.events.next()).await.expect("the stream goes on");
        self.keep(event);
    }

    fn keep(&mut self, event: Event) {
        match event {
            Event::State(state) => self.states.extend(state_of(&state)),
            event => self.heard.push_back(neutral(event)),
        }
    }

    /// Whether a value has at least the wanted fields.
    fn fits(&mut self, value: &Value, wanted: &Value) {
        match wanted {
            Value::String(word) if word == "*" => {}
            Value::String(word) if word == "absent" => assert_eq!(value, &Value::Null),
            Value::String(name) if name.starts_with('$') => {
                let bound = self.bound.entry(name.clone()).or_insert_with(|| value.clone());
                assert_eq!(value, bound);
            }
            Value::Object(fields) => {
                for (field, part) in fields {
                    self.fits(&value[field], part);
                }
            }
            other => assert_eq!(value, other),
        }
    }

    async fn ends(mut self) {
        // A closed socket needs no farewell.
        self.connection = None;
        self.client.close().await;
        while let Some(event) = within(self.events.next()).await {
            self.keep(event);
        }
        assert!(self.heard.is_empty(), "nothing else was told: {:?}", self.heard);
    }
}

const VERBS: [&str; 12] =
    ["opens", "reads", "answers", "says", "closes", "cuts", "calls", "resolves", "rejects", "hears", "state", "dated"];

fn source(options: &Value) -> TokenSource {
    if let Some(token) = options["token"].as_str() {
        return TokenSource::fixed(token);
    }
    let left: VecDeque<String> = serde_json::from_value(options["tokens"].clone()).expect("tokens");
    let left = Arc::new(Mutex::new(left));
    TokenSource::callback(move || {
        let next = left.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        std::future::ready(next.ok_or_else(|| TokenError::Unauthorized("asked for one token too many".to_owned())))
    })
}

fn state_of(state: &ConnectionState) -> Option<Value> {
    match state {
        ConnectionState::Connected { .. } => Some(json!({"name": "connected", "code": null})),
        ConnectionState::Disconnected { reason, .. } => Some(json!({"name": "disconnected", "code": reason.code})),
        ConnectionState::Closed { reason } => Some(json!({"name": "final", "code": reason.code})),
        _ => None,
    }
}

/// An event as the script names it.
fn neutral(event: Event) -> Value {
    match event {
        Event::Subscribed { channel, was_recovering, recovered, position, .. } => json!({
            "type": "subscribed", "channel": channel, "was_recovering": was_recovering, "recovered": recovered, "offset": position.offset,
        }),
        Event::Unsubscribed { channel, reason, will_retry } => {
            json!({"type": "unsubscribed", "channel": channel, "code": reason.code, "will_retry": will_retry})
        }
        Event::Conversation { conversation, offset, event } => {
            json!({"type": "conversation", "channel": format!("conversation:{conversation}"), "offset": offset, "event": event})
        }
        Event::Inbox { user, offset, event } => {
            json!({"type": "inbox", "channel": format!("user:{user}"), "offset": offset, "event": event})
        }
        Event::Unknown { channel, offset, data } => json!({"type": "unknown", "channel": channel, "offset": offset, "data": data}),
        Event::Gap { channel, after, before } => json!({"type": "gap", "channel": channel, "after": after, "before": before}),
        other => panic!("the script knows no {other:?}"),
    }
}

fn word(error: &Error) -> &'static str {
    match error {
        Error::Refused { .. } => error.code().expect("a code of the table").word(),
        Error::Interrupted => "interrupted",
        Error::Closed(_) => "closed",
        other => panic!("the script knows no {other:?}"),
    }
}

#[tokio::test]
async fn every_story_of_the_script_is_told_as_it_stands() {
    let script: Value = serde_json::from_str(include_str!("../../conformance/script.json")).expect("JSON");
    let cases = script["cases"].as_array().expect("cases");
    assert!(cases.len() >= 20, "{} cases", cases.len());
    for case in cases {
        let mut player = Player::start(&case["options"]).await;
        for (number, step) in (0..).zip(case["steps"].as_array().expect("steps")) {
            eprintln!("{}: step {number}: {step}", case["name"]);
            player.play(step).await;
        }
        player.ends().await;
    }
}
