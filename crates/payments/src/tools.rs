//! The tools this server offers: one table that both the published schemas and the checks on arguments are made from.

use std::borrow::Cow;
use std::sync::LazyLock;

use serde_json::value::RawValue;

use crate::amount::{AMOUNT_MAX, Amount, AmountError};
use crate::answer::Fault;
use crate::message::{Members, decode_text};
use crate::write::{Object, array, push_text};

/// The longest text argument, in characters.
const TEXT_MAX: usize = 500;
/// The most invoices one list may ask for.
const LIMIT_MAX: i128 = 100;
/// The currencies money can be moved in, as they are published and booked.
const CURRENCIES: [&str; 5] = ["usd", "eur", "gbp", "chf", "jpy"];

/// The list of tools, made once.
static LISTED: LazyLock<String> = LazyLock::new(|| array(TOOLS.iter().map(Tool::definition)));

/// The members of a list's result: all tools on one page.
///
/// **Errors**: `-32602` for any cursor, as none was ever handed out.
pub(crate) fn list(params: &Members<'_>) -> Result<String, Fault> {
    if params.get("cursor").is_some() {
        return Err(Fault::invalid_params("no such cursor"));
    }
    Ok([r#""tools":"#, LISTED.as_str()].concat())
}

/// Which tool; each has its own function in `calls`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    ListInvoices,
    GetInvoice,
    RefundPayment,
    CreateCharge,
    CreatePayout,
    DeleteCustomer,
}

/// One tool as it is published and checked.
pub(crate) struct Tool {
    pub(crate) id: Name,
    pub(crate) name: &'static str,
    title: &'static str,
    description: &'static str,
    params: &'static [Param],
    read_only: bool,
    destructive: bool,
    idempotent: bool,
}

/// One parameter of a tool.
struct Param {
    name: &'static str,
    description: &'static str,
    kind: Kind,
    required: bool,
}

/// What a parameter takes.
#[derive(Clone, Copy)]
enum Kind {
    /// A string of 1 to [`TEXT_MAX`] characters.
    Text,
    /// A number of major units above zero, exact to six decimals.
    Money,
    /// One of [`CURRENCIES`]; all in capitals means the same.
    Currency,
    /// A whole number from 1 to [`LIMIT_MAX`].
    Limit,
}

const fn required(name: &'static str, kind: Kind, description: &'static str) -> Param {
    Param { name, description, kind, required: true }
}

const fn optional(name: &'static str, kind: Kind, description: &'static str) -> Param {
    Param { name, description, kind, required: false }
}

const AMOUNT: &str = "Amount in major units of the currency, for example 12.5 for twelve and a half dollars. At most 6 decimals.";
const CURRENCY: &str =
    "ISO 4217 code of the currency. Capitals are taken as well and mean the same.";

/// Every tool, in the order it is listed.
static TOOLS: [Tool; 6] = [
    Tool {
        id: Name::ListInvoices,
        name: "list_invoices",
        title: "List invoices",
        description: "List invoices, newest first, optionally of one customer only. Each invoice names its customer, amount, currency, status and the payment that settled it.",
        params: &[
            optional(
                "customer",
                Kind::Text,
                "Only invoices of this customer, for example cus_1001.",
            ),
            optional("limit", Kind::Limit, "How many invoices to return at most. 10 unless given."),
        ],
        read_only: true,
        destructive: false,
        idempotent: true,
    },
    Tool {
        id: Name::GetInvoice,
        name: "get_invoice",
        title: "Get an invoice",
        description: "Get one invoice by its id.",
        params: &[required("invoice", Kind::Text, "Id of the invoice, for example in_1001.")],
        read_only: true,
        destructive: false,
        idempotent: true,
    },
    Tool {
        id: Name::RefundPayment,
        name: "refund_payment",
        title: "Refund a payment",
        description: "Send money of a payment back to the customer. Each call is a refund of its own; partial refunds are allowed.",
        params: &[
            required("payment", Kind::Text, "Id of the payment to refund, for example pi_1001."),
            required("amount", Kind::Money, AMOUNT),
            required("currency", Kind::Currency, CURRENCY),
            required(
                "reason",
                Kind::Text,
                "Why the payment is refunded, in a few words. Kept with the refund.",
            ),
        ],
        read_only: false,
        destructive: true,
        idempotent: false,
    },
    Tool {
        id: Name::CreateCharge,
        name: "create_charge",
        title: "Charge a customer",
        description: "Charge a customer's saved payment method. Returns the new payment.",
        params: &[
            required("customer", Kind::Text, "Id of the customer to charge, for example cus_1001."),
            required("amount", Kind::Money, AMOUNT),
            required("currency", Kind::Currency, CURRENCY),
            optional(
                "description",
                Kind::Text,
                "What the charge is for. Shown on the customer's statement.",
            ),
        ],
        read_only: false,
        destructive: true,
        idempotent: false,
    },
    Tool {
        id: Name::CreatePayout,
        name: "create_payout",
        title: "Pay out",
        description: "Send money from the account's balance to a bank account. Cannot be taken back.",
        params: &[
            required(
                "destination",
                Kind::Text,
                "The bank account that receives the money, for example ba_1001.",
            ),
            required("amount", Kind::Money, AMOUNT),
            required("currency", Kind::Currency, CURRENCY),
        ],
        read_only: false,
        destructive: true,
        idempotent: false,
    },
    Tool {
        id: Name::DeleteCustomer,
        name: "delete_customer",
        title: "Delete a customer",
        description: "Delete a customer for good. Its invoices and payments stay on record; it cannot be charged again.",
        params: &[required(
            "customer",
            Kind::Text,
            "Id of the customer to delete, for example cus_1001.",
        )],
        read_only: false,
        destructive: true,
        idempotent: true,
    },
];

impl Tool {
    /// The tool of exactly that name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        TOOLS.iter().find(|tool| tool.name == name)
    }

    /// Reads a call's arguments as this tool's schema describes them.
    ///
    /// **Errors**: `-32602`, naming the first argument that does not fit.
    pub(crate) fn arguments<'a>(
        &self,
        given: Option<&'a RawValue>,
    ) -> Result<Arguments<'a>, Fault> {
        let given = given
            .map_or_else(|| Ok(Members::default()), |given| Members::of("`arguments`", given))?;
        let mut read = Vec::with_capacity(self.params.len());
        for (name, value) in given.iter() {
            let param = self.params.iter().find(|p| p.name == name).ok_or_else(|| {
                Fault::invalid_params(format!("{}: there is no argument `{name}`", self.name))
            })?;
            let argument = param.kind.read(value).map_err(|problem| {
                Fault::invalid_params(format!("{}: `{name}` {problem}", self.name))
            })?;
            read.push((param.name, argument));
        }
        let missing = self.params.iter().find(|p| p.required && given.get(p.name).is_none());
        if let Some(param) = missing {
            return Err(Fault::invalid_params(format!(
                "{}: `{}` is required",
                self.name, param.name
            )));
        }
        Ok(Arguments(read))
    }

    /// The tool as `tools/list` shows it.
    fn definition(&self) -> String {
        let mut properties = Object::with_capacity(512);
        for param in self.params {
            properties = properties.json(param.name, param.schema());
        }
        let required = array(self.params.iter().filter(|p| p.required).map(|p| quoted(p.name)));
        let schema = Object::with_capacity(1024)
            .text("type", "object")
            .json("properties", properties.end())
            .json("required", required)
            .json("additionalProperties", false)
            .end();
        let annotations = Object::with_capacity(128)
            .text("title", self.title)
            .json("readOnlyHint", self.read_only)
            .json("destructiveHint", self.destructive)
            .json("idempotentHint", self.idempotent)
            .json("openWorldHint", !self.read_only)
            .end();
        Object::with_capacity(1536)
            .text("name", self.name)
            .text("title", self.title)
            .text("description", self.description)
            .json("inputSchema", schema)
            .json("annotations", annotations)
            .end()
    }
}

