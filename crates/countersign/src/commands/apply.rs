//! `apply`: makes the instance hold what a directory says: servers, policies, groups. First a plan,
//! then the changes; what is there already is left alone, and nothing is removed unless asked to.
//!
//! - `servers/SLUG.json`: `url`, and if wanted `name`, `private_targets`, `on_tool_change`, `enabled`.
//! - `policies/NAME.json`: the document itself; `policies/NAME.cases.json`: its test cases.
//! - `groups/NAME.json`: `members`, by address.
//!
//! Its policies are marked as kept in files at the place of the directory (`--source`), so that nobody edits
//! on the instance what the next apply overwrites. Policies kept at other places are left alone.
//!
//! Secrets are never in the directory: credentials are set with `credential set`.

mod files;
mod plan;
mod source;

use serde_json::{Value, json};

use super::show;
use crate::api::Api;
use crate::args::Apply;
use crate::failure::Failure;
use crate::out::{self, Style};
use plan::{Plan, Step, Verb};

pub(super) async fn run(api: &Api, asked: Apply, style: Style) -> Result<(), Failure> {
    // Everything wrong with the files is found before the first change.
    let wanted = files::read(&asked.files)?;
    let source = source::of(asked.source, &asked.files)?;
    let Plan { steps, elsewhere } = plan::of(api, &wanted, &source, !asked.leave_editable).await?;
    let gone: Vec<&Step> = steps.iter().filter(|step| step.verb == Verb::Remove).collect();
    if style == Style::Human {
        tell(&steps)?;
        for (policy, place) in &elsewhere {
            let kept = format!("policy {policy} is kept in files at {place}: left alone");
            out::note(&out::plain(&kept));
        }
    }
    if asked.plan {
        return done(&steps, &elsewhere, 0, "nothing was changed: this is the plan", style);
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
    done(&steps, &elsewhere, made, &sentence, style)
}

fn tell(steps: &[Step]) -> Result<(), Failure> {
    for step in steps {
        let sign = match step.verb {
            Verb::Make => '+',
            Verb::Change => '~',
            Verb::Remove => '-',
        };
        out::line(&out::plain(&format!("{sign} {}{}", step.name(), step.what())))?;
    }
    Ok(())
}

fn done(
    steps: &[Step],
    elsewhere: &[(String, String)],
    made: usize,
    sentence: &str,
    style: Style,
) -> Result<(), Failure> {
    let steps: Vec<Value> = steps.iter().map(Step::as_json).collect();
    let kept = |(policy, place): &(String, String)| json!({"policy": policy, "kept_in": place});
    let elsewhere: Vec<Value> = elsewhere.iter().map(kept).collect();
    let whole = json!({"steps": steps, "kept_elsewhere": elsewhere, "made": made});
    show::done(&whole, sentence, style)
}
