//! `connect`: what an MCP client needs to reach the gateway, printed, or merged into its file.

mod merge;

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{input, show};
use crate::api::Api;
use crate::args::{Client, Connect, Instance};
use crate::failure::Failure;
use crate::out::{self, Style};

/// The variable that clients read the grant token from, unless it is written into their file.
const VARIABLE: &str = "COUNTERSIGN_GRANT_TOKEN";

pub(super) async fn run(
    instance: &Instance,
    command: Connect,
    style: Style,
) -> Result<(), Failure> {
    let url = match &command.gateway_url {
        Some(base) => format!("{}/mcp/{}", base.trim_end_matches('/'), command.server),
        None => {
            let server = Api::of(instance)?.get(&["servers", &command.server]).await?;
            show::cell(&server, "/gateway_url")
        }
    };
    let token = match &command.token_file {
        Some(file) => {
            let secret = input::secret(Some(file), "the grant token")?;
            let text = secret.expose_str().unwrap_or_default().to_owned();
            if !text.starts_with("csg1_") || !text.bytes().all(|b| b.is_ascii_graphic()) {
                return Err(Failure::new(
                    "bad_token",
                    format!("the file `{}` holds no grant token", file.display()),
                    "name the file that `countersign grant issue --token-file` wrote",
                ));
            }
            Some(text)
        }
        None => None,
    };
    let name = command.name.as_deref().unwrap_or(&command.server);
    let snippet = snippet(command.client, name, &url, token.as_deref());
    if !command.write {
        return match style {
            Style::Json => Ok(out::json(&json!({
                "client": client_name(command.client),
                "file": file_of(&command).map(|file| file.display().to_string()),
                "content": snippet.print(),
            }))?),
            Style::Human => print(&command, &snippet, token.is_some()),
        };
    }
    write(&command, &snippet, token.is_some(), style)
}

/// What goes into a client's file.
enum Snippet {
    /// An entry of a JSON file: the way to it, and what stands there.
    Json { way: Vec<String>, entry: Value, inputs: Option<Value> },
    /// An entry of a TOML file: its table, and the lines below it.
    Toml { table: [String; 2], lines: String },
}

fn snippet(client: Client, name: &str, url: &str, token: Option<&str>) -> Snippet {
    let bearer = |reference: &str| format!("Bearer {}", token.unwrap_or(reference));
    let json = |section: &str, entry: Value| Snippet::Json {
        way: vec![section.to_owned(), name.to_owned()],
        entry,
        inputs: None,
    };
    match client {
        Client::ClaudeCode => json(
            "mcpServers",
            json!({"type": "http", "url": url,
                   "headers": {"Authorization": bearer("${COUNTERSIGN_GRANT_TOKEN}")}}),
        ),
        // It starts programs and speaks to them; the bridge carries that to HTTP.
        Client::ClaudeDesktop => json(
            "mcpServers",
            json!({"command": "npx",
                   "args": ["-y", "mcp-remote", url, "--header", "Authorization:${AUTHORIZATION}",
                            "--transport", "http-only"],
                   "env": {"AUTHORIZATION": bearer("PUT-THE-GRANT-TOKEN-HERE")}}),
        ),
        Client::Cursor => json(
            "mcpServers",
            json!({"url": url,
                   "headers": {"Authorization": bearer("${env:COUNTERSIGN_GRANT_TOKEN}")}}),
        ),
        Client::Vscode => {
            let input = format!("{name}-grant-token");
            let inputs = token.is_none().then(|| {
                json!({"type": "promptString", "id": input, "password": true,
                       "description": format!("Countersign grant token for {name}")})
            });
            let reference = format!("${{input:{input}}}");
            Snippet::Json {
                way: vec!["servers".to_owned(), name.to_owned()],
                entry: json!({"type": "http", "url": url,
                              "headers": {"Authorization": bearer(&reference)}}),
                inputs,
            }
        }
        Client::Codex => {
            let url = Value::from(url);
            let lines = match token {
                Some(token) => {
                    let header = Value::from(format!("Bearer {token}"));
                    format!("url = {url}\nhttp_headers = {{ Authorization = {header} }}\n")
                }
                None => format!("url = {url}\nbearer_token_env_var = \"{VARIABLE}\"\n"),
            };
            Snippet::Toml { table: ["mcp_servers".to_owned(), name.to_owned()], lines }
        }
        Client::Json => Snippet::Json {
            way: Vec::new(),
            entry: json!({"url": url, "headers": {"Authorization": bearer("<grant token>")}}),
            inputs: None,
        },
    }
}

