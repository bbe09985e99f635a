//! Which rows of family Q are tried, where, and which wait, each with its reason.

/// Every row of the family.
const ROWS: &str = "Q01 Q03 Q04 Q05 Q07 Q08 Q09 Q11 Q12 Q13 Q15 Q16 Q17 Q19 Q20 Q21 Q23 Q24 Q25 \
    F05 F07 F09";

/// Rows that are not tried, and why.
const WAITING: &[(&str, &str)] = &[
    ("Q19", "nothing counts how often an upstream gives back what was charged"),
    ("Q25", "tasks are stripped in both directions: no call can become one"),
];

/// The files where each id that is not waiting must stand.
const FILES: [&str; 9] = [
    include_str!("amounts.rs"),
    include_str!("chains.rs"),
    include_str!("clock.rs"),
    include_str!("faults.rs"),
    include_str!("races.rs"),
    include_str!("windows.rs"),
    include_str!("../../../store/tests/store/promises/edges.rs"),
    include_str!("../../../store/tests/store/promises/usage.rs"),
    include_str!("../../../store/src/sqlite/tests.rs"),
];

#[test]
fn every_row_is_tried_or_waits_for_a_reason() {
    let rows: Vec<&str> = ROWS.split_whitespace().collect();
    for id in &rows {
        let tried = FILES.iter().any(|file| file.contains(id));
        let waits = WAITING.iter().any(|(waiting, _)| waiting == id);
        assert!(tried != waits, "{id}: tried {tried}, waits {waits}");
    }
    for (id, reason) in WAITING {
        assert!(rows.contains(id) && !reason.is_empty(), "{id}");
    }
}
