//! What a message says: as JSON for programs, as a few lines for people. Names come from policies
//! and upstreams, so whatever steers a reader's screen is taken out of them.

use serde_json::{Value, json};
use store::{ApprovalFacts, ApprovalState, Delivery, Moment};

/// The longest name that is repeated to people, in characters.
const NAME_MAX: usize = 200;

/// A text for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// One line.
    pub subject: String,
    /// The lines, each a name and what it holds.
    pub lines: Vec<(&'static str, String)>,
    /// What the policy says to them.
    pub said: Option<String>,
    /// Where they decide.
    pub link: Option<String>,
}

/// Where an approval is decided. Opening the page decides nothing.
pub fn link(base: &str, of: &ApprovalFacts) -> String {
    format!("{}/approvals/{}", base.trim_end_matches('/'), of.id)
}

/// The body of a webhook.
pub fn body(of: &Delivery, base: &str, now: Moment) -> Value {
    let data = of.approval.as_ref().map_or_else(
        || json!({"message": "a test of this channel: nothing waits"}),
        |facts| {
            json!({
                "approval": facts.id.as_str(),
                "state": facts.state.as_str(),
                "tool": facts.tool,
                "rule": facts.rule,
                "message": facts.message,
                "grant": facts.grant,
                "server": facts.server,
                "approvers": facts.approvers,
                "needed": facts.needed,
                "given": facts.given,
                "created_at": moment(facts.created_at),
                "expires_at": moment(facts.expires_at),
                "seconds_left": seconds_left(facts, now),
                "url": link(base, facts),
            })
        },
    );
    json!({
        "id": of.message.as_str(),
        "type": of.event,
        "timestamp": moment(of.created_at),
        "data": data,
    })
}

/// The same for people.
pub fn note(of: &Delivery, base: &str, now: Moment) -> Note {
    let Some(facts) = &of.approval else {
        let subject = "A test of this channel: nothing waits".to_owned();
        return Note { subject, lines: Vec::new(), said: None, link: None };
    };
    let tool = plain(&facts.tool);
    let subject = match facts.state {
        ApprovalState::Pending => format!("{tool} waits for a sign-off"),
        ApprovalState::Approved => format!("{tool} was approved and may run once"),
        ApprovalState::Denied => format!("{tool} was denied"),
        ApprovalState::Expired => format!("{tool} was not signed off in time"),
        ApprovalState::Withdrawn => format!("{tool} was taken back"),
        ApprovalState::Consumed => format!("{tool} has used its sign-off"),
    };
    let mut lines = vec![
        ("Rule", plain(&facts.rule)),
        ("Grant", plain(&facts.grant)),
        ("Server", plain(&facts.server)),
    ];
    let pending = facts.state == ApprovalState::Pending;
    if pending {
        let whom: Vec<String> = facts.approvers.iter().map(|whom| plain(whom)).collect();
        let people = if facts.needed == 1 { "one yes" } else { "several people" };
        lines.push(("Asked", format!("{} ({people} needed)", whom.join(", "))));
    }
    if pending || facts.state == ApprovalState::Approved {
        lines.push(("Time left", left(facts, now)));
    }
    let said = facts.message.as_deref().filter(|_| pending).map(plain);
    Note { subject, lines, said, link: Some(link(base, facts)) }
}

impl Note {
    /// The text of a mail.
    pub fn mail(&self) -> String {
        let mut text = format!("{}.\n", self.subject);
        if let Some(said) = &self.said {
            text.push_str(&format!("\n{said}\n"));
        }
        if !self.lines.is_empty() {
            text.push('\n');
        }
        for (name, value) in &self.lines {
            text.push_str(&format!("{name}: {value}\n"));
        }
        if let Some(link) = &self.link {
            text.push_str(&format!(
                "\n{link}\n\nOpening the link decides nothing. What exactly would be sent is shown \
                 there, to those who may decide.\n"
            ));
        }
        text
    }

    /// A message to Slack: one text, no previews of the link.
    pub fn slack(&self) -> Value {
        let mut text = format!("*{}*", escaped(&self.subject));
        if let Some(said) = &self.said {
            text.push_str(&format!("\n{}", escaped(said)));
        }
        for (name, value) in &self.lines {
            text.push_str(&format!("\n{name}: {}", escaped(value)));
        }
        if let Some(link) = &self.link {
            text.push_str(&format!("\n<{}|Open it> (opening decides nothing)", escaped(link)));
        }
        json!({"text": text, "unfurl_links": false, "unfurl_media": false})
    }
}

