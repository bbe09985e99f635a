//! Root keys read from, and written to, a real file system.

use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use vault::source::create_file;
use vault::{
    Keyring, LoadError, OsRandom, RootKey, RootKeyError, RootKeySource, Secret, SourceError,
};

const HEX: &str = "00ff6162636465666768696a6b6c6d6e6f707172737475767778797a30313233";

fn load(path: &Path) -> Result<RootKey, SourceError> {
    RootKeySource::File(path.to_owned()).load()
}

fn written(folder: &Path, name: &str, contents: impl AsRef<[u8]>, mode: u32) -> std::path::PathBuf {
    let path = folder.join(name);
    fs::write(&path, contents).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path
}

/// Whether both are the same key: the one opens a ring the other made.
fn same_key(one: &RootKey, two: &RootKey) -> bool {
    let (_, rows) = Keyring::create(one, &OsRandom).unwrap();
    match Keyring::load(two, &rows) {
        Ok(_) => true,
        Err(LoadError::WrongRootKey) => false,
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_created_file_is_private_and_reads_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root.key");
    let root = RootKey::generate(&OsRandom).unwrap();
    create_file(&path, &root).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert!(same_key(&root, &load(&path).unwrap()));
}

#[test]
fn an_existing_file_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let root = RootKey::generate(&OsRandom).unwrap();
    let path = written(folder.path(), "root.key", "precious", 0o600);
    assert!(matches!(create_file(&path, &root), Err(SourceError::Exists { .. })));
    assert_eq!(fs::read(&path).unwrap(), b"precious");

    // Nor what a link points to, even if that is not there yet.
    let link = folder.path().join("link.key");
    std::os::unix::fs::symlink(folder.path().join("elsewhere"), &link).unwrap();
    assert!(matches!(create_file(&link, &root), Err(SourceError::Exists { .. })));
    assert!(!folder.path().join("elsewhere").exists());

    let nowhere = folder.path().join("no/such/folder/root.key");
    assert!(matches!(create_file(&nowhere, &root), Err(SourceError::NotWritten { .. })));
}

#[test]
fn a_file_that_others_can_touch_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for mode in [0o640, 0o604, 0o620, 0o602, 0o644, 0o610, 0o601, 0o666, 0o777] {
        let path = written(folder.path(), "root.key", HEX, mode);
        let error = load(&path).unwrap_err();
        assert!(matches!(error, SourceError::OpenToOthers { .. }), "{mode:o}");
        assert!(error.to_string().contains(&format!("{mode:04o}")), "{error}");
    }
    for mode in [0o600, 0o400, 0o700] {
        let path = written(folder.path(), "root.key", HEX, mode);
        assert!(load(&path).is_ok(), "{mode:o}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

#[test]
fn what_is_no_key_file_is_refused_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(load(&folder.path().join("none")), Err(SourceError::Missing { .. })));
    assert!(matches!(load(folder.path()), Err(SourceError::NotAFile { .. })));
    assert!(matches!(load(Path::new("/dev/zero")), Err(SourceError::NotAFile { .. })));

    let cases: [(&[u8], RootKeyError); 3] = [
        (b"", RootKeyError::Empty),
        (b"c2hvcnQ=", RootKeyError::WrongLength { bytes: 5 }),
        (b"hunter2-canary", RootKeyError::NotAKey),
    ];
    for (contents, expected) in cases {
        let path = written(folder.path(), "root.key", contents, 0o600);
        match load(&path).unwrap_err() {
            SourceError::NotAKey { origin, cause } => {
                assert_eq!(cause, expected);
                assert!(origin.contains("root.key"), "{origin}");
            }
            other => panic!("{other}"),
        }
    }
    let path = written(folder.path(), "big", vec![b'a'; 4096], 0o600);
    assert!(matches!(load(&path), Err(SourceError::Unreadable { .. })));
}

#[test]
fn all_sources_give_the_same_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), "root.key", format!("{HEX}\n"), 0o600);
    let from_file = load(&path).unwrap();
    let from_value = RootKeySource::Value(Secret::from(HEX.to_owned())).load().unwrap();
    assert!(same_key(&from_file, &from_value));

    let bare: Vec<u8> =
        (0..64).step_by(2).map(|at| u8::from_str_radix(&HEX[at..at + 2], 16).unwrap()).collect();
    let path = written(folder.path(), "bare.key", bare, 0o600);
    assert!(same_key(&from_file, &load(&path).unwrap()));
}

#[cfg(target_os = "linux")]
#[test]
fn a_key_is_read_from_an_open_descriptor() {
    use std::io::{Read, Write};

    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), "root.key", HEX, 0o600);
    let from_file = load(&path).unwrap();
    let descriptor = |fd: &dyn AsRawFd| RootKeySource::Descriptor(fd.as_raw_fd() as u32).load();

    // A file, even if it was already read, and its name is gone.
    let mut file = fs::File::open(&path).unwrap();
    file.read_to_end(&mut Vec::new()).unwrap();
    fs::remove_file(&path).unwrap();
    assert!(same_key(&from_file, &descriptor(&file).unwrap()));
    assert!(same_key(&from_file, &descriptor(&file).unwrap()), "it stays open");

    // A pipe whose writer is done.
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(HEX.as_bytes()).unwrap();
    drop(writer);
    assert!(same_key(&from_file, &descriptor(&reader).unwrap()));

    for number in [987_654, u32::MAX] {
        let error = RootKeySource::Descriptor(number).load().unwrap_err();
        assert!(matches!(error, SourceError::NoDescriptor { .. }), "{error}");
    }
}
