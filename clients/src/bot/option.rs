//! Options of commands: how what a person wrote becomes a value. A command takes none (`()`), one, or a tuple of them, in the order in which they are written.

use std::collections::{HashMap, VecDeque};
use std::fmt::Display;
use std::sync::{Arc, LazyLock};

use regex::Regex;
use rialto_protocol::rpc::{CommandOption, OptionKind};

/// What a person wrote is not what a command takes; the message says what it does take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidOption(pub String);

type Read<T> = Arc<dyn Fn(&[String]) -> Result<T, InvalidOption> + Send + Sync>;

/// One option of a command: how it is read, and what it is when nobody gave it. It is required unless [`Opt::or`] or [`Opt::optional`] says otherwise.
#[derive(Clone)]
pub struct Opt<T> {
    shown: CommandOption,
    /// For the usage line: a word for what is wanted.
    what: String,
    takes_rest: bool,
    read: Read<T>,
    fallback: Option<T>,
}

impl<T: Clone + Send + Sync + 'static> Opt<T> {
    /// An option of one's own: `kind` for clients that complete it, `what` for the usage line, and how one word (several in quotes) is read.
    pub fn new(
        name: &str,
        kind: OptionKind,
        what: impl Into<String>,
        read: impl Fn(&str) -> Result<T, InvalidOption> + Send + Sync + 'static,
    ) -> Self {
        let read: Read<T> = Arc::new(move |words| read(words.first().map_or("", String::as_str)));
        Self::of(name, kind, what.into(), false, read)
    }

    fn of(name: &str, kind: OptionKind, what: String, takes_rest: bool, read: Read<T>) -> Self {
        let shown = CommandOption { name: name.to_owned(), description: String::new(), kind, required: true, choices: Vec::new() };
        Self { shown, what, takes_rest, read, fallback: None }
    }

    /// What it is when nobody gave it.
    #[must_use]
    pub fn or(mut self, value: T) -> Self {
        self.shown.required = false;
        self.fallback = Some(value);
        self
    }

    /// It may be left out.
    #[must_use]
    pub fn optional(self) -> Opt<Option<T>> {
        let Self { mut shown, what, takes_rest, read, .. } = self;
        shown.required = false;
        Opt { shown, what, takes_rest, read: Arc::new(move |words| read(words).map(Some)), fallback: Some(None) }
    }

    /// Says what it is for: people read it while they complete the command. At most 200 bytes.
    #[must_use]
    pub fn describe(mut self, description: &str) -> Self {
        description.clone_into(&mut self.shown.description);
        self
    }

    fn check(self, check: impl Fn(&T) -> Result<(), String> + Send + Sync + 'static) -> Self {
        let read = self.read;
        let read: Read<T> = Arc::new(move |words| {
            let value = read(words)?;
            check(&value).map_err(InvalidOption)?;
            Ok(value)
        });
        Self { read, ..self }
    }
}

impl<T: Copy + PartialOrd + Display + Send + Sync + 'static> Opt<T> {
    /// The least that it may be.
    #[must_use]
    pub fn min(self, least: T) -> Self {
        self.check(move |value| if *value >= least { Ok(()) } else { Err(format!("it must be {least} or more")) })
    }

    /// The most that it may be.
    #[must_use]
    pub fn max(self, most: T) -> Self {
        self.check(move |value| if *value <= most { Ok(()) } else { Err(format!("it must be {most} or less")) })
    }
}

impl Opt<Vec<String>> {
    /// How many words it has, from the least to the most.
    #[must_use]
    pub fn count(self, least: usize, most: usize) -> Self {
        self.check(move |words| if (least..=most).contains(&words.len()) { Ok(()) } else { Err(format!("{least} to {most} are wanted")) })
    }
}

/// One word, or several in quotes.
#[must_use]
pub fn text(name: &str) -> Opt<String> {
    Opt::new(name, OptionKind::Text, "text", |word| Ok(word.to_owned()))
}

/// Everything that is left.
#[must_use]
pub fn rest(name: &str) -> Opt<String> {
    Opt::of(name, OptionKind::Rest, "text …".to_owned(), true, Arc::new(|words| Ok(words.join(" "))))
}

/// Everything that is left, word by word: at least one.
#[must_use]
pub fn list(name: &str) -> Opt<Vec<String>> {
    Opt::of(name, OptionKind::List, "text text …".to_owned(), true, Arc::new(|words| Ok(words.to_vec())))
}