/// Slack reads these three as its own.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A name without what cannot be seen, cut where it is too long to be one.
fn plain(text: &str) -> String {
    let odd = |c: char| {
        c.is_control()
            || (c.is_whitespace() && c != ' ')
            || matches!(c,
                '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
                | '\u{fff0}'..='\u{fffb}' | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{10ffff}')
    };
    let shown: String =
        text.chars().take(NAME_MAX).map(|c| if odd(c) { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(NAME_MAX).is_some() { format!("{shown}…") } else { shown }
}

fn seconds_left(of: &ApprovalFacts, now: Moment) -> i64 {
    if of.state.has_ended() {
        return 0;
    }
    (of.expires_at.micros() - now.micros()).max(0) / 1_000_000
}

fn left(of: &ApprovalFacts, now: Moment) -> String {
    let until = moment(of.expires_at);
    match seconds_left(of, now) {
        0 => format!("none (it ended at {until})"),
        seconds @ 1..=119 => format!("{seconds} seconds (until {until})"),
        seconds @ 120..=7_199 => format!("{} minutes (until {until})", seconds / 60),
        seconds => format!("{} hours (until {until})", seconds / 3_600),
    }
}

fn moment(at: Moment) -> String {
    let at = jiff::Timestamp::from_microsecond(at.micros()).unwrap_or_default();
    at.round(jiff::Unit::Second).unwrap_or(at).to_string()
}

#[cfg(test)]
mod tests {
    use store::{ChannelId, DeliveryState, MessageId};

    use super::*;

    fn facts(state: ApprovalState) -> ApprovalFacts {
        ApprovalFacts {
            id: "apr_1".into(),
            state,
            tool: "refund <!channel>\u{202e}\n".to_owned(),
            rule: "/tools/refund/approve_if/args.amount-gt".to_owned(),
            message: Some("Large refunds need finance".to_owned()),
            grant: "support".to_owned(),
            server: "payments".to_owned(),
            approvers: vec!["group:finance".to_owned()],
            needed: 1,
            given: 0,
            created_at: Moment::of_micros(0),
            expires_at: Moment::of_micros(1_800_000_000),
        }
    }

    fn delivery(state: Option<ApprovalState>) -> Delivery {
        let event = state.map_or("test".to_owned(), |s| format!("approval.{}", s.as_str()));
        Delivery {
            seq: 1,
            channel: ChannelId::from("chn_1"),
            message: MessageId::from("msg_1"),
            event,
            approval: state.map(facts),
            created_at: Moment::of_micros(0),
            state: DeliveryState::Waiting,
            attempts: 0,
            next_at: Moment::of_micros(0),
            tried_at: None,
            ended_at: None,
            told: String::new(),
        }
    }

    #[test]
    fn a_message_says_tool_rule_time_left_and_a_link_and_steers_no_screen() {
        let of = delivery(Some(ApprovalState::Pending));
        let note = note(&of, "https://c.example/", Moment::of_micros(60_000_000));
        assert_eq!(note.subject, "refund <!channel>\u{fffd}\u{fffd} waits for a sign-off");
        let mail = note.mail();
        for said in [
            "Rule: /tools/refund/approve_if/args.amount-gt",
            "Time left: 29 minutes (until 1970-01-01T00:30:00Z)",
            "Asked: group:finance (one yes needed)",
            "Large refunds need finance",
            "\nhttps://c.example/approvals/apr_1\n",
        ] {
            assert!(mail.contains(said), "{said}: {mail}");
        }
        let slack = note.slack()["text"].as_str().unwrap().to_owned();
        assert!(slack.starts_with("*refund &lt;!channel&gt;"), "{slack}");
        assert!(slack.contains("<https://c.example/approvals/apr_1|Open it>"), "{slack}");
    }

    #[test]
    fn the_body_of_a_webhook_is_the_same_for_every_state() {
        for state in [ApprovalState::Pending, ApprovalState::Approved, ApprovalState::Consumed] {
            let told = body(&delivery(Some(state)), "https://c.example", Moment::of_micros(0));
            assert_eq!(told["type"], format!("approval.{}", state.as_str()));
            assert_eq!(told["id"], "msg_1");
            assert_eq!(told["data"]["state"], state.as_str());
            let left = if state.has_ended() { 0 } else { 1_800 };
            assert_eq!(told["data"]["seconds_left"], left);
            assert_eq!(told["data"]["url"], "https://c.example/approvals/apr_1");
        }
        let test = body(&delivery(None), "https://c.example", Moment::of_micros(0));
        assert_eq!(test["type"], "test");
        assert!(note(&delivery(None), "https://c.example", Moment::of_micros(0)).link.is_none());
    }
}
