//! H: HTTP.

use std::time::{Duration, Instant};

use gateway::Config;
use store::{DataPlane as _, OutcomeClass};
use testkit::{Agent, Answer, Canary, Era, House, Open, Piece, Request, Scan, Setup, send};

use crate::fixture::{self, REFUND};
use crate::table::{Logged, Row, Told, fill, run};

/// A call that the policy allows, with its request edited.
fn edited(
    id: &'static str,
    what: &str,
    edit: impl Fn(Request) -> Request + Send + Sync + 'static,
    told: Told,
    logged: Logged,
) -> Row {
    let bytes = move |agent: &Agent, era: &Era, canary: &Canary| {
        let body = Agent::call_text(era, "refund_payment", &format!("{{{REFUND}}}"));
        edit(agent.post(era, fill(body.as_bytes(), era, canary))).bytes()
    };
    Row::new(id, what, bytes, told, logged)
}

/// The same, with the framing of the body in the row's own hands.
fn framed(id: &'static str, framing: &'static str, told: Told, logged: Logged) -> Row {
    let bytes = move |agent: &Agent, era: &Era, canary: &Canary| {
        let body = Agent::call_text(era, "refund_payment", &format!("{{{REFUND}}}"));
        let body = fill(body.as_bytes(), era, canary);
        let framing = framing
            .replace("{LEN}", &body.len().to_string())
            .replace("{HEX}", &format!("{:x}", body.len()));
        let (headers, chunked) = framing.split_once("||").unwrap_or((&framing, ""));
        let mut out = agent.post(era, "").unframed().bytes();
        out.truncate(out.len() - 2);
        out.extend_from_slice(headers.as_bytes());
        out.extend_from_slice(b"\r\n");
        match chunked.split_once("{BODY}") {
            Some((before, after)) => {
                out.extend_from_slice(before.as_bytes());
                out.extend_from_slice(&body);
                out.extend_from_slice(after.as_bytes());
            }
            None => out.extend_from_slice(&body),
        }
        out
    };
    Row::new(id, framing.escape_debug().to_string(), bytes, told, logged).once()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn framing() {
    let malformed = || Told::StatusOrClosed(400);
    let mut rows = Vec::new();
    for framing in [
        "Content-Length: {LEN}\r\nContent-Length: 2\r\n",
        "Content-Length: 2, 2\r\n",
        "Content-Length: +{LEN}\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 0x{HEX}\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Content-Length : {LEN}\r\n",
        "Content-Length: {LEN} {LEN}\r\n",
    ] {
        rows.push(framed("H02", framing, malformed(), Logged::Nothing));
    }
    for framing in [
        "Transfer-Encoding: xchunked\r\n||{HEX}\r\n{BODY}\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked, identity\r\n||{HEX}\r\n{BODY}\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n||{HEX}\r\n{BODY}\r\n0\r\n\r\n",
        "Transfer-Encoding : chunked\r\n||{HEX}\r\n{BODY}\r\n0\r\n\r\n",
        "Transfer-Encoding: \x0bchunked\r\n||{HEX}\r\n{BODY}\r\n0\r\n\r\n",
    ] {
        rows.push(framed("H03", framing, malformed(), Logged::Nothing));
    }
    for framing in [
        "Transfer-Encoding: gzip, chunked\r\n||{HEX}\r\n{BODY}\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n||{HEX}\r\n{BODY}\r\n0\r\n\r\n",
        "Transfer-Encoding: deflate\r\nTransfer-Encoding: chunked\r\n||{HEX}\r\n{BODY}\r\n0\r\n\r\n",
    ] {
        rows.push(framed("H04", framing, Told::Status(400), Logged::One("bad_request")));
    }
    let extension = format!(
        "Transfer-Encoding: chunked\r\n||{{HEX}};{}\r\n{{BODY}}\r\n0\r\n\r\n",
        "x".repeat(20_000)
    );
    for framing in [
        "Transfer-Encoding: chunked\r\n||FFFFFFFFFFFFFFFFF\r\n{BODY}\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n||0x{HEX}\r\n{BODY}\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n||{HEX}\n{BODY}\n0\n\n",
        "Transfer-Encoding: chunked\r\n||-{HEX}\r\n{BODY}\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n||2\r\n{BODY}\r\n0\r\n\r\n",
        Box::leak(extension.into_boxed_str()),
    ] {
        rows.push(framed("H07", framing, malformed(), Logged::One("bad_request")));
    }
    run(&fixture::house().await, rows).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_and_targets() {
    let mut rows = Vec::new();
    let media = || Logged::One("media_type");
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/json; charset=utf-16",
        "application/json, text/plain",
        "application/jsonx",
        "application/json;charset=utf-8;charset=utf-16",
        "",
        "application/json-rpc",
        "text/json",
    ] {
        rows.push(
            edited("H10", kind, move |r| r.set("Content-Type", kind), Told::Status(415), media())
                .once(),
        );
    }
    rows.push(
        edited("H10", "no type", |r| r.without("Content-Type"), Told::Status(415), media()).once(),
    );
    rows.push(
        edited(
            "H10",
            "two types",
            |r| r.header("Content-Type", "application/json"),
            Told::Status(400),
            Logged::One("bad_request"),
        )
        .once(),
    );
    for coding in ["gzip", "identity", "br", ""] {
        rows.push(
            edited(
                "H10",
                coding,
                move |r| r.header("Content-Encoding", coding),
                Told::Status(415),
                media(),
            )
            .once(),
        );
    }
    rows.push(
        edited(
            "H11",
            "two tokens",
            |r| r.header("Authorization", "Bearer x"),
            Told::Status(400),
            Logged::One("bad_request"),
        )
        .once(),
    );
    rows.push(
        edited(
            "H11",
            "joined tokens",
            |r| {
                let token = r.headers.iter().find(|(n, _)| n == "Authorization").unwrap().1.clone();
                r.set("Authorization", [&token[..], b", ", &token[..]].concat())
            },
            Told::Status(401),
            Logged::Stranger,
        )
        .once(),
    );
    let bad = || Logged::One("bad_request");
    rows.push(edited("H12", "no host", |r| r.without("Host"), Told::Status(400), bad()).once());
    rows.push(
        edited("H12", "two hosts", |r| r.header("Host", "127.0.0.1"), Told::Status(400), bad())
            .once(),
    );
    rows.push(
        edited(
            "H12",
            "another authority",
            |r| r.target("http://evil.example/mcp/payments"),
            Told::Status(400),
            bad(),
        )
        .once(),
    );
    for host in [
        "",
        "a b",
        "evil.example@127.0.0.1",
        "127.0.0.1:x",
        "[::1",
        "127.0.0.1/x",
        "127.0.0.1,evil.example",
    ] {
        rows.push(
            edited("H12", host, move |r| r.set("Host", host), Told::Status(400), bad()).once(),
        );
    }
    for host in [
        "evil.example",
        "169.254.169.254",
        "localhost.evil.example",
        "127.0.0.2",
        "127.0.0.1.nip.io",
    ] {
        rows.push(
            edited(
                "H12",
                host,
                move |r| r.set("Host", host),
                Told::Status(421),
                Logged::One("host"),
            )
            .once(),
        );
    }
    for origin in [
        "https://evil.example",
        "null",
        "http://localhost.evil.example",
        "file://",
        "http://127.0.0.1@evil.example",
        "http://evil.example/http://localhost",
        "",
        "localhost",
        "ftp://localhost",
        "http://localhost, https://evil.example",
        "http://[::1].evil.example",
    ] {
        rows.push(
            edited(
                "H14",
                origin,
                move |r| r.header("Origin", origin),
                Told::Status(403),
                Logged::One("origin"),
            )
            .once(),
        );
    }
    rows.push(
        edited(
            "H14",
            "two origins",
            |r| r.header("Origin", "http://localhost").header("Origin", "http://localhost"),
            Told::Status(403),
            Logged::One("origin"),
        )
        .once(),
    );
    for (what, edit) in [
        (
            "query",
            (|r: Request, t: &str| r.target(&format!("/mcp/payments?token={t}&access_token={t}")))
                as fn(Request, &str) -> Request,
        ),
        ("path", |r, t| r.target(&format!("/mcp/payments/{t}"))),
        ("cookie", |r, t| r.header("Cookie", format!("token={t}; Authorization=Bearer {t}"))),
        ("X-Authorization", |r, t| r.header("X-Authorization", format!("Bearer {t}"))),
        ("X-Api-Key", |r, t| r.header("X-Api-Key", t)),
        ("Mcp-Param", |r, t| r.header("Mcp-Param-Authorization", format!("Bearer {t}"))),
        ("Proxy-Authorization", |r, t| r.header("Proxy-Authorization", format!("Bearer {t}"))),
        ("user info", |r, t| r.target(&format!("http://{t}@127.0.0.1/mcp/payments"))),
    ] {
        let bytes = move |agent: &Agent, era: &Era, canary: &Canary| {
            let body = Agent::call_text(era, "refund_payment", &format!("{{{REFUND}}}"));
            let request =
                agent.post(era, fill(body.as_bytes(), era, canary)).without("Authorization");
            edit(request, &agent.token).bytes()
        };
        let (told, logged) = match what {
            "path" => (Told::Status(404), Logged::Nothing),
            "user info" => (Told::Status(400), Logged::Stranger),
            _ => (Told::Status(401), Logged::Stranger),
        };
        rows.push(Row::new("H19", what, bytes, told, logged).once());
    }
    for method in ["PUT", "TRACE", "PATCH", "HEAD", "OPTIONS", "POSTX", "PROPFIND"] {
        rows.push(
            edited(
                "H26",
                method,
                move |r| r.method(method),
                Told::Status(405),
                Logged::One("method_not_allowed"),
            )
            .once(),
        );
    }
    for method in ["GET", "DELETE"] {
        rows.push(edited(
            "H26",
            method,
            move |r| r.method(method).without("Mcp-Session-Id"),
            Told::Status(405),
            Logged::One("method_not_allowed"),
        ));
    }
    for target in [
        "//mcp/payments",
        "/mcp/../admin",
        "/mcp/payments/../payments",
        "/mcp/%70ayments",
        "/mcp/payments%2f",
        "/mcp/payments;x",
        "/mcp/payments.",
        "/mcp/payments/",
        "/mcp/",
        "/mcp",
        "/",
        "/api/v1/grants",
        "/api/v1/health",
        "/api/v1/openapi.json",
        "/MCP/payments",
        "/mcp/payments//",
        "/mcp//payments",
        "/mcp/\u{7f}",
        "/metrics",
        "/healthz",
        "*",
    ] {
        let told = if target.contains('\u{7f}') || target == "*" {
            Told::StatusOrClosed(if target == "*" { 404 } else { 400 })
        } else {
            Told::Status(404)
        };
        rows.push(edited("H27", target, move |r| r.target(target), told, Logged::Nothing).once());
    }
    for server in ["other", "PAYMENTS", "payment", "payments2", "srv_0000000000000000000000000"] {
        rows.push(
            edited(
                if server == "PAYMENTS" { "H27" } else { "H28" },
                server,
                move |r| r.target(&format!("/mcp/{server}")),
                Told::Status(401),
                Logged::Stranger,
            )
            .once(),
        );
    }
    run(&fixture::house().await, rows).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sizes() {
    let long = Logged::One("uri_too_long");
    let large = Logged::One("headers_too_large");
    let body = Logged::One("body_too_large");
    let chunk = "x".repeat(1 << 20);
    let rows = vec![
        edited(
            "H20",
            "101 headers",
            |mut r| {
                for i in 0..101 {
                    r = r.header(&format!("X-{i}"), "1");
                }
                r
            },
            Told::StatusOrClosed(431),
            Logged::Nothing,
        )
        .once(),
        edited(
            "H20",
            "a 500 KB header",
            |r| r.header("X-Long", "x".repeat(500_000)),
            Told::StatusOrClosed(431),
            Logged::Nothing,
        )
        .once(),
        edited(
            "H20",
            "a 40 KB header",
            |r| r.header("X-Long", "x".repeat(40_000)),
            Told::Status(431),
            large,
        )
        .once(),
        edited(
            "H20",
            "a 70 KB target",
            |r| r.target(&format!("/mcp/payments?{}", "x".repeat(70_000))),
            Told::StatusOrClosed(414),
            Logged::Nothing,
        )
        .once(),
        edited(
            "H20",
            "a 9 KB target",
            |r| r.target(&format!("/mcp/payments?{}", "x".repeat(9_000))),
            Told::Status(414),
            long,
        )
        .once(),
        edited(
            "H20",
            "a body over the limit",
            |r| r.body(vec![b' '; (4 << 20) + 1]),
            Told::Status(413),
            body,
        )
        .once(),
        edited(
            "H20",
            "a length over the limit",
            |r| r.body("").unframed().header("Content-Length", "4194305"),
            Told::Status(413),
            body,
        )
        .once(),
        edited(
            "H20",
            "a body over the limit by chunks",
            move |r| {
                let chunks = format!("100000\r\n{chunk}\r\n").repeat(5) + "0\r\n\r\n";
                r.body(chunks).unframed().header("Transfer-Encoding", "chunked")
            },
            Told::Status(413),
            body,
        )
        .once(),
    ];
    run(&fixture::house().await, rows).await;
}

/// H08, H16, H18: nothing of the agent's headers goes on, and trailers are no headers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_header_of_the_agent_goes_on() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    let session = agent.session().await;
    let canary = Canary::new();
    for era in [Era::Legacy, session, Era::Modern] {
        let mut request = agent.post(&era, Agent::call_text(&era, "anything", "{}"));
        for name in [
            "Cookie",
            "Cookie2",
            "X-Api-Key",
            "X-Forwarded-For",
            "X-Forwarded-Host",
            "X-Forwarded-Proto",
            "Forwarded",
            "X-Real-IP",
            "Via",
            "Proxy-Authorization",
            "User-Agent",
            "Referer",
            "X-Custom",
            "Traceparent",
            "Baggage",
            "Accept-Language",
            "If-None-Match",
            "X-HTTP-Method-Override",
            "Mcp-Session",
            "Connection",
        ] {
            request = request.header(name, canary.text());
        }
        request = request.target(&format!("/mcp/payments?secret={canary}"));
        let (mark, line) = (house.upstream.mark(), house.last_line().await);
        let answer = send(agent.address, request.bytes()).await;
        assert_eq!(answer.json()["result"]["content"][0]["text"], "done", "H18 {}", answer.text());
        let seen = house.upstream.seen_since(mark).remove(0);
        let expected = format!("Bearer {}", house.credential);
        assert_eq!(seen.header("authorization"), Some(expected.as_str()), "H18");
        assert_eq!(house.ended_after(line).await.len(), 1);

        // H08: trailers, and a header hidden in a trailer, say nothing.
        let body = Agent::call_text(&era, "anything", "{}");
        let chunked = format!(
            "{:x}\r\n{body}\r\n0\r\nAuthorization: Bearer {canary}\r\nMcp-Name: wipe_all\r\nX-Trailer: {canary}\r\n\r\n",
            body.len()
        );
        let request = agent
            .post(&era, &body)
            .body(chunked)
            .unframed()
            .header("Transfer-Encoding", "chunked")
            .header("Trailer", "Authorization, Mcp-Name");
        let answer = send(agent.address, request.bytes()).await;
        assert_eq!(answer.json()["result"]["content"][0]["text"], "done", "H08 {}", answer.text());
    }
    assert!(!canary.is_in(&house.upstream.raw()), "H16 H18 a header of the agent went on");
    assert!(!agent.secret().is_in(&house.upstream.raw()), "the token went on");
    house.store.flush().await.unwrap();
    let planted = [canary, agent.secret(), house.credential.clone()];
    Scan(&planted).logs();
    Scan(&planted).directory(house.directory());
}

/// H15: no site is invited, whatever it asks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_invites_another_site() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    let preflight = Request::new("OPTIONS", "/mcp/payments")
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "authorization");
    for origin in ["https://evil.example", "null", "http://localhost:6274"] {
        let call = agent.post(&Era::Legacy, Agent::call_text(&Era::Legacy, "anything", "{}"));
        for request in [preflight.clone(), call] {
            let answer = send(agent.address, request.header("Origin", origin).bytes()).await;
            let told: Vec<_> = answer
                .headers
                .iter()
                .filter(|(name, _)| name.starts_with("access-control"))
                .collect();
            assert!(told.is_empty(), "H15 {origin}: {told:?}");
        }
    }
}

