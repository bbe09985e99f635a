//! Who may decide an approval, and what bars those who may not. Read from rows whose MACs hold, in
//! the transaction that takes the decision: whoever left a group a moment ago decides nothing.

use rusqlite::{Connection, OptionalExtension, params};

use super::fault::Fault;
use super::keys::{Fields, Keys};
use super::{grant_rows, groups, members};
use crate::{Approval, ApprovalSettings, Asking, Bar, Member, MemberId, MemberState, OrgId, Role};

/// The most versions of a policy that are read to find who wrote a rule last.
const VERSIONS_READ_MAX: u32 = 200;

/// What is read once for several members.
pub(super) struct Bench {
    settings: ApprovalSettings,
    /// The members of each group that some need names.
    groups: Vec<(String, Vec<MemberId>)>,
    /// Whose the grant is. `Err`: its row was written by somebody else, so it may be anybody's.
    owner: Result<Option<MemberId>, ()>,
    /// Barred where the organisation is strict.
    issuer: Option<MemberId>,
    editors: Vec<MemberId>,
}

impl Bench {
    pub(super) fn of(conn: &Connection, keys: &Keys, approval: &Approval) -> Result<Self, Fault> {
        let settings = settings(conn, keys, &approval.org)?;
        let mut named = Vec::new();
        for approver in approval.needs.iter().flat_map(|need| &need.approvers) {
            let Some(name) = approver.strip_prefix("group:") else { continue };
            if named.iter().any(|(known, _)| known == name) {
                continue;
            }
            let found = groups::one(conn, keys, &approval.org, name)?;
            let found = found.filter(|(group, ours)| *ours && group.name == name);
            named.push((name.to_owned(), found.map_or_else(Vec::new, |(group, _)| group.members)));
        }
        let grant = grant_rows::one(conn, keys, &approval.org, approval.grant.as_str())?;
        let owner = match grant.filter(|found| found.grant.id == approval.grant) {
            Some(found) if found.ours => Ok(found.grant.owner),
            _ => Err(()),
        };
        let (mut issuer, mut editors) = (None, Vec::new());
        if settings.strict {
            issuer = issuer_of(conn, approval)?;
            for need in &approval.needs {
                editors.extend(editor_of(conn, approval, &need.rule)?);
            }
        }
        Ok(Self { settings, groups: named, owner, issuer, editors })
    }

    /// The needs that this member could speak for, by place.
    pub(super) fn speaks_for(&self, approval: &Approval, member: &Member, role: Role) -> Vec<u32> {
        let asks = |approver: &String| match approver.split_once(':') {
            Some(("role", "admin")) => role == Role::Admin,
            Some(("role", "policy_manager")) => role >= Role::PolicyManager,
            Some(("group", name)) => self
                .groups
                .iter()
                .any(|(known, members)| known == name && members.contains(&member.id)),
            Some(("member", email)) => members::folded(email) == members::folded(&member.email),
            _ => false,
        };
        let spoken = approval.needs.iter().zip(0_u32..);
        spoken.filter(|(need, _)| need.approvers.iter().any(asks)).map(|(_, at)| at).collect()
    }

    /// What bars a member, whose proof lets them act in this role.
    pub(super) fn bar(&self, approval: &Approval, member: &Member, role: Role) -> Option<Bar> {
        let strict = self.settings.strict;
        let owned = self.owner.as_ref().map_or(true, |owner| owner.as_ref() == Some(&member.id));
        if owned || owns(&approval.identity, member) {
            return Some(Bar::Owner);
        }
        if role < Role::PolicyManager {
            return Some(Bar::Viewer);
        }
        if self.speaks_for(approval, member, role).is_empty() {
            return Some(Bar::NotAsked);
        }
        if strict && self.issuer.as_ref() == Some(&member.id) {
            return Some(Bar::Issuer);
        }
        if strict && self.editors.contains(&member.id) {
            return Some(Bar::Editor);
        }
        approval.decisions.iter().any(|said| said.member == member.id).then_some(Bar::Decided)
    }
}

/// Counts again what was said before: a yes speaks for a rule as long as whoever gave it could still
/// give it. Somebody who has left since does not complete a quorum.
pub(super) fn recount(
    conn: &Connection,
    keys: &Keys,
    approval: &mut Approval,
) -> Result<(), Fault> {
    let bench = Bench::of(conn, keys, approval)?;
    let mut spoken = Vec::with_capacity(approval.decisions.len());
    for said in &approval.decisions {
        let member = members::acting(conn, keys, &approval.org, &said.member)?;
        let may = |member: &Member| {
            let bar = bench.bar(approval, member, member.role);
            matches!(bar, None | Some(Bar::Decided))
        };
        spoken.push(match member.filter(may) {
            Some(member) => bench.speaks_for(approval, &member, member.role),
            None => Vec::new(),
        });
    }
    for (said, spoken) in approval.decisions.iter_mut().zip(spoken) {
        said.needs.retain(|need| spoken.contains(need));
    }
    Ok(())
}

/// Whether a grant's identity means this person: by address, id or name, whatever the case.
pub(super) fn owns(identity: &str, member: &Member) -> bool {
    let identity = identity.strip_prefix("member:").unwrap_or(identity);
    [member.email.as_str(), member.id.as_str(), member.name.as_str()]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(identity))
}

