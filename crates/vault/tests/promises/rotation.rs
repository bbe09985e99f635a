//! Loading, and every step of a key rotation. Rows Y01, Y07 and Y08.

use vault::{
    KeyState, Keyring, KeyringRow, LoadError, OpenError, RootKey, RotateError, StateChange, Token,
    TokenKind,
};

use crate::scripted::{PLACE, Seeded, ring};

#[test]
fn a_fresh_ring_has_a_base_key_and_one_active_key() {
    let (root, ring, rows) = ring(1);
    let states: Vec<_> = rows.iter().map(|row| (row.id, row.state)).collect();
    assert_eq!(states, [(0, KeyState::Base), (1, KeyState::Active)]);
    let blob = ring.seal(&PLACE, b"secret", &Seeded::new(2)).unwrap();

    let again = Keyring::load(&root, &rows).unwrap();
    assert_eq!(again.open(&PLACE, &blob).unwrap().expose(), b"secret");
    assert_eq!(again.versions().collect::<Vec<_>>(), [(1, KeyState::Active)]);
}

/// Y01: a wrong root key is told from a damaged ring.
#[test]
fn y01_a_wrong_root_key_opens_nothing() {
    let (_, _, rows) = ring(1);
    let wrong = RootKey::from_bytes(&[9; 32]);
    assert_eq!(Keyring::load(&wrong, &rows).unwrap_err(), LoadError::WrongRootKey);
}

#[test]
fn an_unsound_ring_is_refused_with_its_reason() {
    let (root, ring, rows) = ring(1);
    let (_, pending) = ring.add_version(&root, &Seeded::new(5)).unwrap();
    let [base, first] = rows.as_slice() else { panic!("two rows") };
    let with = |row: &KeyringRow, change: &dyn Fn(&mut KeyringRow)| {
        let mut row = row.clone();
        change(&mut row);
        row
    };
    let active_too = with(&pending, &|row| row.state = KeyState::Active);
    let no_longer = with(first, &|row| row.state = KeyState::DecryptOnly);
    let renumbered = with(&pending, &|row| row.id = 3);
    let cut = with(first, &|row| row.wrapped.truncate(85));
    let no_check = with(first, &|row| row.check.clear());
    let other_check = with(first, &|row| row.check.clone_from(&pending.check));
    let exchanged = with(first, &|row| row.wrapped.clone_from(&base.wrapped));
    let base_as_data = with(base, &|row| row.state = KeyState::DecryptOnly);
    let data_as_base = with(first, &|row| row.state = KeyState::Base);

    let cases = [
        (vec![], LoadError::Empty),
        (vec![base.clone()], LoadError::ActiveKeys { count: 0 }),
        (vec![first.clone()], LoadError::BaseKey),
        (vec![base.clone(), no_longer], LoadError::ActiveKeys { count: 0 }),
        (vec![base.clone(), first.clone(), active_too], LoadError::ActiveKeys { count: 2 }),
        (vec![base.clone(), first.clone(), first.clone()], LoadError::Twice { id: 1 }),
        (vec![base.clone(), base.clone(), first.clone()], LoadError::Twice { id: 0 }),
        (vec![base.clone(), first.clone(), renumbered], LoadError::Damaged { id: 3 }),
        (vec![base.clone(), cut], LoadError::Damaged { id: 1 }),
        (vec![base.clone(), no_check], LoadError::Damaged { id: 1 }),
        (vec![base.clone(), other_check], LoadError::Damaged { id: 1 }),
        (vec![base.clone(), exchanged], LoadError::Damaged { id: 1 }),
        (vec![base_as_data, first.clone()], LoadError::BaseKey),
        (vec![base.clone(), data_as_base], LoadError::BaseKey),
    ];
    for (number, (rows, expected)) in cases.into_iter().enumerate() {
        assert_eq!(Keyring::load(&root, &rows).unwrap_err(), expected, "case {number}");
    }
}

#[test]
fn no_row_with_a_flipped_bit_loads() {
    let (root, _, rows) = ring(1);
    for index in 0..rows.len() {
        for bit in 0..rows[index].wrapped.len() * 8 {
            let mut other = rows.clone();
            other[index].wrapped[bit / 8] ^= 1 << (bit % 8);
            assert!(Keyring::load(&root, &other).is_err(), "row {index} bit {bit}");
        }
        for bit in 0..rows[index].check.len() * 8 {
            let mut other = rows.clone();
            other[index].check[bit / 8] ^= 1 << (bit % 8);
            assert!(Keyring::load(&root, &other).is_err(), "row {index} check bit {bit}");
        }
    }
}

/// Applies what a step says to save, as the store would.
fn save(rows: &mut [KeyringRow], changes: &[StateChange]) {
    for change in changes {
        rows.iter_mut().find(|row| row.id == change.id).unwrap().state = change.state;
    }
}

