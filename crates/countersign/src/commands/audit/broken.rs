//! `audit break`: accepts that the log is shorter than a witness has seen it, beside a stopped
//! instance and by whoever has its data and its root key.

use std::sync::Arc;

use serde_json::json;
use store::sqlite::Sqlite;
use store::{By, Clock as _, SystemClock, Witnessed as _};
use vault::OsRandom;

use crate::args::Configured;
use crate::commands::backup;
use crate::failure::Failure;
use crate::instance;
use crate::out::{self, Style};

/// The most characters of a reason.
const REASON_CHARS_MAX: usize = 500;

pub(super) async fn run(
    configured: &Configured,
    witnessed: u64,
    reason: &str,
    style: Style,
) -> Result<(), Failure> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON_CHARS_MAX {
        let takes = format!("`--reason` takes 1 to {REASON_CHARS_MAX} characters");
        return Err(Failure::usage(takes, "say in a sentence what happened"));
    }
    let config = backup::config(configured)?;
    let root = instance::known_root_key(&config)?;
    if !instance::is_there(&config.data_dir.join(instance::DATABASE)) {
        return Err(Failure::new(
            "no_database",
            format!("there is no database in `{}`", config.data_dir.display()),
            "name the data directory of the instance with --data-dir",
        ));
    }
    let store = Sqlite::open(&config.data_dir, &root, Arc::new(SystemClock), Arc::new(OsRandom))
        .map_err(|error| instance::unopened(&error, &config))?;
    let by = By::program(store.org().clone(), SystemClock.now());
    let accepted = store.log_break_accept(&by, witnessed, reason).await;
    store.close();
    accepted.map_err(|error| {
        let what = format!("the break was not written down: {error}");
        Failure::new("store", what, "check the disk and the rights on the data directory")
    })?;
    let text = "The break is written down. The witness cosigns nothing until its own \
                administrator has made it forget this log.";
    match style {
        Style::Json => out::json(&json!({"witnessed": witnessed}))?,
        Style::Human => out::line(text)?,
    }
    Ok(())
}
