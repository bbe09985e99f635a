//! Reads: resources, prompts and completion, judged by the policy's own sections. What passes is
//! recorded like a call.

use std::sync::Arc;
use std::time::Instant;

use mcp::call::Target;
use mcp::message::Request;
use mcp::{Malformed, Method};
use policy::Access;
use store::{BeginError, OutcomeClass, Verdict};

use crate::agent::Agent;
use crate::authenticate::Caller;
use crate::forward::{self, Outbound};
use crate::leg::{self, Leg, Subject};
use crate::record::{self, Line, no_text};
use crate::refusal::{Denied, Refusal};
use crate::road::{Asked, Gateway};
use crate::settle::{self, End};
use crate::{inject, lists};

/// Carries a request about resources or prompts.
pub(crate) async fn carry(
    gateway: Arc<Gateway>,
    mut asked: Asked,
    mut request: Request,
    mut line: Line,
    agent: Agent,
) {
    if matches!(
        request.method,
        Method::ResourcesList | Method::ResourceTemplatesList | Method::PromptsList
    ) {
        return lists::page(gateway, asked, request, line, agent).await;
    }
    let leg = match admit(&gateway, &mut asked, &mut request, &mut line).await {
        Ok(leg) => leg,
        Err(refusal) => {
            leg::refused(&gateway, &mut line);
            return record::answer_refused(&gateway, &asked, line, refusal, agent).await;
        }
    };
    let sent = Instant::now();
    let end = match inject::for_caller(&gateway, &asked.caller).await {
        Ok(injected) => {
            let relayed = Some((line.id(), leg.clone()));
            let outbound = Outbound::plain(&gateway, &asked, request, injected, relayed, &line);
            forward::once(&gateway, &asked, outbound, agent).await
        }
        Err(refusal) => {
            agent.answer(refusal.reply(Some(&asked.id), asked.era));
            Some(End::bare(OutcomeClass::NotSent, refusal.reason()))
        }
    };
    if let Some(end) = end
        && leg::ends_call(end.class)
    {
        settle::call(&gateway, &line, sent, end);
    }
}

/// Judges the request and writes its intent.
async fn admit(
    gateway: &Gateway,
    asked: &mut Asked,
    request: &mut Request,
    line: &mut Line,
) -> Result<Leg, Refusal> {
    let target = mcp::call::target(request, asked.era)?;
    if let Target::Resource(uri) = &target
        && !crate::uri::is_plain(uri)
    {
        let text = "`uri` is not in its plain form: lower-case scheme, no dot segments, no needless escapes";
        return Err(Malformed::new(mcp::malformed::INVALID_PARAMS, "bad_target", text).into());
    }
    let leg = leg(gateway, asked, request, &target, line)?;
    for _ in 0..4 {
        judge(&asked.caller, &target, line)?;
        line.decided(Verdict::Allowed, no_text(), "");
        line.judged_by(&asked.caller);
        if leg.is_continued() {
            return Ok(leg);
        }
        let begun =
            gateway.store.call_begin(line.intent.clone(), Vec::new(), asked.caller.judged_at);
        match begun.await {
            Ok(()) => {
                crate::observe::decided(gateway, line);
                return Ok(leg);
            }
            Err(BeginError::StaleView) => {
                crate::tool_call::renew(gateway, &mut asked.caller).await?;
            }
            Err(error) => {
                tracing::error!(%error, "an intent could not be recorded; the request is refused");
                line.decided(Verdict::Denied, no_text(), "store_unavailable");
                return Err(Refusal::Unavailable);
            }
        }
    }
    line.decided(Verdict::Denied, no_text(), "store_unavailable");
    Err(Refusal::Unavailable)
}

fn leg(
    gateway: &Gateway,
    asked: &Asked,
    request: &mut Request,
    target: &Target,
    line: &mut Line,
) -> Result<Leg, Refusal> {
    let name = match target {
        Target::Resource(name) | Target::Prompt(name) => name.as_str(),
        _ => "",
    };
    let arguments = request.params.as_ref().and_then(|p| p.get("arguments")).cloned();
    let subject =
        Subject::of(request.method.as_str(), name, &arguments.unwrap_or(json::Value::Null));
    let mut state = match request.params.as_mut().and_then(|p| p.remove("requestState")) {
        Some(json::Value::String(state)) => Some(state),
        _ => None,
    };
    let leg = leg::resume(gateway, &asked.caller, subject, &mut state, line)?;
    if let (Some(state), Some(params)) = (state, request.params.as_mut()) {
        params.insert("requestState", state);
    }
    Ok(leg)
}

fn judge(caller: &Caller, target: &Target, line: &mut Line) -> Result<(), Refusal> {
    let policy = caller.attached.policy.as_ref().and_then(|p| p.program.as_ref());
    let (what, access) = match (policy, target) {
        (None, _) => {
            return Err(denied("(no policy)", "no_policy", "The grant has no policy.", line));
        }
        (Some(policy), Target::Resource(uri) | Target::CompleteResource(uri)) => {
            ("resource", policy.resource(uri))
        }
        (Some(policy), Target::Prompt(name) | Target::CompletePrompt(name)) => {
            ("prompt", policy.prompt(name))
        }
        (Some(_), Target::Page { .. } | Target::Nothing) => return Err(Refusal::UnknownMethod),
    };
    match access {
        Access::Allow => Ok(()),
        Access::Hide => {
            line.decided(Verdict::Denied, "(hidden)".into(), "hidden");
            Err(Refusal::UnknownTarget(what))
        }
        Access::Deny { rule, message } => Err(denied(&rule, "deny", &message, line)),
    }
}

fn denied(rule: &str, reason: &'static str, message: &str, line: &mut Line) -> Refusal {
    line.decided(Verdict::Denied, rule.into(), reason);
    Refusal::Forbidden(Box::new(Denied {
        decision: "denied",
        rule: rule.into(),
        reason,
        message: message.to_owned(),
        retry_after_ms: None,
        call: line.id().to_string(),
        more: Vec::new(),
    }))
}
