//! What an approver is shown of a call: rendered from the judged bytes alone, the rule's fields
//! first, whatever cannot be seen as an escape; and what the call would come to if it were made now.

use std::fmt::Write as _;

use json::{Limits, Object, Value};
use policy::{Decision, Definition, GrantFacts, Policy, Question, ToolCall, Unused};
use serde::Serialize;
use store::{Amount, AmountCurrency, Approval};
use utoipa::ToSchema;
use vault::Secret;

use crate::currency::Currency;
use crate::operator::Authorized;
use crate::problem::{Code, Problem};
use crate::simulate::definition_of;
use crate::usage::decimal;
use crate::{Control, amounts};

/// Exactly what will be sent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Arguments {
    /// Field by field: those the rules name first, in their order, then the others in the call's.
    fields: Vec<FieldOut>,
    /// Answers to questions of the upstream, which are sent along.
    input_responses: Vec<FieldOut>,
}

/// One field.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FieldOut {
    /// The name, with everything as an escape but plain letters: names that look the same read the same here
    /// only if they are the same.
    name: String,
    /// The name as it reads, where that tells more: it has letters beyond ASCII that pass for no others.
    name_read: Option<String>,
    /// `string`, `number`, `boolean`, `null`, `array` or `object`.
    kind: &'static str,
    /// The value as it is sent: a string without its quotes, anything else as JSON. Characters that
    /// cannot be seen, or pass for Latin letters in a word, stand as `\u{…}`.
    value: String,
    /// How many characters the value has, before escapes: fold what is long.
    characters: usize,
    /// Whether something in the name or the value had to be escaped.
    escaped: bool,
    /// Whether a rule names it. Other text is the agent's own prose.
    named_by_rule: bool,
    /// The same as money, where an admin has declared it to be an amount in minor units; `null` where
    /// nobody has, or where it is no whole number of a known currency.
    amount: Option<AmountShown>,
}

/// An amount as people write it.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct AmountShown {
    /// Such as `480.00`.
    value: String,
    /// The code of ISO 4217, such as `USD`.
    currency: &'static str,
}

/// What would become of the call.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Would {
    /// `allow`, `hold` or `deny` under the policy of this moment.
    outcome: &'static str,
    /// The rule that decides; empty for a plain allow.
    rule: String,
    /// What it would bring each limit to.
    limits: Vec<LimitEffect>,
}

/// What the call would bring a limit to. Amounts are decimals, as text.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LimitEffect {
    rule: String,
    counter: String,
    /// What the call adds.
    amount: String,
    /// What is counted now, calls in flight included.
    before: String,
    after: String,
    max: String,
    /// Whether it fits.
    fits: bool,
}

/// The opened arguments for people, and what would become of the call.
pub(super) async fn of(
    control: &Control,
    by: &Authorized,
    approval: &Approval,
    opened: &Secret,
) -> Result<(Arguments, Would), Problem> {
    let unreadable =
        || Problem::new(Code::Internal, "the arguments cannot be shown; deny the call");
    let read = json::read(opened.expose(), Limits::ANSWER).map_err(|_| unreadable())?;
    let part = |name: &str| read.get(name).and_then(Value::as_object);
    let arguments = part("arguments").ok_or_else(unreadable)?;
    let (policy, number) = &approval.policy;
    let judged = control.store.policy_version(by.org(), policy, *number).await?;
    let newest = match control.store.policy(by.org(), policy.as_str()).await? {
        Some(found) if found.latest == *number => judged.clone(),
        Some(found) => control.store.policy_version(by.org(), policy, found.latest).await?,
        None => None,
    };
    let named = judged.map_or_else(Vec::new, |version| named_by(&version.text, &approval.tool));
    let amounts = declared(control, by, approval).await?;
    let shown = Arguments {
        fields: fields(arguments, &named, &amounts),
        input_responses: part("input_responses").map_or_else(Vec::new, |of| fields(of, &[], &[])),
    };
    let would = match newest {
        Some(newest) => would(control, by, approval, arguments, &newest.text).await?,
        None => Would { outcome: "deny", rule: "(no policy)".to_owned(), limits: Vec::new() },
    };
    Ok((shown, would))
}

/// Which arguments of the tool were declared to be amounts, as long as that is said of its definition.
async fn declared(
    control: &Control,
    by: &Authorized,
    approval: &Approval,
) -> Result<Vec<Amount>, Problem> {
    let Some(view) = control.store.server(by.org(), approval.server.as_str()).await? else {
        return Ok(Vec::new());
    };
    let found = amounts::declared(control, by, &view.server.id, &approval.tool).await?;
    let tool = view.tools.iter().find(|tool| tool.name == approval.tool);
    let holds = tool.zip(found).filter(|(tool, declared)| declared.holds(tool));
    Ok(holds.map_or_else(Vec::new, |(_, declared)| declared.amounts))
}

