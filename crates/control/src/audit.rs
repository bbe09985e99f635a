//! The log of changes, and who was turned away: for admins. Every look at the log is a line of it.

use std::collections::VecDeque;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::{AuditEvent, AuditFilter, OrgId, StoreError, StrangerRefusal};
use utoipa::{IntoParams, ToSchema};

use crate::body::Asked;
use crate::jsonl::{self, Lines};
use crate::operator::{Authorized, Operator};
use crate::page::{List, PageQuery};
use crate::problem::{Fault, Problem, ProblemBody};
use crate::roles::Action;
use crate::{Control, time, tools};

/// The longest text of one filter.
const FILTER_BYTES_MAX: usize = 320;
/// Lines of an export that are read at a time.
const EXPORT_LINES: u32 = 500;

/// Which lines, and how many of them.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// By whom: the address or id of a member, the id of a key or session, or `countersign`.
    who: Option<String>,
    /// Of this event, such as `grant.revoked`; `grant.*` stands for all of grants.
    event: Option<String>,
    /// About the object with this id.
    subject: Option<String>,
    /// At or after this moment.
    since: Option<String>,
    /// Before this moment.
    until: Option<String>,
    /// The most lines, 1 to 500; 100 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    limit: Option<String>,
    /// The `next` of the part before.
    after: Option<String>,
}

/// Which lines to export: all of them when nothing is said.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// By whom: the address or id of a member, the id of a key or session, or `countersign`.
    who: Option<String>,
    /// Of this event, such as `grant.revoked`; `grant.*` stands for all of grants.
    event: Option<String>,
    /// About the object with this id.
    subject: Option<String>,
    /// At or after this moment.
    since: Option<String>,
    /// Before this moment.
    until: Option<String>,
}

/// One change.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditOut {
    /// Its place in the log, from 1.
    index: i64,
    at: String,
    /// The id of the acting member; `null` for the program itself.
    member: Option<String>,
    /// The id of the API key they used, if they used one.
    key: Option<String>,
    /// The id of the session they used, if they used one.
    session: Option<String>,
    /// What people call the actor.
    name: String,
    address: Option<String>,
    /// What was done, such as `grant.revoked`.
    event: String,
    /// The id of what it was done to.
    subject: String,
    /// Before and after, by field; secrets as "changed".
    #[schema(value_type = Object)]
    detail: Option<Box<RawValue>>,
}

/// Somebody who was turned away, counted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RefusalOut {
    /// The minute they fall into.
    at: String,
    address: String,
    /// Why, as a stable name: `forbidden`, `bad_api_key`, `unknown_token`, …
    reason: &'static str,
    /// The id of the member, if it was somebody known.
    member: Option<String>,
    /// The route that was asked for; `null` for calls of agents.
    asked: Option<String>,
    /// The public part of the token that was shown, if one of the right shape was.
    token_prefix: Option<String>,
    count: u32,
}

impl AuditOut {
    fn of(event: AuditEvent) -> Self {
        Self {
            index: event.index,
            at: time::write(event.at),
            member: event.member.map(|member| member.to_string()),
            key: event.key.map(|key| key.to_string()),
            session: event.session.map(|session| session.to_string()),
            name: event.name,
            address: event.address,
            event: event.event,
            subject: event.subject,
            detail: tools::raw(event.detail.as_bytes()),
        }
    }
}

