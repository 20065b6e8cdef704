//! What one run is like: everything about it follows from its seed.

use rialto_actors::conversation::ConversationSizes;
use rialto_actors::shard::ShardConfig;
use rialto_storage::shard_log::LogShape;
use rialto_tests::Dice;

use crate::rules::Rule;

/// Wall clock at the beginning of every run, milliseconds since 1970.
pub(crate) const START_MS: u64 = 1_790_000_000_000;
/// Shards; entities are spread over them.
pub(crate) const SHARDS: u16 = 2;
/// Rows of one partition of the index where all ids are dated: small, so that look-ups go back over several.
const PART_ROWS_SMALL: u64 = 12;
/// Rows of one partition of the index where ids without date are sent too: these are only known in the newest two.
const PART_ROWS_LARGE: u64 = 8_192;

/// How often things go wrong while the storm lasts.
#[derive(Clone, Debug)]
pub(crate) struct Faults {
    /// Percent of store calls whose outcome the caller never learns.
    pub(crate) unknown: u64,
    /// Percent of these that are carried out long after their caller gave up.
    pub(crate) late: u64,
    /// Percent of store calls that are refused before anything happens.
    pub(crate) refused: u64,
    /// Milliseconds between two faults of nodes, engine or network, on average.
    pub(crate) every_ms: u64,
}

/// A run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) nodes: usize,
    pub(crate) clients: usize,
    pub(crate) lanes: usize,
    /// Messages of one lane.
    pub(crate) messages: u64,
    pub(crate) rooms: usize,
    pub(crate) shape: LogShape,
    pub(crate) part_rows: u64,
    /// Whether some ids carry no date.
    pub(crate) undated: bool,
    pub(crate) sizes: ConversationSizes,
    pub(crate) shard: ShardConfig,
    pub(crate) faults: Faults,
    /// Milliseconds after which nothing goes wrong any more.
    pub(crate) storm_ms: u64,
    /// Percent of inputs of entities at which these panic.
    pub(crate) panics: u64,
    /// The rule that is switched off.
    pub(crate) off: Option<Rule>,
}

impl Plan {
    /// The run of a seed. A rule that is switched off changes nothing else about it.
    pub(crate) fn of(dice: &mut Dice, off: Option<Rule>) -> Self {
        let undated = dice.one_in(3);
        let recent_rows_max = 1 + dice.below(8);
        let bucket_rows = [4, 6, 10, 24][pick(dice, 4)];
        // One process at a time owns an embedded store.
        let consumed_on_append = dice.one_in(5);
        Self {
            nodes: if consumed_on_append { 1 } else { 2 + pick(dice, 2) },
            clients: 2 + pick(dice, 3),
            lanes: 1 + pick(dice, 3),
            messages: between(dice, 4, 8),
            rooms: 1 + pick(dice, 3),
            shape: LogShape { bucket_rows, consumed_on_append },
            part_rows: if undated { PART_ROWS_LARGE } else { PART_ROWS_SMALL },
            undated,
            sizes: ConversationSizes { recent_rows_max, snapshot_rows: between(dice, 3, 20) },
            shard: ShardConfig {
                entity_idle_ms: [50, 400, 3_000, 30_000][pick(dice, 4)],
                truncate_after_ms: [100, 400, 2_000][pick(dice, 3)],
                reclaim_ms: [0, 30, 300, 2_000, 5_000][pick(dice, 5)],
                ..ShardConfig::default()
            },
            faults: Faults {
                unknown: [0, 3, 10, 25][pick(dice, 4)],
                late: [30, 30, 80][pick(dice, 3)],
                refused: [0, 2, 5][pick(dice, 3)],
                every_ms: [150, 400, 1_500][pick(dice, 3)],
            },
            storm_ms: between(dice, 3_000, 10_000),
            panics: [0, 0, 2][pick(dice, 3)],
            off,
        }
    }

    /// Whether this rule is switched off.
    pub(crate) fn is_off(&self, rule: Rule) -> bool {
        self.off == Some(rule)
    }
}

/// A number from `low` to `high`, both included.
pub(crate) fn between(dice: &mut Dice, low: u64, high: u64) -> u64 {
    low + dice.below(high - low + 1)
}

/// An index below `len`.
pub(crate) fn pick(dice: &mut Dice, len: usize) -> usize {
    usize::try_from(dice.below(len as u64)).expect("smaller than a length")
}

/// True in so many of a hundred throws.
pub(crate) fn percent(dice: &mut Dice, percent: u64) -> bool {
    dice.below(100) < percent
}

/// 128 fresh bits.
pub(crate) fn entropy(dice: &mut Dice) -> u128 {
    (u128::from(dice.below(u64::MAX)) << 64) | u128::from(dice.below(u64::MAX))
}
