//! Approve: what a person must sign off goes no further without them. What was signed is one call,
//! to the letter; whatever differs is another question.

use std::sync::Arc;

use json::{Object, Value};
use policy::{Allowed, ApprovalNeeded, Charge, Held, ToolCall};
use store::{
    Approval, ApprovalAsk, ApprovalNeed, ApprovalState, Asked as Answer, SignedOff, Verdict,
};
use vault::Secret;

use crate::authenticate::Caller;
use crate::record::{self, Line};
use crate::refusal::{Denied, Refusal};
use crate::road::Gateway;

/// A call that needs no person, or has one.
///
/// - **Source**: [`allowed`]; a held call never becomes one.
pub(crate) struct Approved {
    allowed: Allowed,
    signed: Option<SignedOff>,
}

/// A call that the policy allows: by itself, or now that people have signed it off. Only the
/// reservation knows whether what was signed is still good.
pub(crate) fn allowed(allowed: Allowed, signed: Option<SignedOff>) -> Approved {
    Approved { allowed, signed }
}

impl Approved {
    /// The call, what must be reserved for it, and the approval it uses up.
    pub(crate) fn into_parts(self) -> (ToolCall, Vec<Charge>, Option<SignedOff>) {
        let (call, charges) = self.allowed.into_parts();
        (call, charges, self.signed)
    }
}

/// What stands between a held call and the upstream.
pub(crate) enum Standing {
    /// People have signed it off: judge it again, with these rules answered.
    Signed { call: ToolCall, signed: SignedOff, rules: Vec<Arc<str>> },
    /// It waits for people.
    Waits { call: ToolCall, approval: Box<Approval> },
}

/// The rules whose line of the log is due.
fn rule_of(needs: &[ApprovalNeeded]) -> Arc<str> {
    needs.first().map_or_else(record::no_text, |need| Arc::clone(&need.rule))
}

/// Asks for the sign-off of a held call, or finds what was said about this very call before.
///
/// - **Errors**: what ends the call here: it was denied, its time is over, it cannot be asked for.
pub(crate) async fn person(
    gateway: &Gateway,
    caller: &Caller,
    held: Held,
    responses: Option<&Value>,
    line: &mut Line,
) -> Result<Standing, Refusal> {
    let (call, needs) = held.into_parts();
    let rule = rule_of(&needs);
    line.decided(Verdict::Held, Arc::clone(&rule), "approval_required");
    let policy = caller.attached.policy.as_ref().ok_or(Refusal::Unavailable)?;
    let digest = digest(caller, &call, &needs, responses);
    let (grant, server) = (&caller.grant, &caller.attached.server);
    let seconds = needs.iter().map(|need| need.expires_in.as_secs()).min().unwrap_or(0);
    let ask = ApprovalAsk {
        org: grant.org.clone(),
        digest,
        grant: grant.id.clone(),
        grant_label: Arc::clone(&grant.label),
        identity: Arc::clone(&grant.identity),
        server: server.id.clone(),
        server_slug: Arc::clone(&server.slug),
        credential: credential_of(caller),
        tool: call.tool.clone(),
        fingerprint: server.tools.get(&call.tool).and_then(|tool| tool.fingerprint.clone()),
        policy: (policy.id.clone(), policy.version),
        needs: needs.iter().map(spelled).collect(),
        expires_in_seconds: i64::try_from(seconds).unwrap_or(i64::MAX),
        call: line.id(),
        arguments: shown(&call, responses),
    };
    let answer = gateway.store.approving().approval_ask(ask).await.map_err(|error| {
        tracing::error!(%error, "a sign-off could not be asked for; the call is refused");
        Refusal::Unavailable
    })?;
    let approval = match answer {
        Answer::Stands(approval) => approval,
        Answer::TooMany => return Err(cannot_ask(line, rule, "too_many_approvals")),
        Answer::TooLong => return Err(cannot_ask(line, rule, "approval_too_long")),
    };
    match approval.state_at(gateway.clock.now()) {
        ApprovalState::Pending => Ok(Standing::Waits { call, approval }),
        ApprovalState::Approved => {
            let signed = SignedOff { id: approval.id.clone(), digest };
            let rules = needs.into_iter().map(|need| need.rule).collect();
            Ok(Standing::Signed { call, signed, rules })
        }
        state => Err(ended(gateway, &approval, state, line).await),
    }
}

