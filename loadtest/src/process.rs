//! The process under test as the kernel sees it: CPU, memory, threads, sockets, from /proc.

use std::collections::HashSet;
use std::path::Path;

use rustix::thread::{CpuSet, Pid, sched_setaffinity};
use serde::{Deserialize, Serialize};

/// State of a listening socket in /proc/net/tcp.
const LISTENING: &str = "0A";

/// The processes that listen on the target's port.
#[derive(Clone, Debug, Default)]
pub(crate) struct Processes {
    /// Their ids; empty when they belong to somebody else.
    pub(crate) pids: Vec<i32>,
}

/// What they use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// CPU so far, microseconds.
    pub(crate) cpu_us: f64,
    /// Resident bytes.
    pub(crate) memory: f64,
    /// Of these, anonymous.
    pub(crate) anonymous: f64,
    /// Of these, pages of files.
    pub(crate) file: f64,
    /// Threads.
    pub(crate) threads: f64,
    /// Open sockets; only where they were counted.
    pub(crate) sockets: Option<f64>,
    /// CPU so far of the engine that the server keeps its truth on, microseconds; only where the scenario names one.
    pub(crate) engine_cpu_us: Option<f64>,
}

impl Processes {
    /// Finds who listens on this port.
    pub(crate) fn listening_on(port: u16) -> Self {
        let inodes: HashSet<String> = ["/proc/net/tcp", "/proc/net/tcp6"].iter().flat_map(|table| listeners(table, port)).collect();
        let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        Self { pids: pids.filter(|pid: &i32| sockets_of(*pid).any(|inode| inodes.contains(&inode))).collect() }
    }

    /// What all of them use now. `None` when none is left.
    pub(crate) fn usage(&self, with_sockets: bool) -> Option<Usage> {
        let mut sum = Usage::default();
        let mut alive = 0;
        for pid in &self.pids {
            let Some(one) = usage_of(*pid) else { continue };
            alive += 1;
            sum.cpu_us += one.cpu_us;
            sum.memory += one.memory;
            sum.anonymous += one.anonymous;
            sum.file += one.file;
            sum.threads += one.threads;
            if with_sockets {
                *sum.sockets.get_or_insert(0.0) += sockets_of(*pid).count() as f64;
            }
        }
        (alive > 0).then_some(sum)
    }

    /// Keeps all their threads on these CPUs; empty = leaves them alone.
    pub(crate) fn pin(&self, cpus: &[usize]) {
        let mut set = CpuSet::new();
        for cpu in cpus.iter().filter(|cpu| **cpu < CpuSet::MAX_CPU) {
            set.set(*cpu);
        }
        for pid in self.pids.iter().filter(|_| !cpus.is_empty()) {
            let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
            for thread in threads.filter_map(|entry| entry.file_name().to_str()?.parse().ok()) {
                // A thread that has just ended, or is not ours, stays as it is.
                _ = sched_setaffinity(Pid::from_raw(thread), &set);
            }
        }
    }
}

/// Inodes of the sockets that listen on `port`.
fn listeners(table: &str, port: u16) -> Vec<String> {
    let text = std::fs::read_to_string(table).unwrap_or_default();
    let inode = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (_, listened) = fields.get(1)?.rsplit_once(':')?;
        let is_it = u16::from_str_radix(listened, 16).ok()? == port && *fields.get(3)? == LISTENING;
        is_it.then(|| fields.get(9).map(|inode| (*inode).to_owned())).flatten()
    };
    text.lines().skip(1).filter_map(inode).collect()
}

/// Inodes of a process's sockets; nothing when it is not ours.
fn sockets_of(pid: i32) -> impl Iterator<Item = String> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let link = std::fs::read_link(entry.path()).ok()?;
        let inode = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned();
        Some(inode)
    })
}

fn usage_of(pid: i32) -> Option<Usage> {
    let folder = format!("/proc/{pid}");
    let stat = std::fs::read_to_string(Path::new(&folder).join("stat")).ok()?;
    // The name in parentheses may hold spaces; what follows is counted from the state, field 3.
    let (_, fields) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    let status = std::fs::read_to_string(Path::new(&folder).join("status")).ok()?;
    let number = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<f64>().ok()
    };
    let kib = |name: &str| number(name).map_or(0.0, |kib| kib * 1_024.0);
    Some(Usage {
        cpu_us: ticks * 1e6 / rustix::param::clock_ticks_per_second() as f64,
        memory: kib("VmRSS:"),
        anonymous: kib("RssAnon:"),
        file: kib("RssFile:"),
        threads: number("Threads:")?,
        sockets: None,
        engine_cpu_us: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_found_by_its_port_and_measured() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let own = i32::try_from(std::process::id()).unwrap();
        let processes = Processes::listening_on(listener.local_addr().unwrap().port());
        assert_eq!(processes.pids, [own]);
        let usage = processes.usage(true).unwrap();
        assert!(
            usage.memory > 1e5 && usage.anonymous <= usage.memory && usage.threads >= 1.0 && usage.sockets.unwrap() >= 1.0,
            "{usage:?}"
        );
        assert_eq!(Processes { pids: vec![i32::MAX] }.usage(false), None);
    }
}
