//! The configuration is strict: what it does not know, it refuses, and it says all of it at once.

use std::path::PathBuf;
use std::time::Duration;

use audit::{KeyKind, SigningKey};

use super::settings::reference;
use super::*;

fn file(text: &str) -> (tempfile::TempDir, Sources) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.toml");
    std::fs::write(&path, text).unwrap();
    (dir, Sources { file: Some(path), ..Sources::default() })
}

/// The problems, without the directory the file happens to lie in.
fn problems(sources: &Sources) -> Vec<String> {
    let dir = sources.file.as_ref().and_then(|f| f.parent()).map(|d| format!("{}/", d.display()));
    let Err(Problems(problems)) = Config::load(sources) else { return Vec::new() };
    problems.iter().map(|p| p.replace(dir.as_deref().unwrap_or("\0"), "")).collect()
}

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn every_setting_can_be_set_in_the_file_and_is_printed_back() {
    let text = r#"data_dir = "/d"
# admin_email is not set
# admin_password_file is not set

[gateway]
listen = "0.0.0.0:1"
public_url = "https://mcp.example"
hosts = ["a.example", "b"]
origins = ["https://app.example"]
body_bytes_max = 2048
answer_bytes_max = 4096
connections_per_address_max = 7

[gateway.timeouts]
header = "1s"
body = "2s"
connect = "3s"
first_byte = "4s"
idle = "5m"
drain = "6s"

[control]
listen = "[::1]:2"
public_url = "https://admin.example"
trusted_proxies = ["10.0.0.0/8", "::1"]
# identity_providers_file is not set
reveal_credentials = "no"

[root_key]
# file is not set
fd = 3
# command is not set
# next_file is not set
# next_command is not set
# value is not set

[log]
format = "json"
level = "debug"

[evidence]
witnesses = ["https://w.example WITNESS"]
require_witness = "10m"
keep = "400d"
capture = true

[metrics]
open = true

[export.file]
path = "out/evidence.jsonl"
bytes_max = 1048576
keep = 9

[export.webhook]
url = "https://hooks.example/in"
secret_file = "secret"

[export.otlp]
url = "http://127.0.0.1:4318"
headers_file = "headers"
logs = false
metrics = false
traces = false
"#;
    let witness = SigningKey::from_seed("w.example/w1", KeyKind::Witness, &[7; 32]).unwrap();
    let text = &text.replace("WITNESS", &witness.public().to_string());
    let (_dir, sources) = file(text);
    assert_eq!(Config::load(&sources).unwrap().print(), *text);
}

#[test]
fn the_command_line_goes_before_the_environment_and_that_before_the_file() {
    let (_dir, mut sources) = file("data_dir = \"of-file\"\n[log]\nlevel = \"warn\"\n");
    sources.variables = variables(&[
        ("COUNTERSIGN_LOG__LEVEL", "error"),
        ("COUNTERSIGN_GATEWAY__HOSTS", "a, b"),
        ("COUNTERSIGN_GATEWAY__TIMEOUTS__IDLE", "9s"),
        ("COUNTERSIGN_URL", "http://elsewhere"),
        ("OTHER", "x"),
    ]);
    sources.flags = vec![("gateway.listen", "127.0.0.1:9".to_owned())];
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.data_dir, PathBuf::from("of-file"));
    assert_eq!(config.log.level, tracing::Level::ERROR);
    assert_eq!(config.gateway.hosts, ["a", "b"]);
    assert_eq!(config.gateway.timeouts.idle, Duration::from_secs(9));
    assert_eq!(config.gateway.listen.port(), 9);
}

