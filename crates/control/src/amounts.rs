//! Arguments that are amounts in minor units: an admin declares them of a tool, and approvers read them as
//! money. Shown, never judged by.

use std::collections::HashSet;

use axum::Json;
use axum::extract::State;
use json::{Limits, Object, Value};
use serde::{Deserialize, Serialize};
use store::{Amount, AmountCurrency, Tool, ToolAmounts};
use utoipa::ToSchema;

use crate::body::Unread;
use crate::currency::Currency;
use crate::operator::{Authorized, Operator};
use crate::problem::{Fault, Problem, ProblemBody};
use crate::roles::Action;
use crate::{At, Control, servers};

/// An argument that is an amount in minor units, such as cents.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToolAmount {
    /// The name of the argument, at the top of the call's arguments.
    argument: String,
    /// Its currency, a code of ISO 4217, where it is always the same.
    currency: Option<String>,
    /// Otherwise the argument that says the currency.
    currency_argument: Option<String>,
}

/// Which arguments of a tool are amounts.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToolAmountsIn {
    /// The fingerprint of the accepted definition that was looked at.
    fingerprint: String,
    /// All of them, in place of those before; none withdraws what was declared.
    amounts: Vec<ToolAmount>,
}

/// Which arguments of a tool an admin has declared to be amounts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ToolAmountsOut {
    /// The fingerprint of the definition that it was declared of.
    fingerprint: String,
    /// Whether that is still the accepted definition, and the present one. Otherwise approvals show bare
    /// numbers again until it is declared anew.
    holds: bool,
    amounts: Vec<ToolAmount>,
}

impl ToolAmount {
    fn of(amount: &Amount) -> Self {
        let (currency, currency_argument) = match &amount.currency {
            AmountCurrency::Fixed(code) => (Some(code.clone()), None),
            AmountCurrency::Argument(name) => (None, Some(name.clone())),
        };
        Self { argument: amount.argument.clone(), currency, currency_argument }
    }

    /// What is declared, if the tool has such arguments.
    fn checked(self, at: usize, properties: &Object) -> Result<Amount, Box<Fault>> {
        let wrong = |field: &str, message: &str| {
            Box::new(Fault::new(format!("/amounts/{at}/{field}"), "invalid_value", message))
        };
        if !may_be(properties, &self.argument, &["integer", "number", "string"]) {
            return Err(wrong(
                "argument",
                "the tool lists no such argument that could be an amount",
            ));
        }
        let currency = match (self.currency, self.currency_argument) {
            (Some(code), None) => {
                let known = Currency::of(&code).ok_or_else(|| {
                    wrong("currency", "is a code of ISO 4217 with a minor unit, such as USD")
                })?;
                AmountCurrency::Fixed(known.code.to_owned())
            }
            (None, Some(name))
                if name != self.argument && may_be(properties, &name, &["string"]) =>
            {
                AmountCurrency::Argument(name)
            }
            (None, Some(_)) => {
                let message = "the tool lists no such argument that could be a currency";
                return Err(wrong("currency_argument", message));
            }
            _ => {
                let message = "an amount has either `currency` or `currency_argument`";
                return Err(wrong("currency", message));
            }
        };
        Ok(Amount { argument: self.argument, currency })
    }
}

/// Whether a schema lists an argument, and gives it one of these types or none.
fn may_be(properties: &Object, name: &str, types: &[&str]) -> bool {
    let Some(schema) = properties.get(name) else { return false };
    let fits =
        |value: &Value| matches!(value, Value::String(text) if types.contains(&text.as_str()));
    match schema.get("type") {
        None => true,
        Some(Value::Array(list)) => list.iter().any(fits),
        Some(one) => fits(one),
    }
}

/// What was declared of a tool.
pub(crate) async fn declared(
    control: &Control,
    by: &Authorized,
    server: &store::ServerId,
    tool: &str,
) -> Result<Option<ToolAmounts>, Problem> {
    let all = control.store.tool_amounts(by.org(), server).await?;
    Ok(all.into_iter().find(|declared| declared.tool == tool))
}

impl ToolAmountsOut {
    pub(crate) fn of(tool: &Tool, declared: &ToolAmounts) -> Self {
        Self {
            fingerprint: declared.fingerprint.clone(),
            holds: declared.holds(tool),
            amounts: declared.amounts.iter().map(ToolAmount::of).collect(),
        }
    }
}

/// Declares which arguments of a tool are amounts in minor units, and where their currency stands: an
/// approval then shows `48000` as 480.00 USD beside it. Nothing is judged by this. It is said of the
/// accepted definition and is void once the upstream changes that.
#[utoipa::path(
    put, path = "/servers/{id}/tools/{tool}/amounts", tag = "servers", operation_id = "tools_amounts",
    params(
        ("id" = String, Path, description = "Id or slug of the server"),
        ("tool" = String, Path, description = "Name of the tool"),
    ),
    request_body = ToolAmountsIn,
    responses((status = 200, body = ToolAmountsOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn set(
    State(control): State<Control>,
    who: Operator,
    At((id, tool)): At<(String, String)>,
    body: Unread,
) -> Result<Json<ToolAmountsOut>, Problem> {
    let by = who.may(Action::ServersWrite)?;
    Ok(Json(declare(&control, &by, &id, &tool, body.read().await?).await?))
}

async fn declare(
    control: &Control,
    by: &Authorized,
    id: &str,
    name: &str,
    given: ToolAmountsIn,
) -> Result<ToolAmountsOut, Problem> {
    let view = servers::find(control, by, id).await?;
    let tool = view.tools.iter().find(|tool| tool.name == name);
    let tool = tool.ok_or_else(|| Problem::no_such("tool"))?;
    let properties = properties_of(tool);
    let (mut amounts, mut faults, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
    for (at, amount) in given.amounts.into_iter().enumerate() {
        if !seen.insert(amount.argument.clone()) {
            let pointer = format!("/amounts/{at}/argument");
            faults.push(Fault::new(pointer, "invalid_value", "stands there twice"));
            continue;
        }
        match amount.checked(at, &properties) {
            Ok(amount) => amounts.push(amount),
            Err(fault) => faults.push(*fault),
        }
    }
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let declared = ToolAmounts { tool: name.to_owned(), fingerprint: given.fingerprint, amounts };
    control.store.tool_amounts_set(&by.by(), &view.server.id, declared.clone()).await?;
    Ok(ToolAmountsOut::of(tool, &declared))
}

/// The arguments that the accepted definition lists.
fn properties_of(tool: &Tool) -> Object {
    let accepted = tool.accepted.as_ref().map(|(definition, _)| definition);
    let read = accepted.and_then(|text| json::read(text, Limits::ANSWER).ok());
    let properties = read.as_ref().and_then(|read| read.get("inputSchema")?.get("properties"));
    properties.and_then(Value::as_object).cloned().unwrap_or_default()
}
