//! Guessing is slowed, owners are not kept out, memory is bounded.

use super::*;

const HERE: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(10, 0, 0, 1));

fn stranger(n: u32) -> IpAddr {
    IpAddr::V4((0x0B00_0000 + n).into())
}

/// One wrong password; true when it was answered as such.
fn guess(throttle: &mut Throttle, now_ms: u64, name: &str, address: IpAddr) -> bool {
    throttle.may_try(now_ms, name, address).is_ok() && throttle.failed(now_ms, name, address).is_ok()
}

#[test]
fn the_eleventh_failure_of_an_account_waits_for_the_minute() {
    let mut throttle = Throttle::new(Rates::default());
    for n in 0..10 {
        assert!(guess(&mut throttle, n * 1000, "alice", stranger(n as u32)));
    }
    assert_eq!(throttle.may_try(10_000, "alice", stranger(99)), Err(50_000));
    assert!(throttle.may_try(10_000, "bob", stranger(99)).is_ok(), "another account is free");
    assert!(throttle.may_try(60_000, "alice", stranger(99)).is_ok(), "the first failure is a minute old");
    assert!(guess(&mut throttle, 60_000, "alice", stranger(99)));
    assert_eq!(throttle.may_try(60_000, "alice", stranger(99)), Err(1_000));
}

#[test]
fn the_twentieth_failure_of_an_address_waits() {
    let mut throttle = Throttle::new(Rates::default());
    for n in 0..19 {
        assert!(guess(&mut throttle, 0, &format!("user{n}"), HERE));
    }
    assert!(!guess(&mut throttle, 0, "another", HERE));
    assert!(throttle.may_try(0, "another", stranger(1)).is_ok());
}

#[test]
fn an_attacker_does_not_keep_the_owner_out() {
    let mut throttle = Throttle::new(Rates::default());
    throttle.succeeded(0, "alice", HERE);
    for n in 0..1000 {
        guess(&mut throttle, 10 + u64::from(n), "alice", stranger(n));
    }
    assert!(throttle.may_try(2000, "alice", stranger(5000)).is_err(), "strangers wait");
    assert!(throttle.may_try(2000, "alice", HERE).is_ok(), "the owner does not");
}

#[test]
fn a_known_address_is_slowed_by_its_own_failures() {
    let mut throttle = Throttle::new(Rates::default());
    throttle.succeeded(0, "alice", HERE);
    let answered = (0..15).filter(|_| guess(&mut throttle, 5, "alice", HERE)).count();
    assert_eq!(answered, 10);
}

#[test]
fn guessing_without_pause_does_not_prolong_the_wait() {
    let mut throttle = Throttle::new(Rates::default());
    for now_ms in 0..60_000 {
        let _answered = throttle.failed(now_ms, "alice", stranger(now_ms as u32));
    }
    assert!(throttle.may_try(60_000, "alice", HERE).is_ok());
}

#[test]
fn many_guesses_at_once_are_answered_no_more_often() {
    let mut throttle = Throttle::new(Rates::default());
    let all_pass_first = (0..50).all(|n| throttle.may_try(0, "alice", stranger(n)).is_ok());
    assert!(all_pass_first);
    let answered = (0..50).filter(|n| throttle.failed(0, "alice", stranger(*n)).is_ok()).count();
    assert_eq!(answered, 10);
}

#[test]
fn memory_is_bounded() {
    let mut throttle = Throttle::new(Rates { entries_max: 100, ..Rates::default() });
    for n in 0..10_000 {
        guess(&mut throttle, 0, &format!("user{n}"), stranger(n));
        throttle.succeeded(0, &format!("user{n}"), stranger(n));
        throttle.register(0, stranger(n)).unwrap();
    }
    assert!(throttle.by_account.times.values.len() <= 100);
    assert!(throttle.by_address.times.order.len() <= 100);
    assert!(throttle.known.values.len() <= 100);
    assert!(throttle.registrations.values.len() <= 100);
}

#[test]
fn an_ipv6_household_is_one_address() {
    let mut throttle = Throttle::new(Rates { registrations_per_minute_max: 2, ..Rates::default() });
    assert!(throttle.register(0, "2001:db8:1:2::1".parse().unwrap()).is_ok());
    assert!(throttle.register(0, "2001:db8:1:2:ffff::9".parse().unwrap()).is_ok());
    assert_eq!(throttle.register(0, "2001:db8:1:2:3::".parse().unwrap()), Err(60_000));
    assert!(throttle.register(0, "2001:db8:1:3::1".parse().unwrap()).is_ok());
    assert!(throttle.register(60_000, "2001:db8:1:2::1".parse().unwrap()).is_ok());
    assert!(throttle.register(0, "::ffff:10.0.0.1".parse().unwrap()).is_ok(), "a mapped address is its IPv4 address");
}