/// H22: a stranger is never told to go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_is_never_told_to_go_on() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    let body = Agent::call_text(&Era::Legacy, "anything", "{}");
    let request = agent
        .post(&Era::Legacy, "")
        .unframed()
        .header("Expect", "100-continue")
        .header("Content-Length", body.len().to_string());
    let mut open = Open::connect(agent.address).await;
    open.write(&request.clone().set("Authorization", "Bearer nonsense").bytes()).await;
    assert_eq!(open.head().await.status, 401, "H22");
    // Whoever holds a grant is.
    let mut open = Open::connect(agent.address).await;
    open.write(&request.bytes()).await;
    assert_eq!(open.head().await.status, 100, "H22");
    open.write(body.as_bytes()).await;
    assert_eq!(open.response().await.json()["result"]["content"][0]["text"], "done", "H22");
}

/// H23, A17: each request stands for itself, whatever came before it on the connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_is_no_identity() {
    let house = fixture::house().await;
    let (a, b) = (house.agent("a"), house.agent("b"));
    let Era::Session(of_a) = a.session().await else { panic!("a session") };
    let call = |agent: &Agent, era: &Era| agent.post(era, Agent::call_text(era, "anything", "{}"));
    let mark = house.upstream.mark();
    let mut pipelined = call(&a, &Era::Legacy).bytes();
    pipelined.extend(call(&a, &Era::Legacy).without("Authorization").bytes());
    pipelined.extend(call(&b, &Era::Session(of_a.clone())).bytes());
    pipelined.extend(call(&b, &Era::Legacy).bytes());
    let mut open = Open::connect(a.address).await;
    open.write(&pipelined).await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(open.response().await.status);
    }
    assert_eq!(statuses, [200, 401, 404, 200], "H23 A17");
    assert_eq!(house.upstream.mark() - mark, 2, "H23 A17");
}

