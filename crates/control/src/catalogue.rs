//! `catalogue`: servers that many people connect, by the addresses their makers publish.
//!
//! An entry only spares typing: whether the server answers, and what it asks for, is seen by the first
//! look at it.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::Control;
use crate::operator::Operator;
use crate::page::List;
use crate::problem::{Problem, ProblemBody};
use crate::roles::Action;

/// How a server knows who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CatalogueSignIn {
    /// It lets everybody in.
    None,
    /// A key, set as the credential.
    Key,
    /// An account that is connected.
    Oauth,
    /// Either.
    OauthOrKey,
}

/// A server that many people connect.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogueEntry {
    /// A short name it could have here.
    slug: &'static str,
    name: &'static str,
    /// The address of its MCP endpoint.
    url: String,
    sign_in: CatalogueSignIn,
    /// Whether it is the server for trying things out that runs beside this instance.
    demo: bool,
}

use CatalogueSignIn::{Key, Oauth, OauthOrKey};

const KNOWN: [(&str, &str, &str, CatalogueSignIn); 9] = [
    ("stripe", "Stripe", "https://mcp.stripe.com", OauthOrKey),
    ("paypal", "PayPal", "https://mcp.paypal.com/mcp", Oauth),
    ("square", "Square", "https://mcp.squareup.com/mcp", Oauth),
    ("hubspot", "HubSpot", "https://mcp.hubspot.com", Oauth),
    ("intercom", "Intercom", "https://mcp.intercom.com/mcp", OauthOrKey),
    ("github", "GitHub", "https://api.githubcopilot.com/mcp/", Key),
    ("linear", "Linear", "https://mcp.linear.app/mcp", OauthOrKey),
    ("notion", "Notion", "https://mcp.notion.com/mcp", Oauth),
    ("sentry", "Sentry", "https://mcp.sentry.dev/mcp", Oauth),
];

/// Servers that many people connect, the one for trying things out first if there is one.
#[utoipa::path(
    get, path = "/catalogue", tag = "servers", operation_id = "catalogue_list",
    responses((status = 200, body = List<CatalogueEntry>), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn list(
    State(control): State<Control>,
    who: Operator,
) -> Result<Json<List<CatalogueEntry>>, Problem> {
    who.may(Action::ServersRead)?;
    let demo = control.demo_url.as_ref().map(|url| CatalogueEntry {
        slug: "payments",
        name: "Demo payments",
        url: url.to_string(),
        sign_in: CatalogueSignIn::None,
        demo: true,
    });
    let known = KNOWN.into_iter().map(|(slug, name, url, sign_in)| CatalogueEntry {
        slug,
        name,
        url: url.to_owned(),
        sign_in,
        demo: false,
    });
    Ok(Json(List { items: demo.into_iter().chain(known).collect(), next: None }))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_entry_has_a_name_of_its_own_and_an_address_that_is_asked_over_tls() {
        let slugs: HashSet<&str> = KNOWN.iter().map(|(slug, ..)| *slug).collect();
        let urls: HashSet<&str> = KNOWN.iter().map(|(_, _, url, _)| *url).collect();
        assert_eq!((slugs.len(), urls.len()), (KNOWN.len(), KNOWN.len()));
        for (slug, _, url, _) in KNOWN {
            assert!(slug.bytes().all(|byte| byte.is_ascii_lowercase()), "{slug}");
            assert_eq!(url::Url::parse(url).unwrap().scheme(), "https", "{url}");
        }
    }
}
