//! `serve`: reads the configuration, starts an instance, and ends it in good order.

mod handover;

use serde_json::json;
use tokio::sync::watch;

use crate::args::Serve;
use crate::config::{Config, Problems, Sources};
use crate::failure::{Failure, reason};
use crate::instance::{Instance, Listeners};
use crate::logging;
use crate::out::{self, Style};
use crate::signals::{self, Signals};

/// Runs an instance until a signal ends it.
pub(crate) fn run(arguments: Serve, style: Style) -> Result<(), Failure> {
    let config = config(&arguments)?;
    if arguments.print_config {
        return Ok(out::line(config.print().trim_end())?);
    }
    logging::start(config.log.format, config.log.level)
        .map_err(|takes| Failure::usage(takes, "correct or unset RUST_LOG"))?;
    if let Some(value) = &config.root_key.value {
        return Err(handover::start_again(value));
    }
    #[cfg(unix)]
    leave_no_core();
    let runtime = runtime()?;
    let ended = runtime.block_on(serve(&config, arguments.demo_server, style));
    // What still runs in the background (a name look-up, a file) must not keep the process.
    runtime.shutdown_background();
    ended
}

/// A program that crashes may leave its memory behind in a file, keys and all. This one does not.
#[cfg(unix)]
fn leave_no_core() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "a crash may write this program's memory to a file");
    }
}

/// A runtime for an instance.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
        Failure::new("system", format!("no threads can be started: {error}"), "raise the limit")
    })
}

fn config(arguments: &Serve) -> Result<Config, Failure> {
    let flags = [
        ("data_dir", &arguments.configured.data_dir),
        ("gateway.listen", &arguments.gateway_listen),
        ("control.listen", &arguments.control_listen),
    ];
    let flags = flags.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)));
    load(&Sources::of_process(arguments.configured.config.clone(), flags.collect()))
}

/// Reads the configuration, or says all that is wrong with it.
pub(crate) fn load(sources: &Sources) -> Result<Config, Failure> {
    Config::load(sources).map_err(|Problems(problems)| {
        let next =
            "correct what is listed; `countersign serve --print-config` shows what is in force";
        match problems.as_slice() {
            [one] => Failure::new("config", format!("the configuration is wrong: {one}"), next),
            _ => Failure::new("config", "the configuration is wrong", next).listing(problems),
        }
    })
}

async fn serve(config: &Config, demo_server: Option<u16>, style: Style) -> Result<(), Failure> {
    let signals = Signals::listen()?;
    let listeners = Listeners::bind(config).await?;
    let demo = match demo_server {
        Some(port) => Some(demo_on(port).await?),
        None => None,
    };
    let mut instance = Instance::open(config, listeners).await?;
    if let Some(demo) = &demo {
        instance.suggest_demo(&demo.url());
    }
    announce(&mut instance, style).await?;
    let (stop, stopping) = watch::channel(false);
    let serving = instance.serve(stopping);
    let ended = signals::stop_when_told(serving, stop, signals).await;
    if let Some(demo) = demo {
        demo.stop().await;
    }
    ended
}

/// The payments server of the demo: somewhere to send calls before there is anything of one's own.
async fn demo_on(port: u16) -> Result<payments::Running, Failure> {
    payments::Server::start_open(port).await.map_err(|error| {
        Failure::new(
            "port",
            format!("the demo server cannot listen on port {port}: {}", reason(&error)),
            "choose another port with --demo-server PORT; 0 picks a free one",
        )
    })
}

/// Says where the instance is, and shows the first key the only time it is seen.
async fn announce(instance: &mut Instance, style: Style) -> Result<(), Failure> {
    let key = instance.first_key.take();
    let text = key.as_ref().map(|key| key.token.expose());
    let (gateway, control) = (&instance.gateway_url, &instance.control_url);
    let written = match style {
        Style::Json => out::json(&json!({
            "gateway_url": gateway, "control_url": control, "api_key": text,
            "setup_url": instance.setup_url, "demo_server_url": instance.demo_url,
        })),
        Style::Human => {
            let mut lines = format!(
                "Countersign {}\n  gateway  {gateway}/mcp/{{server}}\n  control  {control}/api/v1",
                env!("CARGO_PKG_VERSION")
            );
            if let Some(url) = &instance.demo_url {
                lines.push_str(&format!("\n  demo     {url}   (needs no key, moves no money)"));
            }
            if let Some(text) = text {
                lines.push_str(&format!(
                    "\n\nThe first admin API key, shown this once:\n{text}\n\nUse it as COUNTERSIGN_API_KEY."
                ));
            }
            if let Some(url) = &instance.setup_url {
                lines.push_str(&format!(
                    "\n\nNo admin can sign in yet. This link makes the first one, once, within a day:\n{url}"
                ));
            }
            out::line(&lines)
        }
    };
    match key {
        Some(key) if written.is_err() => {
            instance.take_back(&key).await?;
            Err(Failure::new(
                "key_not_shown",
                "standard output is closed, so the first API key could not be shown",
                "start again with standard output open: another key is made then",
            ))
        }
        _ => Ok(()),
    }
}
