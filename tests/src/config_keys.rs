//! The keys of a TOML file, with the comment block above each: just enough of TOML for configuration files of ours.
//! A key may be commented out (`# key = value`), which is how the reference file shows a default.

use std::collections::BTreeMap;

/// Keys by their dotted names; the value is the comment block above, without `#`.
///
/// Keys inside an array of tables are left out, since they are elements and not settings; the array itself counts.
#[must_use]
pub fn keys(text: &str) -> BTreeMap<String, String> {
    let mut keys = BTreeMap::new();
    let (mut section, mut in_array, mut comment) = (String::new(), false, String::new());
    for line in text.lines() {
        let bare = line.trim().trim_start_matches('#').trim();
        if let Some(name) = enclosed(bare, "[[", "]]") {
            keys.insert(name.to_owned(), std::mem::take(&mut comment));
            in_array = true;
        } else if let Some(name) = enclosed(bare, "[", "]") {
            name.clone_into(&mut section);
            in_array = false;
            comment.clear();
        } else if let Some(key) = assigned_key(bare) {
            let name = if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") };
            if !in_array {
                keys.insert(name, std::mem::take(&mut comment));
            }
        } else if line.trim().starts_with('#') {
            comment.push_str(bare);
            comment.push(' ');
        } else if line.trim().is_empty() {
            comment.clear();
        }
    }
    keys
}

fn enclosed<'a>(line: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let name = line.strip_prefix(open)?.split(close).next()?.trim();
    is_key(name).then_some(name)
}

fn assigned_key(line: &str) -> Option<&str> {
    let (key, value) = line.split_once('=')?;
    let key = key.trim();
    (is_key(key) && !value.trim().is_empty()).then_some(key)
}

fn is_key(text: &str) -> bool {
    let allowed = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || "_.".contains(character);
    !text.is_empty() && text.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::keys;

    #[test]
    fn finds_keys_live_or_commented_out_with_their_comments() {
        let text = "# How long. Default 10 s.\n[a]\n# Reason one.\n# more\nfirst_ms = 10\n\n# Reason two.\n# second = true\n\
                    third = 1\n[[a.rules]]\npattern = \"*\"\n[b.c]\n# x = [\n";
        let keys = keys(text);
        let names: Vec<&str> = keys.keys().map(String::as_str).collect();
        assert_eq!(names, ["a.first_ms", "a.rules", "a.second", "a.third", "b.c.x"]);
        assert_eq!(keys["a.first_ms"], "Reason one. more ");
        assert_eq!(keys["a.second"], "Reason two. ");
        assert_eq!(keys["a.third"], "");
    }
}
