//! Record: one line of the call log for every request of a grant, with names and never values.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use mcp::{Method, Version};
use store::{CallId, GrantId, Intent, Marks, OutcomeClass, Verdict};
use vault::{NoRandomness, OsRandom, Randomness};

use crate::agent::Agent;
use crate::authenticate::Caller;
use crate::observe;
use crate::refusal::Refusal;
use crate::road::{Arrived, Asked, Gateway};
use crate::settle::End;
use crate::snapshot::{PolicyEntry, ToolEntry};
use crate::trace::Trace;

/// A line that is being written down, from what is known so far.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) intent: Intent,
    /// The line's own id: a later leg stands under the id of its call meanwhile.
    pub(crate) own: CallId,
    /// It is in the log already, and there is nothing more to say.
    pub(crate) written: bool,
    /// When its request came in.
    pub(crate) arrived: Arrived,
    /// Its place in a trace.
    pub(crate) trace: Option<Box<Trace>>,
}

impl Line {
    /// A line for a request of this caller.
    pub(crate) fn of(gateway: &Gateway, caller: &Caller, arrived: Arrived, bytes: u64) -> Self {
        let (grant, server) = (&caller.grant, &caller.attached.server);
        let intent = Intent {
            id: new_id(gateway, arrived),
            at: arrived.at,
            org: grant.org.clone(),
            grant: grant.id.clone(),
            grant_label: grant.label.clone(),
            identity: grant.identity.clone(),
            token_generation: caller.token_generation,
            server: server.id.clone(),
            server_slug: server.slug.clone(),
            version: "",
            method: no_text(),
            tool: None,
            fingerprint: None,
            policy: caller.attached.policy.as_ref().map(|p| policy_of(p)),
            verdict: Verdict::Denied,
            rule: no_text(),
            reason: "",
            known_args: Vec::new(),
            unknown_args: 0,
            request_bytes: bytes,
            charged: Vec::new(),
            count: 1,
            marks: None,
        };
        Self { own: intent.id, intent, written: false, arrived, trace: None }
    }

    /// The version the request turned out to speak.
    pub(crate) fn version(&mut self, version: Version) {
        self.intent.version = version.as_str();
    }

    /// The method, if it is one we know: a stranger's words do not get into the log.
    pub(crate) fn method(&mut self, method: &Method) {
        if !matches!(method, Method::Unknown(_)) {
            self.intent.method = method_name(method);
        }
    }

    /// The tool that is called, within the grammar of names.
    pub(crate) fn tool(&mut self, name: &str, entry: Option<&ToolEntry>) {
        self.intent.tool = Some(entry.map_or_else(|| name.into(), |e| e.name.clone()));
        self.intent.fingerprint = entry.and_then(|e| e.fingerprint.clone());
    }

    /// The names of arguments that the accepted definition lists, and how many others there are.
    pub(crate) fn arguments(&mut self, call: &policy::ToolCall, entry: Option<&ToolEntry>) {
        self.intent.known_args.clear();
        self.intent.unknown_args = 0;
        let Some(arguments) = &call.arguments else { return };
        for name in arguments.names() {
            match entry.and_then(|e| e.arguments.iter().find(|a| ***a == *name)) {
                Some(known) => self.intent.known_args.push(known.clone()),
                None => self.intent.unknown_args += 1,
            }
        }
    }

    /// Keyed fingerprints of the arguments, where somebody has asked for them.
    pub(crate) fn fingerprints(&mut self, fingerprints: Option<String>) {
        self.intent.marks =
            fingerprints.map(|text| Box::new(Marks { fingerprints: Some(text), capture: None }));
    }

    /// The policy that judged.
    pub(crate) fn judged_by(&mut self, caller: &Caller) {
        self.intent.policy = caller.attached.policy.as_ref().map(|p| policy_of(p));
        self.intent.token_generation = caller.token_generation;
    }

    /// What was decided, and by which rule.
    pub(crate) fn decided(&mut self, verdict: Verdict, rule: Arc<str>, reason: &'static str) {
        self.intent.verdict = verdict;
        self.intent.rule = rule;
        self.intent.reason = reason;
    }

