//! Every limit of the harness, with its unit and reason.

/// Sockets of one generator process: descriptors are commonly limited to 20,000 a process.
pub(crate) const SOCKETS_PER_WORKER_MAX: u32 = 15_000;
/// Generator processes of one run.
pub(crate) const WORKERS_MAX: usize = 64;
/// Phases of one scenario.
pub(crate) const PHASES_MAX: usize = 64;
/// Seconds of one phase, an hour: runs are bounded.
pub(crate) const PHASE_SECONDS_MAX: f64 = 3_600.0;
/// Rooms of one scenario.
pub(crate) const ROOMS_MAX: u32 = 1_000_000;
/// Messages in flight of one sender.
pub(crate) const DEPTH_MAX: u32 = 1_024;
/// Share of an earlier phase's throughput that a phase may send: more only proves an overload.
pub(crate) const SHARE_MAX: f64 = 10.0;
/// Users registered when no key to mint tokens is given: registering costs the server a password hash each.
pub(crate) const REGISTERED_USERS_MAX: u32 = 200;
/// Bytes of the one read buffer of a process.
pub(crate) const READ_BUFFER_BYTES: usize = 256 * 1024;
/// Bytes that may wait to be written by one client. Above, an open arrival counts as unsent: a server that does not read must not fill our memory.
pub(crate) const UNWRITTEN_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of one frame from the server: a long recovery, with room for escapes. Above, the client counts as lost.
pub(crate) const FRAME_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Bytes of the answer to the upgrade request.
pub(crate) const UPGRADE_BYTES_MAX: usize = 8 * 1024;
/// Events taken from the kernel before timers are looked at again, so that a large batch does not look like a late timer.
pub(crate) const EVENTS_PER_POLL: usize = 256;
/// Milliseconds between two reports of a generator process.
pub(crate) const REPORT_INTERVAL_MS: u64 = 200;
/// Milliseconds between the ticks whose lateness is the schedule lag.
pub(crate) const LAG_TICK_MS: u64 = 5;
/// Attempts of one connection before it counts as lost.
pub(crate) const CONNECT_ATTEMPTS_MAX: u8 = 6;
/// First upper bound of the wait before another attempt; doubled each time, jitter over the whole of it.
pub(crate) const RETRY_WAIT_MS: u64 = 500;
/// Connections begun or cut between two looks at the sockets: a backlog of them must not starve those that are open.
pub(crate) const CONNECTS_PER_TURN_MAX: usize = 64;
/// By how much processes are nicer beside one that measures apart: of a CPU that they share it gets nearly all that it wants, and gets it soon.
pub(crate) const CROWD_NICENESS: i32 = 19;
/// Milliseconds that a refused closed-loop sender waits.
pub(crate) const REFUSED_WAIT_MS: u64 = 50;
/// Sequence numbers kept per stream whose fate is unknown or which were refused. More make a run fail anyway.
pub(crate) const EXCUSED_MAX: usize = 100_000;
/// Largest latency that histograms tell apart, in microseconds: two minutes.
pub(crate) const LATENCY_US_MAX: u64 = 120_000_000;
/// Seconds of silence after which a generator process counts as lost.
pub(crate) const WORKER_SILENCE_SECONDS: u64 = 60;
/// Seconds that a spawned server may take until it says where it listens.
pub(crate) const SPAWN_SECONDS_MAX: u64 = 60;
/// Bytes of one HTTP answer.
pub(crate) const HTTP_BYTES_MAX: usize = 1024 * 1024;
/// Own CPU above which a generator process is saturated, as a share of one core.
pub(crate) const SATURATED_CPU: f64 = 0.85;
/// 99th percentile of the schedule lag above which a generator process is saturated, in milliseconds; a scenario may say otherwise.
pub(crate) const SATURATED_LAG_MS: u64 = 5;
/// Notes of generator processes that wait for the controller.
pub(crate) const NOTES_QUEUE: usize = 4_096;
/// Orders that wait in a generator process.
pub(crate) const ORDERS_QUEUE: usize = 64;
