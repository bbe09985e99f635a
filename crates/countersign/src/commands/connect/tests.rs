//! Clients' files: what is printed is what is merged, and all else stays.

use std::fs;

use super::*;

const URL: &str = "http://127.0.0.1:7071/mcp/pay";

fn merge_text(client: Client, before: &str, token: Option<&str>) -> Result<String, Failure> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("c");
    fs::write(&file, before).unwrap();
    merge::into_file(&file, &snippet(client, "pay", URL, token), token.is_some())?;
    Ok(fs::read_to_string(file).unwrap())
}

#[test]
fn a_merge_keeps_all_else_and_a_second_one_changes_nothing() {
    let before = r#"{"theme":"dark","mcpServers":{"other":{"url":"u"}}}"#;
    for client in [Client::ClaudeCode, Client::ClaudeDesktop, Client::Cursor, Client::Vscode] {
        let after = merge_text(client, before, None).unwrap();
        let value: Value = serde_json::from_str(&after).unwrap();
        assert_eq!(value["theme"], "dark", "{client:?}");
        assert_eq!(value["mcpServers"]["other"]["url"], "u", "{client:?}");
        let section = if client == Client::Vscode { "servers" } else { "mcpServers" };
        assert!(value[section]["pay"].to_string().contains(URL), "{client:?}");
        assert_eq!(merge_text(client, &after, None).unwrap(), after, "{client:?}");
    }
}

#[test]
fn a_toml_file_keeps_every_line_it_had() {
    let before = "# mine\nmodel = \"x\"\n\n[mcp_servers.other]\nurl = \"u\"\n";
    let after = merge_text(Client::Codex, before, None).unwrap();
    assert!(after.starts_with(before), "{after}");
    let table: toml::Table = after.parse().unwrap();
    assert_eq!(table["mcp_servers"]["pay"]["url"].as_str(), Some(URL));
    assert_eq!(
        table["mcp_servers"]["pay"]["bearer_token_env_var"].as_str(),
        Some("COUNTERSIGN_GRANT_TOKEN")
    );
    assert_eq!(merge_text(Client::Codex, &after, None).unwrap(), after);
}

#[test]
fn a_file_that_cannot_be_merged_is_left_as_it_is() {
    for (client, before) in [
        (Client::Vscode, "{ // mine\n \"servers\": {} }"),
        (Client::Cursor, "{\"mcpServers\": []}"),
        (Client::Cursor, "[]"),
        (Client::Codex, "[mcp_servers.pay]\nurl = \"another\"\n"),
        (Client::Codex, "mcp_servers = {}\n"),
        (Client::Codex, "not toml"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c");
        fs::write(&file, before).unwrap();
        let failure =
            merge::into_file(&file, &snippet(client, "pay", URL, None), false).unwrap_err();
        assert_eq!(failure.exit, 1);
        assert_eq!(fs::read_to_string(&file).unwrap(), before, "{client:?}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "{client:?}");
    }
}

#[test]
fn what_was_there_is_kept_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("c.json");
    let merge =
        |url: &str| merge::into_file(&file, &snippet(Client::Cursor, "pay", url, None), false);
    assert_eq!(merge("http://a").unwrap(), merge::Written::Made);
    assert_eq!(merge("http://a").unwrap(), merge::Written::Unchanged);
    let merge::Written::Merged { backup } = merge("http://b").unwrap() else { panic!("merged") };
    assert!(fs::read_to_string(&backup).unwrap().contains("http://a"));
    let merge::Written::Merged { backup: second } = merge("http://c").unwrap() else {
        panic!("merged")
    };
    assert_ne!(backup, second);
}

#[cfg(unix)]
#[test]
fn a_file_with_a_token_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("deep/er/c.json");
    for token in [None, Some("csg1_x")] {
        let snippet = snippet(Client::Cursor, "pay", URL, token);
        merge::into_file(&file, &snippet, token.is_some()).unwrap();
    }
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fs::read_to_string(&file).unwrap().contains("Bearer csg1_x"));
}
