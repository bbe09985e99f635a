//! `witness`: follows logs that run elsewhere, and cosigns each checkpoint that continues the last.
//!
//! It speaks C2SP tlog-witness: `POST /add-checkpoint`. It trusts nobody who connects; a request
//! counts by the signature of its log alone.

mod serve;
mod state;

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use audit::{KeyKind, PublicKey, SigningKey, is_name};
use serde_json::json;
use tokio::sync::watch;
use vault::{OsRandom, Randomness as _};

use super::audit::keys;
use super::input;
use crate::args::Witness;
use crate::failure::{Failure, reason};
use crate::out::{self, Style};
use crate::signals::{self, Signals};

pub(super) async fn run(asked: Witness, style: Style) -> Result<(), Failure> {
    let logs = asked.logs.iter().map(|given| keys::public(given, KeyKind::Log, "--log"));
    let logs: Vec<PublicKey> = logs.collect::<Result<_, _>>()?;
    let key = own_key(&asked.key, asked.name.as_deref())?;
    let public = key.public().to_string();
    let state = state::State::open(&asked.state)?;
    let signals = Signals::listen()?;
    let listener = tokio::net::TcpListener::bind(asked.listen).await.map_err(|error| {
        let what = format!("the witness cannot listen on {}: {}", asked.listen, reason(&error));
        Failure::new("port", what, "choose another address with --listen")
    })?;
    let at = listener.local_addr().unwrap_or(asked.listen);
    match style {
        Style::Json => out::json(&json!({"url": format!("http://{at}"), "key": public}))?,
        Style::Human => {
            out::line(&format!(
                "Countersign witness\n  address     http://{at}/add-checkpoint\n  public key  {public}"
            ))?;
            logs.iter().try_for_each(|log| out::line(&format!("  follows     {}", log.name())))?;
        }
    }
    let witness = Arc::new(serve::Server::new(logs, key, state));
    let (stop, stopping) = watch::channel(false);
    let serving = async {
        serve::serve(listener, witness, stopping).await;
        Ok(())
    };
    signals::stop_when_told(serving, stop, signals).await
}

/// The witness's key: read, or made at the first start.
fn own_key(path: &Path, name: Option<&str>) -> Result<SigningKey, Failure> {
    if !path.exists() {
        make_key(path, name)?;
    }
    let file = path.display();
    let key = SigningKey::parse(input::text(path)?.trim()).map_err(|error| {
        let what = format!("the file `{file}` holds no key that signs: {error}");
        Failure::new("witness_key", what, "give the file that this witness made at its first start")
    })?;
    if key.public().kind() != KeyKind::Witness {
        let what = format!("the key in `{file}` is none of a witness");
        return Err(Failure::new("witness_key", what, "a witness needs a key of its own"));
    }
    if name.is_some_and(|name| name != key.public().name()) {
        let what = format!("the key in `{file}` is that of `{}`", key.public().name());
        return Err(Failure::usage(what, "leave --name out, or name another file with --key"));
    }
    Ok(key)
}

fn make_key(path: &Path, name: Option<&str>) -> Result<(), Failure> {
    let name = name.filter(|name| is_name(name)).ok_or_else(|| {
        let what = "this witness has no key yet, and no name to make one under";
        Failure::usage(
            what,
            "give --name, such as `witness.example.org/w1`, without blanks or plus signs",
        )
    })?;
    let mut seed = [0; 32];
    OsRandom.fill(&mut seed).map_err(|_| {
        Failure::new("no_randomness", "the system gave no random bytes", "start again")
    })?;
    let text = SigningKey::written(name, KeyKind::Witness, &seed)
        .map_err(|error| Failure::usage(error.to_string(), "choose another --name"))?;
    let mut options = std::fs::OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()
    });
    written.map_err(|error| {
        let what = format!("the key cannot be written to `{}`: {}", path.display(), reason(&error));
        Failure::new("witness_key", what, "name a file you may write to with --key")
    })
}
