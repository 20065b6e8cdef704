//! What nodes share beside the store. Each case uses names of its own, so that one backend serves them all.

use bytes::Bytes;
use uuid::Uuid;

use crate::shared::{Doorbell, Presences, Rate, RateLimits, RevocationNews};

/// Names that nobody else uses.
fn name(what: &str) -> String {
    format!("{what} '; \0 {}", Uuid::new_v4())
}

/// Limits count over all takers.
///
/// # Panics
/// At the first promise that is not kept.
pub async fn limits(backend: &dyn RateLimits) {
    let (key, rate) = (name("limit"), Rate { burst: 5, refill_ms: 1_000 });
    let pending: Vec<_> = (0..20).map(|_| backend.take(key.clone(), rate, 1_000_000)).collect();
    let mut waits = Vec::new();
    for wait in pending {
        waits.push(wait.await.expect("take"));
    }
    assert_eq!(waits.iter().filter(|wait| **wait == 0).count(), 5, "of many at once as many as the bucket holds");
    assert!(waits.iter().all(|wait| *wait <= 200), "the others are told when: {waits:?}");
    assert_eq!(backend.take(key.clone(), rate, 1_000_199).await.expect("take"), 1, "a token comes back in its time");
    assert_eq!(backend.take(key.clone(), rate, 1_000_200).await.expect("take"), 0, "then there is one");
    assert_ne!(backend.take(key.clone(), rate, 900_000).await.expect("take"), 0, "a clock that goes back gives nothing");
    assert_eq!(backend.take(name("limit"), rate, 0).await.expect("take"), 0, "keys are apart");
    debts(backend).await;
}

/// Looking takes nothing, and what was used already may be owed.
async fn debts(backend: &dyn RateLimits) {
    let (key, rate) = (name("limit"), Rate { burst: 2, refill_ms: 1_000 });
    for _ in 0..3 {
        assert_eq!(backend.look(key.clone(), rate, 10_000).await.expect("look"), 0, "looking takes nothing");
    }
    assert_eq!(backend.take(key.clone(), rate, 10_000).await.expect("take"), 0);
    assert_eq!(backend.take(key.clone(), rate, 10_000).await.expect("take"), 0);
    assert_eq!(backend.look(key.clone(), rate, 10_000).await.expect("look"), 500, "nothing is left");
    assert_eq!(backend.spend(key.clone(), rate, 1, 10_000).await.expect("spend"), 1_000, "one is owed");
    assert_eq!(backend.spend(key.clone(), rate, 1_000, 10_000).await.expect("spend"), 1_500, "no more is owed than the bucket holds");
    assert_eq!(backend.take(key.clone(), rate, 11_499).await.expect("take"), 1, "debts are paid first");
    assert_eq!(backend.take(key.clone(), rate, 11_500).await.expect("take"), 0);
    let fresh = name("limit");
    assert_eq!(backend.spend(fresh.clone(), rate, 1, 10_000).await.expect("spend"), 0, "one of two is left");
    assert_eq!(backend.take(fresh.clone(), rate, 99_999_999).await.expect("take"), 0, "a clock that is far ahead");
    assert_eq!(backend.take(fresh.clone(), rate, 99_999_999).await.expect("take"), 0);
    assert_eq!(backend.look(fresh.clone(), rate, 10_000).await.expect("look"), 500);
    assert_eq!(backend.take(fresh.clone(), rate, 10_000).await.expect("take"), 500);
    assert_eq!(backend.take(fresh, rate, 10_500).await.expect("take"), 0, "stops the others' refill no longer than until they come");
}

