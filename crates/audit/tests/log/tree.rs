//! The tree against a reading of RFC 6962 that is as plain as its text.

use audit::proof::{
    ProofError, consistency, edge, inclusion, verify_consistency, verify_inclusion,
};
use audit::{Edge, Hash};
use proptest::prelude::*;

use crate::support::{Kept, naive};

fn leaves(size: u64) -> Vec<Hash> {
    (0..size).map(|index| Hash::leaf(&index.to_be_bytes())).collect()
}

#[test]
fn every_small_tree_has_its_root_its_edge_and_all_its_proofs() {
    let all = leaves(70);
    let mut grown = Edge::new();
    for size in 0..=all.len() {
        let root = naive(&all[..size]);
        assert_eq!(grown.root(), root, "{size}");
        let Ok(read) = edge(&mut Kept(all.clone()), size as u64);
        assert_eq!(read, grown, "{size}");
        for index in 0..size as u64 {
            let Ok(proof) = inclusion(&mut Kept(all.clone()), index, size as u64);
            let leaf = &all[index as usize];
            let proof = proof.unwrap();
            assert_eq!(verify_inclusion(leaf, index, size as u64, &proof, &root), Ok(()));
        }
        for old in 0..=size as u64 {
            let Ok(proof) = consistency(&mut Kept(all.clone()), old, size as u64);
            let before = naive(&all[..old as usize]);
            let held = verify_consistency(old, &before, size as u64, &root, &proof.unwrap());
            assert_eq!(held, Ok(()), "{old} {size}");
        }
        if let Some(leaf) = all.get(size) {
            grown.push(*leaf);
        }
    }
}

/// L09: lengths and roots that no proof can be of.
#[test]
fn what_lies_beyond_the_tree_is_refused() {
    let all = leaves(5);
    let root = naive(&all);
    let Ok(proof) = inclusion(&mut Kept(all.clone()), 5, 5);
    assert_eq!(proof, Err(ProofError::Beyond));
    let Ok(proof) = consistency(&mut Kept(all.clone()), 6, 5);
    assert_eq!(proof, Err(ProofError::Beyond));
    assert_eq!(verify_inclusion(&all[0], 5, 5, &[], &root), Err(ProofError::Beyond));
    assert_eq!(verify_inclusion(&all[0], 0, 0, &[], &Hash::empty()), Err(ProofError::Beyond));
    assert_eq!(verify_consistency(6, &root, 5, &root, &[]), Err(ProofError::Beyond));
    // From no entries on there is nothing to prove, and a proof of it is one too many.
    assert_eq!(verify_consistency(0, &Hash::empty(), 5, &root, &[root]), Err(ProofError::Length));
    assert_eq!(verify_consistency(0, &root, 5, &root, &[]), Err(ProofError::OtherRoot));
    assert_eq!(verify_consistency(0, &root, 0, &root, &[]), Err(ProofError::OtherRoot));
}

/// L10: leaf and node have different beginnings.
#[test]
fn a_node_is_never_taken_for_a_leaf() {
    let (left, right) = (Hash::leaf(b"left"), Hash::leaf(b"right"));
    let inner = [&left.0[..], &right.0[..]].concat();
    assert_ne!(Hash::leaf(&inner), Hash::node(&left, &right));
}

proptest! {
    #[test]
    fn a_proof_with_anything_changed_does_not_hold(
        size in 2_u64..600,
        place in any::<prop::sample::Index>(),
        before in any::<prop::sample::Index>(),
        hash in any::<prop::sample::Index>(),
        bit in 0_usize..256,
    ) {
        let all = leaves(size);
        let root = naive(&all);
        let index = place.index(size as usize);
        let Ok(proof) = inclusion(&mut Kept(all.clone()), index as u64, size);
        let proof = proof.unwrap();
        let leaf = &all[index];
        prop_assert!(verify_inclusion(leaf, index as u64, size, &proof, &root).is_ok());
        let changed = damaged(&proof, hash, bit);
        prop_assert!(verify_inclusion(leaf, index as u64, size, &changed, &root).is_err());
        let shorter = &proof[1..];
        prop_assert!(verify_inclusion(leaf, index as u64, size, shorter, &root).is_err());
        let longer = [&proof[..], &[root]].concat();
        prop_assert!(verify_inclusion(leaf, index as u64, size, &longer, &root).is_err());
        let other = (index as u64 + 1) % size;
        prop_assert!(verify_inclusion(leaf, other, size, &proof, &root).is_err());

        let old = 1 + before.index(size as usize - 1);
        let Ok(proof) = consistency(&mut Kept(all.clone()), old as u64, size);
        let (proof, old_root) = (proof.unwrap(), naive(&all[..old]));
        let old = old as u64;
        prop_assert!(verify_consistency(old, &old_root, size, &root, &proof).is_ok());
        let changed = damaged(&proof, hash, bit);
        prop_assert!(verify_consistency(old, &old_root, size, &root, &changed).is_err());
        prop_assert!(verify_consistency(old, &old_root, size, &root, &proof[1..]).is_err());
        prop_assert!(verify_consistency(old, &root, size, &old_root, &proof).is_err());
        prop_assert!(verify_consistency(old, &root, size, &root, &proof).is_err());
    }

    #[test]
    fn the_edge_tells_of_every_complete_subtree(size in 1_u64..600) {
        let all = leaves(size);
        let mut told = Vec::new();
        let mut edge = Edge::new();
        for leaf in &all {
            edge.push_with(*leaf, |height, place, hash| told.push((height, place, *hash)));
        }
        for (height, place, hash) in &told {
            let (start, wide) = ((place << height) as usize, 1_usize << height);
            prop_assert_eq!(naive(&all[start..start + wide]), *hash);
        }
        let expected: u64 = (1..10).map(|height| size >> height).sum();
        prop_assert_eq!(told.len() as u64, expected);
    }
}

fn damaged(proof: &[Hash], which: prop::sample::Index, bit: usize) -> Vec<Hash> {
    let mut changed = proof.to_vec();
    let at = which.index(changed.len());
    changed[at].0[bit / 8] ^= 1 << (bit % 8);
    changed
}
