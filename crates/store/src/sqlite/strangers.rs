//! Those who were turned away: counted by minute, address, reason, person and route, bounded in
//! memory and on disk, never one line each.

use std::collections::HashMap;

use rusqlite::{Connection, params};

use crate::{Moment, StrangerRefusal};

/// The most distinct lines a minute; what is beyond is counted under one address.
const LINES_A_MINUTE: usize = 256;

/// The most minutes that wait to be written, for when the disk is full.
const MINUTES_WAITING: usize = 4;

/// The most lines that are kept.
const LINES_KEPT: i64 = 20_000;

/// Stands for every address beyond those that have a line of their own.
const OTHERS: &str = "(others)";

const MINUTE_MICROS: i64 = 60_000_000;

/// An address is at most this long: an IPv6 address with a scope and a port fits.
const ADDRESS_MAX: usize = 64;
/// A method and the template of a route.
const ASKED_MAX: usize = 100;

/// What has been counted and not yet written.
#[derive(Default)]
pub(super) struct Strangers {
    waiting: HashMap<Line, Counted>,
    /// How many distinct lines each minute has, written ones included, while it may still grow.
    lines: HashMap<i64, usize>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Line {
    minute: i64,
    address: String,
    reason: &'static str,
    org: String,
    member: String,
    asked: String,
}

struct Counted {
    token_prefix: Option<String>,
    count: u32,
}

/// Lines taken out to be written.
pub(super) struct Batch(Vec<(Line, Counted)>);

impl Strangers {
    /// Counts a refusal.
    pub(super) fn add(&mut self, refusal: StrangerRefusal) {
        let minute = refusal.at.micros().div_euclid(MINUTE_MICROS);
        let mut address = refusal.address;
        if address.len() > ADDRESS_MAX {
            address = OTHERS.to_owned();
        }
        let (org, member) = refusal.who.map_or_else(Default::default, |(org, member)| {
            (org.as_str().to_owned(), member.as_str().to_owned())
        });
        let asked = if refusal.asked.len() > ASKED_MAX { String::new() } else { refusal.asked };
        let mut line = Line { minute, address, reason: refusal.reason, org, member, asked };
        let mut token_prefix = refusal.token_prefix.filter(|prefix| prefix.len() <= 24);
        if !self.waiting.contains_key(&line) && !self.has_room(minute) {
            // The organisation stays: nobody else may see that it happened.
            line.address = OTHERS.to_owned();
            line.member.clear();
            line.asked.clear();
            token_prefix = None;
        }
        match self.waiting.get_mut(&line) {
            Some(counted) => counted.count = counted.count.saturating_add(refusal.count),
            // Reasons are a handful of codes, so the others need a handful of lines at most.
            None => {
                self.waiting.insert(line, Counted { token_prefix, count: refusal.count });
            }
        }
    }

    /// Whether the minute may have one more line; counts it.
    fn has_room(&mut self, minute: i64) -> bool {
        if !self.lines.contains_key(&minute) && self.lines.len() >= MINUTES_WAITING {
            let oldest = self.lines.keys().copied().min();
            let written = |m: i64| !self.waiting.keys().any(|line| line.minute == m);
            match oldest.filter(|oldest| *oldest < minute && written(*oldest)) {
                Some(oldest) => self.lines.remove(&oldest),
                None => return false,
            };
        }
        let lines = self.lines.entry(minute).or_default();
        if *lines >= LINES_A_MINUTE {
            return false;
        }
        *lines += 1;
        true
    }

    /// Whether anything waits.
    pub(super) fn waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Takes out all that waits.
    pub(super) fn take(&mut self) -> Batch {
        Batch(self.waiting.drain().collect())
    }

    /// The commit has failed: they wait again.
    pub(super) fn put_back(&mut self, batch: Batch) {
        for (line, counted) in batch.0 {
            let place = self.waiting.entry(line);
            let waiting = place.or_insert(Counted { token_prefix: counted.token_prefix, count: 0 });
            waiting.count = waiting.count.saturating_add(counted.count);
        }
    }
}

impl Batch {
    /// Writes the lines, and drops the oldest beyond what is kept.
    pub(super) fn write(&self, conn: &Connection) -> rusqlite::Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut insert = conn.prepare_cached(
            "INSERT INTO refusals (minute, address, reason, org, member, asked, token_prefix, \
             count) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
             ON CONFLICT (minute, address, reason, org, member, asked) DO UPDATE SET \
             count = min(count + excluded.count, 4294967295)",
        )?;
        for (line, counted) in &self.0 {
            let Line { minute, address, reason, org, member, asked } = line;
            let prefix = &counted.token_prefix;
            insert.execute(params![
                minute,
                address,
                reason,
                org,
                member,
                asked,
                prefix,
                counted.count
            ])?;
        }
        conn.prepare_cached(
            "DELETE FROM refusals WHERE idx <= (SELECT max(idx) FROM refusals) - ?1",
        )?
        .execute([LINES_KEPT])?;
        Ok(())
    }
}

/// The first moment of a minute as it is kept.
pub(super) fn moment_of(minute: i64) -> Moment {
    Moment::of_micros(minute.saturating_mul(MINUTE_MICROS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(at: i64, address: &str) -> StrangerRefusal {
        StrangerRefusal {
            at: Moment::of_micros(at),
            address: address.to_owned(),
            reason: "unknown_token",
            token_prefix: Some("csg1_abc".to_owned()),
            count: 1,
            ..StrangerRefusal::default()
        }
    }

    #[test]
    fn a_flood_from_everywhere_stays_small_and_loses_no_count() {
        let mut strangers = Strangers::default();
        for minute in 0..100_i64 {
            for address in 0..1_000 {
                strangers.add(refusal(minute * MINUTE_MICROS, &format!("10.0.0.{address}")));
            }
        }
        assert!(strangers.waiting.len() <= MINUTES_WAITING * LINES_A_MINUTE + 100);
        let batch = strangers.take();
        assert_eq!(batch.0.iter().map(|(_, counted)| counted.count).sum::<u32>(), 100_000);
        strangers.put_back(batch);
        strangers.add(refusal(0, "10.0.0.1"));
        assert_eq!(strangers.take().0.iter().map(|(_, c)| c.count).sum::<u32>(), 100_001);
    }
}
