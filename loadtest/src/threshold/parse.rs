//! A recursive descent over one line. Depth is bounded by the length of the line, which a person wrote.

use anyhow::{Context as _, Result, bail, ensure};

use super::{Comparison, Expression, Metric, Threshold};

/// Characters of a threshold; bounds the recursion.
const CHARACTERS_MAX: usize = 300;

struct Parser<'a> {
    rest: &'a str,
}

pub(super) fn threshold(text: &str) -> Result<Threshold> {
    ensure!(text.len() <= CHARACTERS_MAX, "longer than {CHARACTERS_MAX} characters");
    let mut parser = Parser { rest: text };
    let left = parser.sum()?;
    let comparison = parser.comparison()?;
    let right = parser.sum()?;
    parser.skip_spaces();
    ensure!(parser.rest.is_empty(), "{:?} is too much", parser.rest);
    Ok(Threshold { text: text.to_owned(), left, comparison, right })
}

impl<'a> Parser<'a> {
    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, word: &str) -> bool {
        self.skip_spaces();
        let rest = self.rest.strip_prefix(word);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Takes characters while `belongs`.
    fn take(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|character| !belongs(character)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn comparison(&mut self) -> Result<Comparison> {
        let known = [
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::MoreOrEqual),
            ("==", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            ("<", Comparison::Less),
            (">", Comparison::More),
        ];
        for (word, comparison) in known {
            if self.eat(word) {
                return Ok(comparison);
            }
        }
        bail!("a comparison is wanted before {:?}", self.rest)
    }

    fn sum(&mut self) -> Result<Expression> {
        let mut left = self.product()?;
        loop {
            let operator = if self.eat("+") {
                '+'
            } else if self.eat("-") {
                '-'
            } else {
                return Ok(left);
            };
            left = Expression::Binary(Box::new(left), operator, Box::new(self.product()?));
        }
    }

    fn product(&mut self) -> Result<Expression> {
        let mut left = self.factor()?;
        loop {
            let operator = if self.eat("*") {
                '*'
            } else if self.eat("/") {
                '/'
            } else {
                return Ok(left);
            };
            left = Expression::Binary(Box::new(left), operator, Box::new(self.factor()?));
        }
    }

    fn factor(&mut self) -> Result<Expression> {
        if self.eat("(") {
            let inner = self.sum()?;
            ensure!(self.eat(")"), "a «)» is wanted before {:?}", self.rest);
            return Ok(inner);
        }
        self.skip_spaces();
        if self.rest.starts_with(|first: char| first.is_ascii_digit()) {
            return self.number();
        }
        self.metric()
    }

    fn number(&mut self) -> Result<Expression> {
        let digits = self.take(|character| character.is_ascii_digit() || character == '.' || character == '_');
        let number: f64 = digits.replace('_', "").parse().with_context(|| format!("{digits:?} is no number"))?;
        self.skip_spaces();
        let unit = self.take(|character| character.is_ascii_alphabetic() || character == '%');
        let factor = match unit {
            "" | "us" | "B" => 1.0,
            "ms" => 1_000.0,
            "s" => 1_000_000.0,
            "KiB" => 1_024.0,
            "MiB" => 1_048_576.0,
            "GiB" => 1_073_741_824.0,
            "%" => 0.01,
            other => bail!("{other:?} is no unit"),
        };
        Ok(Expression::Number(number * factor))
    }

    fn metric(&mut self) -> Result<Expression> {
        let name = self.take(|character| character.is_ascii_alphanumeric() || character == '.' || character == '_');
        ensure!(!name.is_empty(), "a number or a metric is wanted before {:?}", self.rest);
        let argument = if self.rest.starts_with('(') {
            let (argument, rest) = self.rest[1..].split_once(')').context("a «)» is wanted")?;
            self.rest = rest;
            Some(argument)
        } else {
            None
        };
        let phase = self.rest.strip_prefix('@').map(|rest| {
            self.rest = rest;
            self.take(|character| character.is_ascii_alphanumeric() || character == '_' || character == '-')
        });
        Ok(Expression::Metric(Metric::new(name, argument, phase)?))
    }
}
