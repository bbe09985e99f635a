//! The measurement itself and how it is told: one Markdown page, ratios beside figures.

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use crate::load::{self, Figures, Shot};
use crate::process::{self, Process};
use crate::{limits, micro, served};

/// Prints one line; a reader who has left is not an error.
pub(crate) fn line(text: &str) {
    drop(writeln!(io::stdout().lock(), "{text}"));
}

/// One way a call can go.
struct Way {
    name: &'static str,
    mode: Option<&'static str>,
}

const WAYS: [Way; 4] = [
    Way { name: "bare proxy", mode: None },
    Way { name: "Countersign, authentication only", mode: Some("auth") },
    Way { name: "Countersign, ten rules", mode: Some("policy") },
    Way { name: "Countersign, ten rules, recorded durably", mode: Some("durable") },
];

struct Row {
    way: &'static str,
    what: String,
    figures: Figures,
    cpu_micros: f64,
}

/// What to measure: `--quick` for a look, nothing for the page that is published.
pub(crate) async fn run(args: &[&str]) -> io::Result<()> {
    let quick = args.contains(&"--quick");
    let calls = if quick { 20_000 } else { 60_000 };
    let rounds = if quick { 1 } else { 3 };
    let started = Instant::now();
    let mut rows = Vec::new();
    for (what, size, callers, modern) in [
        ("small, 16 callers", "128", 16, false),
        ("small, 64 callers", "128", 64, false),
        ("2026-07-28, 16 callers", "128", 16, true),
        ("64 KiB, 16 callers", "65536", 16, false),
    ] {
        rows.extend(closed(what, size, callers, modern, calls, rounds).await?);
    }
    table(&rows);
    paced(if quick { 3 } else { 8 }).await?;
    limits::run(if quick { 2 } else { 5 }).await?;
    memory(if quick { 20_000 } else { 100_000 }).await?;
    parts();
    if let Some(at) = args.iter().position(|arg| *arg == "--countersign")
        && let Some(program) = args.get(at + 1)
    {
        start_up(program).await?;
    }
    line(&format!("\nThe run took {} s.", started.elapsed().as_secs()));
    Ok(())
}

/// One load by hand, towards a part that was started by hand: for looking at it with a profiler.
/// Words: callers, calls, and then `modern` and the token's file if they apply.
pub(crate) async fn load(target: &str, words: &[&str]) -> io::Result<()> {
    let number = |at: usize| words.get(at).and_then(|word| word.parse::<u64>().ok()).unwrap_or(1);
    let modern = words.contains(&"modern");
    let token = words.iter().find(|word| word.starts_with('/'));
    let token = token.map(std::fs::read_to_string).transpose()?;
    let path = if token.is_some() { "/mcp/bench" } else { "/mcp" };
    let shot = Shot { path: path.into(), token, modern };
    let target = target.parse().map_err(io::Error::other)?;
    let figures = load::closed(target, &shot, number(0) as usize, number(1)).await?;
    line(&format!("{:.0} calls/s, p50 {} µs", figures.per_second(), figures.p50.as_micros()));
    Ok(())
}

struct Started {
    way: &'static str,
    process: Process,
    shot: Shot,
    _upstream: Option<Process>,
}

fn start(way: &Way, upstream: &Process, modern: bool) -> io::Result<Started> {
    let target = upstream.address.to_string();
    let (process, shot) = match way.mode {
        None => {
            let process = Process::start(Some(0), &["proxy", &target])?;
            (process, Shot { path: "/mcp".into(), token: None, modern })
        }
        Some(mode) => {
            let process = Process::start(Some(0), &["gateway", mode, &target])?;
            let token = served::token(process.address.port())?;
            (process, Shot { path: "/mcp/bench".into(), token: Some(token), modern })
        }
    };
    Ok(Started { way: way.name, process, shot, _upstream: None })
}

async fn closed(
    what: &str,
    size: &str,
    callers: usize,
    modern: bool,
    calls: u64,
    rounds: usize,
) -> io::Result<Vec<Row>> {
    let upstream = Process::start(Some(1), &["upstream", size])?;
    let calls = if size.len() > 4 { calls / 3 } else { calls };
    let mut started = Vec::new();
    for way in &WAYS {
        let way = start(way, &upstream, modern)?;
        load::closed(way.process.address, &way.shot, callers, 3_000).await?;
        started.push((way, Vec::new()));
    }
    // In turn, so that a slow minute of the machine is everybody's.
    for _ in 0..rounds {
        for (way, taken) in &mut started {
            let before = way.process.cpu()?;
            let figures = load::closed(way.process.address, &way.shot, callers, calls).await?;
            let cpu = way.process.cpu()?.saturating_sub(before);
            let cpu_micros = cpu.as_secs_f64() * 1e6 / figures.calls as f64;
            taken.push((cpu_micros, figures));
        }
    }
    Ok(started
        .into_iter()
        .map(|(way, mut taken)| {
            taken.sort_by(|a, b| a.0.total_cmp(&b.0));
            let (cpu_micros, figures) = taken.swap_remove(taken.len() / 2);
            Row { way: way.way, what: what.to_owned(), figures, cpu_micros }
        })
        .collect())
}

fn table(rows: &[Row]) {
    line("| load | way | CPU µs/call | ratio | calls/s | p50 µs | p99 µs | wrong answers |");
    line("| --- | --- | --- | --- | --- | --- | --- | --- |");
    let mut floor = 1.0;
    for row in rows {
        if row.way == WAYS[0].name {
            floor = row.cpu_micros;
        }
        line(&format!(
            "| {} | {} | {:.1} | {:.2} | {:.0} | {} | {} | {} |",
            row.what,
            row.way,
            row.cpu_micros,
            row.cpu_micros / floor,
            row.figures.per_second(),
            row.figures.p50.as_micros(),
            row.figures.p99.as_micros(),
            row.figures.wrong,
        ));
    }
}