/// A whole number of at most 15 digits, as every SDK takes it.
#[must_use]
pub fn integer(name: &str) -> Opt<i64> {
    Opt::new(name, OptionKind::Integer, "number", |word| {
        let digits = word.strip_prefix(['+', '-']).unwrap_or(word);
        let number = (digits.len() <= 15 && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| word.parse().ok()).flatten();
        number.ok_or_else(|| InvalidOption("it must be a whole number".to_owned()))
    })
}

/// A number.
#[must_use]
pub fn number(name: &str) -> Opt<f64> {
    Opt::new(name, OptionKind::Number, "number", |word| {
        let number = word.parse::<f64>().ok().filter(|number| number.is_finite());
        number.ok_or_else(|| InvalidOption("it must be a number".to_owned()))
    })
}

/// Yes or no.
#[must_use]
pub fn flag(name: &str) -> Opt<bool> {
    Opt::new(name, OptionKind::Flag, "yes|no", |word| match word.to_lowercase().as_str() {
        "yes" | "y" | "true" | "on" | "1" => Ok(true),
        "no" | "n" | "false" | "off" | "0" => Ok(false),
        _ => Err(InvalidOption("it must be yes or no".to_owned())),
    })
}

/// One of these words, in any case; the value is as it stands here.
#[must_use]
pub fn choice(name: &str, words: &[&'static str]) -> Opt<&'static str> {
    let known = words.to_vec();
    let mut option = Opt::new(name, OptionKind::Choice, words.join("|"), move |word| {
        let found = known.iter().copied().find(|candidate| candidate.to_lowercase() == word.to_lowercase());
        found.ok_or_else(|| InvalidOption(format!("it must be one of {}", known.join(", "))))
    });
    option.shown.choices = words.iter().map(|&word| word.to_owned()).collect();
    option
}

/// A user name, written with or without `@`; the value is without.
#[must_use]
pub fn user(name: &str) -> Opt<String> {
    Opt::new(name, OptionKind::User, "@user", |word| {
        let name = word.strip_prefix('@').unwrap_or(word);
        let is_name = (3..=32).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
        if is_name { Ok(name.to_owned()) } else { Err(InvalidOption("it must be a user name".to_owned())) }
    })
}

/// What was written behind a command's name: by place, or as `name:value`.
#[derive(Debug)]
pub struct Given {
    named: HashMap<String, String>,
    words: VecDeque<String>,
}

/// The options of a command: `()`, an [`Opt`], or a tuple of up to eight.
pub trait Options: Send + Sync + 'static {
    /// What a handler gets for them.
    type Values: Send + 'static;
    /// Each as clients complete it, with its word for the usage line.
    fn shown(&self) -> Vec<(CommandOption, String)>;
    /// Takes their values from what was written.
    ///
    /// # Errors
    /// [`InvalidOption`] when it is something else that was written.
    fn take(&self, given: &mut Given) -> Result<Self::Values, InvalidOption>;
}

impl<T: Clone + Send + Sync + 'static> Options for Opt<T> {
    type Values = T;

    fn shown(&self) -> Vec<(CommandOption, String)> {
        vec![(self.shown.clone(), self.what.clone())]
    }

    fn take(&self, given: &mut Given) -> Result<T, InvalidOption> {
        let name = &self.shown.name;
        let words: Vec<String> = match given.named.remove(name) {
            Some(value) => vec![value],
            None if self.takes_rest => given.words.drain(..).collect(),
            None => given.words.pop_front().into_iter().collect(),
        };
        match &self.fallback {
            Some(value) if words.is_empty() => Ok(value.clone()),
            None if words.is_empty() => Err(InvalidOption(format!("{name} is missing"))),
            _ => (self.read)(&words).map_err(|InvalidOption(why)| InvalidOption(format!("{name}: {why}"))),
        }
    }
}

macro_rules! tuples {
    ($( ($($part:ident $number:tt),*) )*) => { $(
        impl<$($part: Options),*> Options for ($($part,)*) {
            type Values = ($($part::Values,)*);

            fn shown(&self) -> Vec<(CommandOption, String)> {
                let all: Vec<Vec<(CommandOption, String)>> = vec![$(self.$number.shown()),*];
                all.concat()
            }

            #[allow(clippy::unused_unit, unused_variables, reason = "a command without options takes nothing")]
            fn take(&self, given: &mut Given) -> Result<Self::Values, InvalidOption> {
                Ok(($(self.$number.take(given)?,)*))
            }
        }
    )* };
}

