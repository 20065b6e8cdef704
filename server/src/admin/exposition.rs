//! Numbers out of the text that `/metrics` gives.

use std::collections::HashMap;

/// All series of one rendering, by name.
#[derive(Debug, Default)]
pub(super) struct Exposition<'t>(HashMap<&'t str, Vec<(&'t str, f64)>>);

impl<'t> Exposition<'t> {
    /// Reads Prometheus' text format, as our own recorder writes it. What is no sample is passed over.
    pub(super) fn parse(text: &'t str) -> Self {
        let mut all: HashMap<&str, Vec<(&str, f64)>> = HashMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            let Ok(value) = value.parse() else { continue };
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            all.entry(name).or_default().push((labels, value));
        }
        Self(all)
    }

    /// The sum over all labels; `None` when there is no such series.
    pub(super) fn sum(&self, name: &str) -> Option<f64> {
        Some(self.0.get(name)?.iter().map(|(_, value)| value).sum())
    }

    /// The series with this label among its labels, as `key="value"`.
    pub(super) fn labelled(&self, name: &str, label: &str) -> Option<f64> {
        self.0.get(name)?.iter().find(|(labels, _)| labels.contains(label)).map(|(_, value)| *value)
    }

    /// A histogram's cumulative counts by upper bound, ascending, summed over all other labels.
    pub(super) fn buckets(&self, name: &str) -> Vec<(f64, f64)> {
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for (labels, count) in self.0.get(format!("{name}_bucket").as_str()).into_iter().flatten() {
            let Some(bound) = labels.split("le=\"").nth(1).and_then(|rest| rest.split('"').next()) else { continue };
            let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().unwrap_or(f64::INFINITY) };
            match buckets.iter_mut().find(|(known, _)| *known == bound) {
                Some((_, sum)) => *sum += count,
                None => buckets.push((bound, *count)),
            }
        }
        buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
        buckets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# HELP a_total what\n# TYPE a_total counter\na_total{code=\"x y\"} 3\na_total{code=\"z\"} 4\n\nb 1.5\nnonsense\n\
        h_bucket{route=\"/\",le=\"0.1\"} 1\nh_bucket{route=\"/\",le=\"+Inf\"} 2\nh_bucket{route=\"/x\",le=\"0.1\"} 10\n\
        h_bucket{route=\"/x\",le=\"+Inf\"} 20\nh_sum{route=\"/\"} 7\n";

    #[test]
    fn series_are_summed_over_their_labels() {
        let all = Exposition::parse(TEXT);
        assert_eq!((all.sum("a_total"), all.sum("b"), all.sum("absent"), all.sum("h_sum")), (Some(7.0), Some(1.5), None, Some(7.0)));
        assert_eq!(all.labelled("a_total", "code=\"z\""), Some(4.0));
        assert_eq!(all.buckets("h"), [(0.1, 11.0), (f64::INFINITY, 22.0)]);
        assert!(all.buckets("absent").is_empty());
    }
}
