//! The changes to grants: checked here, made and recorded by the store.

use store::{Attachment, Grant, GrantDraft, GrantState, MemberId, PolicyId, ServerId};

use super::{AttachIn, GrantIn, GrantMade, OwnerIn, RotateIn, find, view};
use crate::Control;
use crate::body::Unread;
use crate::etag::IfMatch;
use crate::operator::Authorized;
use crate::problem::{Fault, Problem};

/// The most calls in flight when nobody says.
const IN_FLIGHT_DEFAULT: u32 = 32;
/// The most calls in flight that can be asked for.
const IN_FLIGHT_MAX: u32 = 10_000;
/// The most servers of one grant.
const SERVERS_MAX: usize = 64;
/// How long old tokens live on after a rotation when nobody says.
const OVERLAP_SECONDS_DEFAULT: i64 = 600;
/// The longest that old tokens may live on.
const OVERLAP_SECONDS_MAX: i64 = 86_400;

pub(super) async fn grant_issue(
    control: &Control,
    by: &Authorized,
    given: GrantIn,
) -> Result<GrantMade, Problem> {
    let draft = checked(control, by, given).await?;
    let (grant, token) = control.store.grant_issue(&by.by(), draft).await?;
    let grant = view(control, by, grant).await?;
    Ok(GrantMade { grant, token: Some(token.expose().to_owned()), note: None })
}

pub(super) async fn grant_rotate(
    control: &Control,
    by: &Authorized,
    id: &str,
    given: RotateIn,
) -> Result<GrantMade, Problem> {
    let overlap = given.overlap_seconds.unwrap_or(OVERLAP_SECONDS_DEFAULT);
    if !(0..=OVERLAP_SECONDS_MAX).contains(&overlap) {
        let message = format!("this field takes 0 to {OVERLAP_SECONDS_MAX} seconds");
        return Err(Problem::field("/overlap_seconds", "invalid_value", message));
    }
    let grant = find(control, by, id).await?;
    let (grant, token) = control.store.grant_rotate(&by.by(), &grant.id, overlap).await?;
    let grant = view(control, by, grant).await?;
    Ok(GrantMade { grant, token: Some(token.expose().to_owned()), note: None })
}

pub(super) async fn grant_set_state(
    control: &Control,
    by: &Authorized,
    id: &str,
    body: Unread,
    state: GrantState,
) -> Result<Grant, Problem> {
    let expected = IfMatch::of(&body.headers)?;
    body.read_nothing().await?;
    let _one_at_a_time = control.inner.changes.lock().await;
    let grant = find(control, by, id).await?;
    expected.check("grant", grant.revision)?;
    Ok(control.store.grant_set_state(&by.by(), &grant.id, state).await?)
}

pub(super) async fn grant_attach(
    control: &Control,
    by: &Authorized,
    id: &str,
    expected: IfMatch,
    given: AttachIn,
) -> Result<Grant, Problem> {
    let _one_at_a_time = control.inner.changes.lock().await;
    let grant = find(control, by, id).await?;
    expected.check("grant", grant.revision)?;
    let mut faults = vec![];
    let server = server_of(control, by, &given.server, "/server", &mut faults).await?;
    let policy = policy_of(control, by, given.policy.as_deref(), "/policy", &mut faults).await?;
    match server {
        Some(server) if faults.is_empty() => {
            Ok(control.store.grant_attach(&by.by(), &grant.id, &server, policy).await?)
        }
        _ => Err(Problem::invalid(faults)),
    }
}

pub(super) async fn grant_hand_over(
    control: &Control,
    by: &Authorized,
    id: &str,
    expected: IfMatch,
    given: OwnerIn,
) -> Result<Grant, Problem> {
    let _one_at_a_time = control.inner.changes.lock().await;
    let grant = find(control, by, id).await?;
    expected.check("grant", grant.revision)?;
    let Some(owner) = control.store.member(by.org(), &given.owner).await? else {
        return Err(Problem::field("/owner", "not_found", "there is no such member"));
    };
    Ok(control.store.grant_hand_over(&by.by(), &grant.id, &owner.id).await?)
}