    /// Writes that the call waits for people.
    pub(crate) async fn held(&mut self, gateway: &Gateway) -> Result<(), Refusal> {
        refused(gateway, self.clone(), self.intent.reason).await?;
        self.written = true;
        Ok(())
    }

    /// Goes on as a line of its own: what becomes of a call that has waited is another decision.
    pub(crate) fn goes_on(&mut self, gateway: &Gateway, asked: &Asked) {
        self.intent.id = new_id(gateway, asked.arrived);
        self.own = self.intent.id;
        self.written = false;
    }

    /// The call's id.
    pub(crate) fn id(&self) -> CallId {
        self.intent.id
    }
}

fn policy_of(policy: &PolicyEntry) -> (store::PolicyId, u32) {
    (policy.id.clone(), policy.version)
}

/// The empty text, shared.
pub(crate) fn no_text() -> Arc<str> {
    static EMPTY: std::sync::OnceLock<Arc<str>> = std::sync::OnceLock::new();
    EMPTY.get_or_init(|| "".into()).clone()
}

fn method_name(method: &Method) -> Arc<str> {
    static CALL: std::sync::OnceLock<Arc<str>> = std::sync::OnceLock::new();
    match method {
        Method::ToolsCall => CALL.get_or_init(|| Method::ToolsCall.as_str().into()).clone(),
        other => other.as_str().into(),
    }
}

fn new_id(gateway: &Gateway, arrived: Arrived) -> CallId {
    let random = gateway.ids.draw(&OsRandom).unwrap_or_else(|_| {
        // Without randomness ids are still unique by time and place in memory order; credentials
        // and tokens are never made from this.
        tracing::error!("the machine gives no randomness");
        let mut counted = [0; ID_RANDOM];
        counted.copy_from_slice(&gateway.floods.next().to_be_bytes()[6..]);
        counted
    });
    CallId::new(arrived.at, random)
}

/// Random bytes in an id.
const ID_RANDOM: usize = 10;
/// For how many ids the machine is asked at once.
const IDS_AT_ONCE: usize = 64;

/// Random bytes for the ids of calls. The machine is asked for many at once, since asking costs
/// more than all else about an id; nothing that must stay secret is made from these.
#[derive(Default)]
pub(crate) struct Ids(Mutex<Vec<u8>>);

impl Ids {
    fn draw(&self, source: &dyn Randomness) -> Result<[u8; ID_RANDOM], NoRandomness> {
        let mut drawn = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if drawn.len() < ID_RANDOM {
            let mut fresh = vec![0; ID_RANDOM * IDS_AT_ONCE];
            source.fill(&mut fresh)?;
            *drawn = fresh;
        }
        let mut random = [0; ID_RANDOM];
        let rest = drawn.len() - ID_RANDOM;
        random.copy_from_slice(drawn.split_at(rest).1);
        drawn.truncate(rest);
        Ok(random)
    }
}

/// Writes the line of a request that goes no further.
///
/// - **Errors**: [`Refusal::Unavailable`] when it cannot be written; the agent is told that instead.
pub(crate) async fn refused(
    gateway: &Gateway,
    mut line: Line,
    reason: &'static str,
) -> Result<(), Refusal> {
    if line.written {
        return Ok(());
    }
    if line.intent.reason.is_empty() {
        line.intent.reason = reason;
    }
    if gateway.floods.folded(&line.intent) {
        observe::decided(gateway, &line);
        return Ok(());
    }
    gateway.store.call_refused(line.intent.clone()).await.map_err(|error| {
        tracing::error!(%error, "a refusal could not be recorded");
        Refusal::Unavailable
    })?;
    observe::decided(gateway, &line);
    Ok(())
}

/// Records a refusal and tells the agent.
pub(crate) async fn answer_refused(
    gateway: &Gateway,
    asked: &Asked,
    line: Line,
    refusal: Refusal,
    agent: Agent,
) {
    let refusal = match refused(gateway, line, refusal.reason()).await {
        Ok(()) => refusal,
        Err(unavailable) => unavailable,
    };
    agent.answer(refusal.reply(Some(&asked.id), asked.era));
}

