//! People as plain types: members, groups, invitations, and whose an API key is.

use crate::{ApiKey, GroupId, MemberId, Moment, OrgId, Role};

/// Somebody who may sign in or hold API keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Their id.
    pub id: MemberId,
    /// The organisation they belong to.
    pub org: OrgId,
    /// Their address, as it was written. Compared without regard to case.
    pub email: String,
    /// What people call them.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Where they stand.
    pub state: MemberState,
    /// Counts changes, for `If-Match`.
    pub revision: i64,
    /// When they were invited or made.
    pub created_at: Moment,
    /// When they were last changed.
    pub updated_at: Moment,
}

/// Where a member stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberState {
    /// Has a link and has not used it: may do nothing yet.
    Invited,
    /// May do what the role says.
    Active,
    /// May do nothing any more. Kept for the record.
    Removed,
}

impl MemberState {
    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Active => "active",
            Self::Removed => "removed",
        }
    }

    /// The state of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Invited, Self::Active, Self::Removed].into_iter().find(|s| s.as_str() == text)
    }
}

/// A new member.
#[derive(Clone, Debug)]
pub struct MemberDraft {
    /// Their address.
    pub email: String,
    /// What people call them.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

/// What is changed of a member; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct MemberChange {
    /// Their address.
    pub email: Option<String>,
    /// What people call them.
    pub name: Option<String>,
    /// What they may do. Keys that may do more are lowered in the same step.
    pub role: Option<Role>,
}

/// What becomes of a grant whose owner is removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It goes on, and this member answers for it.
    Keep(MemberId),
    /// It ends.
    Revoke,
}

/// A link by which an invited member gets in, once; never the token itself.
#[derive(Clone, Debug)]
pub struct Invite {
    /// Whom it is for.
    pub member: Member,
    /// When it was made.
    pub created_at: Moment,
    /// The moment it ends.
    pub expires_at: Moment,
}

/// A named set of members: who may be asked to approve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// The organisation it belongs to.
    pub org: OrgId,
    /// Its name, as policies write it: `group:NAME`.
    pub name: String,
    /// Its members, by id. Removed ones are never among them.
    pub members: Vec<MemberId>,
    /// Counts changes, for `If-Match`.
    pub revision: i64,
    /// When it was made.
    pub created_at: Moment,
    /// When it was last changed.
    pub updated_at: Moment,
}

/// A good API key and the member whose it is.
#[derive(Clone, Debug)]
pub struct KeyHolder {
    /// The key.
    pub key: ApiKey,
    /// Whose it is: active.
    pub member: Member,
}

impl KeyHolder {
    /// What the key may do now: never more than its member.
    pub fn role(&self) -> Role {
        self.key.role.min(self.member.role)
    }
}