/// The log of changes, newest first. That somebody looked is a line of it too.
#[utoipa::path(
    get, path = "/audit", tag = "audit", operation_id = "audit_list", params(AuditQuery),
    responses((status = 200, body = List<AuditOut>), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn audit(
    State(control): State<Control>,
    who: Operator,
    asked: Asked,
) -> Result<Json<List<AuditOut>>, Problem> {
    let by = who.may(Action::AuditRead)?;
    let AuditQuery { who, event, subject, since, until, limit, after } = asked.read()?;
    let page = PageQuery { limit, after }.page()?;
    let asked = ExportQuery { who, event, subject, since, until };
    let filter = asked.filter(&control, &by).await?;
    let slice = control.store.audit(by.org(), &filter, &page).await?;
    // What cannot be noted is not shown.
    control.store.noted(&by.by(), "audit.read", "audit", asked.fields()).await?;
    Ok(Json(List { items: slice.items.into_iter().map(AuditOut::of).collect(), next: slice.next }))
}

/// The log of changes as JSONL, oldest first, up to the moment of asking. The export itself is the
/// last line of it.
#[utoipa::path(
    get, path = "/audit/export", tag = "audit", operation_id = "audit_export", params(ExportQuery),
    responses(
        (status = 200, description = "One line of JSON each", body = AuditOut,
            content_type = "application/x-ndjson"),
        (status = "4XX", body = ProblemBody),
    ),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn export(
    State(control): State<Control>,
    who: Operator,
    asked: Asked,
) -> Result<Response, Problem> {
    let by = who.may(Action::AuditRead)?;
    let asked: ExportQuery = asked.read()?;
    let filter = asked.filter(&control, &by).await?;
    // Before the first line leaves: what cannot be noted is not exported.
    control.store.noted(&by.by(), "audit.exported", "audit", asked.fields()).await?;
    let last = newest(&control, by.org()).await?;
    let export = Export { control, by, filter, index: 0, last, waiting: VecDeque::new() };
    Ok(jsonl::file("attachment; filename=\"countersign-audit.jsonl\"", export))
}

/// Who was turned away, newest first: counted, never one line each.
#[utoipa::path(
    get, path = "/refusals", tag = "audit", operation_id = "refusals_list", params(PageQuery),
    responses((status = 200, body = List<RefusalOut>), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn refusals(
    State(control): State<Control>,
    who: Operator,
    asked: Asked,
) -> Result<Json<List<RefusalOut>>, Problem> {
    let by = who.may(Action::RefusalsRead)?;
    let page = asked.read::<PageQuery>()?.page()?;
    let slice = control.store.refusals(by.org(), &page).await?;
    let view = |refusal: StrangerRefusal| RefusalOut {
        at: time::write(refusal.at),
        address: refusal.address,
        reason: refusal.reason,
        member: refusal.who.map(|(_, member)| member.to_string()),
        asked: (!refusal.asked.is_empty()).then_some(refusal.asked),
        token_prefix: refusal.token_prefix,
        count: refusal.count,
    };
    Ok(Json(List { items: slice.items.into_iter().map(view).collect(), next: slice.next }))
}

impl ExportQuery {
    async fn filter(&self, control: &Control, by: &Authorized) -> Result<AuditFilter, Problem> {
        let texts = [("who", &self.who), ("event", &self.event), ("subject", &self.subject)];
        for (name, text) in texts {
            if text.as_ref().is_some_and(|text| text.len() > FILTER_BYTES_MAX) {
                let message = format!("this parameter has at most {FILTER_BYTES_MAX} bytes");
                return Err(Problem::field(name, "invalid_value", message));
            }
        }
        // An address is looked up: the log names people by id.
        let who = match &self.who {
            Some(email) if email.contains('@') => {
                let found = control.store.member(by.org(), email).await?;
                Some(found.map_or_else(|| email.clone(), |member| member.id.to_string()))
            }
            other => other.clone(),
        };
        Ok(AuditFilter {
            who,
            event: self.event.clone(),
            subject: self.subject.clone(),
            since: moment("since", self.since.as_deref())?,
            until: moment("until", self.until.as_deref())?,
        })
    }

    /// What was asked for, for the record.
    fn fields(&self) -> Vec<(String, String)> {
        let given = [
            ("who", &self.who),
            ("event", &self.event),
            ("subject", &self.subject),
            ("since", &self.since),
            ("until", &self.until),
        ];
        let given = given.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)));
        given.map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

fn moment(name: &str, text: Option<&str>) -> Result<Option<store::Moment>, Problem> {
    let read = |text| {
        time::read(text).ok_or_else(|| {
            Problem::invalid(vec![Fault::new(
                name,
                "invalid_value",
                "this parameter takes a moment such as 2026-03-01T00:00:00Z",
            )])
        })
    };
    text.map(read).transpose()
}

async fn newest(control: &Control, org: &OrgId) -> Result<i64, Problem> {
    let page = store::Page { after: None, limit: 1 };
    let slice = control.store.audit(org, &AuditFilter::default(), &page).await?;
    Ok(slice.items.first().map_or(0, |event| event.index))
}

/// An export on its way out.
struct Export {
    control: Control,
    by: Authorized,
    filter: AuditFilter,
    /// The last line that was sent.
    index: i64,
    /// The last line there is to send.
    last: i64,
    waiting: VecDeque<AuditEvent>,
}

impl Lines for Export {
    async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        if self.waiting.is_empty() {
            let (org, filter) = (self.by.org(), &self.filter);
            let found =
                self.control.store.audit_after(org, filter, self.index, EXPORT_LINES).await?;
            self.waiting.extend(found.into_iter().filter(|event| event.index <= self.last));
        }
        let mut lines = Vec::new();
        for event in self.waiting.drain(..) {
            self.index = event.index;
            // A line of texts and numbers is always written.
            lines.extend(serde_json::to_vec(&AuditOut::of(event)).unwrap_or_default());
            lines.push(b'\n');
        }
        Ok((!lines.is_empty()).then(|| Bytes::from(lines)))
    }
}
