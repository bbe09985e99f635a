//! `demo`: an instance on a throw-away database with a payments server behind it, ready to try.
//!
//! All of it is set up through the API, as an operator would, and all of it is gone afterwards.

mod agent;
mod drive;
mod people;
mod scene;
mod scratch;

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::{Value, json};
use tokio::sync::watch;
use vault::{OsRandom, Randomness as _, Secret};

use crate::api::{self, Api};
use crate::args::Demo;
use crate::config::Config;
use crate::failure::Failure;
use crate::instance::{Instance, Listeners};
use crate::out::{self, Style};
use crate::signals::{self, Signals};
use crate::{logging, serve};
use scene::Scene;
use scratch::Scratch;

/// The ports where none are asked for.
const PORTS: [u16; 3] = [7071, 7070, 7072];

/// Runs the demo until a signal ends it, or until the story is told.
pub(crate) fn run(arguments: Demo, style: Style) -> Result<(), Failure> {
    let ports = ports(&arguments)?;
    logging::start(crate::config::LogFormat::Text, tracing::Level::WARN)
        .map_err(|takes| Failure::usage(takes, "correct or unset RUST_LOG"))?;
    let scratch = Scratch::new()?;
    let runtime = serve::runtime()?;
    let ended = runtime.block_on(demo(&scratch, ports, arguments.drive, style));
    runtime.shutdown_background();
    ended
}

/// The ports that were asked for. A drive asks for none in particular: it tells nobody of them.
fn ports(arguments: &Demo) -> Result<[u16; 3], Failure> {
    match arguments.ports.as_slice() {
        [] if arguments.drive => Ok([0; 3]),
        [] => Ok(PORTS),
        [gateway, control, payments] => Ok([*gateway, *control, *payments]),
        _ => Err(Failure::usage(
            "`--ports` takes three ports",
            "give gateway, control plane and payments server, such as --ports 7071,7070,0",
        )),
    }
}

async fn demo(
    scratch: &Scratch,
    [gateway, control, payments]: [u16; 3],
    drive: bool,
    style: Style,
) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let mut config = Config { data_dir: scratch.path().to_owned(), ..Config::default() };
    config.gateway.listen = local(gateway);
    config.control.listen = local(control);
    let listeners = Listeners::bind(&config).await?;
    let upstream_key = upstream_key()?;
    let payments =
        payments::Server::start(local(payments), upstream_key.clone()).await.map_err(|error| {
            Failure::new(
                "port",
                format!("the payments server cannot listen on port {payments}: {error}"),
                "choose other ports with --ports G,C,U; 0 picks a free one",
            )
        })?;
    let mut instance = Instance::open(&config, listeners).await?;
    let first_key = instance.first_key.take().ok_or_else(|| {
        Failure::new("demo", "the throw-away database was not empty", "start the demo again")
    })?;
    let setup_url = instance.setup_url.take();
    let (gateway_url, control_url) = (instance.gateway_url.clone(), instance.control_url.clone());

    let members = people::come(&instance.store()).await?;

    let (stop, stopping) = watch::channel(false);
    // On a task of its own, so that it answers while the scene is set.
    let serving = tokio::spawn(instance.serve(stopping));
    let story = async {
        let key = Secret::from(first_key.token.expose().to_owned());
        let api = Api::new(api::base(&control_url)?, &key)?;
        let scene = Scene::set(
            &api,
            scene::Place {
                gateway_url,
                control_url: control_url.clone(),
                setup_url,
                api_key: first_key.token.expose().to_owned(),
                upstream_url: payments.url(),
                ledger_url: payments.ledger_url(),
                upstream_key,
            },
            members,
        )
        .await?;
        match style {
            Style::Json => out::json(&scene.line())?,
            Style::Human => scene.announce(drive)?,
        }
        if drive { drive::story(&api, &scene, style).await } else { Ok(()) }
    };

    let told = tokio::select! {
        told = story => told,
        () = signals.next() => Err(Failure::new("interrupted", "the demo was interrupted", "")),
    };
    let ended = match told {
        Ok(()) if !drive => signals::stop_when_told(joined(serving), stop, signals).await,
        told => {
            stop.send_replace(true);
            let served = joined(serving).await;
            told.and(served)
        }
    };
    payments.stop().await;
    ended
}

async fn joined(serving: tokio::task::JoinHandle<Result<(), Failure>>) -> Result<(), Failure> {
    serving.await.unwrap_or_else(|_| {
        Err(Failure::new("panic", "the instance ended by itself", "the line above says where"))
    })
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// A key for the payments server, new each time.
fn upstream_key() -> Result<String, Failure> {
    Ok(format!("sk_demo_{}", random_hex()?))
}

/// 128 random bits in hex.
fn random_hex() -> Result<String, Failure> {
    let mut bytes = [0_u8; 16];
    OsRandom.fill(&mut bytes).map_err(|_| {
        Failure::new("no_randomness", "the system gave no random bytes", "start again")
    })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A text of a JSON object; empty where there is none.
fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A call of a tool, as the story tells it.
fn call(tool: &str, arguments: Value) -> Value {
    json!({"name": tool, "arguments": arguments})
}
