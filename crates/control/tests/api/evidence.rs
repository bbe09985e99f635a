//! Evidence through the API: what leaves it holds for somebody who has only the key.

use audit::{Checkpoint, KeyKind, PublicKey, Report, SigningKey, Trust, Verifier};
use store::{Verdict, Witnessed as _};

use crate::calls::line;
use crate::world::World;

fn judged(file: &str, key: &str, call: Option<&str>) -> Report {
    let trust = Trust {
        log: PublicKey::parse(key).unwrap(),
        saved: Vec::new(),
        witnesses: Vec::new(),
        witnesses_needed: 0,
        call: call.map(str::to_owned),
    };
    let mut verifier = Verifier::new(trust);
    file.lines().for_each(|line| verifier.line(line.as_bytes()));
    verifier.finish()
}

/// The export that a question asks for, whole.
async fn file(world: &World, query: &str) -> String {
    world.whole(&format!("/audit/evidence?{query}")).await
}

async fn world() -> World {
    let world = World::start().await;
    let server = r#"{"slug":"s","url":"http://127.0.0.1:9/mcp"}"#;
    assert_eq!(world.admin("POST", "/servers?probe=false", server).await.status, 201);
    let grant = r#"{"label":"agent","servers":[{"server":"s"}]}"#;
    assert_eq!(world.admin("POST", "/grants", grant).await.status, 201);
    world
}

/// L14: for admins alone (the walk asks as everybody), and never unseen.
#[tokio::test]
async fn an_export_holds_in_both_forms_and_is_an_entry_itself() {
    let world = world().await;
    for number in 1..9 {
        line(&world, number, "pay", Verdict::Denied, "/tools/pay").await;
    }
    let latest = world.admin("GET", "/checkpoints/latest", "").await.json();
    let key = latest["key"].as_str().unwrap().to_owned();
    for form in ["tree", "proofs"] {
        let file = file(&world, &format!("form={form}")).await;
        let report = judged(&file, &key, None);
        assert_eq!(report.findings, [], "{form}");
        assert!(report.entries > latest["size"].as_u64().unwrap(), "{form}: {report:?}");
        assert!(file.contains("evidence.exported"), "the export is in it");
    }
    let from = latest["size"].as_u64().unwrap();
    let rest = file(&world, &format!("from={from}")).await;
    let rest = judged(&rest, &key, None);
    assert_eq!((rest.findings, rest.from), (vec![], from));
    for bad in ["form=x", "from=-1", "from=x", "from=999999", "other=1"] {
        let answer = world.admin("GET", &format!("/audit/evidence?{bad}"), "").await;
        assert_eq!(answer.status, 422, "{bad}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_call_is_proved_to_whoever_may_see_it() {
    let world = world().await;
    let call = line(&world, 1, "pay", Verdict::Denied, "/tools/pay").await.to_string();
    let path = format!("/calls/{call}/proof");
    let answer = world.ask(Some(&world.viewer), "GET", &path, "", &[]).await.json();
    let key = answer["key"].as_str().unwrap();
    let report = judged(answer["file"].as_str().unwrap(), key, Some(&call));
    assert_eq!((report.findings, report.call.len()), (vec![], 1));
    assert_eq!(answer["entries"][0]["entry"]["call"], call.as_str());
    assert_eq!(answer["entries"][0]["index"].as_u64(), report.call.first().copied());
    for unknown in ["call_00000000000000000000000000", "nonsense"] {
        let answer = world.admin("GET", &format!("/calls/{unknown}/proof"), "").await;
        assert_eq!(answer.status, 404, "{unknown}");
    }
}

#[tokio::test]
async fn checkpoints_continue_one_another() {
    let world = world().await;
    let first = world.admin("GET", "/checkpoints/latest", "").await.json();
    for number in 1..20 {
        line(&world, number, "pay", Verdict::Denied, "/tools/pay").await;
    }
    let second = world.admin("GET", "/checkpoints/latest", "").await.json();
    let key = PublicKey::parse(first["key"].as_str().unwrap()).unwrap();
    let open = |checkpoint: &serde_json::Value| {
        let (opened, _) = Checkpoint::open(checkpoint["note"].as_str().unwrap(), &key).unwrap();
        assert_eq!(checkpoint["size"], opened.size);
        assert_eq!(checkpoint["root"], opened.root.to_string());
        opened
    };
    let (old, new) = (open(&first), open(&second));
    let path = format!("/checkpoints/between?old={}&new={}", old.size, new.size);
    let proof = world.admin("GET", &path, "").await.json();
    let proof: Vec<_> = proof["proof"].as_array().unwrap().iter().collect();
    let proof: Vec<_> =
        proof.into_iter().map(|h| audit::Hash::parse(h.as_str().unwrap()).unwrap()).collect();
    audit::proof::verify_consistency(old.size, &old.root, new.size, &new.root, &proof).unwrap();
    let listed = world.admin("GET", "/checkpoints?limit=1", "").await.json();
    assert_eq!(listed["items"][0]["size"], second["size"]);
    for bad in ["old=2&new=1", "old=1&new=99999", "old=1"] {
        let answer = world.admin("GET", &format!("/checkpoints/between?{bad}"), "").await;
        assert_eq!(answer.status, 422, "{bad}");
    }
}

#[tokio::test]
async fn a_check_of_our_own_says_that_it_is_one() {
    let world = world().await;
    let check = world.admin("GET", "/audit/verify", "").await.json();
    assert_eq!((&check["holds"], &check["unentered"]), (&true.into(), &0.into()), "{check}");
    let statement = check["statement"].as_str().unwrap();
    assert!(statement.starts_with("This server checked itself."), "{statement}");
    assert!(check["command"].as_str().unwrap().contains("countersign audit verify"));
    // Somebody with the database in their hands changes a line.
    let conn = rusqlite::Connection::open(world.database()).unwrap();
    conn.execute("UPDATE audit_events SET name = 'mallory' WHERE idx = 1", []).unwrap();
    let check = world.admin("GET", "/audit/verify", "").await.json();
    assert_eq!(check["holds"], false);
    assert_eq!(check["findings"][0]["code"], "edited", "{check}");
}

/// The body of an answer that is no text.
async fn bytes_of(world: &World, path: &str) -> Vec<u8> {
    let mut stream = tokio::net::TcpStream::connect(world.address).await.unwrap();
    let head = format!(
        "GET /api/v1{path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\nconnection: close\r\n\r\n",
        world.address, world.viewer
    );
    tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes()).await.unwrap();
    let mut came = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut came).await.unwrap();
    assert!(came.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&came));
    let at = came.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    came.split_off(at + 4)
}

