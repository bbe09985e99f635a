//! Row MACs: whether a row of the database was written by us, or by somebody who has only the database.

use std::fmt;

use aws_lc_rs::hmac;

use crate::engine::{self, KEY_BYTES};

const LABEL: &[u8] = b"countersign/row/v1";

/// The key for row MACs.
///
/// - **Shape**: HMAC-SHA256 over a list, each part behind its length as u64 big-endian: the label
///   `countersign/row/v1`, the table, then the fields in the order the store gives them.
/// - **Source**: [`crate::Keyring::row_mac`].
///
/// A MAC covers one row. It does not notice a row that was deleted, or an older version of the
/// whole row put back.
#[derive(Clone)]
pub struct RowMac(hmac::Key);

impl RowMac {
    /// A row MAC from its key.
    pub fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The MAC of a row. `fields` must hold the row's id and organisation, or rows can be exchanged;
    /// give an absent value its own spelling, for it is not the same as an empty one.
    pub fn mac(&self, table: &str, fields: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in [LABEL, table.as_bytes()].iter().chain(fields) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        engine::tag_bytes(context.sign())
    }

    /// Whether `mac` is this row's. All 32 bytes decide, in constant time.
    pub fn verify(&self, table: &str, fields: &[&[u8]], mac: &[u8]) -> bool {
        engine::same(&self.mac(table, fields), mac)
    }
}

impl fmt::Debug for RowMac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RowMac([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_its_table_its_fields_and_their_order() {
        let key = RowMac::new(&[3; 32]);
        let fields: &[&[u8]] = &[b"g1", b"org", b""];
        let mac = key.mac("grants", fields);
        assert!(key.verify("grants", fields, &mac));

        let others: &[(&str, &[&[u8]])] = &[
            ("grant", fields),
            ("grants", &[b"g1", b"org"]),
            ("grants", &[b"g1", b"org", b"", b""]),
            ("grants", &[b"org", b"g1", b""]),
            ("grants", &[b"g", b"1org", b""]),
            ("grants", &[b"g1", b"", b"org"]),
            ("grants", &[]),
        ];
        for (table, fields) in others {
            assert!(!key.verify(table, fields, &mac), "{table} {fields:?}");
        }
        assert!(!RowMac::new(&[4; 32]).verify("grants", fields, &mac));
    }

    #[test]
    fn every_bit_of_the_mac_counts() {
        let key = RowMac::new(&[3; 32]);
        let mac = key.mac("t", &[b"a"]);
        for bit in 0..256 {
            let mut other = mac;
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(!key.verify("t", &[b"a"], &other), "bit {bit}");
        }
        for wrong in [&mac[..31], &mac[..8], &[], &[mac, mac].concat()] {
            assert!(!key.verify("t", &[b"a"], wrong));
        }
    }
}
