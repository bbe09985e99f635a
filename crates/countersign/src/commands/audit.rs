//! `audit`: evidence of what was decided and changed.

pub(super) mod keys;
mod verify;

use crate::args::Audit;
use crate::failure::Failure;
use crate::out::Style;

pub(super) async fn run(command: Audit, style: Style) -> Result<(), Failure> {
    match command {
        Audit::Verify(asked) => verify::run(&asked, style),
    }
}
