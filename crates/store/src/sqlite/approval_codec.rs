//! What rules ask of people and what people said, as JSON in one spelling: row MACs cover it.

use json::{Limits, Object, Value};

use super::fault::{Fault, corrupt};
use crate::{ApprovalDecision, ApprovalNeed, MemberId, Moment};

const TABLE: &str = "approvals";

fn text(list: Vec<Value>) -> String {
    String::from_utf8(json::write_to_vec(&Value::Array(list))).unwrap_or_default()
}

fn texts(list: &[String]) -> Value {
    Value::Array(list.iter().map(|item| Value::from(item.as_str())).collect())
}

/// The needs as JSON.
pub(super) fn needs_text(needs: &[ApprovalNeed]) -> String {
    let spelled = needs.iter().map(|need| {
        let mut object = Object::new();
        object.insert("rule", need.rule.as_str());
        object.insert("approvers", texts(&need.approvers));
        object.insert("count", i64::from(need.count));
        object.insert("message", need.message.as_deref().map_or(Value::Null, Value::from));
        Value::Object(object)
    });
    text(spelled.collect())
}

/// Reads what [`needs_text`] gave.
pub(super) fn needs_of(text: &str) -> Result<Vec<ApprovalNeed>, Fault> {
    list(text)?
        .iter()
        .map(|value| {
            let object = value.as_object()?;
            let approvers = object.get("approvers")?.as_array()?.iter();
            Some(ApprovalNeed {
                rule: object.get("rule")?.as_str()?.to_owned(),
                approvers: approvers
                    .map(|a| Some(a.as_str()?.to_owned()))
                    .collect::<Option<_>>()?,
                count: integer(object.get("count")?)?.try_into().ok()?,
                message: match object.get("message")? {
                    Value::Null => None,
                    other => Some(other.as_str()?.to_owned()),
                },
            })
        })
        .collect::<Option<_>>()
        .ok_or_else(|| corrupt(TABLE))
}

/// The decisions as JSON.
pub(super) fn decisions_text(decisions: &[ApprovalDecision]) -> String {
    let spelled = decisions.iter().map(|said| {
        let mut object = Object::new();
        object.insert("member", said.member.as_str());
        object.insert("name", said.name.as_str());
        object.insert("approve", said.approve);
        let needs = said.needs.iter().map(|at| Value::from(i64::from(*at)));
        object.insert("needs", Value::Array(needs.collect()));
        object.insert("at", said.at.micros());
        object.insert("address", said.address.as_deref().map_or(Value::Null, Value::from));
        object.insert("note", said.note.as_str());
        Value::Object(object)
    });
    text(spelled.collect())
}

/// Reads what [`decisions_text`] gave.
pub(super) fn decisions_of(text: &str) -> Result<Vec<ApprovalDecision>, Fault> {
    list(text)?
        .iter()
        .map(|value| {
            let object = value.as_object()?;
            let needs = object.get("needs")?.as_array()?.iter();
            Some(ApprovalDecision {
                member: MemberId::from(object.get("member")?.as_str()?),
                name: object.get("name")?.as_str()?.to_owned(),
                approve: match object.get("approve")? {
                    Value::Bool(approve) => *approve,
                    _ => return None,
                },
                needs: needs.map(|at| integer(at)?.try_into().ok()).collect::<Option<_>>()?,
                at: Moment::of_micros(integer(object.get("at")?)?),
                address: match object.get("address")? {
                    Value::Null => None,
                    other => Some(other.as_str()?.to_owned()),
                },
                note: object.get("note")?.as_str()?.to_owned(),
            })
        })
        .collect::<Option<_>>()
        .ok_or_else(|| corrupt(TABLE))
}

fn list(text: &str) -> Result<Vec<Value>, Fault> {
    match json::read(text.as_bytes(), Limits::ANSWER) {
        Ok(Value::Array(list)) => Ok(list),
        _ => Err(corrupt(TABLE)),
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.text().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_and_decisions_read_back() {
        let needs = vec![
            ApprovalNeed {
                rule: "/tools/a~1b/approve_if/x".to_owned(),
                approvers: vec!["group:finance \"x\"".to_owned(), "role:admin".to_owned()],
                count: 2,
                message: Some("line\nend".to_owned()),
            },
            ApprovalNeed { rule: String::new(), approvers: vec![], count: 1, message: None },
        ];
        assert_eq!(needs_of(&needs_text(&needs)).unwrap(), needs);
        let said = |approve, needs, address: Option<&str>| ApprovalDecision {
            member: MemberId::from("mem_1"),
            name: "Ada".to_owned(),
            approve,
            needs,
            at: Moment::of_micros(-5),
            address: address.map(str::to_owned),
            note: "fine 👍".to_owned(),
        };
        let decisions = vec![said(true, vec![0, 1], Some("::1")), said(false, vec![], None)];
        assert_eq!(decisions_of(&decisions_text(&decisions)).unwrap(), decisions);
        for bad in ["", "{}", "[1]", "[{}]"] {
            assert!(needs_of(bad).is_err() && decisions_of(bad).is_err(), "{bad}");
        }
    }
}
