//! Following the call log as it grows, as server-sent events.
//!
//! A line is sent once, as `call`, when it is written; its `id` is the line's index, so a client
//! that comes back with `Last-Event-ID` misses nothing. What becomes of a call that left is sent
//! as `outcome` with the whole line again.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use store::{Call, CallFilter, CallId, Page, StoreError, Verdict};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;

use crate::Control;
use crate::body::Asked;
use crate::calls::{CallOut, TailQuery};
use crate::operator::{Authorized, Operator};
use crate::problem::{Code, Problem, ProblemBody};
use crate::roles::Action;
use crate::serve::Closing;

/// How often a silent stream says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often the key is looked at again: a revoked one ends its streams within this.
const KEY_CHECK: Duration = Duration::from_secs(2);
/// Commits that come closer together than this are told together.
const GATHER: Duration = Duration::from_millis(50);
/// The most lines of one reading.
const LINES_MAX: u32 = 100;
/// The most calls in flight whose outcome is waited for; beyond it the oldest are let go.
const OPEN_MAX: usize = 128;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Follows the call log: an event per line, from now on or from `Last-Event-ID`.
#[utoipa::path(
    get, path = "/calls/tail", tag = "calls", operation_id = "calls_tail",
    params(
        TailQuery,
        ("Last-Event-ID" = Option<i64>, Header, description = "The index of the last line seen"),
    ),
    responses(
        (status = 200, description = "Events `call` and `outcome`, each with a line as data",
            body = CallOut, content_type = "text/event-stream"),
        (status = "4XX", body = ProblemBody),
    ),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn tail(
    State(control): State<Control>,
    who: Operator,
    asked: Asked,
    headers: HeaderMap,
    closing: Option<Extension<Closing>>,
) -> Result<Response, Problem> {
    let by = who.may(Action::CallsRead)?;
    let filter = asked.read::<TailQuery>()?.filter()?;
    let follower = Follower::start(control, by, filter, &headers, closing.map(|c| c.0)).await?;
    Ok(follower.stream())
}

/// One client that follows the log.
struct Follower {
    control: Control,
    by: Authorized,
    filter: CallFilter,
    /// The last line that was looked at.
    index: i64,
    /// Calls that were sent while they were in flight.
    open: VecDeque<CallId>,
    changed: watch::Receiver<u64>,
    closing: Option<watch::Receiver<bool>>,
    /// When the client last heard something.
    spoke_at: Instant,
    /// When the key was last found good.
    key_good_at: Instant,
    /// Whether the log may hold more than was read.
    behind: bool,
    greeted: bool,
    _room: OwnedSemaphorePermit,
}

impl Follower {
    async fn start(
        control: Control,
        by: Authorized,
        filter: CallFilter,
        headers: &HeaderMap,
        closing: Option<Closing>,
    ) -> Result<Self, Problem> {
        let room = control.inner.tails.clone().try_acquire_owned().map_err(|_| {
            Problem::new(Code::TooManyStreams, "close another stream first")
                .header(header::RETRY_AFTER, HeaderValue::from_static("5"))
        })?;
        // Listen first, read second: a line written in between is told by the next change.
        let mut changed = control.store.calls_changed();
        changed.mark_unchanged();
        let index = match last_event_id(headers)? {
            Some(index) => index,
            None => newest(&control, &by).await?,
        };
        Ok(Self {
            control,
            by,
            filter,
            index,
            open: VecDeque::new(),
            changed,
            closing: closing.map(|Closing(receiver)| receiver),
            spoke_at: Instant::now(),
            key_good_at: Instant::now(),
            behind: true,
            greeted: false,
            _room: room,
        })
    }

    fn stream(self) -> Response {
        let events = futures_util::stream::unfold(self, |mut follower| async move {
            let events = follower.next().await?;
            Some((Ok::<_, Infallible>(events), follower))
        });
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
            (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
        ];
        (headers, Body::from_stream(events)).into_response()
    }

