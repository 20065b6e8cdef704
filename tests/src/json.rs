//! Short, loud access to JSON fields: a missing field fails the test and shows the whole object.

use serde_json::Value;

/// Fields of an object by name.
pub trait Pick {
    /// A string field.
    fn text(&self, field: &str) -> String;
    /// A whole number; the wire leaves zero out, so an absent one is 0.
    fn number(&self, field: &str) -> u64;
    /// A flag; the wire leaves `false` out.
    fn flag(&self, field: &str) -> bool;
    /// An array; the wire leaves an empty one out.
    fn list(&self, field: &str) -> Vec<Value>;
    /// The strings of an array.
    fn texts(&self, field: &str) -> Vec<String>;
}

impl Pick for Value {
    fn text(&self, field: &str) -> String {
        self[field].as_str().unwrap_or_else(|| panic!("no text {field:?} in {self}")).to_owned()
    }

    fn number(&self, field: &str) -> u64 {
        match &self[field] {
            Value::Null => 0,
            other => other.as_u64().unwrap_or_else(|| panic!("{field:?} is no whole number in {self}")),
        }
    }

    fn flag(&self, field: &str) -> bool {
        match &self[field] {
            Value::Null => false,
            other => other.as_bool().unwrap_or_else(|| panic!("{field:?} is no flag in {self}")),
        }
    }

    fn list(&self, field: &str) -> Vec<Value> {
        match &self[field] {
            Value::Null => Vec::new(),
            other => other.as_array().unwrap_or_else(|| panic!("{field:?} is no list in {self}")).clone(),
        }
    }

    fn texts(&self, field: &str) -> Vec<String> {
        self.list(field).iter().map(|item| item.as_str().unwrap_or_else(|| panic!("not texts: {self}")).to_owned()).collect()
    }
}
