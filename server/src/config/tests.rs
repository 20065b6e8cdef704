//! Layers win in their order, mistakes are named, the reference file tells the truth.

use rialto_storage::backend::redis::RedisServers;

use super::raw::Raw;
use super::*;

const REFERENCE: &str = include_str!("../../../config/rialto.toml");

fn file(text: &str) -> (tempfile::NamedTempFile, Origin) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let origin = Origin { file: Some(file.path().to_owned()), ..Origin::default() };
    (file, origin)
}

fn set(settings: &[&str]) -> Result<Config, ConfigError> {
    let (_file, origin) = file("");
    load(&Origin { set: settings.iter().map(|setting| (*setting).to_owned()).collect(), ..origin })
}

#[test]
fn the_store_is_embedded_or_on_an_engine() {
    assert!(set(&[]).unwrap().store.cql.is_none());
    let config = set(&["store.kind=cql", "store.cql.hosts=[\"a:1\", \"b:2\"]", "store.cql.keyspace=chat"]).unwrap();
    let options = config.store.cql.clone().unwrap();
    assert_eq!((options.hosts, options.keyspace.as_str()), (vec!["a:1".to_owned(), "b:2".to_owned()], "chat"));
    assert!(config.warnings.iter().any(|warning| warning.contains("auth.master_key_file")), "{:?}", config.warnings);
    for (settings, means) in [
        (&["store.kind=sqlite"][..], "known are"),
        (&["store.kind=cql", "store.cql.hosts=[]"], "store.cql.hosts"),
        (&["store.kind=cql", "store.cql.tls.server_name=engine.test"], "store.cql.tls.ca_file is empty"),
        (&["store.kind=cql", "store.cql.tls.ca_file=/nowhere/ca.pem"], "/nowhere/ca.pem"),
        (&["store.kind=cql", "store.cql.username=rialto"], "given together"),
        (&["store.kind=cql", "store.cql.username=rialto", "store.cql.password_file=/nowhere"], "/nowhere"),
        (&["store.kind=cql", "store.cql.replication=0"], "store.cql.replication"),
        (&["auth.master_key_file=/nowhere"], "embedded"),
    ] {
        assert!(problem(settings).contains(means), "{settings:?}: {}", problem(settings));
    }
}

#[test]
fn redis_is_one_server_a_cluster_or_what_sentinels_know() {
    let servers = |settings: &[&str]| set(settings).unwrap().redis.expect("Redis is wanted").servers;
    assert!(set(&[]).unwrap().redis.is_none());
    assert!(matches!(servers(&["redis.url=redis://a:1"]), RedisServers::One(url) if url == "redis://a:1"));
    assert!(matches!(servers(&["redis.cluster=[\"a:1\", \"b:2\"]"]), RedisServers::Cluster(nodes) if nodes == ["a:1", "b:2"]));
    let watched = servers(&["redis.sentinels=[\"a:1\"]", "redis.master=main"]);
    assert!(matches!(watched, RedisServers::Sentinels { sentinels, master } if sentinels == ["a:1"] && master == "main"));
    let (password, _) = file("a secret\n");
    let password = format!("redis.password_file={}", password.path().display());
    let config = set(&["redis.url=redis://a:1", "redis.username=rialto", &password]).unwrap();
    assert_eq!(config.redis.unwrap().credentials, Some(("rialto".to_owned(), "a secret".to_owned())));
    for (settings, means) in [
        (&["redis.url=redis://a:1", "redis.cluster=[\"a:1\"]"][..], "one of"),
        (&["redis.url=rediss://a:1"], "no TLS"),
        (&["redis.url=hush@a:1"], "redis.url"),
        (&["redis.cluster=[\"a\"]"], "host:port"),
        (&["redis.sentinels=[\"a:1\"]"], "redis.master"),
        (&["redis.master=main"], "redis.master"),
        (&["redis.url=redis://a:1", "redis.username=rialto"], "redis.password_file"),
        (&["redis.username=rialto", &password], "one of"),
    ] {
        assert!(problem(settings).contains(means), "{settings:?}: {}", problem(settings));
        assert!(!problem(settings).contains("hush"), "no secret in an error");
    }
}

#[test]
fn a_master_key_is_long_and_seals_keys_in_the_store() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let setting = format!("auth.master_key_file={}", file.path().display());
    std::fs::write(file.path(), "short\n").unwrap();
    assert!(problem(&["store.kind=cql", &setting]).contains("32 bytes"));
    std::fs::write(file.path(), "a secret of thirty-two bytes and more\n").unwrap();
    let config = set(&["store.kind=cql", &setting]).unwrap();
    assert!(matches!(config.auth.keys, KeySource::Store(_)));
    assert!(!format!("{:?}", config.auth.keys).contains("secret"));
    let named = set(&["store.kind=cql", &setting, "auth.keys_file=mine.json"]).unwrap();
    assert_eq!(named.auth.keys, KeySource::File("mine.json".into()), "a file that is named comes first");
}

fn problem(settings: &[&str]) -> String {
    set(settings).err().expect("it is refused").to_string()
}

