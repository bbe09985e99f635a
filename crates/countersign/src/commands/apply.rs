//! `apply`: makes the instance hold what a directory says: servers, policies, groups. First a plan,
//! then the changes; what is there already is left alone, and nothing is removed unless asked to.
//!
//! - `servers/SLUG.json`: `url`, and if wanted `name`, `private_targets`, `on_tool_change`, `enabled`.
//! - `policies/NAME.json`: the document itself; `policies/NAME.cases.json`: its test cases.
//! - `groups/NAME.json`: `members`, by address.
//!
//! Secrets are never in the directory: credentials are set with `credential set`.

mod files;
mod plan;

use serde_json::{Value, json};

use super::show;
use crate::api::Api;
use crate::args::Apply;
use crate::failure::Failure;
use crate::out::{self, Style};
use plan::{Step, Verb};

pub(super) async fn run(api: &Api, asked: Apply, style: Style) -> Result<(), Failure> {
    // Everything wrong with the files is found before the first change.
    let wanted = files::read(&asked.files)?;
    let steps = plan::of(api, &wanted).await?;
    let gone: Vec<&Step> = steps.iter().filter(|step| step.verb == Verb::Remove).collect();
    if style == Style::Human {
        tell(&steps)?;
    }
    if asked.plan {
        return done(&steps, 0, "nothing was changed: this is the plan", style);
    }
    if !gone.is_empty() && !asked.prune {
        let named = gone.iter().map(|step| step.name()).collect();
        return Err(Failure::new(
            "would_remove",
            format!("{} objects are not in the directory; nothing was changed", gone.len()),
            "add their files, or remove them with --prune",
        )
        .listing(named));
    }
    let mut made = 0;
    for step in &steps {
        step.carry_out(api).await.inspect_err(|_| {
            out::note(&format!("{made} of {} changes were made before this one", steps.len()));
        })?;
        made += 1;
    }
    let sentence = match made {
        0 => "the instance holds all of it already".to_owned(),
        made => format!("{made} changes were made"),
    };
    done(&steps, made, &sentence, style)
}

fn tell(steps: &[Step]) -> Result<(), Failure> {
    for step in steps {
        let sign = match step.verb {
            Verb::Make => '+',
            Verb::Change => '~',
            Verb::Remove => '-',
        };
        out::line(&format!("{sign} {}{}", step.name(), step.what()))?;
    }
    Ok(())
}

fn done(steps: &[Step], made: usize, sentence: &str, style: Style) -> Result<(), Failure> {
    let steps: Vec<Value> = steps.iter().map(Step::as_json).collect();
    show::done(&json!({"steps": steps, "made": made}), sentence, style)
}