#[test]
fn all_that_is_unknown_or_wrong_is_told_at_once_with_its_place() {
    let (_dir, mut sources) = file(
        "data_dri = \"x\"\n[gateway]\nlisten = \"here\"\nbody_bytes_max = 1\n[gatway]\nlisten = \"x\"\n[log]\nlevel = 3\n[root_key]\nvalue = \"s3cret\"\n[control]\nlisten = 1\ntimeouts = 1\n",
    );
    sources.variables = variables(&[
        ("COUNTERSIGN_GATEWAY__LISTN", "x"),
        ("COUNTERSIGN_LOG__FORMAT", "xml"),
        ("COUNTERSIGN_PORT", "tcp://10.0.0.1:7070"),
    ]);
    assert_eq!(
        problems(&sources),
        [
            "c.toml:1:1: there is no setting `data_dri`; did you mean `data_dir`?",
            "c.toml:3:1: `gateway.listen` takes an address and a port, such as \"127.0.0.1:7071\"",
            "c.toml:4:1: `gateway.body_bytes_max` takes a whole number from 1024 to 268435456",
            "c.toml:5:2: there is no setting `gatway`; did you mean `gateway`?",
            "c.toml:8:1: `log.level` takes \"error\", \"warn\", \"info\", \"debug\" or \"trace\"",
            "c.toml:10:1: `root_key.value` is a secret and does not belong in a file: set COUNTERSIGN_ROOT_KEY__VALUE, or better `root_key.file`",
            "c.toml:12:1: `control.listen` takes an address and a port, such as \"127.0.0.1:7071\"",
            "c.toml:13:1: there is no setting `control.timeouts`; docs/operating.md lists all of them",
            "COUNTERSIGN_GATEWAY__LISTN: there is no setting for this variable; did you mean `COUNTERSIGN_GATEWAY__LISTEN`?",
            "COUNTERSIGN_LOG__FORMAT takes \"text\" or \"json\"",
            "COUNTERSIGN_PORT: there is no setting for this variable; docs/operating.md lists all of them",
        ]
    );
}

#[test]
fn a_file_that_is_no_toml_says_where() {
    let (_dir, sources) = file("data_dir = \"x\"\n[log\n");
    let problems = problems(&sources);
    assert_eq!(problems.len(), 1);
    assert!(problems[0].starts_with("c.toml:2:"), "{problems:?}");
    let (_dir, sources) = file("data_dir = \"x\"\ndata_dir = \"y\"\n");
    assert!(self::problems(&sources)[0].starts_with("c.toml:2:1: "));
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let sources = Sources { file: Some(PathBuf::from("such.toml")), ..Sources::default() };
    assert_eq!(
        problems(&sources),
        ["such.toml: the file cannot be read: there is no such file or directory"]
    );
}

#[test]
fn there_is_one_root_key_and_the_environment_replaces_the_file() {
    let (_dir, mut sources) = file("[root_key]\nfile = \"/k\"\n");
    assert_eq!(Config::load(&sources).unwrap().root_key_source().to_string(), "file `/k`");
    sources.variables = variables(&[("COUNTERSIGN_ROOT_KEY__FD", "3")]);
    assert_eq!(Config::load(&sources).unwrap().root_key_source().to_string(), "file descriptor 3");
    sources.variables =
        variables(&[("COUNTERSIGN_ROOT_KEY__FD", "3"), ("COUNTERSIGN_ROOT_KEY__FILE", "/k")]);
    assert_eq!(
        problems(&sources),
        [
            "only one of `root_key.file`, `root_key.fd`, `root_key.value` and `root_key.command` can be set"
        ]
    );
    let defaults = Config::load(&Sources { file: None, ..Sources::default() }).unwrap();
    assert_eq!(defaults.root_key_source().to_string(), "file `countersign-data/root.key`");
}

#[test]
fn a_root_key_of_the_environment_is_never_printed() {
    let sources = Sources {
        variables: variables(&[("COUNTERSIGN_ROOT_KEY__VALUE", "canary-of-the-root-key")]),
        ..Sources::default()
    };
    let config = Config::load(&sources).unwrap();
    assert!(config.print().contains("# value = \"[redacted]\""));
    assert!(!format!("{config:?}{}", config.print()).contains("canary"));
}

/// `UPDATE_DOCS=1` writes the table anew.
#[test]
fn the_reference_in_the_handbook_is_this_table() {
    const BEGIN: &str = "<!-- This table is written by a test: UPDATE_DOCS=1. -->\n\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operating.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once("\n\n").unwrap();
    let current = format!("{before}{BEGIN}{}\n{after}", reference());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &current).unwrap();
    } else {
        assert!(page == current, "docs/operating.md is stale: run this test with UPDATE_DOCS=1");
    }
}
