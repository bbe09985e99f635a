//! Links by which a member who lost their way in sets a new password: an admin hands one over.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::body::Unread;
use crate::operator::Operator;
use crate::problem::{Problem, ProblemBody};
use crate::repeat::{Creation, Halt};
use crate::roles::Action;
use crate::{At, Control, TOKEN_GONE, members, time};

/// How long such a link is good: a day.
const LINK_SECONDS: i64 = 86_400;

/// A link that lets a member set a new password, once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LinkOut {
    /// Whom it is for.
    member: String,
    /// The token of the link: this answer is the only place where it is ever seen. `null` in a
    /// repeated answer.
    token: Option<String>,
    /// The link, as a path of the dashboard. What comes after `#` reaches no server's log.
    path: Option<String>,
    /// The moment the link ends.
    expires_at: String,
    /// Why there is no token, if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

impl Creation for LinkOut {
    fn location(&self) -> String {
        format!("/api/v1/members/{}", self.member)
    }

    fn without_secrets(self) -> Self {
        Self { token: None, path: None, note: Some(TOKEN_GONE), ..self }
    }
}

/// Makes a link by which an active member sets a new password, once; an earlier one ends. Using it
/// ends their sessions and takes their passkeys away.
#[utoipa::path(
    post, path = "/members/{id}/sign-in-link", tag = "members", operation_id = "members_link",
    params(
        ("id" = String, Path, description = "Id or address"),
        ("Idempotency-Key" = Option<String>, Header),
    ),
    responses((status = 201, body = LinkOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn create(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    body: Unread,
) -> Result<Response, Halt> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}
    let by = who.may(Action::MembersWrite)?;
    by.fresh()?;
    let (Nothing {}, turn) = body.read_once(&control, &by).await?;
    let member = members::find(&control, &by, &id).await?;
    let ends = by.now().plus_seconds(LINK_SECONDS);
    let made = control.store.setup_create(&by.by(), &member.id, ends).await;
    let token = made.map_err(Problem::from)?;
    turn.answer(LinkOut {
        member: member.id.to_string(),
        path: Some(format!("/welcome#{}", token.expose())),
        token: Some(token.expose().to_owned()),
        expires_at: time::write(ends),
        note: None,
    })
    .await
}
