//! The control plane asked by its own description: `tests/api`, with a key of each role.

use std::time::Instant;

use crate::peers::House;
use crate::report::Counted;
use crate::{Outcome, process, workspace};

/// Installs what the walk needs. Does nothing when nothing changed.
pub(crate) fn install() -> Outcome {
    process::quiet(process::command("bash", &["setup.sh"], &folder())).map(drop)
}

/// Walks the API with a key of each role; the admin's comes last, because it changes most.
pub(crate) fn walk(house: &House) -> Result<Counted, String> {
    install()?;
    let mut counted = Counted::default();
    for role in ["viewer", "policy_manager", "admin"] {
        let begun = Instant::now();
        let key = house.key(role)?;
        let mut command = process::command("bash", &["walk.sh", house.control_url()], &folder());
        command.env("COUNTERSIGN_API_KEY", key);
        let (_, ended_well) = process::loud(command)?;
        println!("the walk as {role} took {} seconds", begun.elapsed().as_secs());
        if ended_well {
            counted.passed += 1;
        } else {
            counted.failed += 1;
        }
    }
    Ok(counted)
}

fn folder() -> std::path::PathBuf {
    workspace::root().join("tests").join("api")
}
