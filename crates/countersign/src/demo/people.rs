//! The people of the demo: one for each role, each with a key, and the group that signs refunds off.

use std::sync::Arc;

use store::sqlite::Sqlite;
use store::{By, ChangeError, Clock as _, ControlPlane as _, MemberDraft, People as _, Role};

use crate::failure::Failure;

/// Who there is: the name, and what they may do.
const MEMBERS: [(&str, Role); 3] =
    [("admin", Role::Admin), ("finance", Role::PolicyManager), ("viewer", Role::Viewer)];
/// Whom the policy `support` asks about large refunds.
const GROUP: &str = "finance";

/// Makes them, and hands back their keys.
pub(super) async fn come(store: &Arc<Sqlite>) -> Result<Vec<(&'static str, String)>, Failure> {
    let unmade = |error: ChangeError| {
        let what = format!("the people of the demo cannot be made: {error}");
        Failure::new("demo", what, "start the demo again")
    };
    let by = By::program(store.org().clone(), store::SystemClock.now());
    let mut keys = Vec::new();
    for (name, role) in MEMBERS {
        let email = format!("{name}@demo.example");
        let draft = MemberDraft { email, name: name.to_owned(), role };
        let member = store.member_add(&by, draft).await.map_err(unmade)?;
        if name == GROUP {
            let members = vec![member.id.clone()];
            store.group_create(&by, GROUP, members).await.map_err(unmade)?;
        }
        let made = store.api_key_create(&by, &member.id, name, role, None).await;
        let (_, token) = made.map_err(unmade)?;
        keys.push((name, token.expose().to_owned()));
    }
    Ok(keys)
}