/// An argument as money, where it was declared to be an amount and its currency is known.
fn as_money(name: &str, value: &Value, object: &Object, amounts: &[Amount]) -> Option<AmountShown> {
    let declared = amounts.iter().find(|amount| amount.argument == name)?;
    let code = match &declared.currency {
        AmountCurrency::Fixed(code) => code.as_str(),
        AmountCurrency::Argument(name) => match object.get(name)? {
            Value::String(code) => code,
            _ => return None,
        },
    };
    let currency = Currency::of(code)?;
    Some(AmountShown { value: currency.major(value)?, currency: currency.code })
}

/// The top-level arguments that the rules of a tool name, in the order of the document.
fn named_by(text: &[u8], tool: &str) -> Vec<String> {
    let mut named = Vec::new();
    let Ok(document) = json::read(text, Limits::ANSWER) else { return named };
    let tools = document.get("tools").and_then(Value::as_object);
    let own = tools.into_iter().flat_map(Object::iter).filter(|(key, _)| covers(key, tool));
    let entries = document.get("all_tools").into_iter().chain(own.map(|(_, entry)| entry));
    let entries: Vec<&Value> = entries.collect();
    for list in ["approve_if", "limits", "deny_if", "require"] {
        for entry in &entries {
            entry.get(list).into_iter().for_each(|list| paths(list, &mut named));
        }
    }
    named
}

/// Whether a key of the document, in which `*` stands for any run of characters, names the tool.
fn covers(key: &str, tool: &str) -> bool {
    let mut parts = key.split('*');
    let Some(mut rest) = tool.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut last = None;
    for part in parts {
        last = Some(part);
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    last.map_or(rest.is_empty(), |last| tool.ends_with(last))
}

fn paths(value: &Value, named: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let Some(path) = text.strip_prefix("args.") else { return };
            let name: String = path.chars().take_while(|c| !matches!(c, '.' | '[')).collect();
            if !named.contains(&name) {
                named.push(name);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| paths(value, named)),
        Value::Object(object) => {
            // Only what the language reads as a path: a value that looks like one is none.
            let places = ["path", "amount", "per", "conditions", "any", "all", "not"];
            let inside = object.iter().filter(|(name, _)| places.contains(name));
            inside.for_each(|(_, value)| paths(value, named));
        }
        _ => {}
    }
}

fn fields(object: &Object, named: &[String], amounts: &[Amount]) -> Vec<FieldOut> {
    let first = named.iter().filter_map(|name| Some((name.as_str(), object.get(name)?)));
    let is_named = |name: &str| named.iter().any(|known| known == name);
    let others = object.iter().filter(|(name, _)| !is_named(name));
    let shown = |(name, value): (&str, &Value)| FieldOut {
        amount: as_money(name, value, object, amounts),
        ..field(name, value, is_named(name))
    };
    first.chain(others).map(shown).collect()
}

fn field(name: &str, value: &Value, named_by_rule: bool) -> FieldOut {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let text = match value {
        Value::String(text) => text.clone(),
        other => String::from_utf8(json::write_to_vec(other)).unwrap_or_default(),
    };
    let shown = escaped(&text);
    let name_shown = plain_name(name);
    let escaped_some = shown != text || name_shown != name;
    FieldOut {
        name_read: Some(escaped(name))
            .filter(|read| *read != name_shown && has_foreign_letter(name)),
        name: name_shown,
        kind,
        characters: text.chars().count(),
        value: shown,
        escaped: escaped_some,
        named_by_rule,
        amount: None,
    }
}

/// The text with everything as an escape that cannot be seen, steers its neighbours, or passes for
/// something else: controls, blanks other than the space, marks of direction, digits of other
/// scripts, letters of other scripts in a word with Latin ones, and a backslash that would begin an
/// escape of its own.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_inclusive(|c: char| !c.is_alphanumeric()) {
        let latin = word.chars().any(|c| c.is_ascii_alphabetic());
        for c in word.chars() {
            put(&mut out, c, hides(c) || (latin && passes_for_latin(c)));
        }
    }
    out
}

