//! What a typed line means.

use rialto_protocol::ConversationId;
use rialto_protocol::rpc::ConversationKind;

/// The list of commands.
pub(crate) const HELP: &str = "\
/list                        your conversations
/open N                      talk in number N of the list
/direct USER                 talk with one person
/new group TITLE USER…       a group (\"quote\" a title of several words); /new public TITLE
/join ID                     join a public conversation
/leave                       leave the open conversation
/members                     who is in it
/history [N]                 the messages before the oldest shown, N at most
/quit                        goodbye
Anything else is said; begin with // to say something that begins with /.";

/// A line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Nothing,
    Say(String),
    List,
    Open(usize),
    Direct(String),
    New { kind: ConversationKind, title: String, users: Vec<String> },
    Join(ConversationId),
    Leave,
    Members,
    History(Option<usize>),
    Help,
    Quit,
}

/// Understands a line, or says what would be right.
pub(crate) fn parse(line: &str) -> Result<Line, &'static str> {
    let line = line.trim_end_matches(['\r', '\n']);
    if line.trim().is_empty() {
        return Ok(Line::Nothing);
    }
    let Some(command) = line.strip_prefix('/') else { return Ok(Line::Say(line.to_owned())) };
    if command.starts_with('/') {
        return Ok(Line::Say(command.to_owned()));
    }
    let words = words(command);
    let (name, rest) = words.split_first().map_or(("", [].as_slice()), |(name, rest)| (name.as_str(), rest));
    match (name, rest) {
        ("help" | "?", []) => Ok(Line::Help),
        ("quit" | "exit", []) => Ok(Line::Quit),
        ("list", []) => Ok(Line::List),
        ("leave", []) => Ok(Line::Leave),
        ("members", []) => Ok(Line::Members),
        ("history", []) => Ok(Line::History(None)),
        ("history", [count]) => count.parse().map(|count| Line::History(Some(count))).map_err(|_| "usage: /history [N]"),
        ("open", [number]) => number.parse().map(Line::Open).map_err(|_| "usage: /open N, with a number of /list"),
        ("direct", [user]) => Ok(Line::Direct(user.clone())),
        ("join", [id]) => id.parse().map(Line::Join).map_err(|_| "usage: /join ID, with the id of a public conversation"),
        ("new", [kind, title, users @ ..]) if kind == "group" => Ok(new(ConversationKind::Group, title, users)),
        ("new", [kind, title, users @ ..]) if kind == "public" => Ok(new(ConversationKind::Public, title, users)),
        ("open", _) => Err("usage: /open N, with a number of /list"),
        ("direct", _) => Err("usage: /direct USER"),
        ("join", _) => Err("usage: /join ID"),
        ("new", _) => Err("usage: /new group TITLE USER…, or /new public TITLE"),
        _ => Err("no such command; /help shows them"),
    }
}

fn new(kind: ConversationKind, title: &str, users: &[String]) -> Line {
    Line::New { kind, title: title.to_owned(), users: users.to_vec() }
}

/// Words, with "several words" as one.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quoted, mut begun) = (String::new(), false, false);
    for character in text.chars() {
        match character {
            '"' => {
                quoted = !quoted;
                begun = true;
            }
            c if c.is_whitespace() && !quoted => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            c => {
                word.push(c);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_said_and_slashes_command() {
        assert_eq!(parse("hello there\n"), Ok(Line::Say("hello there".into())));
        assert_eq!(parse("  "), Ok(Line::Nothing));
        assert_eq!(parse("//shrug"), Ok(Line::Say("/shrug".into())));
        assert_eq!(parse("/open 2"), Ok(Line::Open(2)));
        assert_eq!(parse("/direct bob\r\n"), Ok(Line::Direct("bob".into())));
        assert_eq!(parse("/history 5"), Ok(Line::History(Some(5))));
        let users = vec!["bob".to_owned(), "eve".to_owned()];
        assert_eq!(
            parse("/new group \"Our team\" bob eve"),
            Ok(Line::New { kind: ConversationKind::Group, title: "Our team".into(), users })
        );
    }

    #[test]
    fn a_wrong_command_is_explained_and_not_said() {
        for line in ["/", "/open", "/open x", "/direct", "/direct a b", "/new", "/new secret x", "/join nowhere", "/sing", "/history x"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
