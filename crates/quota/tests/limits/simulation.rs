//! The ledger, its callers, crashes, and messages that come late, twice or never.