tuples! {
    ()
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
}

/// Reads what was written behind a command's name.
pub(crate) fn read_options<O: Options>(options: &O, line: &str) -> Result<O::Values, InvalidOption> {
    let mut given = given(&options.shown(), line);
    let values = options.take(&mut given)?;
    if given.words.is_empty() { Ok(values) } else { Err(InvalidOption(format!("“{}” is too much", Vec::from(given.words).join(" ")))) }
}

/// How a command is written.
pub(crate) fn usage_of<O: Options>(word: &str, options: &O) -> String {
    let parts = options.shown().into_iter().map(|(shown, what)| {
        let name = shown.name;
        if shown.required { format!(" <{name}: {what}>") } else { format!(" [{name}: {what}]") }
    });
    std::iter::once(word.to_owned()).chain(parts).collect()
}

fn given(known: &[(CommandOption, String)], line: &str) -> Given {
    static NAMED: LazyLock<Regex> = LazyLock::new(|| pattern(r#"(^|\s)(\w+):("[^"]*"|\S+)"#));
    let mut named = HashMap::new();
    let left = NAMED.replace_all(line, |found: &regex::Captures<'_>| {
        if !known.iter().any(|(shown, _)| shown.name == found[2]) {
            return found[0].to_owned();
        }
        named.insert(found[2].to_owned(), words_of(&found[3]).pop_front().unwrap_or_default());
        " ".to_owned()
    });
    let words = words_of(&left);
    Given { named, words }
}

/// Words of a line; quotes hold several together.
fn words_of(line: &str) -> VecDeque<String> {
    static WORD: LazyLock<Regex> = LazyLock::new(|| pattern(r#""([^"]*)"|“([^”]*)”|(\S+)"#));
    WORD.captures_iter(line).map(|found| found.iter().skip(1).flatten().next().map_or("", |word| word.as_str()).to_owned()).collect()
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern that stands in this file")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_by_place_and_by_name() {
        let options =
            (integer("sides").min(2).max(100).or(6), choice("mood", &["good", "bad"]).optional(), rest("reason").or(String::new()));
        let read = |line| read_options(&options, line);
        assert_eq!(read(""), Ok((6, None, String::new())));
        assert_eq!(read("20 GOOD for the win"), Ok((20, Some("good"), "for the win".to_owned())));
        assert_eq!(read("mood:bad \"12\""), Ok((12, Some("bad"), String::new())));
        assert_eq!(read("reason:\"why not\" sides:3 x:y").unwrap_err().to_string(), "mood: it must be one of good, bad");
        assert_eq!(read("1").unwrap_err().to_string(), "sides: it must be 2 or more");
        assert_eq!(read("101").unwrap_err().to_string(), "sides: it must be 100 or less");
        assert_eq!(usage_of("/roll", &options), "/roll [sides: number] [mood: good|bad] [reason: text …]");
    }

    #[test]
    fn every_kind_says_what_it_takes() {
        assert_eq!(read_options(&(), "x y").unwrap_err().to_string(), "“x y” is too much");
        assert_eq!(read_options(&text("a"), "“two words”"), Ok("two words".to_owned()));
        assert_eq!(read_options(&text("a"), "").unwrap_err().to_string(), "a is missing");
        assert_eq!(read_options(&(text("q"), list("a").count(2, 3)), "q b \"c d\""), Ok(("q".into(), vec!["b".into(), "c d".into()])));
        assert_eq!(read_options(&list("a").count(2, 3), "b").unwrap_err().to_string(), "a: 2 to 3 are wanted");
        assert_eq!(read_options(&number("n"), "-1.5"), Ok(-1.5));
        assert_eq!(read_options(&flag("f"), "ON"), Ok(true));
        assert_eq!(read_options(&user("u"), "@ada.l"), Ok("ada.l".to_owned()));
        for (kind, word) in [("n", "inf"), ("n", ""), ("i", "1e3"), ("i", "-"), ("i", "1234567890123456"), ("f", "maybe"), ("u", "@a")] {
            let line = format!("\"{word}\"");
            let refused = match kind {
                "n" => read_options(&number("n"), &line).is_err(),
                "i" => read_options(&integer("i"), &line).is_err(),
                "f" => read_options(&flag("f"), &line).is_err(),
                _ => read_options(&user("u"), &line).is_err(),
            };
            assert!(refused, "{kind} {word:?}");
        }
    }
}
