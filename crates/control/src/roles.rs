//! What each role may do: one `match`. `tests/roles.golden` shows it route by route.

use store::Role;

/// What a request wants to do. Each route asks for exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// See servers and their tools.
    ServersRead,
    /// See policies and their versions.
    PoliciesRead,
    /// See grants, their usage, and what is in doubt about it.
    GrantsRead,
    /// See the call log.
    CallsRead,
    /// See calls that wait for people: never their values.
    ApprovalsRead,
    /// Open and decide calls that wait for people, where a rule asks for one.
    ApprovalsDecide,
    /// Take approvals back, and say how strict they are.
    ApprovalsManage,
    /// See, make, change, try and remove channels, and what went by them.
    Channels,
    /// Write, publish and remove policies.
    PoliciesWrite,
    /// Check, test, simulate and translate policy texts: nothing is sent, nothing is changed.
    PoliciesTry,
    /// Attach policies to grants and detach them.
    PoliciesAttach,
    /// Accept the changed definition of a tool.
    ToolsAccept,
    /// Make, change, refresh and remove servers.
    ServersWrite,
    /// See what credential a server has: never its value.
    CredentialsRead,
    /// Set and remove credentials.
    CredentialsWrite,
    /// Read back what was sealed.
    CredentialsReveal,
    /// Connect and disconnect one's own account at an upstream.
    ConnectionsOwn,
    /// Issue, rotate, pause, resume and revoke grants.
    GrantsWrite,
    /// Say what became of calls with no known outcome, and that the clock is right.
    LimitsResolve,
    /// See who one is; see, make and revoke one's own keys of this API.
    OwnKeys,
    /// See, make and revoke the keys of others.
    KeysOfOthers,
    /// See members and groups.
    MembersRead,
    /// Invite, change and remove members.
    MembersWrite,
    /// Make, change and remove groups.
    GroupsWrite,
    /// See and end one's own sessions, change one's own password and passkeys.
    Own,
    /// See and change the identity providers that people sign in by.
    Providers,
    /// Read and export the log of changes.
    AuditRead,
    /// Read who was turned away.
    RefusalsRead,
    /// Read what is measured.
    MetricsRead,
    /// Take a copy of the database.
    Backup,
    /// See which keys seal values, and how many each has sealed.
    KeyringRead,
    /// Replace the keys that seal values, and the root key.
    KeyringRotate,
    /// Say what is recorded of calls beyond names, and how long; see, draw and destroy the keys of
    /// fingerprints.
    Recording,
    /// Ask whether a call had a value.
    FingerprintsAsk,
    /// Take out sealed records.
    CapturesRead,
}

/// The lowest role that may do it.
pub(crate) const fn minimum(action: Action) -> Role {
    match action {
        Action::ServersRead
        | Action::PoliciesRead
        | Action::GrantsRead
        | Action::CallsRead
        | Action::Own
        | Action::ConnectionsOwn
        | Action::MetricsRead
        | Action::ApprovalsRead
        | Action::OwnKeys => Role::Viewer,
        Action::PoliciesWrite
        | Action::PoliciesTry
        | Action::PoliciesAttach
        | Action::ApprovalsDecide
        | Action::ToolsAccept => Role::PolicyManager,
        Action::ServersWrite
        | Action::CredentialsRead
        | Action::CredentialsWrite
        | Action::CredentialsReveal
        | Action::GrantsWrite
        | Action::LimitsResolve
        | Action::ApprovalsManage
        | Action::Channels
        | Action::KeysOfOthers
        | Action::MembersRead
        | Action::MembersWrite
        | Action::GroupsWrite
        | Action::Providers
        | Action::AuditRead
        | Action::RefusalsRead
        | Action::Backup
        | Action::KeyringRead
        | Action::KeyringRotate
        | Action::Recording
        | Action::FingerprintsAsk
        | Action::CapturesRead => Role::Admin,
    }
}