/// The draft of a grant, once everything about it is in order.
async fn checked(
    control: &Control,
    by: &Authorized,
    given: GrantIn,
) -> Result<GrantDraft, Problem> {
    let mut faults = vec![];
    let in_flight_max = given.in_flight_max.unwrap_or(IN_FLIGHT_DEFAULT);
    if !(1..=IN_FLIGHT_MAX).contains(&in_flight_max) {
        let message = format!("this field takes 1 to {IN_FLIGHT_MAX}");
        faults.push(Fault::new("/in_flight_max", "invalid_value", message));
    }
    let (starts, ends) = (given.not_before.map(|t| t.0), given.expires_at.map(|t| t.0));
    if ends.is_some_and(|at| at <= by.now() || starts.is_some_and(|start| at <= start)) {
        let message = "this moment has passed, or lies before `not_before`";
        faults.push(Fault::new("/expires_at", "invalid_value", message));
    }
    if given.servers.is_empty() || given.servers.len() > SERVERS_MAX {
        let message = format!("a grant reaches 1 to {SERVERS_MAX} servers");
        faults.push(Fault::new("/servers", "invalid_value", message));
        return Err(Problem::invalid(faults));
    }
    let mut servers: Vec<Attachment> = vec![];
    for (at, reach) in given.servers.iter().enumerate() {
        let place = format!("/servers/{at}/server");
        let server = server_of(control, by, &reach.server, &place, &mut faults).await?;
        let policy = format!("/servers/{at}/policy");
        let policy = policy_of(control, by, reach.policy.as_deref(), &policy, &mut faults).await?;
        let Some(server) = server else { continue };
        if servers.iter().any(|known| known.server == server) {
            faults.push(Fault::new(place, "invalid_value", "this server stands twice"));
        }
        servers.push(Attachment { server, policy });
    }
    let identity = given.identity.unwrap_or_else(|| given.label.clone());
    let whose = whose(control, by, identity, given.owner.as_deref(), &mut faults).await?;
    let Some((identity, owner)) = whose.filter(|_| faults.is_empty()) else {
        return Err(Problem::invalid(faults));
    };
    Ok(GrantDraft {
        identity,
        owner: Some(owner),
        label: given.label,
        tags: given.tags.into_iter().collect(),
        not_before: starts,
        expires_at: ends,
        in_flight_max,
        servers,
    })
}

/// Whom a grant belongs to, and who answers for it: a member for themselves, an owner for an agent.
async fn whose(
    control: &Control,
    by: &Authorized,
    identity: String,
    owner: Option<&str>,
    faults: &mut Vec<Fault>,
) -> Result<Option<(String, MemberId)>, Problem> {
    let find = async |name: &str, place: &str, faults: &mut Vec<Fault>| {
        let found = control.store.member(by.org(), name).await?;
        if found.is_none() {
            let message = "there is no such member; the name of an agent has no `@`";
            faults.push(Fault::new(place, "not_found", message));
        }
        Ok::<_, Problem>(found)
    };
    let owner = match owner {
        Some(owner) => find(owner, "/owner", faults).await?,
        None => None,
    };
    if !identity.contains('@') {
        let owner = owner.map_or_else(|| by.member().id.clone(), |owner| owner.id);
        return Ok(Some((identity, owner)));
    }
    let Some(member) = find(&identity, "/identity", faults).await? else { return Ok(None) };
    if owner.is_some_and(|owner| owner.id != member.id) {
        let message = "a member answers for their own grant: leave the owner out";
        faults.push(Fault::new("/owner", "invalid_value", message));
    }
    Ok(Some((member.email, member.id)))
}

/// The server a body names: one that is not there is a fault of the body.
pub(crate) async fn server_of(
    control: &Control,
    by: &Authorized,
    name: &str,
    pointer: &str,
    faults: &mut Vec<Fault>,
) -> Result<Option<ServerId>, Problem> {
    let found = control.store.server(by.org(), name).await?;
    if found.is_none() {
        faults.push(Fault::new(pointer, "not_found", "there is no such server"));
    }
    Ok(found.map(|view| view.server.id))
}

/// The policy a body names, if it names one.
async fn policy_of(
    control: &Control,
    by: &Authorized,
    name: Option<&str>,
    pointer: &str,
    faults: &mut Vec<Fault>,
) -> Result<Option<PolicyId>, Problem> {
    let Some(name) = name else { return Ok(None) };
    let found = control.store.policy(by.org(), name).await?;
    match &found {
        None => faults.push(Fault::new(pointer, "not_found", "there is no such policy")),
        Some(policy) if policy.latest == 0 => {
            let message = "this policy has no published version yet";
            faults.push(Fault::new(pointer, "invalid_value", message));
        }
        Some(_) => {}
    }
    Ok(found.map(|policy| policy.id))
}