/// Y07: at each step, what is on disk before the step and after it loads and opens everything.
#[test]
fn y07_a_rotation_can_stop_at_every_step() {
    let (root, ring, mut rows) = ring(1);
    let random = Seeded::new(7);
    let old = ring.seal(&PLACE, b"old", &random).unwrap();
    let reload = |rows: &[KeyringRow]| Keyring::load(&root, rows).unwrap();

    let (added, row) = ring.add_version(&root, &random).unwrap();
    assert_eq!((row.id, row.state), (2, KeyState::Pending));
    rows.push(row);
    assert_eq!(added.active_id(), 1);
    assert_eq!(reload(&rows).active_id(), 1);
    // The ring from before is untouched, and does not know the new key.
    assert_eq!(ring.versions().count(), 1);

    let replica = reload(&rows);
    let (activated, changes) = added.activate(2).unwrap();
    let new = activated.seal(&PLACE, b"new", &random).unwrap();
    assert_eq!(Keyring::key_id_of(&new), Some(2));
    // A replica that still has the key as pending opens what another one already sealed with it.
    assert_eq!(replica.open(&PLACE, &new).unwrap().expose(), b"new");
    assert_eq!(ring.open(&PLACE, &new).unwrap_err(), OpenError::UnknownKey(2));
    save(&mut rows, &changes);
    for ring in [&activated, &reload(&rows)] {
        assert_eq!(ring.active_id(), 2);
        assert_eq!(ring.open(&PLACE, &old).unwrap().expose(), b"old");
        assert_eq!(ring.open(&PLACE, &new).unwrap().expose(), b"new");
    }

    let (retired, change) = activated.retire(1, 0).unwrap();
    save(&mut rows, &[change]);
    for ring in [&retired, &reload(&rows)] {
        assert_eq!(ring.open(&PLACE, &old).unwrap_err(), OpenError::UnknownKey(1));
        assert_eq!(ring.open(&PLACE, &new).unwrap().expose(), b"new");
    }
    rows.retain(|row| row.id != 1);
    assert_eq!(reload(&rows).versions().collect::<Vec<_>>(), [(2, KeyState::Active)]);
}

/// Y08: a key that still has records stays.
#[test]
fn y08_a_key_in_use_is_not_retired() {
    let (root, ring, _) = ring(1);
    let (ring, _) = ring.add_version(&root, &Seeded::new(7)).unwrap();
    let (ring, _) = ring.activate(2).unwrap();
    let error = ring.retire(1, 12).unwrap_err();
    assert!(matches!(error, RotateError::StillInUse { id: 1, records: 12 }));
    assert_eq!(error.to_string(), "12 records are still sealed with key 1");
}

#[test]
fn steps_that_do_not_follow_are_refused() {
    let (root, ring, _) = ring(1);
    let wrong_state = |error| matches!(error, RotateError::WrongState { .. });
    assert!(wrong_state(ring.activate(1).unwrap_err()));
    assert!(wrong_state(ring.retire(1, 0).unwrap_err()));
    for id in [0, 2, u32::MAX] {
        assert!(matches!(ring.activate(id).unwrap_err(), RotateError::NoSuchKey { .. }));
        assert!(matches!(ring.retire(id, 0).unwrap_err(), RotateError::NoSuchKey { .. }));
    }
    let (ring, _) = ring.add_version(&root, &Seeded::new(7)).unwrap();
    let (ring, _) = ring.retire(2, 0).unwrap();
    assert!(wrong_state(ring.activate(2).unwrap_err()));
    assert!(wrong_state(ring.retire(2, 0).unwrap_err()));
    // A retired id is not given to another key.
    assert_eq!(ring.add_version(&root, &Seeded::new(8)).unwrap().1.id, 3);
}

#[test]
fn a_new_key_is_wrapped_with_the_rings_own_root_key_only() {
    let (_, ring, _) = ring(1);
    let error = ring.add_version(&RootKey::from_bytes(&[9; 32]), &Seeded::new(7)).unwrap_err();
    assert!(matches!(error, RotateError::WrongRootKey));
}

#[test]
fn a_new_root_key_changes_nothing_but_the_wrapping() {
    let (root, ring, _) = ring(1);
    let random = Seeded::new(7);
    let (ring, _) = ring.add_version(&root, &random).unwrap();
    let blob = ring.seal(&PLACE, b"secret", &random).unwrap();
    let token = Token::mint(TokenKind::Grant, &random).unwrap();
    let hash = token.hash(&ring.pepper(1));
    let mac = ring.row_mac().mac("grants", &[b"g1"]);
    let state = ring.state_key().seal_state(&[b"session"], b"s", &random).unwrap();

    let new_root = RootKey::from_bytes(&[9; 32]);
    let (_, rows) = ring.rewrap(&new_root, &random).unwrap();
    assert_eq!(Keyring::load(&root, &rows).unwrap_err(), LoadError::WrongRootKey);
    let ring = Keyring::load(&new_root, &rows).unwrap();
    assert_eq!(
        ring.versions().collect::<Vec<_>>(),
        [(1, KeyState::Active), (2, KeyState::Pending)]
    );
    assert_eq!(ring.open(&PLACE, &blob).unwrap().expose(), b"secret");
    assert!(token.matches(&ring.pepper(1), &hash));
    assert!(ring.row_mac().verify("grants", &[b"g1"], &mac));
    assert_eq!(ring.state_key().open_state(&[b"session"], &state).unwrap(), b"s");
    // From here on, only the new root key may add keys.
    assert!(ring.add_version(&root, &random).is_err());
    assert!(ring.add_version(&new_root, &random).is_ok());
}

#[test]
fn states_are_kept_as_words() {
    use KeyState::{Active, Base, DecryptOnly, Pending, Retired};
    for state in [Base, Pending, Active, DecryptOnly, Retired] {
        assert_eq!(KeyState::parse(state.as_str()), Some(state));
    }
    for word in ["", "Active", "active ", "decrypt-only", "destroyed"] {
        assert_eq!(KeyState::parse(word), None);
    }
}