/// H30: an agent that hangs up leaves a line that says so. In the modern era the upstream is left as
/// well; in the legacy era the call goes on, for the agent may come back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_hangs_up() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    house.upstream.on_call(|seen| {
        let mut answer = Answer::text(seen, "late").after(Duration::from_millis(300));
        if seen.modern() {
            answer = Answer::pieces(vec![Piece::Hang]);
        }
        answer
    });
    let arguments = r#"{"payment":"p","amount":10,"currency":"usd","reason":"damaged"}"#;
    for (era, class) in
        [(Era::Modern, OutcomeClass::Unknown), (Era::Legacy, OutcomeClass::Completed)]
    {
        let (mark, line) = (house.upstream.mark(), house.last_line().await);
        let mut open = Open::connect(agent.address).await;
        open.write(&agent.post(&era, Agent::call_text(&era, "refund_payment", arguments)).bytes())
            .await;
        house.upstream.wait_for(mark + 1).await;
        drop(open);
        let lines = house.ended_after(line).await;
        assert_eq!(lines.len(), 1, "H30 {era:?}");
        assert_eq!(lines[0].outcome.as_ref().unwrap().class, class, "H30 {era:?}");
    }
}

/// H20, slow strangers: a head or a body that never ends is not waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_drags_a_request_out_is_left() {
    let mut setup = Setup::new(fixture::tools(), fixture::policy());
    let mut config = Config::default();
    config.timeouts.header = Duration::from_millis(400);
    config.timeouts.body = Duration::from_millis(400);
    setup.config = config;
    let house = House::start(setup).await;
    let agent = house.agent("a");
    let whole = agent.post(&Era::Legacy, Agent::call_text(&Era::Legacy, "anything", "{}")).bytes();
    let started = Instant::now();
    for part in [0, 1, 20, whole.len() / 2] {
        let mut open = Open::connect(agent.address).await;
        open.write(&whole[..part]).await;
        assert!(open.closes_within(Duration::from_secs(3)).await, "{part} bytes of a head");
    }
    // Byte by byte does not help.
    let mut open = Open::connect(agent.address).await;
    for byte in &whole[..40] {
        open.write(&[*byte]).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(open.closes_within(Duration::from_secs(2)).await, "a head byte by byte");
    let mut open = Open::connect(agent.address).await;
    let line = house.last_line().await;
    open.write(&whole[..whole.len() - 5]).await;
    assert_eq!(open.head().await.status, 408);
    assert_eq!(house.lines_after(line).await[0].intent.reason, "body_timeout");
    assert!(started.elapsed() < Duration::from_secs(15));
    assert!(house.upstream.calls().is_empty());
}
