use std::collections::BTreeMap;

use proptest::prelude::*;
use redb::backends::InMemoryBackend;

use super::*;
use crate::backend::redb::checkpoint;
use crate::backend::redb::paced::Pace;

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

/// Which layer a write goes to, its key, its value.
fn writes() -> impl Strategy<Value = Vec<(u8, u8, Option<u8>)>> {
    prop::collection::vec((0..3_u8, 0..24_u8, prop::option::of(any::<u8>())), 0..80)
}

fn everything(view: &View, from: u8, to: u8, reverse: bool) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    view.scan(&[from], &[to], reverse, &mut |key, value| {
        found.push((key.to_vec(), value.to_vec()));
        Ok(ControlFlow::Continue(()))
    })
    .unwrap();
    found
}

proptest! {
    #[test]
    fn layers_read_as_one(mut writes in writes(), from in 0..24_u8, to in 0..26_u8) {
        // The tree's writes came first, the active overlay's last.
        writes.sort_by_key(|(layer, ..)| *layer);
        let layers = [Arc::new(Overlay::default()), Arc::new(Overlay::default()), Arc::new(Overlay::default())];
        let mut model = Model::new();
        for (seq, (layer, key, value)) in (1..).zip(&writes) {
            layers[usize::from(*layer)].put(vec![*key], value.map(|value| vec![value]), seq, 0);
            match value {
                Some(value) => model.insert(vec![*key], vec![*value]),
                None => model.remove([*key].as_slice()),
            };
        }
        // What comes later is nobody's business yet.
        layers[2].put(vec![3], None, 1000, 999);
        layers[2].put(vec![4], Some(vec![4]), 1000, 999);
        let database = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
        checkpoint::write(&database, &layers[0], None, &Pace::default()).unwrap();
        let view = View { active: Arc::clone(&layers[2]), frozen: Some(Arc::clone(&layers[1])), base: base(&database).unwrap(), seq: 999, _ticket: None };
        let mut expected: Vec<_> =
            if from < to { model.range(vec![from]..vec![to]).map(|(key, value)| (key.clone(), value.clone())).collect() } else { Vec::new() };
        prop_assert_eq!(everything(&view, from, to, false), expected.clone());
        expected.reverse();
        prop_assert_eq!(everything(&view, from, to, true), expected);
        for key in 0..24_u8 {
            prop_assert_eq!(view.get(&[key]).unwrap(), model.get([key].as_slice()).cloned());
        }
    }
}