/// Presence lists who is there and forgets who is not.
///
/// # Panics
/// At the first promise that is not kept.
pub async fn presence(backend: &dyn Presences) {
    let (channel, client) = (name("room"), Uuid::from_u128);
    let put = |number, info: &'static [u8], until| backend.put(channel.clone(), vec![(client(number), Bytes::from_static(info))], until);
    let far = u64::from(u32::MAX) * 1_000;
    assert!(backend.list(channel.clone(), 1_000).await.expect("list").is_empty(), "nobody yet");
    put(2, b"two", far).await.expect("put");
    put(1, b"one", far).await.expect("put");
    put(3, b"\0\xff", far + 1_000).await.expect("put");
    let all =
        [(client(1), Bytes::from_static(b"one")), (client(2), Bytes::from_static(b"two")), (client(3), Bytes::from_static(b"\0\xff"))];
    assert_eq!(backend.list(channel.clone(), far - 1).await.expect("list"), all, "in order, every byte");
    put(1, b"new", far + 500).await.expect("put again");
    let later = backend.list(channel.clone(), far).await.expect("list");
    assert_eq!(later.iter().map(|(of, _)| *of).collect::<Vec<_>>(), [client(1), client(3)], "who says nothing is gone");
    assert_eq!(later[0].1, Bytes::from_static(b"new"), "the newest word counts");
    backend.remove(channel.clone(), vec![client(1), client(7)]).await.expect("remove");
    backend.remove(channel.clone(), vec![client(1)]).await.expect("remove again");
    assert_eq!(backend.list(channel.clone(), far).await.expect("list").len(), 1, "gone at once");
    let crowd: Vec<_> = (10..1_010).map(|number| (client(number), Bytes::from_static(b"many"))).collect();
    backend.put(channel.clone(), crowd, far + 1_000).await.expect("put many");
    assert_eq!(backend.list(channel.clone(), far).await.expect("list").len(), 1_001, "many at once");
    backend.remove(channel.clone(), (10..1_010).map(client).collect()).await.expect("remove many");
    backend.put(channel.clone(), Vec::new(), far).await.expect("put nobody");
    backend.remove(channel.clone(), Vec::new()).await.expect("remove nobody");
    assert_eq!(backend.list(channel.clone(), far).await.expect("list").len(), 1);
    for hostile in ["}", "{", "{}", "a}b{c"] {
        let odd = format!("{hostile}{channel}");
        put_and_list(backend, &odd, far).await;
    }
    assert!(backend.list(name("room"), 0).await.expect("list").is_empty(), "rooms are apart");
}

async fn put_and_list(backend: &dyn Presences, channel: &str, until: u64) {
    backend.put(channel.to_owned(), vec![(Uuid::nil(), Bytes::from_static(b"odd"))], until).await.expect("put");
    assert_eq!(backend.list(channel.to_owned(), 0).await.expect("list").len(), 1, "names that mean something to a cluster are just names");
}

/// News are read from a moment on, and forgotten when they are over.
///
/// # Panics
/// At the first promise that is not kept.
pub async fn revocations(backend: &dyn RevocationNews) {
    let ids: Vec<Uuid> = (0..3).map(|_| Uuid::new_v4()).collect();
    for (number, id) in (0..).zip(&ids) {
        backend.publish(*id, 10_000 + number * 1_000, 100 + number).await.expect("publish");
    }
    let since = async |from, now| {
        let news = backend.since(from, now).await.expect("since");
        ids.iter().filter_map(|id| news.iter().find(|(of, _)| of == id).map(|(_, until)| *until)).collect::<Vec<_>>()
    };
    assert_eq!(since(0, 200).await, [10_000, 11_000, 12_000], "all of them");
    assert_eq!(since(101, 200).await, [11_000, 12_000], "from a moment on");
    assert_eq!(since(0, 10_001).await, [11_000, 12_000], "what is over is forgotten");
    assert_eq!(since(0, 200).await, [11_000, 12_000], "for good");
}

/// The doorbell gives each ring to one worker, and again when that one dies.
///
/// # Panics
/// At the first promise that is not kept.
pub async fn doorbell(backend: &dyn Doorbell) {
    let kind = name("job");
    let answer = async |worker: &str, abandoned_ms, wait_ms| {
        backend.answer(kind.clone(), worker.to_owned(), abandoned_ms, wait_ms).await.expect("answer")
    };
    assert!(answer("one", 60_000, 1).await.is_empty(), "nothing rings");
    backend.ring(kind.clone(), "a".to_owned()).await.expect("ring");
    backend.ring(kind.clone(), "b".to_owned()).await.expect("ring");
    let rings = answer("one", 60_000, 1_000).await;
    assert_eq!(rings.iter().map(|ring| (ring.job.as_str(), ring.deliveries)).collect::<Vec<_>>(), [("a", 1), ("b", 1)], "in order");
    assert!(answer("two", 60_000, 1).await.is_empty(), "each to one worker");
    backend.done(kind.clone(), rings[0].id.clone()).await.expect("done");
    let again = answer("two", 0, 1).await;
    assert_eq!(again.iter().map(|ring| ring.job.as_str()).collect::<Vec<_>>(), ["b"], "what nobody finished is given to another");
    assert!(again[0].deliveries >= 2, "and is counted: {again:?}");
    backend.bury(kind.clone(), again[0].clone(), "nobody can".to_owned()).await.expect("bury");
    assert!(answer("one", 0, 1).await.is_empty(), "what is put aside rings no more");
    let buried = backend.buried(kind.clone(), 10).await.expect("buried");
    assert_eq!(buried, [("b".to_owned(), "nobody can".to_owned())], "and can be looked at");
}
