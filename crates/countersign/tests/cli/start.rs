//! Starting: what is wrong gets one sentence, a next step and exit code 1, and nothing is lost.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use tempfile::tempdir;

use crate::program::{Ended, Running, program, run, serve, serve_command};

/// A data directory that was used once.
fn used(dir: &Path) {
    let (code, log) = serve(dir).stop("-TERM");
    assert_eq!(code, Some(0), "{log}");
}

/// The start fails with this code and changes no file of the data directory.
fn fails(dir: &Path, code: &str, says: &str) {
    let before = contents(&dir.join("data"));
    let ended = Ended::of(serve_command(dir).output().unwrap());
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.out, "", "{ended:?}");
    let (found, error, next) = ended.failure();
    assert_eq!(found, code, "{ended:?}");
    assert!(error.contains(says), "{ended:?}");
    assert!(!next.is_empty() && !error.contains('\n'), "{ended:?}");
    assert!(contents(&dir.join("data")) == before, "a file was changed");
}

/// The files that hold something. Who looks into a database may leave empty ones beside it.
fn contents(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap())
        .map(|entry| {
            (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap_or_default())
        })
        .filter(|(name, bytes)| !bytes.is_empty() && !name.ends_with("-shm"))
        .collect();
    files.sort();
    files
}

#[test]
fn the_first_start_makes_all_it_needs_and_shows_the_key_once() {
    let dir = tempdir().unwrap();
    let first = serve(dir.path());
    assert!(first.api_key.starts_with("csk1_"), "{:?}", first.line);
    let ended = first.run(&["--json", "server", "list"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""), "{ended:?}");
    let key = first.api_key.clone();
    let (code, log) = first.stop("-INT");
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains(&key), "{log}");

    let second = serve(dir.path());
    assert!(second.line["api_key"].is_null());
    assert_eq!(second.run_with(&key, &["server", "list"]).code, Some(0));
    #[cfg(unix)]
    for file in ["root.key", "countersign.db"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(dir.path().join("data").join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[test]
fn a_wrong_configuration_is_told_whole_before_anything_is_made() {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("countersign.toml"), "[gatway]\nlisten = \"x\"\n").unwrap();
    let mut command = serve_command(dir.path());
    let ended = Ended::of(command.env("COUNTERSIGN_LOG__LEVL", "x").output().unwrap());
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.err.contains("countersign.toml:1:2") && ended.err.contains("COUNTERSIGN_LOG__LEVEL")
    );
    assert!(!dir.path().join("data").exists());
}

#[test]
fn the_configuration_in_force_is_printed_without_secrets() {
    let dir = tempdir().unwrap();
    let mut command = program(dir.path(), &["serve", "--print-config", "--data-dir", "here"]);
    let ended = Ended::of(command.env("COUNTERSIGN_ROOT_KEY__VALUE", "canary").output().unwrap());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("data_dir = \"here\"") && ended.out.contains("[redacted]"));
    assert!(!ended.out.contains("canary") && !ended.err.contains("canary"));
}

#[test]
fn a_port_that_is_taken_is_named_before_anything_is_made() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for flag in ["--gateway-listen", "--control-listen"] {
        let dir = tempdir().unwrap();
        let other =
            if flag == "--gateway-listen" { "--control-listen" } else { "--gateway-listen" };
        let ended = run(
            dir.path(),
            &["--json", "serve", "--data-dir", "data", flag, &address, other, "127.0.0.1:0"],
        );
        assert_eq!(ended.code, Some(1));
        let (code, error, _) = ended.failure();
        assert!(code == "port" && error.contains(&address), "{ended:?}");
        assert!(!dir.path().join("data").exists());
    }
}

#[test]
fn a_wrong_root_key_opens_nothing_and_changes_nothing() {
    let (dir, other) = (tempdir().unwrap(), tempdir().unwrap());
    used(dir.path());
    used(other.path());
    fs::copy(other.path().join("data/root.key"), dir.path().join("data/root.key")).unwrap();
    fails(dir.path(), "wrong_root_key", "does not open the database");
}

#[test]
fn a_lost_root_key_is_asked_for_and_never_replaced() {
    let dir = tempdir().unwrap();
    used(dir.path());
    let key = dir.path().join("data/root.key");
    fs::rename(&key, dir.path().join("kept")).unwrap();
    fails(dir.path(), "no_root_key", "there is no root key");
    fs::rename(dir.path().join("kept"), &key).unwrap();
    used(dir.path());
}

