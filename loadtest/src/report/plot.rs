//! Plots as inline SVG: lines over seconds, a legend, readable without any script.

/// One line of a plot.
pub(super) struct Line {
    /// Its name in the legend.
    pub(super) name: String,
    /// Its values, one a second; gaps are left out.
    pub(super) values: Vec<Option<f64>>,
}

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 70.0;
const BOTTOM: f64 = 24.0;
const TOP: f64 = 10.0;
const COLOURS: [&str; 8] = ["#0b6bcb", "#c41c1c", "#1f7a1f", "#9a5b13", "#6b3fa0", "#008891", "#b0308f", "#5b5b5b"];

/// A figure with title, plot and legend. `seconds` are the positions; phases' begins are marked.
pub(super) fn figure(title: &str, unit: &str, seconds: &[u64], marks: &[(u64, String)], lines: &[Line]) -> String {
    let highest = lines.iter().flat_map(|line| &line.values).flatten().fold(0.0_f64, |highest, value| highest.max(*value));
    if seconds.is_empty() || highest <= 0.0 {
        return String::new();
    }
    let (first, last) = (seconds[0] as f64, seconds[seconds.len() - 1] as f64);
    let across = |second: f64| LEFT + (second - first) / (last - first).max(1.0) * (WIDTH - LEFT - 10.0);
    let up = |value: f64| TOP + (1.0 - value / highest) * (HEIGHT - TOP - BOTTOM);
    let mut svg =
        format!("<figure><figcaption>{} ({})</figcaption><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">", escape(title), escape(unit));
    for step in 0..=4 {
        let value = highest * f64::from(step) / 4.0;
        let y = up(value);
        svg.push_str(&format!("<line class=\"grid\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"));
        svg.push_str(&format!("<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>", LEFT - 6.0, y + 4.0, short(value)));
    }
    for (second, name) in marks {
        let x = across(*second as f64);
        svg.push_str(&format!("<line class=\"mark\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{:.1}\"/>", HEIGHT - BOTTOM));
        svg.push_str(&format!("<text x=\"{x:.1}\" y=\"{:.1}\">{}</text>", HEIGHT - 6.0, escape(name)));
    }
    for (line, colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        let points = seconds.iter().zip(&line.values).filter_map(|(second, value)| value.map(|value| (*second as f64, value)));
        let points: Vec<String> = points.map(|(second, value)| format!("{:.1},{:.1}", across(second), up(value))).collect();
        svg.push_str(&format!("<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.6\" points=\"{}\"/>", points.join(" ")));
    }
    svg.push_str("</svg><p class=\"legend\">");
    for (line, colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        svg.push_str(&format!("<span style=\"color:{colour}\">■</span> {} ", escape(&line.name)));
    }
    svg.push_str("</p></figure>");
    svg
}

/// A number for an axis.
fn short(value: f64) -> String {
    match value {
        value if value >= 1e6 => format!("{:.1}M", value / 1e6),
        value if value >= 1e4 => format!("{:.0}k", value / 1e3),
        value if value >= 10.0 => format!("{value:.0}"),
        value => format!("{value:.2}"),
    }
}

/// Text that may stand in HTML.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_points_and_names_are_escaped() {
        let line = Line { name: "a<b".to_owned(), values: vec![Some(1.0), None, Some(4.0)] };
        let svg = figure("t", "ms", &[0, 1, 2], &[(1, "x&y".to_owned())], &[line]);
        assert!(svg.contains("a&lt;b") && svg.contains("x&amp;y") && !svg.contains("a<b"));
        let points = svg.split("points=\"").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!(points.split(' ').count(), 2);
        assert_eq!(figure("t", "ms", &[], &[], &[]), "");
    }
}
