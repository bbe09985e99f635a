//! `--drive`: plays the story by real HTTP through the gateway, shows each call with its line of the
//! log, and then asks the payments server whether that is what happened.

use std::time::Duration;

use serde_json::{Value, json};
use vault::Secret;

use super::agent::{Agent, Told};
use super::scene::Scene;
use super::{call, text};
use crate::api::{self, Api};
use crate::failure::Failure;
use crate::out::{self, Style};

/// The most calls the loop tries before it must have been stopped.
const LOOP_CALLS_MAX: u64 = 60;
/// What the policy allows in any minute.
const CALLS_A_MINUTE: u64 = 30;
/// How long the outcome of a call may take to stand in the log.
const OUTCOME_WAIT_MAX: Duration = Duration::from_secs(5);

/// One scene of the story: a call, and what must become of it.
struct Beat {
    title: &'static str,
    call: Value,
    decision: &'static str,
    rule: &'static str,
    /// What the agent must be told.
    told: fn(&Told) -> bool,
}

fn refund(amount: Value, currency: &str, reason: Option<&str>) -> Value {
    let mut arguments = json!({"payment": "pi_1001", "amount": amount, "currency": currency});
    if let Some(reason) = reason {
        arguments["reason"] = reason.into();
    }
    call("refund_payment", arguments)
}

const fn is_result(told: &Told) -> bool {
    matches!(told, Told::Result(_))
}

fn is_denial(told: &Told) -> bool {
    matches!(told, Told::Refused(text) if text.starts_with("[POLICY DENIED]"))
}

const fn is_unknown_tool(told: &Told) -> bool {
    matches!(told, Told::Error(-32602, _))
}

fn beginning() -> [Beat; 4] {
    [
        Beat {
            title: "An allowed read",
            call: call("list_invoices", json!({"customer": "cus_1001"})),
            decision: "allowed",
            rule: "",
            told: is_result,
        },
        Beat {
            title: "A refund without a reason",
            call: refund(json!(480), "usd", None),
            decision: "denied",
            rule: "/tools/refund_payment/require/args.reason-matches",
            told: is_denial,
        },
        Beat {
            title: "A refund in euros",
            call: refund(json!(480), "eur", Some("Arrived broken")),
            decision: "denied",
            rule: "/tools/refund_payment/deny_if/args.currency-not_in",
            told: is_denial,
        },
        Beat {
            title: "A refund of 480: small enough to go alone",
            call: refund(json!(480), "usd", Some("Arrived broken")),
            decision: "allowed",
            rule: "",
            told: is_result,
        },
    ]
}

fn ending() -> [Beat; 2] {
    [
        Beat {
            title: "A payout: not support's business",
            call: call(
                "create_payout",
                json!({"destination": "ba_1001", "amount": 100, "currency": "usd"}),
            ),
            decision: "denied",
            rule: "(default deny)",
            told: is_denial,
        },
        Beat {
            title: "A hidden tool: as if it were not there",
            call: call("delete_customer", json!({"customer": "cus_1001"})),
            decision: "denied",
            rule: "(hidden)",
            told: is_unknown_tool,
        },
    ]
}

/// What the payments server must have seen, by the story.
#[derive(Default)]
struct Expected {
    reads: u64,
    refunds: u64,
}

/// Plays the story and checks the ledger against it.
pub(super) async fn story(api: &Api, scene: &Scene, style: Style) -> Result<(), Failure> {
    let agent = Agent::new(scene.mcp_url(), scene.grant("support-agent"));
    let mut teller = Teller { api, style, number: 0, wrong: Vec::new() };
    let mut expected = Expected { reads: 1, refunds: 2 };

    for beat in beginning() {
        teller.play(&agent, beat).await?;
    }
    let finance = Secret::from(scene.member("finance").to_owned());
    let finance = Api::new(api::base(&scene.place.control_url)?, &finance)?;
    teller.signed_off(&agent, &finance).await?;
    expected.reads += teller.runaway(&agent).await?;
    for beat in ending() {
        teller.play(&agent, beat).await?;
    }
    teller.listed(&agent).await?;
    let ledger = ledger(&scene.place.ledger_url).await?;
    teller.check(&ledger, &expected)?;
    teller.end()
}

/// Tells the story, and remembers what did not happen as it should.
struct Teller<'a> {
    api: &'a Api,
    style: Style,
    number: u64,
    wrong: Vec<String>,
}