/// A name with everything as an escape but ASCII: somebody else's letter, a blank at an end or two in
/// a row make another name that looks the same.
fn plain_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for (at, c) in name.char_indices() {
        let after = name.get(at + c.len_utf8()..).unwrap_or_default();
        let outer = at == 0 || after.is_empty() || after.starts_with(' ');
        put(&mut out, c, hides(c) || !c.is_ascii() || (c == ' ' && outer));
    }
    out
}

fn has_foreign_letter(name: &str) -> bool {
    name.chars().any(|c| !c.is_ascii() && c.is_alphabetic())
}

/// Adds a character, as an escape if it has to be one. A backslash before `u` is one, or it would
/// begin an escape that was written by the agent.
fn put(out: &mut String, c: char, escape: bool) {
    let begins = out.ends_with('\\') && c == 'u';
    if begins {
        out.pop();
        out.push_str("\\u{005c}");
    }
    if escape {
        let _ = write!(out, "\\u{{{:04x}}}", u32::from(c));
    } else {
        out.push(c);
    }
}

/// Letters that are drawn as Latin ones are: Greek, Cyrillic, Armenian, Cherokee, Coptic, Lisu, those
/// of phonetics, and the wide, mathematical and letter-like forms.
fn passes_for_latin(c: char) -> bool {
    matches!(c,
        '\u{0250}'..='\u{02af}' | '\u{0370}'..='\u{058f}' | '\u{13a0}'..='\u{13ff}'
        | '\u{1d00}'..='\u{1dbf}' | '\u{1f00}'..='\u{1fff}' | '\u{2100}'..='\u{214f}'
        | '\u{2c80}'..='\u{2cff}' | '\u{2de0}'..='\u{2dff}' | '\u{a4d0}'..='\u{a4ff}'
        | '\u{a640}'..='\u{a69f}' | '\u{ab30}'..='\u{abbf}' | '\u{ff01}'..='\u{ff5e}'
        | '\u{1d400}'..='\u{1d7ff}')
}

/// Beyond what is hidden everywhere: the empty pattern of Braille, marks that choose a form, digits of
/// other scripts, and blanks other than the space.
fn hides(c: char) -> bool {
    let blank = matches!(c, '\u{2800}' | '\u{fe00}'..='\u{fe0f}');
    let foreign_digit = c.is_numeric() && !c.is_ascii_digit();
    mcp::tools::is_hidden(c) || blank || foreign_digit || (c.is_whitespace() && c != ' ')
}

/// Judges the call as it would be judged if it were approved and made now.
async fn would(
    control: &Control,
    by: &Authorized,
    approval: &Approval,
    arguments: &Object,
    text: &[u8],
) -> Result<Would, Problem> {
    let refused = |rule: &str| Would { outcome: "deny", rule: rule.to_owned(), limits: Vec::new() };
    let Some(grant) = control.store.grant(by.org(), approval.grant.as_str()).await? else {
        return Ok(refused("(grant not active)"));
    };
    let server = control.store.server(by.org(), approval.server.as_str()).await?;
    let Some(server) = server else { return Ok(refused("(unknown tool)")) };
    let definition = definition_of(&server, &approval.tool);
    let facts = GrantFacts { label: grant.label, identity: grant.identity, tags: grant.tags };
    let now = jiff::Timestamp::from_microsecond(control.clock.now().micros());
    let now = now.map_err(|_| Problem::new(Code::Internal, "the clock is out of range"))?;
    let Some(decision) = judged(approval, arguments, text, &facts, &definition, now) else {
        return Ok(refused("(policy invalid)"));
    };
    let (outcome, rule) = (decision.outcome(), decision.rule().to_owned());
    let Decision::Allow(allowed) = decision else {
        return Ok(Would { outcome, rule, limits: Vec::new() });
    };
    let usage = control.store.usage(by.org(), &approval.grant).await?.limits;
    let limits = allowed.charges().iter().map(|charge| {
        let same = usage.iter().find(|limit| {
            let parts = limit.usage.key.parts();
            let per = parts.per.iter().zip(&charge.per);
            *limit.usage.rule == *charge.rule
                && *parts.server == *approval.server.as_str()
                && parts.per.len() == charge.per.len()
                && per.into_iter().all(|((_, value), per)| **value == *per.value)
        });
        let before = same.map_or(0, |l| l.usage.used + l.usage.held + l.usage.unknown);
        let after = before.saturating_add(charge.amount_millionths);
        LimitEffect {
            rule: charge.rule.to_string(),
            counter: charge.counter.to_string(),
            amount: decimal(charge.amount_millionths),
            before: decimal(before),
            after: decimal(after),
            max: decimal(charge.max_millionths),
            fits: after <= charge.max_millionths,
        }
    });
    Ok(Would { outcome, rule, limits: limits.collect() })
}

