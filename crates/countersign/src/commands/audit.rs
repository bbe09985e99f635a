//! `audit`: evidence of what was decided and changed.

mod export;
pub(super) mod keys;
mod verify;

use crate::args::{Audit, Instance};
use crate::failure::Failure;
use crate::out::Style;

pub(super) async fn run(instance: &Instance, command: Audit, style: Style) -> Result<(), Failure> {
    match command {
        Audit::Export(asked) => export::run(instance, &asked, style).await,
        Audit::Verify(asked) => verify::run(&asked, style),
    }
}
