//! `backup` and `restore`: copies of the whole database.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use store::SystemClock;
use vault::OsRandom;

use super::{download, show};
use crate::api::Api;
use crate::args::{Configured, Restore};
use crate::config::{Config, Sources};
use crate::failure::Failure;
use crate::instance;
use crate::out::Style;

/// The configuration of an instance that does not run.
pub(super) fn config(configured: &Configured) -> Result<Config, Failure> {
    let flags = configured.data_dir.iter().map(|dir| ("data_dir", dir.clone())).collect();
    crate::serve::load(&Sources::of_process(configured.config.clone(), flags))
}

/// Takes a copy from the running instance.
pub(super) async fn take(api: &Api, file: &Path, style: Style) -> Result<(), Failure> {
    let (body, length) = api.download(&["backup"]).await?;
    let bytes = download::to_file(body, file, length).await?;
    let shown = file.display();
    let sentence = format!(
        "the backup is in `{shown}` ({bytes} bytes); keep the root key with it, in another place"
    );
    show::done(&json!({"file": shown.to_string(), "bytes": bytes}), &sentence, style)
}

/// Puts a copy back, where no instance runs and no database is.
pub(super) async fn restore(asked: Restore, style: Style) -> Result<(), Failure> {
    let config = config(&asked.configured)?;
    let root = instance::known_root_key(&config)?;
    let dir = config.data_dir.clone();
    let done =
        store::sqlite::restore(&asked.file, &dir, &root, Arc::new(SystemClock), Arc::new(OsRandom));
    done.await.map_err(|error| instance::unrestored(&error, &asked.file, &config))?;
    let shown = dir.display();
    let sentence =
        format!("the backup is restored to `{shown}`; start it with `countersign serve`");
    show::done(&json!({"data_dir": shown.to_string()}), &sentence, style)
}