#[test]
fn the_reference_file_shows_the_defaults() {
    let written: Raw = toml::from_str(REFERENCE).unwrap();
    assert_eq!(written, Raw::default());
    let keys = |text: &str| {
        let mut lines: Vec<String> = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let names = |lines: Vec<String>| lines.iter().map(|line| line.split(" = ").next().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(keys(REFERENCE)), names(keys(&Raw::default().to_print())), "every key, no other");
}

#[test]
fn the_development_file_is_valid_and_warned_about() {
    let config = load(&Origin { data: Some("elsewhere".into()), ..Origin::default() }).unwrap();
    assert_eq!(config.data_dir, PathBuf::from("elsewhere"));
    assert_eq!(config.auth.keys, KeySource::File(PathBuf::from("elsewhere/keys.json")));
    let rule = config.topics.find("anything").unwrap();
    assert_eq!((rule.history_size, rule.history_ttl_ms, rule.recover), (100, 300_000, true));
    assert!(config.warnings.iter().any(|warning| warning.starts_with("topics.enabled")));
    assert!(config.server.listen.ip().is_loopback());
}

#[test]
fn each_layer_wins_over_the_one_before() {
    let (_file, origin) = file("[drain]\ntimeout_ms = 1\n[log]\nlevel = \"warn\"\n[limits]\nconnect_within_ms = 5000");
    let env = vec![
        ("RIALTO_DRAIN__TIMEOUT_MS".to_owned(), "2".to_owned()),
        ("RIALTO_LOG__LEVEL".to_owned(), "error".to_owned()),
        ("RIALTO_BIN".to_owned(), "ignored".to_owned()),
        ("HOME".to_owned(), "ignored".to_owned()),
    ];
    let config = load(&Origin { env, set: vec!["drain.timeout_ms=3".into()], ..origin }).unwrap();
    assert_eq!(config.drain_timeout.as_millis(), 3, "--set over environment");
    assert_eq!(config.log.level, "error", "environment over file");
    assert_eq!(config.limits.connect_within_ms, 5000, "file over default");
    assert_eq!(config.limits.ping_interval_ms, 25_000, "default");
}

#[test]
fn a_value_is_toml_or_else_a_text_and_an_array_replaces_all() {
    let config = set(&[
        "server.listen=127.0.0.1:0",
        r#"server.allowed_origins=["https://a.example"]"#,
        r#"server.allowed_origins=["https://B.example", "*"]"#,
        r#"auth.external=[{algorithm = "HS256", key = "short", issuer = "x"}]"#,
        "data.dir=/tmp/a b",
    ])
    .unwrap();
    assert_eq!(config.server.allowed_origins, ["https://b.example", "*"]);
    assert_eq!(config.data_dir, PathBuf::from("/tmp/a b"));
    assert!(config.warnings.iter().any(|warning| warning.contains("fewer than 32 bytes")));
    assert!(!config.effective.to_print().contains("short"), "secrets are masked");
}

#[test]
fn mistakes_are_named() {
    for (setting, part) in [
        ("nonsense", "section.key=value"),
        ("drain=5", "section.key"),
        ("drain.timeout=5", "timeout"),
        ("nosuch.key=5", "nosuch"),
        ("drain.timeout_ms=\"x\"", "timeout_ms"),
        ("drain.timeout_ms=0", "drain.timeout_ms is 0"),
        ("server.listen=localhost", "server.listen"),
        ("server.trusted_proxies=[\"10.0.0.0/33\"]", "trusted_proxies"),
        ("server.allowed_origins=[\"chat.example\"]", "allowed_origins"),
        ("server.tls.cert_file=cert.pem", "TLS"),
        ("store.kind=sqlite", "store.kind"),
        ("log.level=a=b=c", "log.level"),
        ("limits.pong_within_ms=30000", "pong_within_ms"),
        ("topics.rules=[{pattern = \"conversation:*\"}]", "reserved"),
        ("topics.rules=[{pattern = \"*\", recover = true}]", "recover"),
        ("topics.rules=[{pattern = \"*\", subscribe = \"all\"}]", "all"),
        ("auth.external=[{algorithm = \"none\", key = \"x\", issuer = \"x\"}]", "none"),
        ("auth.external=[{algorithm = \"HS256\", issuer = \"x\"}]", "key or key_file"),
        ("auth.external=[{algorithm = \"RS256\", key_file = \"/nowhere\", issuer = \"x\"}]", "/nowhere"),
    ] {
        assert!(problem(&[setting]).contains(part), "{setting}: {}", problem(&[setting]));
    }
    let missing = load(&Origin { file: Some("/nowhere.toml".into()), ..Origin::default() });
    assert!(missing.err().unwrap().to_string().contains("/nowhere.toml"));
}

#[test]
fn networks_contain_their_addresses() {
    for (network, address, expected) in [
        ("10.0.0.0/8", "10.200.1.1", true),
        ("10.0.0.0/8", "11.0.0.1", false),
        ("127.0.0.1", "127.0.0.1", true),
        ("127.0.0.1", "::ffff:127.0.0.1", true),
        ("0.0.0.0/0", "1.2.3.4", true),
        ("2001:db8::/32", "2001:db8:1::1", true),
        ("2001:db8::/32", "1.2.3.4", false),
        ("::/0", "::1", true),
    ] {
        let network: Network = network.parse().unwrap();
        assert_eq!(network.contains(address.parse().unwrap()), expected, "{network:?} {address}");
    }
}

#[test]
fn the_newline_that_ends_a_key_file_is_no_part_of_the_key() {
    use super::validate::without_newline;
    for (file, key) in [("secret\n", "secret"), ("secret\r\n", "secret"), ("secret", "secret"), ("secret\n\n", "secret\n"), ("", "")] {
        assert_eq!(without_newline(file.into()), key.as_bytes());
    }
}