impl Teller<'_> {
    /// Plays one beat: the call, what the agent was told, the line of the log.
    async fn play(&mut self, agent: &Agent, beat: Beat) -> Result<(), Failure> {
        let told = agent.call(&beat.call).await?;
        let line = self.newest().await?;
        let as_it_should = (beat.told)(&told)
            && text(&line, "/decision") == beat.decision
            && text(&line, "/rule") == beat.rule
            && text(&line, "/tool") == text(&beat.call, "/name")
            && (beat.decision == "allowed") == (text(&line, "/outcome/class") == "completed");
        if !as_it_should {
            self.wrong.push(format!(
                "{}: expected {} by `{}`, the log has {} by `{}` ({})",
                beat.title,
                beat.decision,
                beat.rule,
                text(&line, "/decision"),
                text(&line, "/rule"),
                text(&line, "/outcome/class")
            ));
        }
        self.tell(beat.title, &beat.call, &told, &line, as_it_should)
    }

    /// A call that a person signs off while its agent waits: two lines of the log.
    async fn signed_off(&mut self, agent: &Agent, finance: &Api) -> Result<(), Failure> {
        const RULE: &str = "/tools/refund_payment/approve_if/args.amount-gt";
        let call = refund(json!(800), "usd", Some("Arrived broken"));
        let (told, held) = tokio::join!(agent.call(&call), self.by_finance(finance));
        let (told, held) = (told?, held?);
        let line = self.newest().await?;
        let was_held = text(&held, "/decision") == "held" && text(&held, "/rule") == RULE;
        let ran = is_result(&told)
            && text(&line, "/decision") == "allowed"
            && text(&line, "/reason") == "approved"
            && text(&line, "/rule") == RULE
            && text(&line, "/outcome/class") == "completed";
        if !was_held || !ran {
            self.wrong.push(format!(
                "a refund of 800: the log has {} and then {} ({})",
                text(&held, "/decision"),
                text(&line, "/decision"),
                text(&line, "/reason")
            ));
        }
        let waits = Told::Refused("it waits, and so does its agent".to_owned());
        let title = "A refund of 800: waits for finance, nothing is sent";
        self.tell(title, &call, &waits, &held, was_held)?;
        self.tell("Finance signs it off: this one call runs, once", &call, &told, &line, ran)
    }

    /// The finance member opens what waits for them and signs it off. Gives the line of the log
    /// that stood before.
    async fn by_finance(&self, finance: &Api) -> Result<Value, Failure> {
        let waiting = tokio::time::Instant::now();
        let asked = loop {
            let mut inbox = finance.query(&["approvals"], &[("which", "mine")]).await?;
            let first = inbox.pointer_mut("/items/0").map(Value::take).unwrap_or_default();
            if !first.is_null() {
                break text(&first, "/id");
            }
            if waiting.elapsed() > OUTCOME_WAIT_MAX {
                let what = "finance was not asked about the refund of 800";
                return Err(Failure::new("story", what, "please report this as a bug"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let held = self.held(waiting).await?;
        let opened = finance.act(&["approvals", &asked, "open"]).await?;
        let word = json!({"fingerprint": opened["fingerprint"], "note": "Seen the photo"});
        finance.post(&["approvals", &asked, "approve"], word.to_string()).await?;
        Ok(held)
    }

    /// The line of the log that says that the call waits: it comes a moment after the asking. Whatever
    /// stands there instead when the time is over is what the story is judged by.
    async fn held(&self, waiting: tokio::time::Instant) -> Result<Value, Failure> {
        loop {
            let line = self.newest().await?;
            if text(&line, "/decision") == "held" || waiting.elapsed() > OUTCOME_WAIT_MAX {
                return Ok(line);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// An agent that repeats itself: the limit stops it. Gives how many of its calls went through.
    async fn runaway(&mut self, agent: &Agent) -> Result<u64, Failure> {
        let title = "A loop: the same read over and over, until the limit stops it";
        let again = call("list_invoices", json!({}));
        let mut allowed = 0;
        let told = loop {
            let told = agent.call(&again).await?;
            if !is_result(&told) || allowed == LOOP_CALLS_MAX {
                break told;
            }
            allowed += 1;
        };
        let line = self.newest().await?;
        // Three calls of the story went before and count as well.
        let as_it_should = is_denial(&told)
            && allowed == CALLS_A_MINUTE - 3
            && text(&line, "/decision") == "denied"
            && text(&line, "/rule") == "/all_tools/limits/calls-per-minute";
        if !as_it_should {
            self.wrong.push(format!(
                "{title}: {allowed} calls went through, then {} by `{}`",
                text(&line, "/decision"),
                text(&line, "/rule")
            ));
        }
        self.tell(title, &again, &told, &line, as_it_should)?;
        Ok(allowed)
    }

    /// The list an agent sees does not name what is hidden.
    async fn listed(&mut self, agent: &Agent) -> Result<(), Failure> {
        let tools = agent.tools().await?;
        let hidden = !tools.iter().any(|tool| tool == "delete_customer");
        if !hidden || tools.len() != 5 {
            self.wrong.push(format!("the agent is shown these tools: {}", tools.join(", ")));
        }
        Ok(())
    }

    /// The newest line of the agent's calls, with its outcome if one is to come.
    async fn newest(&self) -> Result<Value, Failure> {
        let query = [("grant", "support-agent"), ("limit", "1")];
        let waiting = tokio::time::Instant::now();
        loop {
            let mut page = self.api.query(&["calls"], &query).await?;
            let line = page.pointer_mut("/items/0").map(Value::take).unwrap_or_default();
            let whole = text(&line, "/decision") != "allowed" || !line["outcome"].is_null();
            if whole || waiting.elapsed() > OUTCOME_WAIT_MAX {
                return Ok(line);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn tell(
        &mut self,
        title: &str,
        call: &Value,
        told: &Told,
        line: &Value,
        as_it_should: bool,
    ) -> Result<(), Failure> {
        self.number += 1;
        if self.style == Style::Json {
            let told = match told {
                Told::Result(text) => json!({"result": text}),
                Told::Refused(text) => json!({"refused": text}),
                Told::Error(code, text) => json!({"error": {"code": code, "message": text}}),
            };
            return Ok(out::json(&json!({
                "step": self.number, "title": title, "call": call, "told": told, "log": line,
                "ok": as_it_should,
            }))?);
        }
        let (how, words) = match told {
            Told::Result(text) => ("result ", text.clone()),
            Told::Refused(text) => ("refused", text.clone()),
            Told::Error(code, text) => ("error  ", format!("{code} {text}")),
        };
        let short: String = words.chars().take(100).collect();
        let more = if short.len() < words.len() { "…" } else { "" };
        let rule = match text(line, "/rule").as_str() {
            "" => String::new(),
            rule => format!("  by {rule}"),
        };
        let outcome = match text(line, "/outcome/class").as_str() {
            "" => "  nothing was sent".to_owned(),
            class => format!("  {class}"),
        };
        let mark = if as_it_should { "" } else { "   <-- not as it should be" };
        Ok(out::line(&format!(
            "\n{}. {title}{mark}\n   call     {} {}\n   {how}  {}{more}\n   log      {}  {}{rule}{outcome}",
            self.number,
            text(call, "/name"),
            call["arguments"],
            out::plain(&short),
            text(line, "/id"),
            text(line, "/decision"),
        ))?)
    }

    /// Compares the payments server's own ledger with the story.
    fn check(&mut self, ledger: &Value, expected: &Expected) -> Result<(), Failure> {
        let number = |pointer: &str| ledger.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
        let calls = |tool: &str| number(&format!("/totals/{tool}/calls"));
        let facts = [
            (
                "calls that reached the server",
                number("/tool_calls"),
                expected.reads + expected.refunds,
            ),
            ("reads", calls("list_invoices"), expected.reads),
            ("refunds", calls("refund_payment"), expected.refunds),
            ("payouts", calls("create_payout"), 0),
            ("customers deleted", calls("delete_customer"), 0),
        ];
        let refunded = text(ledger, "/totals/refund_payment/amounts/usd");
        let currencies = ledger
            .pointer("/totals/refund_payment/amounts")
            .and_then(Value::as_object)
            .map_or(0, serde_json::Map::len);
        let mut wrong: Vec<String> = facts
            .iter()
            .filter(|(_, found, expected)| found != expected)
            .map(|(what, found, expected)| {
                format!("the ledger has {found} {what}, the story {expected}")
            })
            .collect();
        if refunded != "1280" || currencies != 1 {
            wrong.push(format!("the ledger has {refunded} usd refunded, the story 1280"));
        }
        let agrees = wrong.is_empty();
        self.wrong.append(&mut wrong);
        if self.style == Style::Json {
            return Ok(out::json(&json!({"ledger": ledger["totals"], "agrees": agrees}))?);
        }
        let facts: Vec<String> =
            facts.iter().map(|(what, found, _)| format!("{found} {what}")).collect();
        Ok(out::line(&format!(
            "\nThe payments server's own ledger: {}, {refunded} usd refunded.",
            facts.join(", ")
        ))?)
    }

    fn end(self) -> Result<(), Failure> {
        if self.wrong.is_empty() {
            return match self.style {
                Style::Json => Ok(out::json(&json!({"ok": true}))?),
                Style::Human => Ok(out::line("It agrees with the log. The story is told.")?),
            };
        }
        Err(Failure::new(
            "story",
            "the story did not go as it should",
            "please report this as a bug, with what is printed above",
        )
        .listing(self.wrong))
    }
}

/// The payments server's ledger, read from itself.
async fn ledger(url: &str) -> Result<Value, Failure> {
    use http_body_util::{BodyExt as _, Empty};
    use hyper::body::Bytes;
    let failed = |what: String| Failure::new("demo", what, "please report this as a bug");
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
        .build_http::<Empty<Bytes>>();
    let url = url.parse().map_err(|_| failed("the ledger has no address".to_owned()))?;
    let answer =
        client.get(url).await.map_err(|error| failed(format!("the ledger is silent: {error}")))?;
    let body = answer.into_body().collect().await;
    let body = body.map_err(|error| failed(format!("the ledger was cut off: {error}")))?;
    serde_json::from_slice(&body.to_bytes()).map_err(|_| failed("the ledger is no JSON".to_owned()))
}
