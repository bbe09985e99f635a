//! `admin reset`: a way back in for an admin who lost theirs, from the machine itself. Whoever holds
//! the data directory and the root key may; it is recorded like every other change.

use std::sync::Arc;

use serde_json::json;
use store::sqlite::Sqlite;
use store::{By, Clock as _, MemberState, People as _, Role, SignIn as _, SystemClock};
use vault::OsRandom;

use crate::args::Admin;
use crate::config::Sources;
use crate::failure::Failure;
use crate::instance::{root_key, setup_url, unopened};
use crate::out::{self, Style};

/// How long the link is good: an hour.
const LINK_SECONDS: i64 = 3_600;

pub(super) async fn run(command: Admin, style: Style) -> Result<(), Failure> {
    let Admin::Reset { email, configured } = command;
    let flags = configured.data_dir.map(|dir| ("data_dir", dir)).into_iter().collect();
    let config = crate::serve::load(&Sources::of_process(configured.config, flags))?;
    let root = root_key(&config)?;
    let dir = config.data_dir.as_path();
    let store = Sqlite::open(dir, &root, Arc::new(SystemClock), Arc::new(OsRandom))
        .map_err(|error| unopened(&error, &config))?;
    let unread = |error| Failure::new("store", format!("{error}"), "check the disk");
    let org = store.organisation();
    let found = store.member_by_email(&org, &email).await.map_err(unread)?;
    let admin = found.filter(|m| m.state == MemberState::Active && m.role == Role::Admin);
    let Some(admin) = admin else {
        let mut admins = store.members(&org).await.map_err(unread)?;
        admins.retain(|m| m.state == MemberState::Active && m.role == Role::Admin);
        let known = admins.into_iter().map(|member| member.email).collect();
        return Err(Failure::new(
            "not_an_admin",
            format!("there is no active admin with the address `{email}`"),
            "name one of these",
        )
        .listing(known));
    };
    let now = SystemClock.now();
    let by = By::program(org, now);
    let token = store.setup_create(&by, &admin.id, now.plus_seconds(LINK_SECONDS)).await;
    let token = token.map_err(|error| Failure::new("store", format!("{error}"), "try again"))?;
    let url = setup_url(&config.control_url(config.control.listen), &token);
    store.close();
    match style {
        Style::Json => Ok(out::json(&json!({ "setup_url": url }))?),
        Style::Human => Ok(out::line(&format!(
            "Start the instance, then open this link within an hour. It works once, for {email}; it \
             sets a new password, ends their sessions and takes their passkeys away:\n{url}"
        ))?),
    }
}
