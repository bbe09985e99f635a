//! `clock`: whether the clock is believed that limits are counted by, and a person's word about it.

use serde_json::json;

use super::show;
use crate::api::Api;
use crate::args::Clock;
use crate::failure::Failure;
use crate::out::Style;

const LINES: [show::Column; 6] = [
    ("now", "/now"),
    ("counted at", "/counted_at"),
    ("believed", "/believed"),
    ("doubt", "/doubt/reason"),
    ("by seconds", "/doubt/seconds"),
    ("believed until", "/doubt/since"),
];

pub(super) async fn run(api: &Api, command: Clock, style: Style) -> Result<(), Failure> {
    match command {
        Clock::Show => show::object(&api.get(&["clock"]).await?, &LINES, style),
        Clock::Confirm { reason } => {
            let body = json!({"reason": reason}).to_string();
            let state = api.post(&["clock", "confirm"], body).await?;
            show::done(&state, "the clock is believed", style)
        }
    }
}
