//! Identity providers, their sealed client secrets, and whom they know by what.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use vault::{Place, Secret};

use super::fault::{Fault, corrupt};
use super::keys::{Fields, Keys};
use super::records::{list_of, list_text, tags_of, tags_text};
use super::tx::{Detail, Recorded, Tx};
use super::{invites, members};
use crate::{
    By, ChangeError, Member, MemberId, MemberState, Moment, OrgId, Provider, ProviderDraft,
    ProviderId, Role, names,
};

const TABLE: &str = "providers";
/// The most providers of an organisation.
const PROVIDERS_MAX: usize = 20;
/// The longest subject that OpenID Connect allows.
const SUBJECT_MAX: usize = 255;

struct Found {
    provider: Provider,
    generation: i64,
    secret: Option<Vec<u8>>,
    ours: bool,
}

fn roles_text(roles: &[(String, Role)]) -> String {
    let roles: Vec<(String, String)> =
        roles.iter().map(|(group, role)| (group.clone(), role.as_str().to_owned())).collect();
    tags_text(&roles)
}

fn fields(provider: &Provider, generation: i64) -> Fields {
    let draft = &provider.draft;
    Fields::of(provider.org.as_str(), provider.id.as_str())
        .text(&draft.slug)
        .text(&draft.name)
        .text(&draft.issuer)
        .text(&draft.client_id)
        .text(&list_text(&draft.private_targets))
        .text(&list_text(&draft.scopes))
        .text(&draft.groups_claim)
        .text(&roles_text(&draft.roles))
        .text(&tags_text(&draft.groups))
        .maybe_text(draft.default_role.map(Role::as_str))
        .int(i64::from(draft.trust_email))
        .int(i64::from(draft.enabled))
        .int(i64::from(provider.has_secret))
        .int(generation)
        .int(provider.revision)
        .int(provider.created_at.micros())
        .int(provider.updated_at.micros())
}

const PROVIDER: &str = "SELECT org, id, slug, name, issuer, client_id, private_targets, scopes, \
    groups_claim, roles, groups, default_role, trust_email, enabled, secret, generation, \
    revision, created_at, updated_at, mac FROM providers";

fn of_row(keys: &Keys, row: &Row<'_>) -> Result<Found, Fault> {
    let bad = || corrupt(TABLE);
    let role = |text: &str| Role::parse(text).ok_or_else(bad);
    let text = |at: usize| row.get::<_, String>(at);
    let roles = tags_of(&text(9)?)?;
    let roles = roles.into_iter().map(|(group, name)| Ok::<_, Fault>((group, role(&name)?)));
    let secret: Option<Vec<u8>> = row.get(14)?;
    let default_role: Option<String> = row.get(11)?;
    let provider = Provider {
        org: text(0)?.into(),
        id: text(1)?.into(),
        draft: ProviderDraft {
            slug: text(2)?,
            name: text(3)?,
            issuer: text(4)?,
            client_id: text(5)?,
            private_targets: list_of(&text(6)?, TABLE)?,
            scopes: list_of(&text(7)?, TABLE)?,
            groups_claim: text(8)?,
            roles: roles.collect::<Result<_, _>>()?,
            groups: tags_of(&text(10)?)?,
            default_role: default_role.as_deref().map(role).transpose()?,
            trust_email: row.get(12)?,
            enabled: row.get(13)?,
        },
        has_secret: secret.is_some(),
        revision: row.get(16)?,
        created_at: Moment::of_micros(row.get(17)?),
        updated_at: Moment::of_micros(row.get(18)?),
    };
    let generation = row.get(15)?;
    let ours = keys.verify(TABLE, &fields(&provider, generation), &row.get::<_, Vec<u8>>(19)?);
    if !ours {
        tracing::error!(provider = %provider.id, "the row of an identity provider was written by somebody else");
    }
    Ok(Found { provider, generation, secret, ours })
}

