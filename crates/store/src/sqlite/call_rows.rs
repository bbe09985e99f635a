//! Writing the call log: one small row for an intent, one for an outcome, nothing ever changed.
//! Reading it is `call_log.rs`.

use std::collections::HashMap;
use std::sync::Arc;

use json::Value;
use rusqlite::{Connection, ErrorCode, params};

use super::captures::{self, Part};
use super::evidence::Sequencer;
use super::fault::Fault;
use super::line::{Line, Shape};
use crate::{CallId, GrantId, Moment, OrgId, Outcome};

/// The most shapes remembered. A shape that is forgotten is written again, which costs one row.
const SHAPES_MAX: usize = 2_048;

/// What the writer remembers of the call log.
#[derive(Default)]
pub(super) struct CallRows {
    /// The index of the newest line.
    pub(super) last: i64,
    /// The newest row of `call_shapes`.
    last_shape: i64,
    shapes: HashMap<Shape, i64>,
    /// When each grant was used last, not yet written.
    used: HashMap<GrantId, (OrgId, Moment)>,
    /// The lines of the present transaction that open a call.
    opening: Vec<(CallId, i64)>,
    before: (i64, i64),
}

impl CallRows {
    pub(super) fn load(conn: &Connection) -> rusqlite::Result<Self> {
        let last = conn.query_row("SELECT coalesce(max(idx), 0) FROM calls", [], |r| r.get(0))?;
        let last_shape =
            conn.query_row("SELECT coalesce(max(id), 0) FROM call_shapes", [], |r| r.get(0))?;
        Ok(Self { last, last_shape, ..Self::default() })
    }

    /// Writes a line. `false`: there is a line of this id already, and nothing was written.
    pub(super) fn insert(
        &mut self,
        conn: &Connection,
        log: &mut Sequencer,
        line: Line,
        opens: bool,
    ) -> Result<bool, Fault> {
        let (org, grant) = (line.shape.org.clone(), line.shape.grant.clone());
        let marks = line.marks.as_deref();
        let capture = marks.and_then(|marks| marks.capture.as_ref());
        let told = capture
            .map(|capture| captures::told(conn, log.keys(), org.as_str(), capture))
            .transpose()?;
        let text = told.as_ref().map(|told| told.text.as_str());
        let leaf = log.decision(&line, text);
        let fingerprints = marks.and_then(|marks| marks.fingerprints.as_deref());
        let shape = self.shape(conn, &line.shape)?;
        let idx = self.last + 1;
        let inserted = conn
            .prepare_cached(
                "INSERT INTO calls (idx, id, at, shape, request_bytes, count, entry, \
                 approval, fingerprints, capture) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute(params![
                idx,
                line.id.0.as_slice(),
                line.at.micros(),
                shape,
                stored(line.request_bytes),
                line.count,
                stored(log.next()),
                line.approval.as_ref().map(crate::ApprovalId::as_str),
                fingerprints,
                text,
            ]);
        match inserted {
            Ok(_) => {}
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        }
        log.call(conn, idx, leaf)?;
        let place = (idx, Part::Arguments, line.at);
        captures::insert(conn, org.as_str(), place, capture, told.as_ref())?;
        self.last = idx;
        if opens {
            self.opening.push((line.id, idx));
        }
        self.used.insert(grant, (org, line.at));
        Ok(true)
    }

    /// Rows of `call_shapes` were removed: which ones there are is learnt anew.
    pub(super) fn forget_shapes(&mut self) {
        self.shapes.clear();
    }

    /// Starts a transaction.
    pub(super) fn begin(&mut self) {
        self.before = (self.last, self.last_shape);
        self.opening.clear();
    }

    /// The transaction stands: the calls that it opens.
    pub(super) fn committed(&mut self) -> std::vec::Drain<'_, (CallId, i64)> {
        self.opening.drain(..)
    }

    /// The transaction is undone, and with it every row it wrote.
    pub(super) fn undone(&mut self) {
        (self.last, self.last_shape) = self.before;
        self.shapes.retain(|_, id| *id <= self.before.1);
        self.opening.clear();
    }

    /// Whether a chore waits here.
    pub(super) fn has_chores(&self) -> bool {
        !self.used.is_empty()
    }

    /// Writes when each grant was used last, and where open calls begin: at `oldest_open`, or at a
    /// line of this transaction.
    pub(super) fn write_chores(
        &self,
        conn: &Connection,
        oldest_open: Option<i64>,
    ) -> rusqlite::Result<()> {
        let mut used = conn.prepare_cached(
            "INSERT INTO grant_activity (org, grant_id, last_call_at) VALUES (?1, ?2, ?3) \
             ON CONFLICT (org, grant_id) DO UPDATE SET \
             last_call_at = max(last_call_at, excluded.last_call_at)",
        )?;
        for (grant, (org, at)) in &self.used {
            used.execute(params![org.as_str(), grant.as_str(), at.micros()])?;
        }
        let opening = self.opening.iter().map(|(_, idx)| *idx);
        let oldest = opening.chain(oldest_open).min().unwrap_or(self.last + 1);
        super::open::meta_put(conn, "open_from", oldest)
    }

    /// The chores stand.
    pub(super) fn chores_done(&mut self) {
        self.used.clear();
    }

    /// The number of a shape, written now if it is new.
    fn shape(&mut self, conn: &Connection, shape: &Shape) -> Result<i64, Fault> {
        if let Some(id) = self.shapes.get(shape) {
            return Ok(*id);
        }
        let id = self.last_shape + 1;
        let policy = shape.policy.as_ref();
        conn.prepare_cached(
            "INSERT INTO call_shapes (id, org, grant_id, grant_label, identity, token_generation, \
             server_id, server_slug, version, method, tool, fingerprint, policy_id, \
             policy_version, verdict, rule, reason, known_args, unknown_args, charged) VALUES \
             (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, \
             ?19, ?20)",
        )?
        .execute(params![
            id,
            shape.org.as_str(),
            shape.grant.as_str(),
            shape.grant_label,
            shape.identity,
            shape.token_generation,
            shape.server.as_str(),
            shape.server_slug,
            shape.version,
            shape.method,
            shape.tool,
            shape.fingerprint,
            policy.map(|(id, _)| id.as_str()),
            policy.map(|(_, number)| number),
            shape.verdict,
            shape.rule,
            shape.reason,
            names(&shape.known_args),
            shape.unknown_args,
            names(&shape.charged),
        ])?;
        self.last_shape = id;
        if self.shapes.len() >= SHAPES_MAX {
            self.shapes.clear();
        }
        self.shapes.insert(shape.clone(), id);
        Ok(id)
    }
}

