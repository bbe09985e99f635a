//! Which rows of the catalogue are tried here, and which wait, each with its reason.

/// Every row of the families J, T, R, H, A, P, X, K, Y, V.
const ROWS: &str = "
J01 J02 J04 J05 J06 J08 J09 J10 J12 J13 J14 J16 J17 J18 J20 J21 J22 J24 J25 J26 J28 J29 J30 J32 J33
J34 J36 J37 J38 J40
T01 T02 T04 T05 T06 T08 T09 T10 T12 T13 T14
R02 R03 R04 R06 R07 R08 R10 R11 R12 R14 R15 R16 R18 R19 R20 R22 R23 R24 R26 R27 R28 R30 R31 R32 R34
R35 R36
H02 H03 H04 H06 H07 H08 H10 H11 H12 H14 H15 H16 H18 H19 H20 H22 H23 H24 H26 H27 H28 H30
A01 A02 A04 A05 A06 A08 A09 A10 A12 A13 A14 A16 A17
P01 P03 P04 P05 P07 P08 P09 P11 P12
X02 X03 X04 X06 X07 X08 X10 X11 X12 X14 X15 X16 X18 X19 X20
K01 K02 K03 K05 K06 K07 K09 K10 K11 K13 K14
Y01 Y03 Y04 Y05 Y07 Y08 Y09
V02 V03 V04 V06 V07 V08 V10 V11 V12 V14 V15 V16
";

/// Rows that are not tried here, and why.
const WAITING: &[(&str, &str)] = &[
    (
        "H06",
        "bare line feeds are a residual risk behind other HTTP/1 proxies, as the threat model says",
    ),
    ("A06", "a measurement, not an assertion: both look-ups compute and compare one keyed hash"),
    ("K07", "needs PostgreSQL and its parameter logging"),
    ("K10", "needs support bundles and backups"),
    (
        "K11",
        "concerns the start of the program: see the tests of the command line and of the vault",
    ),
    ("K14", "see the tests of the store's file"),
    ("Y01", "see the tests of the store's rotation, and of the start of the program"),
    ("Y04", "see the tests of the store's rotation"),
    ("Y05", "see the tests of the store's rotation, and of the vault"),
    ("Y07", "see the tests of the store's rotation"),
    ("Y09", "see the tests of the vault"),
    ("V06", "see the promises of the store"),
    ("V07", "see the promises of the store"),
    ("V08", "see the promises of the store"),
    ("V11", "see the tests of the control plane"),
    ("V12", "see the tests of the control plane"),
    ("V14", "see the kills of `crash_approvals.rs`"),
    ("V15", "see the tests of the channels in crate `notify`"),
    ("V16", "see the tests of the store's file"),
];

/// The files of this suite, where each id that is not waiting must stand.
const FILES: [&str; 13] = [
    include_str!("family_a.rs"),
    include_str!("family_h.rs"),
    include_str!("family_j.rs"),
    include_str!("family_k.rs"),
    include_str!("family_p.rs"),
    include_str!("family_r.rs"),
    include_str!("family_t.rs"),
    include_str!("family_v.rs"),
    include_str!("family_x.rs"),
    include_str!("family_y.rs"),
    include_str!("beyond.rs"),
    include_str!("http2.rs"),
    include_str!("streams.rs"),
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