fn found(conn: &Connection, keys: &Keys, org: &OrgId) -> Result<Vec<Found>, Fault> {
    let mut statement = conn.prepare_cached(&format!("{PROVIDER} WHERE org = ?1 ORDER BY slug"))?;
    let mut rows = statement.query([org.as_str()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(of_row(keys, row)?);
    }
    Ok(found)
}

/// The identity providers by slug, whose rows are as we wrote them.
pub(super) fn all(conn: &Connection, keys: &Keys, org: &OrgId) -> Result<Vec<Provider>, Fault> {
    let found = found(conn, keys, org)?.into_iter();
    Ok(found.filter(|found| found.ours).map(|found| found.provider).collect())
}

fn one(conn: &Connection, keys: &Keys, org: &OrgId, id: &str) -> Result<Option<Found>, Fault> {
    let found = found(conn, keys, org)?.into_iter();
    let named = |f: &Found| f.provider.id.as_str() == id || f.provider.draft.slug == id;
    Ok(found.filter(|found| found.ours).find(named))
}

/// One identity provider, by id or slug.
pub(super) fn view(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    id: &str,
) -> Result<Option<Provider>, Fault> {
    Ok(one(conn, keys, org, id)?.map(|found| found.provider))
}

fn place<'a>(org: &'a OrgId, id: &'a ProviderId, generation: i64) -> Result<Place<'a>, Fault> {
    let generation = u64::try_from(generation).map_err(|_| corrupt(TABLE))?;
    let (org, record) = (org.as_str(), id.as_str());
    Ok(Place { org, table: TABLE, record, field: "client_secret", generation })
}

/// The client secret of a provider, if one is kept.
pub(super) fn secret(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    id: &ProviderId,
) -> Result<Option<Secret>, Fault> {
    let Some(found) = one(conn, keys, org, id.as_str())? else { return Ok(None) };
    let Some(sealed) = found.secret else { return Ok(None) };
    let opened = keys.ring().open(&place(org, id, found.generation)?, &sealed);
    Ok(Some(opened.map_err(|_| corrupt(TABLE))?))
}

fn check(draft: &ProviderDraft) -> Result<(), Fault> {
    names::slug("slug", &draft.slug)?;
    names::label("name", &draft.name, None)?;
    names::label("client_id", &draft.client_id, None)?;
    names::label("groups_claim", &draft.groups_claim, None)?;
    Ok(())
}

fn to_change(tx: &Tx<'_>, by: &By, id: &ProviderId, revision: Option<i64>) -> Result<Found, Fault> {
    let missing = || ChangeError::NotFound { what: "identity provider", id: id.to_string() };
    let found = one(tx.conn, tx.keys, &by.org, id.as_str())?.ok_or_else(missing)?;
    if revision.is_some_and(|asked| asked != found.provider.revision) {
        let current = found.provider.revision;
        return Err(ChangeError::Stale { what: "identity provider", current }.into());
    }
    Ok(found)
}

fn slug_is_free(tx: &Tx<'_>, by: &By, slug: &str, own: Option<&ProviderId>) -> Result<(), Fault> {
    let taken = found(tx.conn, tx.keys, &by.org)?;
    let other = |f: &Found| f.provider.draft.slug == slug && Some(&f.provider.id) != own;
    if taken.iter().any(other) {
        let name = slug.to_owned();
        return Err(ChangeError::Taken { what: "identity provider", name }.into());
    }
    if own.is_none() && taken.len() >= PROVIDERS_MAX {
        let full = format!("an organisation has at most {PROVIDERS_MAX} identity providers");
        return Err(ChangeError::Conflict(full).into());
    }
    Ok(())
}

fn write(
    tx: &Tx<'_>,
    provider: &Provider,
    generation: i64,
    sealed: Option<&[u8]>,
) -> Result<(), Fault> {
    let draft = &provider.draft;
    tx.conn
        .prepare_cached(
            "INSERT INTO providers (org, id, slug, name, issuer, client_id, private_targets, \
             scopes, groups_claim, roles, groups, default_role, trust_email, enabled, secret, \
             generation, revision, created_at, updated_at, mac) VALUES (?1, ?2, ?3, ?4, ?5, ?6, \
             ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20) \
             ON CONFLICT (org, id) DO UPDATE SET slug = excluded.slug, name = excluded.name, \
             issuer = excluded.issuer, client_id = excluded.client_id, \
             private_targets = excluded.private_targets, scopes = excluded.scopes, \
             groups_claim = excluded.groups_claim, roles = excluded.roles, \
             groups = excluded.groups, default_role = excluded.default_role, \
             trust_email = excluded.trust_email, enabled = excluded.enabled, \
             secret = excluded.secret, generation = excluded.generation, \
             revision = excluded.revision, updated_at = excluded.updated_at, mac = excluded.mac",
        )?
        .execute(params![
            provider.org.as_str(),
            provider.id.as_str(),
            draft.slug,
            draft.name,
            draft.issuer,
            draft.client_id,
            list_text(&draft.private_targets),
            list_text(&draft.scopes),
            draft.groups_claim,
            roles_text(&draft.roles),
            tags_text(&draft.groups),
            draft.default_role.map(Role::as_str),
            draft.trust_email,
            draft.enabled,
            sealed,
            generation,
            provider.revision,
            provider.created_at.micros(),
            provider.updated_at.micros(),
            tx.keys.mac(TABLE, &fields(provider, generation)),
        ])?;
    Ok(())
}

/// What changed from one draft to another, or what a new one holds.
fn detail(before: Option<&ProviderDraft>, after: &ProviderDraft) -> Detail {
    let spelled = |draft: &ProviderDraft| {
        let role = draft.default_role.map_or("none", Role::as_str);
        let word = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
        [
            ("slug", draft.slug.clone()),
            ("name", draft.name.clone()),
            ("issuer", draft.issuer.clone()),
            ("client_id", draft.client_id.clone()),
            ("private_targets", list_text(&draft.private_targets)),
            ("scopes", list_text(&draft.scopes)),
            ("groups_claim", draft.groups_claim.clone()),
            ("roles", roles_text(&draft.roles)),
            ("groups", tags_text(&draft.groups)),
            ("default_role", role.to_owned()),
            ("trust_email", word(draft.trust_email)),
            ("enabled", word(draft.enabled)),
        ]
    };
    let mut detail = Detail::default();
    match before.map(spelled) {
        None => {
            for (field, value) in spelled(after) {
                detail = detail.now(field, value);
            }
        }
        Some(before) => {
            for ((field, before), (_, after)) in before.into_iter().zip(spelled(after)) {
                detail = detail.change(field, before, after);
            }
        }
    }
    detail
}

pub(super) fn create(
    tx: &Tx<'_>,
    by: &By,
    draft: ProviderDraft,
    secret: Option<&Secret>,
) -> Result<Recorded<Provider>, Fault> {
    check(&draft)?;
    slug_is_free(tx, by, &draft.slug, None)?;
    let provider = Provider {
        id: ProviderId::random(tx.keys.id_bytes()?),
        org: by.org.clone(),
        draft,
        has_secret: secret.is_some(),
        revision: 1,
        created_at: by.at,
        updated_at: by.at,
    };
    let sealed = seal(tx, &provider, 1, secret)?;
    write(tx, &provider, 1, sealed.as_deref())?;
    let mut detail = detail(None, &provider.draft);
    if secret.is_some() {
        detail = detail.secret("client_secret");
    }
    tx.record(by, "provider.created", provider.id.clone().as_str(), detail, provider)
}

fn seal(
    tx: &Tx<'_>,
    provider: &Provider,
    generation: i64,
    secret: Option<&Secret>,
) -> Result<Option<Vec<u8>>, Fault> {
    let Some(secret) = secret else { return Ok(None) };
    let place = place(&provider.org, &provider.id, generation)?;
    Ok(Some(tx.keys.ring().seal(&place, secret.expose(), &*tx.keys.random)?))
}

pub(super) fn update(
    tx: &Tx<'_>,
    by: &By,
    id: &ProviderId,
    revision: Option<i64>,
    draft: ProviderDraft,
    secret: Option<&Secret>,
) -> Result<Recorded<Provider>, Fault> {
    check(&draft)?;
    let Found { provider: before, mut generation, secret: mut sealed, .. } =
        to_change(tx, by, id, revision)?;
    slug_is_free(tx, by, &draft.slug, Some(id))?;
    // A secret is for one client of one issuer; another one must not be sent it.
    let moved = before.draft.issuer != draft.issuer || before.draft.client_id != draft.client_id;
    if secret.is_none() && draft == before.draft {
        return Ok(Recorded::unchanged(before));
    }
    let mut provider = Provider { draft, updated_at: by.at, ..before.clone() };
    provider.revision = before.revision.saturating_add(1);
    if secret.is_some() || moved {
        generation = generation.saturating_add(1);
        sealed = seal(tx, &provider, generation, secret)?;
        tx.erases();
    }
    provider.has_secret = sealed.is_some();
    write(tx, &provider, generation, sealed.as_deref())?;
    if before.draft.issuer != provider.draft.issuer {
        // Another issuer's subjects are other people.
        forget(tx, &provider.org, id)?;
    }
    let mut detail = detail(Some(&before.draft), &provider.draft);
    if secret.is_some() || (moved && before.has_secret) {
        detail = detail.secret("client_secret");
    }
    tx.record(by, "provider.changed", id.as_str(), detail, provider)
}

fn forget(tx: &Tx<'_>, org: &OrgId, id: &ProviderId) -> Result<(), Fault> {
    tx.conn
        .prepare_cached("DELETE FROM identities WHERE org = ?1 AND provider = ?2")?
        .execute([org.as_str(), id.as_str()])?;
    Ok(())
}

pub(super) fn delete(tx: &Tx<'_>, by: &By, id: &ProviderId) -> Result<Recorded<()>, Fault> {
    let found = to_change(tx, by, id, None)?;
    forget(tx, &by.org, id)?;
    tx.conn
        .prepare_cached("DELETE FROM providers WHERE org = ?1 AND id = ?2")?
        .execute([by.org.as_str(), id.as_str()])?;
    tx.erases();
    let detail = Detail::default()
        .was("slug", found.provider.draft.slug)
        .was("issuer", found.provider.draft.issuer);
    tx.record(by, "provider.deleted", id.as_str(), detail, ())
}

fn identity(org: &OrgId, provider: &ProviderId, subject: &str, member: &MemberId) -> Fields {
    Fields::of(org.as_str(), provider.as_str()).text(subject).text(member.as_str())
}

/// The member that the provider knows by this subject, if they are active.
pub(super) fn identity_of(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    provider: &ProviderId,
    subject: &str,
) -> Result<Option<Member>, Fault> {
    let found: Option<(String, Vec<u8>)> = conn
        .prepare_cached(
            "SELECT member, mac FROM identities WHERE org = ?1 AND provider = ?2 AND subject = ?3",
        )?
        .query_row([org.as_str(), provider.as_str(), subject], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((member, mac)) = found else { return Ok(None) };
    let member = MemberId::from(member);
    if !keys.verify("identities", &identity(org, provider, subject, &member), &mac) {
        tracing::error!(member = %member, "the row of an identity was written by somebody else");
        return Ok(None);
    }
    members::acting(conn, keys, org, &member)
}

pub(super) fn identity_link(
    tx: &Tx<'_>,
    by: &By,
    provider: &ProviderId,
    subject: &str,
    member: &MemberId,
) -> Result<Recorded<Member>, Fault> {
    if subject.is_empty() || subject.len() > SUBJECT_MAX {
        let problem = "must be 1 to 255 characters";
        return Err(ChangeError::Invalid { field: "subject", problem }.into());
    }
    let before = members::to_change(tx, &by.org, member)?;
    let mut after = before.clone();
    if before.state == MemberState::Invited {
        after.state = MemberState::Active;
        (after.revision, after.updated_at) = (before.revision.saturating_add(1), by.at);
        members::write(tx, &after)?;
        invites::end(tx, &after.org, &after.id)?;
    }
    let (org, id) = (&by.org, &after.id);
    tx.conn
        .prepare_cached(
            "INSERT OR REPLACE INTO identities (org, provider, subject, member, mac) \
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            org.as_str(),
            provider.as_str(),
            subject,
            id.as_str(),
            tx.keys.mac("identities", &identity(org, provider, subject, id)),
        ])?;
    let detail = Detail::default().now("provider", provider.as_str()).change(
        "state",
        before.state.as_str(),
        after.state.as_str(),
    );
    tx.record(by, "identity.linked", id.clone().as_str(), detail, after)
}