/// Everybody whom the rules ask, by address.
pub(super) fn asked(
    conn: &Connection,
    keys: &Keys,
    approval: &Approval,
) -> Result<Vec<Asking>, Fault> {
    let bench = Bench::of(conn, keys, approval)?;
    let mut asked = Vec::new();
    for member in members::all(conn, keys, &approval.org)? {
        let role = member.role;
        let named = !bench.speaks_for(approval, &member, role).is_empty();
        if member.state == MemberState::Active && named {
            let bar = bench.bar(approval, &member, role);
            asked.push(Asking { member, bar });
        }
    }
    Ok(asked)
}

/// What bars the member, if they may act at all.
pub(super) fn bar_of(
    conn: &Connection,
    keys: &Keys,
    approval: &Approval,
    member: &MemberId,
    role: Role,
) -> Result<Option<Bar>, Fault> {
    let Some(member) = members::acting(conn, keys, &approval.org, member)? else {
        return Ok(Some(Bar::NotAsked));
    };
    let role = role.min(member.role);
    Ok(Bench::of(conn, keys, approval)?.bar(approval, &member, role))
}

/// Who issued the grant. The audit log says it; nobody else does.
fn issuer_of(conn: &Connection, approval: &Approval) -> Result<Option<MemberId>, Fault> {
    let sql = "SELECT member FROM audit_events WHERE org = ?1 AND event = 'grant.issued' \
        AND subject = ?2 ORDER BY rowid LIMIT 1";
    let keyed = [approval.org.as_str(), approval.grant.as_str()];
    let found = conn.prepare_cached(sql)?.query_row(keyed, |row| row.get::<_, Option<String>>(0));
    Ok(found.optional()?.flatten().map(MemberId::from))
}

/// Who wrote the rule last: who published the oldest of the versions, from the judged one back, in
/// which the list of rules it stands in reads as it did when it judged.
fn editor_of(
    conn: &Connection,
    approval: &Approval,
    rule: &str,
) -> Result<Option<MemberId>, Fault> {
    let (org, policy) = (approval.org.as_str(), approval.policy.0.as_str());
    let judged = approval.policy.1;
    let mut versions = conn.prepare_cached(
        "SELECT number, text FROM policy_versions WHERE org = ?1 AND policy = ?2 \
         AND number <= ?3 ORDER BY number DESC LIMIT ?4",
    )?;
    let mut rows = versions.query(params![org, policy, judged, VERSIONS_READ_MAX])?;
    let (mut known, mut written) = (None, judged);
    while let Some(row) = rows.next()? {
        let (number, text): (u32, Vec<u8>) = (row.get(0)?, row.get(1)?);
        let list = list_of(&text, rule);
        if *known.get_or_insert_with(|| list.clone()) != list {
            break;
        }
        written = number;
    }
    // Publishing is recorded once a version, in their order; the first may have come with the policy.
    let sql = "SELECT member FROM audit_events WHERE org = ?1 AND subject = ?2 \
        AND (event = 'policy.published' OR (event = 'policy.created' \
        AND json_extract(detail, '$.latest') IS NOT NULL)) ORDER BY rowid LIMIT 1 OFFSET ?3";
    let place = written.saturating_sub(1);
    let found = conn
        .prepare_cached(sql)?
        .query_row(params![org, policy, place], |row| row.get::<_, Option<String>>(0));
    Ok(found.optional()?.flatten().map(MemberId::from))
}

/// The list that a rule stands in, in one spelling: `/tools/NAME/approve_if` or the one of all
/// tools.
fn list_of(text: &[u8], rule: &str) -> Vec<u8> {
    let Ok(document) = json::read(text, json::Limits::ANSWER) else { return Vec::new() };
    let mut steps = rule.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~"));
    let mut at = Some(&document);
    for step in steps.by_ref() {
        at = at.and_then(|value| value.get(&step));
        if step == "approve_if" {
            break;
        }
    }
    at.map(json::canonical).unwrap_or_default()
}

/// How approvals are set up. A row that somebody else wrote counts as the strictest setting.
pub(super) fn settings(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
) -> Result<ApprovalSettings, Fault> {
    let sql = "SELECT strict, show_notes, revision, mac FROM approval_settings WHERE org = ?1";
    let found = conn.prepare_cached(sql)?.query_row([org.as_str()], |row| {
        let settings = ApprovalSettings {
            strict: row.get(0)?,
            show_notes: row.get(1)?,
            revision: row.get(2)?,
        };
        Ok((settings, row.get::<_, Vec<u8>>(3)?))
    });
    Ok(match found.optional()? {
        None => ApprovalSettings::default(),
        Some((settings, mac)) => {
            let fields = settings_fields(org, settings);
            if keys.verify("approval_settings", &fields, &mac) {
                settings
            } else {
                tracing::error!("the settings of approvals were written by somebody else");
                ApprovalSettings { strict: true, show_notes: false, ..settings }
            }
        }
    })
}

pub(super) fn settings_fields(org: &OrgId, settings: ApprovalSettings) -> Fields {
    Fields::of(org.as_str(), "")
        .int(settings.strict.into())
        .int(settings.show_notes.into())
        .int(settings.revision)
}
