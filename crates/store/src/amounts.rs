//! Arguments that are amounts in minor units, such as cents: declared by a person for others to read, and
//! never judged by.

use async_trait::async_trait;

use crate::{By, ChangeError, OrgId, ServerId, StoreError, Tool};

/// The most arguments of a tool that are declared.
pub const AMOUNTS_MAX: usize = 20;

/// Where the currency of an amount comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AmountCurrency {
    /// It is always this one, a code of ISO 4217.
    Fixed(String),
    /// The argument of this name says it.
    Argument(String),
}

/// An argument that is an amount in minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amount {
    /// The name of the argument, at the top of the call's arguments.
    pub argument: String,
    /// The currency.
    pub currency: AmountCurrency,
}

/// What was declared of one definition of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolAmounts {
    /// The tool.
    pub tool: String,
    /// The fingerprint of the definition that it was declared of.
    pub fingerprint: String,
    /// The arguments.
    pub amounts: Vec<Amount>,
}

impl ToolAmounts {
    /// Whether this is said of the accepted definition, and the upstream has not changed it since.
    pub fn holds(&self, tool: &Tool) -> bool {
        let accepted = tool.accepted.as_ref().map(|(_, print)| print.as_ref());
        *tool.fingerprint == *self.fingerprint && accepted == Some(self.fingerprint.as_str())
    }
}

/// What is declared of the arguments of tools.
#[async_trait]
pub trait Amounts: Send + Sync {
    /// What was declared of the tools of a server, by tool. A row that somebody else wrote is left out.
    async fn tool_amounts(
        &self,
        org: &OrgId,
        server: &ServerId,
    ) -> Result<Vec<ToolAmounts>, StoreError>;

    /// Declares of the accepted definition of a tool which arguments are amounts, in place of what was
    /// declared before; none withdraws it.
    ///
    /// - **Errors**: [`ChangeError::Conflict`] when that definition is not, or not any more, both the
    ///   accepted and the present one.
    async fn tool_amounts_set(
        &self,
        by: &By,
        server: &ServerId,
        amounts: ToolAmounts,
    ) -> Result<(), ChangeError>;
}
