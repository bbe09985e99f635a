//! A browser of somebody who is signed in: it keeps the cookie and says where its page is from.

use serde_json::{Value, json};
use store::{By, ControlPlane as _, MemberDraft, MemberId, People as _, Role, SignIn as _};

use crate::world::{Answer, World};

/// The password of everybody in these tests.
pub(crate) const PASSWORD: &str = "tram lemon four clouds";

/// A browser with at most one session.
#[derive(Clone, Debug, Default)]
pub(crate) struct Browser {
    pub(crate) cookie: Option<String>,
}

impl Browser {
    /// Asks as a page of ours does, and keeps the session it is handed.
    pub(crate) async fn ask(
        &mut self,
        world: &World,
        method: &str,
        path: &str,
        body: &str,
    ) -> Answer {
        let origin = format!("http://{}", world.address);
        let answer = self.send(world, method, path, body, &[("origin", &origin)]).await;
        self.keep(&answer);
        answer
    }

    /// Asks with the cookie and exactly these headers.
    pub(crate) async fn send(
        &self,
        world: &World,
        method: &str,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let cookie = self.cookie.as_ref().map(|value| format!("__Host-countersign={value}"));
        let mut headers = headers.to_vec();
        if let Some(cookie) = &cookie {
            headers.push(("cookie", cookie));
        }
        world.ask(None, method, path, body, &headers).await
    }

    fn keep(&mut self, answer: &Answer) {
        for line in answer.headers.get("set-cookie").into_iter().flat_map(|all| all.lines()) {
            if let Some(rest) = line.strip_prefix("__Host-countersign=") {
                let value = rest.split(';').next().unwrap_or_default();
                self.cookie = (!value.is_empty()).then(|| value.to_owned());
            }
        }
    }

    /// Signs in with a password.
    pub(crate) async fn sign_in(&mut self, world: &World, email: &str, password: &str) -> Answer {
        let body = json!({ "email": email, "password": password }).to_string();
        self.ask(world, "POST", "/sign-in/password", &body).await
    }

    /// Who is signed in, or the status.
    pub(crate) async fn who(&mut self, world: &World) -> Result<Value, u16> {
        let answer = self.ask(world, "GET", "/session", "").await;
        if answer.status == 200 { Ok(answer.json()) } else { Err(answer.status) }
    }
}

/// Somebody of this role with a password, and a browser in which they are signed in.
pub(crate) async fn person(world: &World, email: &str, role: Role) -> (MemberId, Browser) {
    let by = By::program(world.store.org().clone(), store::Clock::now(&*world.clock));
    let draft = MemberDraft { email: email.to_owned(), name: "Somebody".to_owned(), role };
    let until = by.at.plus_seconds(3_600);
    let (member, token) = world.store.member_invite(&by, draft, until).await.unwrap();
    let mut browser = Browser::default();
    let body = json!({ "token": token.expose(), "password": PASSWORD }).to_string();
    let answer = browser.ask(world, "POST", "/invites/accept", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    (member.id, browser)
}

/// A setup link for a member.
pub(crate) async fn link(world: &World, member: &MemberId, seconds: i64) -> String {
    let by = By::program(world.store.org().clone(), store::Clock::now(&*world.clock));
    let token = world.store.setup_create(&by, member, by.at.plus_seconds(seconds)).await.unwrap();
    token.expose().to_owned()
}

/// How many lines the audit log has.
pub(crate) async fn audit_lines(world: &World) -> usize {
    let page = store::Page { after: None, limit: 500 };
    world
        .store
        .audit(world.store.org(), &store::AuditFilter::default(), &page)
        .await
        .unwrap()
        .items
        .len()
}