/// What the policy says of the call once its rules have their people.
fn judged(
    approval: &Approval,
    arguments: &Object,
    text: &[u8],
    grant: &GrantFacts,
    definition: &Definition,
    now: jiff::Timestamp,
) -> Option<Decision> {
    let policy = Policy::load(text).ok()?;
    let question = Question { policy: Some(&policy), grant, definition, usage: &Unused, now };
    let call = ToolCall { tool: approval.tool.clone(), arguments: Some(arguments.clone()) };
    let signed: Vec<&str> = approval.needs.iter().map(|need| need.rule.as_str()).collect();
    Some(policy::decide_signed(&question, call, &signed))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// V12.
    #[test]
    fn what_cannot_be_seen_is_shown_as_an_escape() {
        for (text, shown) in [
            ("plain text, ünï", "plain text, ünï"),
            ("<b>x</b>", "<b>x</b>"),
            ("a\u{202e}b", "a\\u{202e}b"),
            ("a\u{200b}\nb\t", "a\\u{200b}\\u{000a}b\\u{0009}"),
            ("٥00", "\\u{0665}00"),
            ("a\u{a0}b", "a\\u{00a0}b"),
            ("\\u{202e}", "\\u{005c}u{202e}"),
            ("\\n", "\\n"),
            ("\\\\u{41}", "\\\\u{005c}u{41}"),
            // A word of one script is somebody's language; a letter among others is a disguise.
            ("Сбербанк pays", "Сбербанк pays"),
            ("p\u{430}ypal.com", "p\\u{0430}ypal.com"),
            ("\u{391}cme \u{391}θήνα", "\\u{0391}cme Αθήνα"),
            ("ＩＢＡＮx", "\\u{ff29}\\u{ff22}\\u{ff21}\\u{ff2e}x"),
            ("naïve Łódź ﬁ", "naïve Łódź ﬁ"),
        ] {
            assert_eq!(escaped(text), shown);
        }
    }

    /// V12: names that look the same are told apart.
    #[test]
    fn two_names_that_look_the_same_are_shown_apart() {
        for (name, shown, read) in [
            ("amount", "amount", None),
            ("unit price", "unit price", None),
            ("amount ", "amount\\u{0020}", None),
            (" amount", "\\u{0020}amount", None),
            ("unit  price", "unit\\u{0020} price", None),
            ("\u{430}mount", "\\u{0430}mount", None),
            ("金額", "\\u{91d1}\\u{984d}", Some("金額")),
            ("größe", "gr\\u{00f6}\\u{00df}e", Some("größe")),
            ("e\u{301}", "e\\u{0301}", None),
            ("a\\u{62}", "a\\u{005c}u{62}", None),
            ("", "", None),
        ] {
            let field = field(name, &Value::Null, false);
            assert_eq!((field.name.as_str(), field.name_read.as_deref()), (shown, read), "{name}");
            assert_eq!(field.escaped, shown != name);
        }
    }

    #[test]
    fn the_fields_of_the_rules_come_first_in_their_order() {
        let policy = br#"{"tools": {"pay*": {"limits": [{"amount": "args.amount", "per": ["args.currency"]}],
            "approve_if": [{"conditions": [{"path": "args.to.iban", "op": "eq", "value": "args.note"}]}]},
            "other": {"deny_if": [{"conditions": [{"path": "args.secret"}]}]}}}"#;
        let named = named_by(policy, "pay_out");
        assert_eq!(named, ["to", "amount", "currency"]);
        let call = json::read(br#"{"note":"x","amount":1.0,"to":{"iban":"I"}}"#, Limits::ANSWER);
        let call = call.unwrap();
        let fields = fields(call.as_object().unwrap(), &named, &[]);
        let told: Vec<_> =
            fields.iter().map(|f| (f.name.as_str(), f.value.as_str(), f.named_by_rule)).collect();
        assert_eq!(
            told,
            [("to", r#"{"iban":"I"}"#, true), ("amount", "1.0", true), ("note", "x", false)]
        );
    }

    #[test]
    fn a_key_covers_the_tools_it_names() {
        for (key, tool, yes) in [
            ("pay", "pay", true),
            ("pay", "payout", false),
            ("pay*", "payout", true),
            ("*_read", "a_read", true),
            ("*_read", "a_reads", false),
            ("a*b*c", "axbyc", true),
            ("*", "x", true),
        ] {
            assert_eq!(covers(key, tool), yes, "{key} {tool}");
        }
    }
}