    /// The next bytes of the stream; `None` ends it.
    async fn next(&mut self) -> Option<Bytes> {
        if !self.greeted {
            self.greeted = true;
            return Some(Bytes::from_static(b": following the call log\n\n"));
        }
        loop {
            // Looked at on every turn: a log that never rests must not keep an old key alive.
            if self.key_good_at.elapsed() >= KEY_CHECK {
                if !self.by.still(&self.control).await {
                    return None;
                }
                self.key_good_at = Instant::now();
            }
            if self.closing.as_ref().is_some_and(|closing| *closing.borrow()) {
                return None;
            }
            if self.behind {
                match self.read().await {
                    Ok(events) if events.is_empty() => {}
                    Ok(events) => {
                        self.spoke_at = Instant::now();
                        return Some(events.into());
                    }
                    // The client comes back with its Last-Event-ID once the store answers again.
                    Err(_) => return None,
                }
            }
            tokio::select! {
                changed = self.changed.changed() => {
                    changed.ok()?;
                    tokio::time::sleep(GATHER).await;
                    self.changed.mark_unchanged();
                    self.behind = true;
                }
                () = closed(&mut self.closing) => return None,
                () = tokio::time::sleep_until(self.key_good_at + KEY_CHECK) => {}
                () = tokio::time::sleep_until(self.spoke_at + HEARTBEAT) => {
                    self.spoke_at = Instant::now();
                    return Some(Bytes::from_static(b": alive\n\n"));
                }
            }
        }
    }

    /// The events of what the log holds beyond what was read.
    async fn read(&mut self) -> Result<String, StoreError> {
        let store = &self.control.store;
        let org = self.by.org();
        let mut events = String::new();

        let mut still_open = VecDeque::new();
        for id in std::mem::take(&mut self.open) {
            match store.call(org, &id).await? {
                Some(call) if call.outcome.is_some() => event("outcome", None, &call, &mut events),
                Some(_) => still_open.push_back(id),
                None => {}
            }
        }
        self.open = still_open;

        // The end of the log is read before its lines: what comes later is beyond it.
        let end = newest_index(&self.control, org).await?;
        let calls = store.calls_after(org, &self.filter, self.index, LINES_MAX).await?;
        self.behind = calls.len() >= LINES_MAX as usize;
        for call in &calls {
            event("call", Some(call.index), call, &mut events);
            self.index = self.index.max(call.index);
            if call.intent.verdict == Verdict::Allowed && call.outcome.is_none() {
                self.open.push_back(call.intent.id);
            }
        }
        while self.open.len() > OPEN_MAX {
            self.open.pop_front();
        }
        if !self.behind {
            // Lines that the filter leaves out need not be looked at again.
            self.index = self.index.max(end);
        }
        Ok(events)
    }
}

/// Waits until the listener goes away; for ever when there is none.
async fn closed(closing: &mut Option<watch::Receiver<bool>>) {
    match closing {
        Some(closing) => {
            let _ = closing.wait_for(|closing| *closing).await;
        }
        None => std::future::pending().await,
    }
}

fn event(name: &str, id: Option<i64>, call: &Call, out: &mut String) {
    use std::fmt::Write as _;
    let Ok(data) = serde_json::to_string(&CallOut::of(call)) else { return };
    if let Some(id) = id {
        let _ = writeln!(out, "id: {id}");
    }
    let _ = write!(out, "event: {name}\ndata: {data}\n\n");
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get(LAST_EVENT_ID) else { return Ok(None) };
    let index = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    index.filter(|index| *index >= 0).map(Some).ok_or_else(|| {
        Problem::field("Last-Event-ID", "invalid_value", "this header takes the id of an event")
    })
}

async fn newest(control: &Control, by: &Authorized) -> Result<i64, Problem> {
    Ok(newest_index(control, by.org()).await?)
}

async fn newest_index(control: &Control, org: &store::OrgId) -> Result<i64, StoreError> {
    let page = Page { after: None, limit: 1 };
    let newest = control.store.calls(org, &CallFilter::default(), &page).await?;
    Ok(newest.items.first().map_or(0, |call| call.index))
}
