//! The part of the contract that is about people.

use async_trait::async_trait;
use vault::Token;

use crate::*;

/// What the control plane needs of a store about members and groups. Every read is of one
/// organisation, every change says by whom and is recorded in the same transaction.
#[async_trait]
pub trait People: Send + Sync {
    /// The members by address; those that were removed come last.
    async fn members(&self, org: &OrgId) -> Result<Vec<Member>, StoreError>;
    /// One member, by id, or by the address of one who was not removed.
    async fn member(&self, org: &OrgId, id: &str) -> Result<Option<Member>, StoreError>;
    /// The member with this address, unless removed. Case does not count.
    async fn member_by_email(&self, org: &OrgId, email: &str)
    -> Result<Option<Member>, StoreError>;
    /// Makes a member who is active at once: the first admin, somebody an identity provider vouches
    /// for.
    async fn member_add(&self, by: &By, draft: MemberDraft) -> Result<Member, ChangeError>;
    /// Makes a member who is invited, and the token of their link, the only time it is seen.
    async fn member_invite(
        &self,
        by: &By,
        draft: MemberDraft,
        expires_at: Moment,
    ) -> Result<(Member, Token), ChangeError>;
    /// Makes a new link for a member who has not used theirs; the old one ends.
    async fn member_reinvite(
        &self,
        by: &By,
        id: &MemberId,
        expires_at: Moment,
    ) -> Result<(Member, Token), ChangeError>;
    /// The invitation that this token is, if it is good now.
    async fn invite_of(&self, token: &Token, now: Moment) -> Result<Option<Invite>, StoreError>;
    /// The invited member gets in: active from now on, and the link is used up. They may say what
    /// they are called.
    ///
    /// - **Errors**: [`ChangeError::Gone`] when the link was used, replaced, or has ended.
    async fn invite_accept(
        &self,
        token: &Token,
        name: Option<&str>,
        address: Option<String>,
        at: Moment,
    ) -> Result<Member, ChangeError>;
    /// Changes a member. A lower role lowers the member's keys in the same step.
    ///
    /// - **Errors**: [`ChangeError::LastAdmin`] when nobody could administer the organisation then.
    async fn member_update(
        &self,
        by: &By,
        id: &MemberId,
        revision: Option<i64>,
        change: MemberChange,
    ) -> Result<Member, ChangeError>;
    /// Removes a member: their keys end, they leave their groups, and each living grant of theirs
    /// goes where `grants` says, in the same step.
    ///
    /// - **Errors**: [`ChangeError::Undecided`] names the grants that nothing was said about.
    async fn member_remove(
        &self,
        by: &By,
        id: &MemberId,
        grants: Vec<(GrantId, Fate)>,
    ) -> Result<Member, ChangeError>;

    /// The groups by name.
    async fn groups(&self, org: &OrgId) -> Result<Vec<Group>, StoreError>;
    /// One group, by id or name.
    async fn group(&self, org: &OrgId, id: &str) -> Result<Option<Group>, StoreError>;
    /// Makes a group.
    async fn group_create(
        &self,
        by: &By,
        name: &str,
        members: Vec<MemberId>,
    ) -> Result<Group, ChangeError>;
    /// Writes a group's name and members.
    async fn group_update(
        &self,
        by: &By,
        id: &GroupId,
        revision: Option<i64>,
        name: &str,
        members: Vec<MemberId>,
    ) -> Result<Group, ChangeError>;
    /// Removes a group.
    async fn group_delete(&self, by: &By, id: &GroupId) -> Result<(), ChangeError>;
}