impl Param {
    /// The parameter's JSON Schema.
    fn schema(&self) -> String {
        let schema = Object::with_capacity(256);
        match self.kind {
            Kind::Text => {
                schema.text("type", "string").json("minLength", 1).json("maxLength", TEXT_MAX)
            }
            Kind::Money => schema
                .text("type", "number")
                .json("exclusiveMinimum", 0)
                .json("maximum", AMOUNT_MAX),
            Kind::Currency => schema
                .text("type", "string")
                .json("enum", array(CURRENCIES.into_iter().map(quoted))),
            Kind::Limit => {
                schema.text("type", "integer").json("minimum", 1).json("maximum", LIMIT_MAX)
            }
        }
        .text("description", self.description)
        .end()
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::new();
    push_text(&mut out, text);
    out
}

impl Kind {
    /// Reads one value, or says what is wrong with it.
    fn read(self, value: &RawValue) -> Result<Argument<'_>, String> {
        match self {
            Self::Text => {
                let text = decode_text(value).ok_or("must be a string")?;
                // A byte length within the limit settles it without counting characters.
                let too_long = text.len() > TEXT_MAX && text.chars().count() > TEXT_MAX;
                if text.is_empty() || too_long {
                    return Err(format!("must have 1 to {TEXT_MAX} characters"));
                }
                Ok(Argument::Text(text))
            }
            Self::Money => match Amount::parse(value.get()) {
                Ok(amount) if amount > Amount::ZERO => Ok(Argument::Money(amount)),
                Ok(_) => Err("must be above zero".to_owned()),
                Err(AmountError::NotANumber) => Err("must be a number".to_owned()),
                Err(AmountError::TooFine) => Err("must have at most 6 decimals".to_owned()),
                Err(AmountError::TooLarge) => Err(format!("must be at most {AMOUNT_MAX}")),
            },
            Self::Currency => {
                let code = decode_text(value).ok_or("must be a string")?;
                CURRENCIES
                    .into_iter()
                    .find(|known| *known == code || known.to_ascii_uppercase() == code)
                    .map(Argument::Currency)
                    .ok_or_else(|| format!("must be one of {}", CURRENCIES.join(", ")))
            }
            Self::Limit => Amount::parse(value.get())
                .ok()
                .and_then(Amount::to_whole)
                .filter(|limit| (1..=LIMIT_MAX).contains(limit))
                .and_then(|limit| usize::try_from(limit).ok())
                .map(Argument::Limit)
                .ok_or_else(|| format!("must be a whole number from 1 to {LIMIT_MAX}")),
        }
    }
}

/// One argument, read.
enum Argument<'a> {
    Text(Cow<'a, str>),
    Money(Amount),
    Currency(&'static str),
    Limit(usize),
}

/// A call's arguments, each of its parameter's kind, all required ones there.
pub(crate) struct Arguments<'a>(Vec<(&'static str, Argument<'a>)>);

impl Arguments<'_> {
    /// A text argument, or `None` if it was not given.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find_map(|(n, argument)| match argument {
            Argument::Text(text) if *n == name => Some(text.as_ref()),
            _ => None,
        })
    }

    /// The amount and currency of a call that moves money.
    pub(crate) fn money(&self) -> Option<(Amount, &'static str)> {
        let mut amount = None;
        let mut currency = None;
        for (_, argument) in &self.0 {
            match argument {
                Argument::Money(value) => amount = Some(*value),
                Argument::Currency(code) => currency = Some(*code),
                Argument::Text(_) | Argument::Limit(_) => {}
            }
        }
        amount.zip(currency)
    }

    /// How many the caller asked for, if it said.
    pub(crate) fn limit(&self) -> Option<usize> {
        self.0.iter().find_map(|(_, argument)| match argument {
            Argument::Limit(limit) => Some(*limit),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests;