/// Records that the answer to a request which is neither counted nor kept was not one that may be
/// passed. What the upstream did not answer at all is its operator's business, not this log's.
pub(crate) async fn answer_not_passed(gateway: &Gateway, line: Line, end: Option<End>) {
    let Some(end) = end.filter(|end| end.class == OutcomeClass::Unknown) else { return };
    if ["", "agent_gone", Refusal::OutcomeUnknown.reason()].contains(&end.detail) {
        return;
    }
    // The agent has been told already; that it cannot be recorded was told to the log.
    let _told = refused(gateway, line, end.detail).await;
}

/// Lines of one kind that a grant may cause in a second; the rest are folded into one.
const LINES_PER_SECOND: u32 = 50;
/// Kinds of refusals that are folded at once; beyond, lines are written one by one.
const KINDS_MAX: usize = 4_096;

/// Grant, reason, tool and rule. A name that is no tool's stands for itself no more than any other:
/// whoever makes up names does not make up kinds.
type FloodKey = (GrantId, &'static str, Option<Arc<str>>, Arc<str>);

/// The second that is counted, and in it how many lines of each kind were written, and the one line
/// that stands for those that were not.
type Second = (i64, HashMap<FloodKey, (u32, Option<Intent>)>);

/// Refusals that come faster than anyone reads. They are counted, and one line says how many.
#[derive(Default)]
pub(crate) struct Floods {
    second: Mutex<Second>,
    drawn: std::sync::atomic::AtomicU64,
}

impl Floods {
    /// Takes a line if its kind has had its share of this second; it will stand in a counted line.
    fn folded(&self, intent: &Intent) -> bool {
        let mut second = self.lock();
        let tool = intent.tool.clone().filter(|_| intent.fingerprint.is_some());
        let key = (intent.grant.clone(), intent.reason, tool, intent.rule.clone());
        if second.1.len() >= KINDS_MAX && !second.1.contains_key(&key) {
            return false;
        }
        let (seen, folded) = second.1.entry(key).or_default();
        *seen += 1;
        if *seen <= LINES_PER_SECOND {
            return false;
        }
        match folded {
            Some(line) => line.count = line.count.saturating_add(1),
            None => {
                let tool = intent.tool.clone().filter(|_| intent.fingerprint.is_some());
                // It stands for many: what one of them held is not said of all.
                *folded = Some(Intent { tool, marks: None, ..intent.clone() });
            }
        }
        true
    }

    /// The counted lines of the second that is over.
    pub(crate) fn collect(&self, now: store::Moment) -> Vec<Intent> {
        let mut second = self.lock();
        let this = now.micros() / 1_000_000;
        if second.0 == this {
            return Vec::new();
        }
        second.0 = this;
        std::mem::take(&mut second.1).into_values().filter_map(|(_, folded)| folded).collect()
    }

    /// What is folded now, whether or not its second is over.
    pub(crate) fn rest(&self) -> Vec<Intent> {
        let mut second = self.lock();
        std::mem::take(&mut second.1).into_values().filter_map(|(_, folded)| folded).collect()
    }

    fn next(&self) -> u128 {
        let count = self.drawn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        (u128::from(std::process::id()) << 48) | u128::from(count)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Second> {
        self.second.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    struct Dry;

    impl Randomness for Dry {
        fn fill(&self, _: &mut [u8]) -> Result<(), NoRandomness> {
            Err(NoRandomness)
        }
    }

    #[test]
    fn no_random_bytes_are_used_for_two_ids() {
        let ids = Ids::default();
        let drawn: HashSet<_> =
            (0..IDS_AT_ONCE * 3).map(|_| ids.draw(&OsRandom).unwrap()).collect();
        assert_eq!(drawn.len(), IDS_AT_ONCE * 3);
    }

    #[test]
    fn a_machine_without_randomness_is_told_of_and_no_zeroes_are_drawn() {
        let ids = Ids::default();
        ids.draw(&OsRandom).unwrap();
        let left = (0..IDS_AT_ONCE).take_while(|_| ids.draw(&Dry).is_ok()).count();
        assert_eq!(left, IDS_AT_ONCE - 1);
        assert!(ids.draw(&Dry).is_err());
        assert!(ids.draw(&OsRandom).is_ok());
    }
}
