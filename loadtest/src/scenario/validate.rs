//! What a scenario may not say.

use anyhow::{Context as _, Result, ensure};

use super::{ChannelKind, Kind, Phase, Scenario, Send};
use crate::limits::{DEPTH_MAX, PHASE_SECONDS_MAX, PHASES_MAX, ROOMS_MAX, SHARE_MAX, SOCKETS_PER_WORKER_MAX, WORKERS_MAX};
use crate::stamp::TEXT_BYTES_MIN;
use crate::threshold::Threshold;

/// # Errors
/// The first rule that `scenario` breaks.
pub(super) fn validate(scenario: &Scenario) -> Result<()> {
    let run = &scenario.run;
    let sockets: u64 = scenario.personas.values().map(|persona| u64::from(persona.count)).sum();
    ensure!(run.workers <= WORKERS_MAX, "run.workers is above {WORKERS_MAX}");
    let workers = if run.workers == 0 { WORKERS_MAX } else { run.workers };
    let most = u64::from(SOCKETS_PER_WORKER_MAX) * workers as u64;
    ensure!(sockets > 0 && sockets <= most, "{sockets} sockets: 1 to {most} are possible ({SOCKETS_PER_WORKER_MAX} a worker)");
    let apart: u32 = scenario.personas.values().filter(|persona| persona.apart).map(|persona| persona.count).sum();
    ensure!(apart <= SOCKETS_PER_WORKER_MAX, "{apart} sockets apart: up to {SOCKETS_PER_WORKER_MAX} are possible");
    ensure!((1..=ROOMS_MAX).contains(&run.rooms), "run.rooms is not within 1 to {ROOMS_MAX}");
    ensure!(!scenario.phases.is_empty() && scenario.phases.len() <= PHASES_MAX, "1 to {PHASES_MAX} phases are wanted");
    let conversations = scenario.target.channel == ChannelKind::Conversation;
    ensure!(!conversations || scenario.target.kind == Kind::Rialto, "only Rialto has conversations");
    for (name, persona) in &scenario.personas {
        ensure!(persona.size >= TEXT_BYTES_MIN, "persona {name}: a message has {TEXT_BYTES_MIN} bytes or more");
        ensure!((1..=run.rooms).contains(&persona.rooms_each), "persona {name}: rooms_each is not within 1 to run.rooms");
        let one_room = persona.rooms_each == 1 || persona.count == 0 || scenario.target.kind != Kind::Ws;
        ensure!(one_room, "persona {name}: a plain WebSocket is in one room");
    }
    for phase in &scenario.phases {
        validate_phase(scenario, phase).with_context(|| format!("phase {}", phase.name))?;
    }
    for text in &scenario.thresholds {
        Threshold::parse(text)?.check_names(scenario)?;
    }
    Ok(())
}

fn validate_phase(scenario: &Scenario, phase: &Phase) -> Result<()> {
    ensure!(phase.seconds > 0.0 && phase.seconds <= PHASE_SECONDS_MAX, "seconds is not within 0 to {PHASE_SECONDS_MAX}");
    let same_name = scenario.phases.iter().filter(|other| other.name == phase.name).count();
    ensure!(same_name == 1, "its name is used twice");
    let tables = [&phase.connect, &phase.cut, &phase.churn].into_iter().flat_map(|table| table.keys());
    let named = tables.chain(&phase.stop_reading).chain(&phase.resume_reading).chain(phase.send.keys());
    for name in named {
        ensure!(scenario.personas.contains_key(name), "there is no persona {name}");
    }
    let shares = phase.connect.values().chain(phase.cut.values());
    ensure!(shares.clone().all(|share| (0.0..=1.0).contains(share)), "a share is not within 0 to 1");
    ensure!(phase.churn.values().all(|rate| *rate >= 0.0) && phase.connect_rate >= 0.0, "a rate is negative");
    for (name, send) in &phase.send {
        validate_send(send).with_context(|| format!("send.{name}"))?;
        let Some(of) = &send.of else { continue };
        let mut earlier = scenario.phases.iter().take_while(|earlier| earlier.name != phase.name);
        let known = earlier.any(|earlier| earlier.name == *of && earlier.send.contains_key(name));
        ensure!(known, "send.{name}.of: no earlier phase {of} in which {name} sends");
    }
    Ok(())
}

fn validate_send(send: &Send) -> Result<()> {
    let ways = [send.rate.is_some(), send.share.is_some(), send.think_ms.is_some(), send.depth.is_some()];
    ensure!(ways.iter().filter(|way| **way).count() == 1, "exactly one of rate, share, think_ms and depth is wanted");
    ensure!(send.share.is_some() == send.of.is_some(), "share and of belong together");
    ensure!(send.share.is_none_or(|share| share > 0.0 && share <= SHARE_MAX), "share is not within 0 to {SHARE_MAX}");
    ensure!(send.rate.is_none_or(|rate| rate > 0.0 && rate <= 1e7), "rate is not within 0 to 10,000,000");
    ensure!(send.depth.is_none_or(|depth| (1..=DEPTH_MAX).contains(&depth)), "depth is not within 1 to {DEPTH_MAX}");
    ensure!(send.think_ms.is_none_or(|[least, most]| least <= most && most > 0), "think_ms is not [least, most]");
    ensure!(send.size.is_none_or(|size| size >= TEXT_BYTES_MIN), "a message has {TEXT_BYTES_MIN} bytes or more");
    Ok(())
}