#[cfg(unix)]
#[test]
fn a_root_key_that_others_can_read_is_not_used() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempdir().unwrap();
    used(dir.path());
    let key = dir.path().join("data/root.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    fails(dir.path(), "root_key", "open to others");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&key, "not a key").unwrap();
    fails(dir.path(), "root_key", "not usable");
}

#[test]
fn a_database_of_a_newer_version_is_left_alone() {
    let dir = tempdir().unwrap();
    used(dir.path());
    let file = dir.path().join("data/countersign.db");
    let mut bytes = fs::read(&file).unwrap();
    // The schema's number stands in the head of the file, big-endian.
    bytes[60..64].copy_from_slice(&999_u32.to_be_bytes());
    fs::write(&file, bytes).unwrap();
    fails(dir.path(), "newer_database", "schema 999");
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let dir = tempdir().unwrap();
    used(dir.path());
    fs::write(dir.path().join("data/countersign.db"), "a letter to a friend\n".repeat(500))
        .unwrap();
    fails(dir.path(), "not_a_database", "is not a database of Countersign");
}

#[test]
fn a_data_directory_has_one_owner() {
    let dir = tempdir().unwrap();
    let first = serve(dir.path());
    let ended = Ended::of(serve_command(dir.path()).output().unwrap());
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.failure().0, "in_use", "{ended:?}");
    assert_eq!(first.run(&["server", "list"]).code, Some(0));
}

#[test]
fn a_data_directory_that_cannot_be_made_is_named() {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("data"), "a file").unwrap();
    let ended = Ended::of(serve_command(dir.path()).output().unwrap());
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let (_, error, next) = ended.failure();
    assert!(error.contains("data") && !next.is_empty(), "{ended:?}");
    assert_eq!(fs::read_to_string(dir.path().join("data")).unwrap(), "a file");
}

/// On a file system of its own that is too small; where that cannot be made, under a limit on the
/// size of files, which SQLite tells apart from a full disk and the program must survive as well.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_and_loses_nothing() {
    let dir = tempdir().unwrap();
    fs::create_dir(dir.path().join("data")).unwrap();
    let serve = format!(
        "{} --json serve --data-dir data --gateway-listen 127.0.0.1:0 --control-listen 127.0.0.1:0",
        env!("CARGO_BIN_EXE_countersign")
    );
    let shell = |wrapper: &[&str], script: &str| {
        let mut command = program(dir.path(), &[]);
        let environment: Vec<_> = command.get_envs().map(|(name, _)| name.to_owned()).collect();
        command = Command::new(wrapper.first().unwrap_or(&"sh"));
        command.args(wrapper.get(1..).unwrap_or_default());
        if !wrapper.is_empty() {
            command.arg("sh");
        }
        environment.iter().for_each(|name| {
            command.env_remove(name);
        });
        Ended::of(command.args(["-c", script]).current_dir(dir.path()).output().unwrap())
    };
    let small = format!("mount -t tmpfs -o size=48k none data && exec {serve}");
    let made =
        |wrapper: &[&str]| shell(wrapper, "mount -t tmpfs -o size=48k none data").code == Some(0);
    let wrappers: [&[&str]; 2] = [&["unshare", "-m"], &["unshare", "-Urm"]];
    if let Some(wrapper) = wrappers.into_iter().find(|wrapper| made(wrapper)) {
        let ended = shell(wrapper, &small);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert_eq!(ended.failure().0, "disk_full", "{ended:?}");
    }
    let ended = shell(&[], &format!("trap '' XFSZ; ulimit -f 32; exec {serve}"));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let (_, error, next) = ended.failure();
    assert!(error.contains("data") && !next.is_empty(), "{ended:?}");
    // With room again, the same directory starts as if nothing had been.
    let again = crate::program::serve(dir.path());
    assert!(again.api_key.starts_with("csk1_"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_root_key_of_the_environment_does_not_stay_there() {
    let dir = tempdir().unwrap();
    let key = "00112233445566778899aabbccddeeff0123456789abcdef0f1e2d3c4b5a6978";
    let mut command = serve_command(dir.path());
    command.env("COUNTERSIGN_ROOT_KEY__VALUE", key);
    let running = Running::start(dir.path(), command);
    let process = format!("/proc/{}", running.id());
    let environment = fs::read(format!("{process}/environ")).unwrap();
    let arguments = fs::read(format!("{process}/cmdline")).unwrap();
    for place in [environment, arguments] {
        assert!(!String::from_utf8_lossy(&place).contains(key));
    }
    assert!(!dir.path().join("data/root.key").exists());
    let (code, log) = running.stop("-TERM");
    assert_eq!(code, Some(0));
    assert!(log.contains("warning") && !log.contains(key), "{log}");
}