impl Snippet {
    /// The whole of a file that holds nothing else.
    fn print(&self) -> String {
        match self {
            Self::Json { way, entry, inputs } => {
                let mut whole = way.iter().rev().fold(entry.clone(), |inner, name| {
                    Value::Object([(name.clone(), inner)].into_iter().collect())
                });
                if let Some(input) = inputs {
                    whole["inputs"] = json!([input]);
                }
                serde_json::to_string_pretty(&whole).unwrap_or_default()
            }
            Self::Toml { table, lines } => format!("{}\n{lines}", merge::table_head(table)),
        }
    }
}

fn print(command: &Connect, snippet: &Snippet, has_token: bool) -> Result<(), Failure> {
    match file_of(command) {
        Some(file) => out::note(&format!("for {}, or use --write:", file.display())),
        None => out::note("the address and the header that any MCP client needs:"),
    }
    if !has_token {
        out::note(match command.client {
            Client::ClaudeCode | Client::Cursor | Client::Codex => {
                "the client reads the token from the variable COUNTERSIGN_GRANT_TOKEN"
            }
            Client::Vscode => "the client asks for the token once and keeps it",
            Client::ClaudeDesktop | Client::Json => {
                "--token-file puts the token in its place, so it need not be typed"
            }
        });
    }
    Ok(out::line(&snippet.print())?)
}

fn write(
    command: &Connect,
    snippet: &Snippet,
    has_token: bool,
    style: Style,
) -> Result<(), Failure> {
    if command.client == Client::ClaudeDesktop && !has_token {
        return Err(Failure::usage(
            "Claude Desktop reads no variables, so its file needs the token itself",
            "name the file of the token with --token-file",
        ));
    }
    let Some(file) = file_of(command) else {
        return Err(Failure::usage(
            "there is no usual file for this client",
            "name one with --file, or leave --write out and copy what is printed",
        ));
    };
    let written = merge::into_file(&file, snippet, has_token)?;
    let file = file.display().to_string();
    let sentence = match &written {
        merge::Written::Unchanged => format!("`{file}` holds this already"),
        merge::Written::Made => format!("`{file}` is made"),
        merge::Written::Merged { backup } => {
            format!("`{file}` is changed; what it was before is in `{}`", backup.display())
        }
    };
    let backup = match &written {
        merge::Written::Merged { backup } => Some(backup.display().to_string()),
        _ => None,
    };
    show::done(&json!({"file": file, "backup": backup}), &sentence, style)
}

const fn client_name(client: Client) -> &'static str {
    match client {
        Client::ClaudeCode => "claude-code",
        Client::ClaudeDesktop => "claude-desktop",
        Client::Cursor => "cursor",
        Client::Vscode => "vscode",
        Client::Codex => "codex",
        Client::Json => "json",
    }
}

/// The client's file: the one that was named, or the one where it usually is.
fn file_of(command: &Connect) -> Option<PathBuf> {
    if let Some(file) = &command.file {
        return Some(file.clone());
    }
    let home = std::env::home_dir();
    match command.client {
        Client::ClaudeCode => Some(PathBuf::from(".mcp.json")),
        Client::Vscode => Some(PathBuf::from(".vscode/mcp.json")),
        Client::Cursor => Some(home?.join(".cursor/mcp.json")),
        Client::Codex => {
            let codex = std::env::var_os("CODEX_HOME").map(PathBuf::from);
            Some(codex.or_else(|| Some(home?.join(".codex")))?.join("config.toml"))
        }
        Client::ClaudeDesktop => {
            let directory = if cfg!(target_os = "macos") {
                home?.join("Library/Application Support/Claude")
            } else if cfg!(windows) {
                PathBuf::from(std::env::var_os("APPDATA")?).join("Claude")
            } else {
                home?.join(".config/Claude")
            };
            Some(directory.join("claude_desktop_config.json"))
        }
        Client::Json => None,
    }
}

#[cfg(test)]
mod tests;
