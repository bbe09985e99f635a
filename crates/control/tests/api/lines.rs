//! Lines of the call log, as the gateway would write them.

use store::{CallId, DataPlane as _, GrantId, Intent, ServerId, StoreError, Verdict};

use crate::world::{World, now};

/// A call of a tool by the first grant, to the first server: allowed, and judged by no policy. The
/// number tells its id from others.
pub(crate) async fn intent(world: &World, number: u8, tool: &str) -> Intent {
    let view = world.store.view().await.unwrap();
    let (grant, _) = &view.grants[0];
    let server = &view.servers[0].server;
    Intent {
        id: CallId::new(now(), [number; 10]),
        at: now(),
        org: world.store.org().clone(),
        grant: GrantId::from(grant.id.as_str()),
        grant_label: grant.label.as_str().into(),
        identity: grant.identity.as_str().into(),
        token_generation: 1,
        server: ServerId::from(server.id.as_str()),
        server_slug: server.slug.as_str().into(),
        version: "2025-11-25",
        method: "tools/call".into(),
        tool: Some(tool.into()),
        fingerprint: None,
        policy: None,
        verdict: Verdict::Allowed,
        rule: "".into(),
        reason: "",
        known_args: vec![],
        unknown_args: 0,
        request_bytes: 100,
        charged: vec![],
        count: 1,
        marks: None,
    }
}

/// The same, judged by the first policy as it is now.
pub(crate) async fn judged(world: &World, number: u8, tool: &str) -> Intent {
    let view = world.store.view().await.unwrap();
    let policy = Some((view.policies[0].policy.clone(), view.policies[0].number));
    Intent { policy, ..intent(world, number, tool).await }
}

/// Writes a line. Allowed ones are left in flight.
pub(crate) async fn write(world: &World, intent: Intent) -> CallId {
    let id = intent.id;
    if intent.verdict == Verdict::Allowed {
        let judged_at = world.store.generation().unwrap();
        world.store.call_begin(intent, vec![], judged_at).await.unwrap();
    } else {
        // A busy machine may take longer than an agent is let wait; the line is written all the same.
        let written = world.store.call_refused(intent).await;
        assert!(matches!(written, Ok(()) | Err(StoreError::Busy)), "{written:?}");
        world.store.flush().await.unwrap();
    }
    id
}