#[tokio::test]
async fn it_is_told_when_a_witness_was_here_last_and_that_none_ever_was() {
    let world = world().await;
    line(&world, 1, "pay", Verdict::Denied, "/tools/pay").await;
    let asked = async || {
        let answer = world.ask(Some(&world.viewer), "GET", "/checkpoints/witnessed", "", &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    };
    assert_eq!(asked().await, serde_json::json!({ "size": 0, "at": null }));
    let latest = world.admin("GET", "/checkpoints/latest", "").await.json();
    let key = PublicKey::parse(latest["key"].as_str().unwrap()).unwrap();
    let (checkpoint, mut note) = Checkpoint::open(latest["note"].as_str().unwrap(), &key).unwrap();
    let witness = SigningKey::from_seed("w.example/w1", KeyKind::Witness, &[5; 32]).unwrap();
    note.cosign(&witness, 1_800_000_000);
    world.store.checkpoint_cosigned(witness.public(), &note.to_string()).await.unwrap();
    let told = asked().await;
    assert_eq!(told["size"], checkpoint.size);
    assert!(told["at"].is_string(), "{told}");
}

/// The tree of the checkpoint, built anew from the tiles that the log serves.
#[tokio::test]
async fn tiles_lead_to_the_root_of_the_checkpoint() {
    let world = world().await;
    for number in 1..9 {
        line(&world, number, "pay", Verdict::Denied, "/tools/pay").await;
    }
    let latest = world.admin("GET", "/checkpoints/latest", "").await.json();
    let key = PublicKey::parse(latest["key"].as_str().unwrap()).unwrap();
    let answer = world.ask(Some(&world.viewer), "GET", "/log/checkpoint", "", &[]).await;
    let (checkpoint, _) = Checkpoint::open(&answer.body, &key).unwrap();
    let size = checkpoint.size;
    let tile = bytes_of(&world, &format!("/log/tile/0/000.p/{size}")).await;
    let mut edge = audit::Edge::new();
    let hashes = audit::tile::hashes(&tile, u16::try_from(size).unwrap()).unwrap();
    hashes.into_iter().for_each(|hash| edge.push(hash));
    assert_eq!(edge.root(), checkpoint.root);
    for (path, status) in [
        (format!("/log/tile/0/000.p/{}", size + 500), 404),
        ("/log/tile/0/000".to_owned(), 404),
        ("/log/tile/0/0".to_owned(), 404),
        ("/log/tile/9/000".to_owned(), 404),
        (format!("/log/tile/entries/000.p/{size}"), 404),
    ] {
        let answer = world.ask(Some(&world.viewer), "GET", &path, "", &[]).await;
        assert_eq!(answer.status, status, "{path}");
    }
    let stranger = world.ask(None, "GET", &format!("/log/tile/0/000.p/{size}"), "", &[]).await;
    assert_eq!(stranger.status, 401);
}

/// W18: measurements are for those who have a key, unless the operator of the machine says otherwise.
#[tokio::test]
async fn measurements_need_a_key() {
    let world = World::start().await;
    let get = |key: &str| {
        let key =
            if key.is_empty() { String::new() } else { format!("authorization: Bearer {key}\r\n") };
        format!("GET /metrics HTTP/1.1\r\nhost: {}\r\n{key}\r\n", world.address)
    };
    assert_eq!(world.raw(get("").as_bytes()).await.status, 401);
    assert_eq!(world.raw(get("csk1_nobody").as_bytes()).await.status, 401);
    // Nothing is measured in this house.
    let answer = world.raw(get(&world.viewer).as_bytes()).await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"));
}
