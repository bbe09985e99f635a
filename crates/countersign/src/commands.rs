//! What the commands do: each asks the API of a running instance and shows the answer.

mod admin;
mod approvals;
mod apply;
mod audit;
mod backup;
mod calls;
mod capture;
mod changes;
mod channel;
mod clock;
mod connect;
mod credential;
mod doctor;
mod download;
mod draft;
mod grant;
mod group;
mod identity_provider;
mod input;
mod key;
mod keys;
mod member;
mod policy;
mod recording;
mod recover;
mod server;
mod session;
mod show;
mod tool;
mod witness;

use crate::api::Api;
use crate::args::{Arguments, Command};
use crate::failure::Failure;
use crate::out::Style;

pub(crate) use show::fault_line;

/// Carries out a command that speaks to an instance, or to none.
pub(crate) async fn run(arguments: Arguments, style: Style) -> Result<(), Failure> {
    let instance = &arguments.instance;
    let api = || Api::of(instance);
    match arguments.command {
        Command::Server(command) => server::run(&api()?, command, style).await,
        Command::Tool(command) => tool::run(&api()?, command, style).await,
        Command::Credential(command) => credential::run(&api()?, command, style).await,
        Command::Policy(command) => policy::run(instance, command, style).await,
        Command::Grant(command) => grant::run(&api()?, command, style).await,
        Command::Calls(command) => calls::run(&api()?, command, style).await,
        Command::Approvals(command) => approvals::run(&api()?, command, style).await,
        Command::Channel(command) => channel::run(&api()?, command, style).await,
        Command::Key(command) => key::run(&api()?, command, style).await,
        Command::Keys(command) => keys::run(&api()?, command, style).await,
        Command::Clock(command) => clock::run(&api()?, command, style).await,
        Command::Audit(command) => audit::run(instance, command, style).await,
        Command::Member(command) => member::run(&api()?, command, style).await,
        Command::Group(command) => group::run(&api()?, command, style).await,
        Command::Session(command) => session::run(&api()?, command, style).await,
        Command::IdentityProvider(command) => identity_provider::run(&api()?, command, style).await,
        Command::Apply(asked) => apply::run(&api()?, asked, style).await,
        Command::Backup { file } => backup::take(&api()?, &file, style).await,
        Command::Restore(asked) => backup::restore(asked, style).await,
        Command::Recover(asked) => recover::run(asked, style).await,
        Command::Recording(command) => recording::run(&api()?, command, style).await,
        Command::Fingerprint(command) => recording::fingerprint(&api()?, command, style).await,
        Command::Capture(command) => capture::run(instance, command, style).await,
        Command::Witness(command) => witness::run(command, style).await,
        Command::Connect(command) => connect::run(instance, command, style).await,
        Command::Admin(command) => admin::run(command, style).await,
        Command::Doctor(configured) => doctor::run(instance, configured, style).await,
        // These two run for long and are started by `main` on a runtime of their own.
        Command::Serve(_) | Command::Demo(_) => Ok(()),
    }
}
