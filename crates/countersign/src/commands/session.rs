//! `session`: browsers that people are signed in with, and how to end that.

use super::show;
use crate::api::Api;
use crate::args::Session;
use crate::failure::Failure;
use crate::out::Style;

const COLUMNS: [show::Column; 7] = [
    ("ID", "/id"),
    ("BY", "/method"),
    ("SINCE", "/created_at"),
    ("SEEN", "/seen_at"),
    ("ENDS", "/expires_at"),
    ("FROM", "/address"),
    ("BROWSER", "/agent"),
];

pub(super) async fn run(api: &Api, command: Session, style: Style) -> Result<(), Failure> {
    match command {
        Session::List { member: None } => {
            show::list(&api.list(&["sessions"]).await?, &COLUMNS, style)
        }
        Session::List { member: Some(member) } => {
            show::list(&api.list(&["members", &member, "sessions"]).await?, &COLUMNS, style)
        }
        Session::End { session } => {
            let gone = api.delete(&["sessions", &session]).await?;
            show::done(&gone, &format!("the session `{session}` has ended"), style)
        }
        Session::EndAll { member: None } => {
            let gone = api.delete(&["sessions"]).await?;
            show::done(&gone, "you are signed out everywhere", style)
        }
        Session::EndAll { member: Some(member) } => {
            let gone = api.delete(&["members", &member, "sessions"]).await?;
            let sentence = format!("`{member}` is signed out everywhere; their keys stay good");
            show::done(&gone, &sentence, style)
        }
    }
}
