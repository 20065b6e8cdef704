//! What operators ask and hear.

use rialto_protocol::admin::{
    Configuration, ConversationDetails, FeedMessage, FeedRequest, Kick, Kicked, LogPage, Mute, Muted, NodeFacts, UserDetails,
};
use schemars::generate::SchemaSettings;

use crate::writer;

const HEAD: &str = "// Made from the protocol crate's schemas by its test `typescript`; do not edit.
";

/// `protocol.ts` of the console.
pub(crate) fn text() -> String {
    let mut requests = SchemaSettings::draft2020_12().for_deserialize().into_generator();
    requests.subschema_for::<Kick>();
    requests.subschema_for::<Mute>();
    requests.subschema_for::<FeedRequest>();
    let mut answers = SchemaSettings::draft2020_12().for_serialize().into_generator();
    answers.subschema_for::<NodeFacts>();
    answers.subschema_for::<UserDetails>();
    answers.subschema_for::<ConversationDetails>();
    answers.subschema_for::<Kicked>();
    answers.subschema_for::<Muted>();
    answers.subschema_for::<Configuration>();
    answers.subschema_for::<LogPage>();
    answers.subschema_for::<FeedMessage>();
    let mut all = requests.take_definitions(true);
    all.append(&mut answers.take_definitions(true));
    let mut out = HEAD.to_owned();
    for (name, schema) in all {
        writer::definition(&mut out, &name, &schema);
    }
    out
}
