//! The report as one HTML file: no script, nothing from elsewhere.

use std::collections::BTreeSet;

use super::lines;
use super::plot::{Line, escape, figure};
use crate::result::{RunReport, SecondReport, Summary};

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:960px;margin:2rem auto;padding:0 1rem;color:#1d1d1f;background:#fff}\
table{border-collapse:collapse;width:100%;margin:1rem 0;font-variant-numeric:tabular-nums}td,th{border-bottom:1px solid #ddd;padding:.25rem .5rem;text-align:right}\
td:first-child,th:first-child{text-align:left}.verdict{padding:.75rem 1rem;border-radius:6px;font-weight:600}.e0{background:#d8f3dc}.e1{background:#ffd9d9}.e3{background:#ffecc2}\
figure{margin:1.5rem 0}svg{width:100%;height:auto}svg text{font:11px system-ui;fill:#555}.grid{stroke:#e5e5e5}.mark{stroke:#bbb;stroke-dasharray:3 3}.legend{margin:0;font-size:13px}\
pre{white-space:pre-wrap;background:#f6f6f7;padding:1rem;border-radius:6px}\
@media(prefers-color-scheme:dark){body{background:#17181a;color:#e8e8ea}td,th{border-color:#333}.e0{background:#1f4d2b}.e1{background:#5c1f1f}.e3{background:#5a4310}.grid{stroke:#2c2d30}svg text{fill:#aaa}pre{background:#222326}}";

/// The whole page.
pub(crate) fn html(report: &RunReport, baseline: Option<&RunReport>) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{0}</title><style>{STYLE}</style></head><body><h1>{0}</h1>",
        escape(&report.scenario)
    );
    page.push_str(&format!(
        "<p>{}</p><p class=\"verdict e{}\">{}</p>",
        escape(&report.about),
        report.verdict.exit,
        escape(&report.verdict.text)
    ));
    let (target, machine) = (&report.target, &report.machine);
    page.push_str(&format!(
        "<p>{} ({}) at {} · {} clients in {} generator processes · {} × {} · Linux {} · began {} ms since 1970</p>",
        escape(&target.kind),
        escape(&target.channel),
        escape(&target.url),
        machine.sockets,
        machine.workers,
        machine.cores,
        escape(&machine.cpu),
        escape(&machine.kernel),
        report.started_ms
    ));
    thresholds(report, &mut page);
    plots(report, &mut page);
    phases(report, &mut page);
    if let Some(baseline) = baseline {
        changes(report, baseline, &mut page);
    }
    page.push_str("<h2>All figures</h2><pre>");
    page.push_str(&escape(&lines(report, baseline).join("\n")));
    page.push_str("</pre></body></html>\n");
    page
}

fn thresholds(report: &RunReport, page: &mut String) {
    page.push_str("<h2>Thresholds</h2><table><tr><th>threshold</th><th>measured</th><th>wanted</th><th></th></tr>");
    for outcome in &report.thresholds {
        let side = |value: Option<f64>| value.map_or_else(|| "no data".to_owned(), |value| format!("{value:.3}"));
        let mark = if outcome.held { "held" } else { "missed" };
        page.push_str(&format!(
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{mark}</td></tr>",
            escape(&outcome.threshold),
            side(outcome.left),
            side(outcome.right)
        ));
    }
    page.push_str("</table>");
}

fn plots(report: &RunReport, page: &mut String) {
    let seconds: Vec<u64> = report.seconds.iter().map(|second| second.second).collect();
    let mut marks: Vec<(u64, String)> = Vec::new();
    for second in &report.seconds {
        if marks.last().is_none_or(|(_, name)| *name != second.phase) {
            marks.push((second.second, second.phase.clone()));
        }
    }
    let line = |name: &str, value: &dyn Fn(&SecondReport) -> Option<f64>| Line {
        name: name.to_owned(),
        values: report.seconds.iter().map(value).collect(),
    };
    let actions: BTreeSet<&String> = report.seconds.iter().flat_map(|second| second.latencies.keys()).collect();
    for action in actions {
        let of = |percentile: fn(&Summary) -> u64, corrected: bool| {
            move |second: &SecondReport| {
                let both = second.latencies.get(action)?;
                Some(percentile(if corrected { &both.corrected } else { &both.uncorrected }) as f64 / 1_000.0)
            }
        };
        let lines = [
            line("p50", &of(|summary| summary.p50, true)),
            line("p99", &of(|summary| summary.p99, true)),
            line("max", &of(|summary| summary.max, true)),
            line("p99 uncorrected", &of(|summary| summary.p99, false)),
        ];
        page.push_str(&figure(&format!("{action}: latency from the intended time"), "ms", &seconds, &marks, &lines));
    }
    let throughput = [
        line("sent", &|second| Some(second.sends as f64)),
        line("acknowledged", &|second| Some(second.acks as f64)),
        line("delivered", &|second| Some(second.deliveries as f64)),
    ];
    page.push_str(&figure("Throughput", "messages a second", &seconds, &marks, &throughput));
    page.push_str(&figure("Connections", "live", &seconds, &marks, &[line("live", &|second| Some(second.live as f64))]));
    let cpu = [
        line("server", &|second| second.server_cpu.map(|cpu| cpu * 100.0)),
        line("generator", &|second| Some(second.generator_cpu * 100.0)),
    ];
    page.push_str(&figure("CPU", "% of a core", &seconds, &marks, &cpu));
    let memory = [line("resident", &|second| second.server_memory.map(|bytes| bytes / 1_048_576.0))];
    page.push_str(&figure("Server memory", "MiB", &seconds, &marks, &memory));
}

fn phases(report: &RunReport, page: &mut String) {
    page.push_str("<h2>Phases</h2><table><tr><th>phase · action</th><th>count</th><th>p50 ms</th><th>p90</th><th>p99</th><th>p99.9</th><th>max</th><th>p99 uncorrected</th></tr>");
    for phase in &report.phases {
        for (action, both) in &phase.latencies {
            let ms = |us: u64| format!("{:.2}", us as f64 / 1_000.0);
            let (corrected, uncorrected) = (&both.corrected, &both.uncorrected);
            page.push_str(&format!(
                "<tr><td>{} · {}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                escape(&phase.name),
                escape(action),
                corrected.count,
                ms(corrected.p50),
                ms(corrected.p90),
                ms(corrected.p99),
                ms(corrected.p999),
                ms(corrected.max),
                ms(uncorrected.p99)
            ));
        }
    }
    page.push_str("</table>");
}

fn changes(report: &RunReport, baseline: &RunReport, page: &mut String) {
    page.push_str("<h2>Against the baseline</h2><table><tr><th>figure</th><th>before</th><th>now</th></tr>");
    for (name, before, now) in lines::changes(report, baseline) {
        page.push_str(&format!(
            "<tr><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(name),
            lines::figure(name, before),
            lines::figure(name, now)
        ));
    }
    page.push_str("</table>");
}
