//! What this person may do with an object: said with each, so that no client works roles out.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::operator::Authorized;
use crate::roles::Action;

/// By name, whether the asker may do it. Says nothing of the object's own state.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
#[serde(transparent)]
pub(crate) struct Can(BTreeMap<&'static str, bool>);

impl Can {
    /// What `by` may do of these.
    pub(crate) fn of<const N: usize>(
        by: &Authorized,
        actions: [(&'static str, Action); N],
    ) -> Self {
        Self(actions.into_iter().map(|(name, action)| (name, by.could(action))).collect())
    }

    /// The same with one more answer that depends on more than the role.
    pub(crate) fn and(mut self, name: &'static str, may: bool) -> Self {
        self.0.insert(name, may);
        self
    }
}