/// What is signed off, to the letter. Order and blanks of the arguments do not count, every other
/// byte of them does: number text is what the upstream receives.
fn digest(
    caller: &Caller,
    call: &ToolCall,
    needs: &[ApprovalNeeded],
    responses: Option<&Value>,
) -> [u8; 32] {
    let (grant, server) = (&caller.grant, &caller.attached.server);
    let text = |text: Option<&str>| text.map_or(Value::Null, Value::from);
    let mut bound = Object::new();
    bound.insert("org", grant.org.as_str());
    bound.insert("grant", grant.id.as_str());
    bound.insert("server", server.id.as_str());
    bound.insert("url", text(server.uri.as_ref().map(ToString::to_string).as_deref()));
    let credential = credential_of(caller);
    bound.insert("credential", text(credential.as_ref().map(|(id, _)| id.as_str())));
    bound.insert("credential_generation", credential.map_or(0, |(_, generation)| generation));
    bound.insert("tool", call.tool.as_str());
    let fingerprint = server.tools.get(&call.tool).and_then(|tool| tool.fingerprint.as_deref());
    bound.insert("fingerprint", text(fingerprint));
    bound.insert("arguments", call.arguments.clone().map_or(Value::Null, Value::Object));
    bound.insert("input_responses", responses.cloned().unwrap_or(Value::Null));
    let policy = caller.attached.policy.as_ref();
    bound.insert("policy", text(policy.map(|policy| policy.id.as_str())));
    bound.insert("policy_version", policy.map_or(0, |policy| i64::from(policy.version)));
    let rules = needs.iter().map(|need| Value::from(need.rule.as_ref()));
    bound.insert("rules", Value::Array(rules.collect()));
    let mut bytes = b"countersign/approval/v1".to_vec();
    bytes.extend_from_slice(&json::canonical(&Value::Object(bound)));
    crate::digest::sha256(&bytes)
}

fn credential_of(caller: &Caller) -> Option<(store::CredentialId, i64)> {
    caller.attached.server.credential_is.clone()
}

/// What a person sees: the judged arguments as they would be sent, and nothing the agent says
/// around them.
fn shown(call: &ToolCall, responses: Option<&Value>) -> Secret {
    let mut object = Object::new();
    let arguments = call.arguments.clone().unwrap_or_default();
    object.insert("arguments", Value::Object(arguments));
    if let Some(responses) = responses {
        object.insert("input_responses", responses.clone());
    }
    Secret::new(json::write_to_vec(&Value::Object(object)))
}

fn spelled(need: &ApprovalNeeded) -> ApprovalNeed {
    ApprovalNeed {
        rule: need.rule.to_string(),
        approvers: need.approvers.iter().map(ToString::to_string).collect(),
        count: need.count,
        message: need.message.as_deref().map(str::to_owned),
    }
}

/// The call waits, and the agent has waited long enough with it.
pub(crate) fn pending(gateway: &Gateway, approval: &Approval, line: &Line) -> Refusal {
    let said = approval.needs.iter().find_map(|need| need.message.as_deref());
    let said = said.map_or_else(String::new, |text| format!("{text}. "));
    let message = format!(
        "NOT EXECUTED. {said}This call waits for a person's sign-off (approval {}, rule {}, until \
         {}){}. Call the same tool again with identical arguments after it is approved.",
        approval.id,
        approval.rule(),
        moment(approval.expires_at),
        link(gateway, approval).map_or_else(String::new, |link| format!(": {link}")),
    );
    let told = Told { decision: "held", reason: "approval_required", message };
    told.refusal(gateway, approval, ApprovalState::Pending, line, None)
}

