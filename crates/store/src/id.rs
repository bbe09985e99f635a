//! Identifiers: random, typed, and never guessable from one another.

use std::fmt;
use std::sync::Arc;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// An id of 128 random bits.
            pub fn random(bytes: [u8; 16]) -> Self {
                Self(format!(concat!($prefix, "_{}"), base32(u128::from_be_bytes(bytes))).into())
            }

            /// The id as it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// A tenant. Every row, key, cache entry and counter belongs to one.
    OrgId, "org"
);
id!(
    /// An upstream.
    ServerId, "srv"
);
id!(
    /// A policy document with its versions.
    PolicyId, "pol"
);
id!(
    /// What one person or agent may do.
    GrantId, "grt"
);
id!(
    /// The secret an upstream asks for.
    CredentialId, "crd"
);
id!(
    /// A key of the control plane's API.
    KeyId, "key"
);
id!(
    /// A person of an organisation.
    MemberId, "mem"
);
id!(
    /// A named set of members.
    GroupId, "grp"
);
id!(
    /// A call that waits for people.
    ApprovalId, "apr"
);
id!(
    /// A way to tell people outside.
    ChannelId, "chn"
);
id!(
    /// What people outside are told, by however many channels.
    MessageId, "msg"
);
id!(
    /// A member's signed-in browser.
    SessionId, "ses"
);
id!(
    /// A member's passkey.
    PasskeyId, "pky"
);
id!(
    /// An identity provider.
    ProviderId, "idp"
);
id!(
    /// A candidate of a policy that is watched.
    WatchId, "wch"
);

/// One call: made by the gateway, unique, ordered by time.
///
/// - **Shape**: 48 bits of milliseconds since the epoch, then 80 random bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub [u8; 16]);

impl CallId {
    /// An id of this moment and ten random bytes.
    pub fn new(at: crate::Moment, random: [u8; 10]) -> Self {
        let millis = u64::try_from(at.micros() / 1000).unwrap_or(0).to_be_bytes();
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&millis[2..]);
        bytes[6..].copy_from_slice(&random);
        Self(bytes)
    }

    /// The moment it was made at, to the millisecond.
    pub fn at(&self) -> crate::Moment {
        let mut millis = [0; 8];
        millis[2..].copy_from_slice(&self.0[..6]);
        crate::Moment::of_micros(i64::from_be_bytes(millis).saturating_mul(1000))
    }

    /// Reads the written form.
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self(unbase32(text.strip_prefix("call_")?)?.to_be_bytes()))
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call_{}", base32(u128::from_be_bytes(self.0)))
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// 26 characters of Crockford's alphabet: sorts as the number does.
fn base32(value: u128) -> String {
    (0..26)
        .rev()
        .map(|place| char::from(ALPHABET[usize::from((value >> (place * 5)) as u8 & 31)]))
        .collect()
}

fn unbase32(text: &str) -> Option<u128> {
    if text.len() != 26 || text.as_bytes().first()? > &b'7' {
        return None;
    }
    text.bytes().try_fold(0_u128, |value, byte| {
        let digit = ALPHABET.iter().position(|c| *c == byte)?;
        Some((value << 5) | digit as u128)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Moment;

    #[test]
    fn a_call_id_reads_back_and_sorts_by_time() {
        let early = CallId::new(Moment::of_micros(1_000_000), [255; 10]);
        let late = CallId::new(Moment::of_micros(2_000_000), [0; 10]);
        assert!(early < late && early.to_string() < late.to_string());
        assert_eq!(CallId::parse(&late.to_string()), Some(late));
        for bad in
            ["", "call_", "call_zzzzzzzzzzzzzzzzzzzzzzzzzz", "grt_00000000000000000000000000"]
        {
            assert_eq!(CallId::parse(bad), None, "{bad}");
        }
    }
}
