//! The `_meta` keys that the protocol reserves and this gateway reads or writes.

/// The version of a modern request.
pub const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// What the agent can do, in a modern request.
pub const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// Who the agent says it is, in a modern request. Never a security input.
pub const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
/// The log level of a modern request.
pub const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
/// The listen request that a notification of the modern era belongs to.
pub const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";
/// How the keys begin that are ours; an upstream that uses one is not passed.
pub const OWN_PREFIX: &str = "dev.countersign/";
/// Our own: what was decided about a call, for the agent to act on.
pub const DECISION: &str = "dev.countersign/decision";
/// Asks for progress notifications under this token.
pub const PROGRESS_TOKEN: &str = "progressToken";