/// Writes an outcome beside its line; a second one changes nothing.
pub(super) fn insert_outcome(
    conn: &Connection,
    log: &mut Sequencer,
    idx: i64,
    outcome: &Outcome,
) -> Result<(), Fault> {
    let capture = outcome.capture.as_deref();
    let (org, told) = match capture {
        None => (String::new(), None),
        Some(capture) => {
            let sql = "SELECT s.org FROM calls c JOIN call_shapes s ON s.id = c.shape \
                       WHERE c.idx = ?1";
            let org: String = conn.prepare_cached(sql)?.query_row([idx], |row| row.get(0))?;
            let told = captures::told(conn, log.keys(), &org, capture)?;
            (org, Some(told))
        }
    };
    let text = told.as_ref().map(|told| told.text.as_str());
    let leaf = log.outcome(outcome, text);
    let inserted = conn
        .prepare_cached(
            "INSERT INTO outcomes (idx, at, class, detail, upstream_status, response_bytes, \
             took_micros, upstream_micros, echo_removed, entry, capture) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (idx) DO NOTHING",
        )?
        .execute(params![
            idx,
            outcome.at.micros(),
            outcome.class.as_str(),
            outcome.detail,
            outcome.upstream_status,
            stored(outcome.response_bytes),
            stored(outcome.took_micros),
            stored(outcome.upstream_micros),
            outcome.echo_removed,
            stored(log.next()),
            text,
        ])?;
    if inserted != 1 {
        return Ok(());
    }
    captures::insert(conn, &org, (idx, Part::Result, outcome.at), capture, told.as_ref())?;
    log.ended(conn, idx, leaf)
}

/// A count as SQLite keeps it.
fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A list of names as JSON text.
fn names(list: &[Arc<str>]) -> String {
    let list = list.iter().map(|name| Value::from(&**name)).collect();
    String::from_utf8(json::write_to_vec(&Value::Array(list))).unwrap_or_default()
}