/// What became of a sign-off that is over.
pub(crate) async fn ended(
    gateway: &Gateway,
    approval: &Approval,
    state: ApprovalState,
    line: &mut Line,
) -> Refusal {
    let id = &approval.id;
    let mut note = None;
    let (reason, message) = match state {
        ApprovalState::Denied => {
            note = note_of(gateway, approval).await;
            let said =
                note.as_ref().map_or_else(String::new, |note| format!(" They wrote: {note}"));
            ("approval_denied", format!("A person denied this call (approval {id}).{said}"))
        }
        ApprovalState::Consumed => (
            "approval_used",
            format!(
                "The sign-off {id} was used by an identical call, which was carried out. This one \
                 was not. Call again only if it is meant to happen once more: that asks anew."
            ),
        ),
        ApprovalState::Expired => (
            "approval_expired",
            format!("Nobody signed this call off in time (approval {id}). Call again to ask anew."),
        ),
        _ => (
            "approval_withdrawn",
            format!("The sign-off {id} was taken back. Call again to ask anew."),
        ),
    };
    line.decided(Verdict::Denied, approval.rule().into(), reason);
    Told { decision: "denied", reason, message }.refusal(gateway, approval, state, line, note)
}

/// What the person wrote, where the organisation lets agents read it.
async fn note_of(gateway: &Gateway, approval: &Approval) -> Option<String> {
    let said = approval.decisions.iter().find(|said| !said.approve && !said.note.is_empty())?;
    let settings = gateway.store.approving().approval_settings(&approval.org).await.ok()?;
    settings.show_notes.then(|| said.note.clone())
}

/// What an agent is told about its approval.
struct Told {
    decision: &'static str,
    reason: &'static str,
    message: String,
}

impl Told {
    fn refusal(
        self,
        gateway: &Gateway,
        approval: &Approval,
        state: ApprovalState,
        line: &Line,
        note: Option<String>,
    ) -> Refusal {
        let waits = state == ApprovalState::Pending;
        let mut object = Object::new();
        object.insert("id", approval.id.as_str());
        object.insert("state", state.as_str());
        object.insert("expires_at", moment(approval.expires_at));
        if waits {
            if let Some(link) = link(gateway, approval) {
                object.insert("url", link);
            }
            let whom = approval.needs.iter().flat_map(|need| &need.approvers);
            let whom = whom.map(|whom| Value::from(whom.as_str())).collect();
            object.insert("approvers", Value::Array(whom));
        }
        if let Some(note) = note {
            object.insert("note", note);
        }
        Refusal::Denied(Box::new(Denied {
            decision: self.decision,
            rule: approval.rule().into(),
            reason: self.reason,
            message: self.message,
            retry_after_ms: waits.then_some(gateway.config.holding.retry_after_ms),
            call: line.id().to_string(),
            more: vec![
                ("approval_id", Value::from(approval.id.as_str())),
                ("approval", Value::Object(object)),
            ],
        }))
    }
}

fn cannot_ask(line: &mut Line, rule: Arc<str>, reason: &'static str) -> Refusal {
    let message = match reason {
        "too_many_approvals" => {
            "Too many calls of this grant wait for a person's sign-off already."
        }
        "approval_leg" => {
            "An answer to a question of the upstream cannot be signed off; the call has ended."
        }
        _ => "The arguments are too long to be put before the people who would sign this call off.",
    };
    line.decided(Verdict::Denied, Arc::clone(&rule), reason);
    Refusal::Denied(Box::new(Denied {
        decision: "denied",
        rule,
        reason,
        message: message.to_owned(),
        retry_after_ms: (reason == "too_many_approvals").then_some(60_000),
        call: line.id().to_string(),
        more: Vec::new(),
    }))
}

/// A later leg that asks for a person: what was signed off did not hold the agent's answers.
pub(crate) fn not_in_a_leg(held: &Held, line: &mut Line) -> Refusal {
    cannot_ask(line, Arc::clone(held.rule()), "approval_leg")
}

/// Where people decide; opening it decides nothing.
pub(crate) fn link(gateway: &Gateway, approval: &Approval) -> Option<String> {
    let base = gateway.config.holding.link_base.as_deref()?;
    Some(format!("{}/approvals/{}", base.trim_end_matches('/'), approval.id))
}

fn moment(at: store::Moment) -> String {
    let at = jiff::Timestamp::from_microsecond(at.micros()).unwrap_or_default();
    at.round(jiff::Unit::Second).unwrap_or(at).to_string()
}
