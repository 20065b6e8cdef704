//! Which free topics exist and who may do what on them: an ordered list of rules, the first match wins.

use crate::entity::TopicRule;

/// Bytes of one pattern: a longer one could match no channel name.
pub const PATTERN_BYTES_MAX: usize = rialto_protocol::limits::CHANNEL_BYTES_MAX;
/// Rules in all: each subscribe to a topic may try every one.
pub const RULES_MAX: usize = 256;
/// Publications that a topic may keep: they are kept in memory.
pub const HISTORY_SIZE_MAX: u32 = 10_000;
/// Milliseconds that a publication may be kept: 24 hours.
pub const HISTORY_TTL_MS_MAX: u64 = 24 * 60 * 60 * 1000;

/// Who may do a thing on a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody connected, anonymous connections too.
    Anyone,
    /// Everybody with an identity.
    User,
    /// Only with a subscription token for the channel.
    Token,
    /// Nobody.
    Nobody,
}

/// What holds for the topics whose names match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The name; `*` stands for any run of characters, also an empty one.
    pub pattern: Box<str>,
    /// Who may subscribe and read history.
    pub subscribe: Access,
    /// Who may publish. `Token` means: whoever subscribed with one.
    pub publish: Access,
    /// Who may ask who is there.
    pub presence: Access,
    /// Who is told when somebody comes and goes.
    pub join_leave: Access,
    /// Publications kept.
    pub history_size: u32,
    /// Milliseconds that a publication is kept.
    pub history_ttl_ms: u64,
    /// Whether positions are given and recovered.
    pub recover: bool,
}

impl Rule {
    /// The part that the topic itself needs.
    #[must_use]
    pub fn topic(&self) -> TopicRule {
        TopicRule { history_size: self.history_size, history_ttl_ms: self.history_ttl_ms, recover: self.recover }
    }
}

/// The rules of a node. The default has none: no topic exists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicRules {
    enabled: bool,
    rules: Vec<Rule>,
}

impl TopicRules {
    /// Rules in order. While not `enabled` no topic exists, whatever they say.
    #[must_use]
    pub fn new(enabled: bool, rules: Vec<Rule>) -> Self {
        Self { enabled, rules }
    }

    /// The rule of a topic; `None` when there is no such topic.
    #[must_use]
    pub fn find(&self, channel: &str) -> Option<&Rule> {
        if !self.enabled {
            return None;
        }
        self.rules.iter().find(|rule| matches(rule.pattern.as_bytes(), channel.as_bytes()))
    }
}

/// Greedy match: only the last `*` is ever tried again, so the work is bounded by the product of the lengths.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at_pattern, mut at_name) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while at_name < name.len() {
        match pattern.get(at_pattern) {
            Some(b'*') => {
                retry = Some((at_pattern + 1, at_name));
                at_pattern += 1;
            }
            Some(byte) if *byte == name[at_name] => {
                at_pattern += 1;
                at_name += 1;
            }
            _ => match retry {
                Some((behind_star, taken)) => {
                    at_pattern = behind_star;
                    at_name = taken + 1;
                    retry = Some((behind_star, taken + 1));
                }
                None => return false,
            },
        }
    }
    pattern[at_pattern..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(pattern: &str, history_size: u32) -> Rule {
        Rule {
            pattern: pattern.into(),
            subscribe: Access::User,
            publish: Access::User,
            presence: Access::User,
            join_leave: Access::Nobody,
            history_size,
            history_ttl_ms: 1000,
            recover: true,
        }
    }

    #[test]
    fn the_first_match_wins_and_no_match_is_no_topic() {
        let rules = TopicRules::new(true, vec![rule("news:*", 1), rule("news:de", 2), rule("*:x", 3)]);
        let size = |name: &str| rules.find(name).map(|rule| rule.history_size);
        assert_eq!(size("news:de"), Some(1));
        assert_eq!(size("a:x"), Some(3));
        assert_eq!(size("a:y"), None);
        assert_eq!(TopicRules::new(false, vec![rule("*", 1)]).find("a"), None);
    }

    #[test]
    fn stars_stand_for_any_run() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a*c", "abbc", true),
            ("a*c", "abcd", false),
            ("a*b*c", "a-b-b-c", true),
            ("**a", "bba", true),
            ("a", "ab", false),
            ("ab", "a", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }
}
