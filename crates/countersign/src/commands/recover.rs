//! `recover`: a new key for an admin, made beside a stopped instance by whoever has its data and its
//! root key.

use std::sync::Arc;

use serde_json::json;
use store::SystemClock;
use store::sqlite::Sqlite;
use vault::OsRandom;

use super::{backup, input, key};
use crate::args::Recover;
use crate::failure::Failure;
use crate::instance;
use crate::out::Style;

pub(super) async fn run(asked: Recover, style: Style) -> Result<(), Failure> {
    let file = input::token_file(asked.token_file.as_deref())?;
    let config = backup::config(&asked.configured)?;
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
    let made = instance::admin_key(&store, "recovered").await;
    store.close();
    let made = json!({"token": made?.token.expose()});
    key::token(made, file, "an API key of an admin is made", style)
}
