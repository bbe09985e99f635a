//! One question, asked with any bytes: does something open that was not sealed for this place? The
//! tests ask it with made-up bytes, the fuzzer in `fuzz/` with bytes that find new ways through the
//! code.

use std::sync::OnceLock;

use vault::{Keyring, NoRandomness, OpenError, Place, Randomness, RootKey};

const SECRET: &[u8] = b"Bearer sk_live_0f9e41c7";
const HERE: Place<'static> =
    Place { org: "org-1", table: "credentials", record: "cred-1", field: "value", generation: 3 };

/// The ring, a record that it sealed for [`HERE`], and one that another ring sealed for the same place.
struct Scene {
    ring: Keyring,
    ours: Vec<u8>,
    theirs: Vec<u8>,
}

/// Bytes that are the same each time, so that what is found is found again.
struct Counting(std::sync::atomic::AtomicU8);

impl Randomness for Counting {
    fn fill(&self, out: &mut [u8]) -> Result<(), NoRandomness> {
        let step = |byte: &mut u8| {
            *byte = self.0.fetch_add(91, std::sync::atomic::Ordering::Relaxed).wrapping_mul(167);
        };
        out.iter_mut().for_each(step);
        Ok(())
    }
}

fn scene() -> &'static Scene {
    static SCENE: OnceLock<Scene> = OnceLock::new();
    SCENE.get_or_init(|| {
        let ring = |seed: u8| {
            let random = Counting(seed.into());
            let root = RootKey::generate(&random).unwrap();
            // Two keys, so that one record can name the other's.
            let (ring, _) = Keyring::create(&root, &random).unwrap();
            let (ring, _) = ring.add_version(&root, &random).unwrap();
            (ring, random)
        };
        let ((ring, random), (other, others)) = (ring(1), ring(2));
        let ours = ring.seal(&HERE, SECRET, &random).unwrap();
        let theirs = other.seal(&HERE, SECRET, &others).unwrap();
        Scene { ring, ours, theirs }
    })
}

/// Asks with these bytes: as a record, as changes of a good record, and as another place for it.
/// Panics if anything opens that must not, or what is good does not.
pub(crate) fn nothing_opens_that_was_not_sealed(bytes: &[u8]) {
    let Scene { ring, ours, theirs } = scene();
    never(ring, &HERE, bytes, bytes == ours);
    never(ring, &HERE, theirs, false);

    // The bytes as changes: where, and what to flip there.
    for good in [ours, theirs] {
        let mut changed = good.clone();
        for pair in bytes.chunks_exact(2) {
            let at = usize::from(pair[0]) % changed.len();
            changed[at] ^= pair[1];
        }
        never(ring, &HERE, &changed, changed == *ours);
        // Cut, lengthened, and spliced with a good one.
        let (cut, _) = good.split_at(bytes.len() % good.len());
        never(ring, &HERE, cut, false);
        never(ring, &HERE, &[good, bytes].concat(), bytes.is_empty() && good == ours);
        never(ring, &HERE, &[cut, bytes].concat(), [cut, bytes].concat() == *ours);
        never(ring, &HERE, &[bytes, good].concat(), bytes.is_empty() && good == ours);
    }

    // The bytes as names of a place.
    let text = String::from_utf8_lossy(bytes);
    let mut names = text.splitn(4, '/');
    let mut name = || names.next().unwrap_or_default();
    let (org, table, record, field) = (name(), name(), name(), name());
    let generation = bytes.iter().fold(0_u64, |sum, byte| sum.rotate_left(7) ^ u64::from(*byte));
    let there = Place { org, table, record, field, generation };
    for place in [
        there,
        Place { org, ..HERE },
        Place { table, ..HERE },
        Place { record, ..HERE },
        Place { field, ..HERE },
        Place { generation, ..HERE },
    ] {
        never(ring, &place, ours, place == HERE);
    }
}

/// By both roads: at once, and prepared first.
fn never(ring: &Keyring, place: &Place<'_>, blob: &[u8], opens: bool) {
    let prepared = ring.prepare(place, blob).and_then(|prepared| prepared.open());
    for opened in [ring.open(place, blob), prepared] {
        match opened {
            Ok(secret) => assert!(opens && secret.expose() == SECRET, "something opened"),
            Err(OpenError::UnknownKey(id)) => {
                assert!(!opens && Keyring::key_id_of(blob) == Some(id), "a key was made up");
            }
            Err(_) => assert!(!opens, "what was sealed does not open"),
        }
    }
}