async fn paced(seconds: u64) -> io::Result<()> {
    let upstream = Process::start(Some(1), &["upstream", "128"])?;
    line("\n| 1,000 calls/s over 8 connections | p50 µs | p99 µs | added p50 µs | added p99 µs |");
    line("| --- | --- | --- | --- | --- |");
    let direct = Shot { path: "/mcp".into(), token: None, modern: false };
    load::paced(upstream.address, &direct, 8, 1_000, 1).await?;
    let floor = load::paced(upstream.address, &direct, 8, 1_000, seconds).await?;
    let told = |name: &str, figures: &Figures| {
        let added = |a: Duration, b: Duration| a.as_micros() as i64 - b.as_micros() as i64;
        line(&format!(
            "| {name} | {} | {} | {} | {} |",
            figures.p50.as_micros(),
            figures.p99.as_micros(),
            added(figures.p50, floor.p50),
            added(figures.p99, floor.p99)
        ));
    };
    told("the upstream itself", &floor);
    for way in &WAYS {
        let way = start(way, &upstream, false)?;
        load::paced(way.process.address, &way.shot, 8, 1_000, 1).await?;
        told(way.way, &load::paced(way.process.address, &way.shot, 8, 1_000, seconds).await?);
    }
    Ok(())
}

async fn memory(calls: u64) -> io::Result<()> {
    let upstream = Process::start(Some(1), &["upstream", "128"])?;
    line(&format!("\n| memory | after start MiB | after {calls} calls MiB |"));
    line("| --- | --- | --- |");
    for way in &WAYS {
        let way = start(way, &upstream, false)?;
        let first = way.process.resident()?;
        load::closed(way.process.address, &way.shot, 16, calls).await?;
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let last = way.process.resident()?;
        line(&format!("| {} | {:.1} | {:.1} |", way.way, mib(first), mib(last)));
    }
    Ok(())
}

/// The time from the start of the program, on a database that exists, to its first answered call.
pub(crate) async fn start_up(program: &str) -> io::Result<()> {
    let upstream = Process::start(Some(1), &["upstream", "128"])?;
    let dir = tempfile::tempdir()?;
    let token = served::prepare(dir.path(), &upstream.address.to_string()).await?;
    let shot = Shot { path: "/mcp/bench".into(), token: Some(token), modern: false };
    let mut times = Vec::new();
    for _ in 0..7 {
        let [gateway, control] = [process::free_port()?, process::free_port()?];
        let started = Instant::now();
        let child = std::process::Command::new(program)
            .args(["serve", "--data-dir"])
            .arg(dir.path())
            .env("COUNTERSIGN_GATEWAY__LISTEN", format!("127.0.0.1:{gateway}"))
            .env("COUNTERSIGN_CONTROL__LISTEN", format!("127.0.0.1:{control}"))
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()?;
        let mut child = process::Ended(child);
        let address = ([127, 0, 0, 1], gateway).into();
        let mut answered = false;
        while started.elapsed() < Duration::from_secs(5) {
            if load::closed(address, &shot, 1, 1).await.is_ok_and(|f| f.wrong == 0) {
                answered = true;
                break;
            }
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        if !answered {
            return Err(io::Error::other("countersign did not answer within 5 s"));
        }
        times.push(started.elapsed());
        child.end();
    }
    times.sort_unstable();
    let ms = |at: usize| times.get(at).map_or(0.0, |t| t.as_secs_f64() * 1e3);
    line("\n| start to first answered call | ms |\n| --- | --- |");
    line(&format!(
        "| median of {} (fastest, slowest) | {:.1} ({:.1}, {:.1}) |",
        times.len(),
        ms(times.len() / 2),
        ms(0),
        ms(times.len() - 1)
    ));
    Ok(())
}

pub(crate) fn parts() {
    line("\n| part | figure |");
    line("| --- | --- |");
    for rules in [1, 10, 100, 1_000] {
        if let Some(time) = micro::decision(rules) {
            line(&format!("| decision, {rules} rules | {:.3} µs |", time.as_secs_f64() * 1e6));
        }
    }
    for rules in [10, 100, 1_000] {
        match micro::difference(rules) {
            Some(time) => line(&format!(
                "| exact difference of two versions, {rules} rules | {:.1} ms |",
                time.as_secs_f64() * 1e3
            )),
            None => {
                line(&format!("| exact difference of two versions, {rules} rules | not known |"))
            }
        }
    }
    let call = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"refund_payment","arguments":{"payment":"pi_1001","amount":25.00,"currency":"eur","reason":"requested by customer"}}}"#;
    let text = r#"{\"invoice\":\"in_1001\",\"état\":\"payé\",\"amount\":4800},"#.repeat(1_200);
    let answer = format!(
        r#"{{"jsonrpc":"2.0","id":7,"result":{{"content":[{{"type":"text","text":"{text}"}}],"isError":false}}}}"#
    );
    let call_rate = micro::reader(call.as_bytes(), |text| mcp::message::read(text).is_ok());
    let id = mcp::Id::from(7);
    let answer_rate = micro::reader(answer.as_bytes(), |text| mcp::answer::scan(text, &id).is_ok());
    for (name, rate, size) in
        [("a call", call_rate, call.len()), ("an answer", answer_rate, answer.len())]
    {
        if let Some(rate) = rate {
            let micros = size as f64 / rate * 1e6;
            line(&format!(
                "| strict reader, {name} of {size} bytes | {:.0} MB/s ({micros:.2} µs) |",
                rate / 1e6
            ));
        }
    }
}
