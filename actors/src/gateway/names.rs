//! What clients call themselves. There are a few names and many clients: each name is kept once for the thread.

/// Names that a thread tells apart. Later ones are not remembered: clients choose them.
const NAMES_MAX: usize = 255;
/// Bytes of a name that are kept.
const NAME_BYTES_MAX: usize = 64;

/// A name's number; 0 is none.
pub(super) type NameId = u8;

/// The names of one thread.
#[derive(Default)]
pub(super) struct Names(Vec<Box<str>>);

impl Names {
    /// The number of a name.
    pub(super) fn id_of(&mut self, name: &str) -> NameId {
        let end = (0..=NAME_BYTES_MAX.min(name.len())).rev().find(|end| name.is_char_boundary(*end)).unwrap_or_default();
        let name = &name[..end];
        let place = match self.0.iter().position(|known| **known == *name) {
            Some(place) => place,
            None if name.is_empty() || self.0.len() >= NAMES_MAX => return 0,
            None => {
                self.0.push(name.into());
                self.0.len() - 1
            }
        };
        NameId::try_from(place + 1).unwrap_or_default()
    }

    /// The name of a number.
    pub(super) fn name_of(&self, id: NameId) -> &str {
        usize::from(id).checked_sub(1).and_then(|place| self.0.get(place)).map_or("", AsRef::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_once_cut_and_bounded() {
        let mut names = Names::default();
        assert_eq!((names.id_of(""), names.id_of("js"), names.id_of("js"), names.id_of("py")), (0, 1, 1, 2));
        assert_eq!((names.name_of(1), names.name_of(0), names.name_of(9)), ("js", "", ""));
        let long = names.id_of(&"é".repeat(100));
        assert_eq!(names.name_of(long), "é".repeat(32));
        for number in 0..NAMES_MAX {
            names.id_of(&number.to_string());
        }
        assert_eq!((names.0.len(), names.id_of("one too many"), names.id_of("js")), (NAMES_MAX, 0, 1));
    }
}
