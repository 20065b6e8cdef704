//! How many instructions the hot paths take: a figure that does not depend on the machine's speed or load, so that continuous integration can hold it.
//!
//! ```text
//! tests/run instructions                                compares with the committed numbers
//! RIALTO_UPDATE_INSTRUCTIONS=1 tests/run instructions   writes them
//! ```
//! Each case runs in a process of its own under callgrind, which counts inside [`counted_by_callgrind`] only. The numbers hold for one compiler and one profile
//! (`numbers.txt` names the compiler): with another compiler the comparison is skipped, loudly, and where `CI` is set that is a failure.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a measurement prints what it measured")]

mod callgrind;
mod codec;
mod conversation;
mod hub;
mod numbers;
mod shard;

use std::fmt::Write as _;
use std::process::ExitCode;

use numbers::Numbers;

/// The product's allocator, which is also the same on every machine.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Percent by which a count may differ from the committed one. A hash seed moves it by less than one, what the optimiser makes of an unrelated change by two or three.
const TOLERANCE_PERCENT: f64 = 6.0;
/// Rounds before counting begins: buffers have grown, caches of the allocator are filled, what is looked up once is looked up.
const WARM_UP_ROUNDS: usize = 100;
/// Rounds counted.
const COUNTED_ROUNDS: usize = 200;

/// Something that is counted: makes everything that is needed, and gives one round of it.
struct Case {
    name: &'static str,
    prepare: fn() -> Box<dyn FnMut()>,
}

const CASES: [Case; 10] = [
    Case { name: "decode_send", prepare: codec::decode_send },
    Case { name: "decode_connect", prepare: codec::decode_connect },
    Case { name: "decode_subscribe", prepare: codec::decode_subscribe },
    Case { name: "decode_masked_frame", prepare: codec::decode_masked_frame },
    Case { name: "encode_send_reply", prepare: codec::encode_send_reply },
    Case { name: "encode_subscribe_reply", prepare: codec::encode_subscribe_reply },
    Case { name: "encode_publication", prepare: codec::encode_publication },
    Case { name: "deliver_to_1000", prepare: hub::deliver_to_1000 },
    Case { name: "conversation_send", prepare: conversation::send },
    Case { name: "shard_64_sends", prepare: shard::sends_of_64 },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        ["--count", name] => CASES.iter().find(|case| case.name == name).map(run).ok_or_else(|| format!("no case {name}")),
        ["--update"] => update(),
        [] => compare(),
        _ => Err("usage: instructions [--update | --count CASE]".to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// One case in this process: what callgrind watches.
fn run(case: &Case) {
    let mut round = (case.prepare)();
    for _ in 0..WARM_UP_ROUNDS {
        round();
    }
    for _ in 0..COUNTED_ROUNDS {
        counted_by_callgrind(&mut *round);
    }
}

/// Callgrind counts between the entry and the exit of this function.
#[inline(never)]
fn counted_by_callgrind(round: &mut dyn FnMut()) {
    round();
}

fn count(case: &Case) -> Result<u64, String> {
    Ok(callgrind::count(case.name)? / COUNTED_ROUNDS as u64)
}

fn update() -> Result<(), String> {
    let mut numbers = Numbers::new(numbers::compiler()?);
    for case in &CASES {
        let count = count(case)?;
        println!("{:24} {count:>9}", case.name);
        numbers.set(case.name, count);
    }
    numbers.write()
}

fn compare() -> Result<(), String> {
    let (committed, here) = (Numbers::read()?, numbers::compiler()?);
    if committed.compiler != here {
        let difference = format!("the numbers are those of {}, this is {here}", committed.compiler);
        if std::env::var_os("CI").is_some() {
            return Err(format!("{difference}: commit this compiler's numbers"));
        }
        println!("SKIPPED: {difference}");
        return Ok(());
    }
    let mut wrong = String::new();
    for case in &CASES {
        let count = count(case)?;
        let expected = committed.get(case.name).ok_or_else(|| format!("{} has no committed number", case.name))?;
        let percent = (count as f64 / expected as f64 - 1.0) * 100.0;
        println!("{:24} {count:>9}  committed {expected:>9}  {percent:+.2} %", case.name);
        if percent > TOLERANCE_PERCENT {
            let _ = writeln!(wrong, "{} takes {percent:.1} % more instructions than committed", case.name);
        } else if percent < -TOLERANCE_PERCENT {
            let _ = writeln!(wrong, "{} takes {:.1} % fewer: commit the new number, so that it stays", case.name, -percent);
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(format!("{wrong}RIALTO_UPDATE_INSTRUCTIONS=1 tests/run instructions writes the new numbers"))
    }
}
