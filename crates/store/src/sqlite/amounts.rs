//! Arguments that are amounts: declared of one definition of a tool, by somebody who may.

use std::sync::Arc;

use async_trait::async_trait;
use json::{Limits, Object, Value};
use rusqlite::{Connection, params};

use super::Sqlite;
use super::control_plane::{change, read};
use super::fault::{Fault, corrupt};
use super::keys::{Fields, Keys};
use super::tx::{Detail, Recorded, Tx};
use super::{servers, tools};
use crate::*;

const TABLE: &str = "tool_amounts";

fn fields(org: &str, server: &str, tool: &str, fingerprint: &str, amounts: &str) -> Fields {
    Fields::of(org, server).text(tool).text(fingerprint).text(amounts)
}

/// The arguments as they are stored.
fn written(amounts: &[Amount]) -> String {
    let one = |amount: &Amount| {
        let mut object = Object::new();
        object.insert("argument", amount.argument.as_str());
        match &amount.currency {
            AmountCurrency::Fixed(code) => object.insert("currency", code.as_str()),
            AmountCurrency::Argument(name) => object.insert("currency_argument", name.as_str()),
        };
        Value::Object(object)
    };
    let list = Value::Array(amounts.iter().map(one).collect());
    String::from_utf8(json::write_to_vec(&list)).unwrap_or_default()
}

fn read_back(text: &str) -> Option<Vec<Amount>> {
    let list = json::read(text.as_bytes(), Limits::ANSWER).ok()?;
    let one = |value: &Value| {
        let text = |name: &str| match value.get(name) {
            Some(Value::String(text)) => Some(text.clone()),
            _ => None,
        };
        let currency = match (text("currency"), text("currency_argument")) {
            (Some(code), None) => AmountCurrency::Fixed(code),
            (None, Some(name)) => AmountCurrency::Argument(name),
            _ => return None,
        };
        Some(Amount { argument: text("argument")?, currency })
    };
    list.as_array()?.iter().map(one).collect()
}

fn of(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    server: &ServerId,
) -> Result<Vec<ToolAmounts>, Fault> {
    let mut statement = conn.prepare_cached(
        "SELECT tool, fingerprint, amounts, mac FROM tool_amounts \
         WHERE org = ?1 AND server = ?2 ORDER BY tool",
    )?;
    let mut rows = statement.query([org.as_str(), server.as_str()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (tool, fingerprint): (String, String) = (row.get(0)?, row.get(1)?);
        let (text, mac): (String, Vec<u8>) = (row.get(2)?, row.get(3)?);
        let row = fields(org.as_str(), server.as_str(), &tool, &fingerprint, &text);
        if !keys.verify(TABLE, &row, &mac) {
            tracing::error!(%server, tool, "amounts of it were declared by somebody else");
            continue;
        }
        let amounts = read_back(&text).ok_or_else(|| corrupt(TABLE))?;
        found.push(ToolAmounts { tool, fingerprint, amounts });
    }
    Ok(found)
}

fn set(
    tx: &Tx<'_>,
    by: &By,
    server: &ServerId,
    given: &ToolAmounts,
) -> Result<Recorded<()>, Fault> {
    let server = servers::to_change(tx, by, server)?;
    let (tools, _) = tools::of(tx.conn, tx.keys, &server)?;
    let tool = tools
        .into_iter()
        .find(|tool| tool.name == given.tool)
        .ok_or_else(|| ChangeError::NotFound { what: "tool", id: given.tool.clone() })?;
    if !given.holds(&tool) {
        let changed = "that is not the accepted definition of the tool as it is now: look at it \
                       again, and accept it first";
        return Err(ChangeError::Conflict(changed.to_owned()).into());
    }
    if given.amounts.len() > AMOUNTS_MAX {
        let problem = "must be at most 20";
        return Err(ChangeError::Invalid { field: "amounts", problem }.into());
    }
    let known = of(tx.conn, tx.keys, &by.org, &server.id)?;
    let before = known.into_iter().find(|known| known.tool == given.tool);
    let same = match &before {
        Some(before) => before == given,
        None => given.amounts.is_empty(),
    };
    if same {
        return Ok(Recorded::unchanged(()));
    }
    let place = (by.org.as_str(), server.id.as_str());
    let text = written(&given.amounts);
    if given.amounts.is_empty() {
        tx.conn
            .prepare_cached(
                "DELETE FROM tool_amounts WHERE org = ?1 AND server = ?2 AND tool = ?3",
            )?
            .execute(params![place.0, place.1, given.tool])?;
    } else {
        let mac =
            tx.keys.mac(TABLE, &fields(place.0, place.1, &given.tool, &given.fingerprint, &text));
        tx.conn
            .prepare_cached(
                "INSERT OR REPLACE INTO tool_amounts (org, server, tool, fingerprint, amounts, mac) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![place.0, place.1, given.tool, given.fingerprint, text, mac])?;
    }
    let detail = match before {
        Some(before) => Detail::default().change("amounts", written(&before.amounts), text),
        None => Detail::default().now("amounts", text),
    };
    let detail = detail.now("fingerprint", given.fingerprint.as_str());
    let subject = format!("{}/{}", server.id, given.tool);
    tx.record(by, "tool.amounts", &subject, detail, ())
}

#[async_trait]
impl Amounts for Sqlite {
    async fn tool_amounts(
        &self,
        org: &OrgId,
        server: &ServerId,
    ) -> Result<Vec<ToolAmounts>, StoreError> {
        read!(self, |conn, keys, org, server| of(conn, &keys, &org, &server))
    }

    async fn tool_amounts_set(
        &self,
        by: &By,
        server: &ServerId,
        amounts: ToolAmounts,
    ) -> Result<(), ChangeError> {
        change!(self for by, |tx, server| set(tx, &by, &server, &amounts))
    }
}
