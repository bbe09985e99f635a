//! Tool definitions: as an upstream gives them, and as they were accepted.

use std::collections::HashSet;
use std::sync::Arc;

use rusqlite::{Connection, params};

use super::fault::Fault;
use super::keys::{Fields, Keys};
use super::records::micros;
use super::servers;
use super::tx::{Detail, Recorded, Tx};
use crate::{By, ChangeError, FoundTool, Moment, Server, ServerId, Tool};

/// What was accepted is what calls are judged by, so that is what the MAC covers.
fn fields(server: &Server, name: &str, accepted: Option<(&[u8], &str)>) -> Fields {
    Fields::of(server.org.as_str(), server.id.as_str())
        .text(name)
        .maybe(accepted.map(|(definition, _)| definition))
        .maybe_text(accepted.map(|(_, fingerprint)| fingerprint))
}

/// The tools of a server by name, and how many rows had an acceptance that is not ours: those
/// tools count as never accepted.
pub(super) fn of(
    conn: &Connection,
    keys: &Keys,
    server: &Server,
) -> Result<(Vec<Tool>, usize), Fault> {
    let mut statement = conn.prepare_cached(
        "SELECT name, definition, fingerprint, accepted_definition, accepted_fingerprint, \
         withheld, first_seen_at, changed_at, present, mac FROM tools \
         WHERE org = ?1 AND server = ?2 ORDER BY name",
    )?;
    let mut rows = statement.query([server.org.as_str(), server.id.as_str()])?;
    let (mut tools, mut forged) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        let definition: Option<Vec<u8>> = row.get(3)?;
        let fingerprint: Option<String> = row.get(4)?;
        let mac: Vec<u8> = row.get(9)?;
        let accepted = definition.as_deref().zip(fingerprint.as_deref());
        let ours = keys.verify("tools", &fields(server, &name, accepted), &mac);
        forged += usize::from(!ours);
        tools.push(Tool {
            name,
            definition: row.get::<_, Vec<u8>>(1)?.into(),
            fingerprint: row.get::<_, String>(2)?.into(),
            accepted: accepted.filter(|_| ours).map(|(d, f)| (Arc::from(d), Arc::from(f))),
            withheld: row.get(5)?,
            first_seen_at: Moment::of_micros(row.get(6)?),
            changed_at: Moment::of_micros(row.get(7)?),
            present: row.get(8)?,
        });
    }
    Ok((tools, forged))
}

fn write(tx: &Tx<'_>, server: &Server, tool: &Tool) -> Result<(), Fault> {
    let accepted = tool.accepted.as_ref().map(|(d, f)| (&**d, &**f));
    tx.conn
        .prepare_cached(
            "INSERT OR REPLACE INTO tools (org, server, name, definition, fingerprint, \
             accepted_definition, accepted_fingerprint, withheld, first_seen_at, changed_at, \
             present, mac) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            server.org.as_str(),
            server.id.as_str(),
            tool.name,
            &*tool.definition,
            &*tool.fingerprint,
            accepted.map(|(definition, _)| definition),
            accepted.map(|(_, fingerprint)| fingerprint),
            tool.withheld,
            micros(Some(tool.first_seen_at)),
            micros(Some(tool.changed_at)),
            tool.present,
            tx.keys.mac("tools", &fields(server, &tool.name, accepted)),
        ])?;
    Ok(())
}

/// Keeps what a discovery found. Whether anything changed that calls are judged by is told to the
/// transaction.
pub(super) fn found(
    tx: &Tx<'_>,
    server: &Server,
    found: Vec<FoundTool>,
    accept_new: bool,
    at: Moment,
) -> Result<(), Fault> {
    let (known, _) = of(tx.conn, tx.keys, server)?;
    let mut seen = HashSet::new();
    for mut tool in once_each(found) {
        seen.insert(tool.name.clone());
        let old = known.iter().find(|old| old.name == tool.name);
        let new = match old {
            Some(old) => Tool {
                definition: tool.definition.into(),
                changed_at: if *old.fingerprint == *tool.fingerprint { old.changed_at } else { at },
                fingerprint: tool.fingerprint.into(),
                withheld: tool.withheld,
                present: true,
                ..old.clone()
            },
            None => {
                let accept = accept_new && tool.withheld.is_none() && !tool.hidden_text;
                let definition: Arc<[u8]> = std::mem::take(&mut tool.definition).into();
                let fingerprint: Arc<str> = tool.fingerprint.into();
                Tool {
                    accepted: accept.then(|| (Arc::clone(&definition), Arc::clone(&fingerprint))),
                    name: tool.name,
                    definition,
                    fingerprint,
                    withheld: tool.withheld,
                    first_seen_at: at,
                    changed_at: at,
                    present: true,
                }
            }
        };
        if old.is_none_or(|old| !same(old, &new)) {
            write(tx, server, &new)?;
            tx.judged_by();
        }
    }
    for old in known.into_iter().filter(|old| old.present && !seen.contains(&old.name)) {
        write(tx, server, &Tool { present: false, changed_at: at, ..old })?;
        tx.judged_by();
    }
    Ok(())
}

fn same(old: &Tool, new: &Tool) -> bool {
    old.definition == new.definition
        && old.fingerprint == new.fingerprint
        && old.withheld == new.withheld
        && old.present == new.present
}

/// A name that is listed twice has no one definition: it is withheld.
fn once_each(found: Vec<FoundTool>) -> Vec<FoundTool> {
    let mut once: Vec<FoundTool> = Vec::with_capacity(found.len());
    let mut places = std::collections::HashMap::with_capacity(found.len());
    for tool in found {
        match places.get(&tool.name) {
            Some(place) => {
                let first: Option<&mut FoundTool> = once.get_mut(*place);
                if let Some(first) = first {
                    first.withheld.get_or_insert_with(|| "listed twice".to_owned());
                }
            }
            None => {
                places.insert(tool.name.clone(), once.len());
                once.push(tool);
            }
        }
    }
    once
}

/// Accepts the present definition of a tool.
pub(super) fn accept(
    tx: &Tx<'_>,
    by: &By,
    server: &ServerId,
    name: &str,
    fingerprint: &str,
) -> Result<Recorded<Tool>, Fault> {
    let server = servers::to_change(tx, by, server)?;
    let (tools, _) = of(tx.conn, tx.keys, &server)?;
    let tool = tools
        .into_iter()
        .find(|tool| tool.name == name)
        .ok_or_else(|| ChangeError::NotFound { what: "tool", id: name.to_owned() })?;
    if *tool.fingerprint != *fingerprint {
        let changed = "the tool's definition has changed since it was shown; look at it again";
        return Err(ChangeError::Conflict(changed.to_owned()).into());
    }
    if let Some(why) = &tool.withheld {
        return Err(ChangeError::Conflict(format!("the tool is withheld: {why}")).into());
    }
    let before = tool.accepted.as_ref().map(|(_, f)| f.to_string());
    let accepted = Some((Arc::clone(&tool.definition), Arc::clone(&tool.fingerprint)));
    let tool = Tool { accepted, ..tool };
    write(tx, &server, &tool)?;
    tx.judged_by();
    let after = tool.fingerprint.to_string();
    let detail = match before {
        Some(before) => Detail::default().change("accepted", before, after),
        None => Detail::default().now("accepted", after),
    };
    let subject = format!("{}/{}", server.id, tool.name);
    tx.record(by, "tool.accepted", &subject, detail, tool)
}
