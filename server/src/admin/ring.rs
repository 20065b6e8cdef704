//! The samples of the last hour.

use std::collections::VecDeque;

use rialto_protocol::admin::FeedRow;

use super::limits::SAMPLES_KEPT_MAX;

/// One sample's numbers; what is not a number was not there.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) time_ms: u64,
    pub(super) values: Box<[f32]>,
}

impl Sample {
    pub(super) fn row(&self) -> FeedRow {
        let values = self.values.iter().map(|value| Some(*value).filter(|value| value.is_finite()));
        FeedRow { time: self.time_ms, values: values.collect() }
    }
}

/// The newest [`SAMPLES_KEPT_MAX`] samples.
#[derive(Debug, Default)]
pub(super) struct Ring(VecDeque<Sample>);

impl Ring {
    pub(super) fn push(&mut self, sample: Sample) {
        if self.0.len() >= SAMPLES_KEPT_MAX {
            self.0.pop_front();
        }
        self.0.push_back(sample);
    }

    /// All rows, oldest first.
    pub(super) fn rows(&self) -> Vec<FeedRow> {
        self.0.iter().map(Sample::row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_kept_and_no_more() {
        let mut ring = Ring::default();
        for time_ms in 0..SAMPLES_KEPT_MAX as u64 + 7 {
            ring.push(Sample { time_ms, values: [1.5, f32::NAN].into() });
        }
        let rows = ring.rows();
        assert_eq!((rows.len(), rows[0].time, rows.last().unwrap().time), (SAMPLES_KEPT_MAX, 7, SAMPLES_KEPT_MAX as u64 + 6));
        assert_eq!(rows[0].values, [Some(1.5), None]);
    }
}
