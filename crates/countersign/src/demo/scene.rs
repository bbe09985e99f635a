//! Sets the scene: the server with its sealed key, two policies, three grants, a key for each role.

use serde_json::{Value, json};

use super::text;
use crate::api::Api;
use crate::failure::Failure;
use crate::out;

/// What the demo's policies say, with their test cases.
const POLICIES: [(&str, &str, &str); 2] = [
    (
        "support",
        include_str!("../../demo/support.json"),
        include_str!("../../demo/support.cases.json"),
    ),
    (
        "finance",
        include_str!("../../demo/finance.json"),
        include_str!("../../demo/finance.cases.json"),
    ),
];
/// The grants, each with the policy that judges it.
const GRANTS: [(&str, Option<&str>); 3] =
    [("support-agent", Some("support")), ("finance-agent", Some("finance")), ("ci-runner", None)];

/// Where everything is.
pub(super) struct Place {
    pub(super) gateway_url: String,
    pub(super) control_url: String,
    /// The link by which the first admin signs in.
    pub(super) setup_url: Option<String>,
    /// The first admin key.
    pub(super) api_key: String,
    pub(super) upstream_url: String,
    pub(super) ledger_url: String,
    /// The payments server's own key: what the gateway seals.
    pub(super) upstream_key: String,
}

/// The demo, ready to try.
pub(super) struct Scene {
    pub(super) place: Place,
    grants: Vec<(&'static str, String)>,
    members: Vec<(&'static str, String)>,
}

impl Scene {
    /// Sets everything up through the API, beside the people that are there.
    pub(super) async fn set(
        api: &Api,
        place: Place,
        members: Vec<(&'static str, String)>,
    ) -> Result<Self, Failure> {
        // Without its key the server would only refuse the first look.
        let server = json!({"slug": "payments", "name": "Payments", "url": place.upstream_url});
        api.ask(http::Method::POST, &["servers"], &[("probe", "false")], Some(server.to_string()))
            .await?;
        let credential = json!({"bearer": place.upstream_key}).to_string();
        api.put(&["servers", "payments", "credential"], credential).await?;
        api.act(&["servers", "payments", "refresh"]).await?;

        for (name, policy, cases) in POLICIES {
            let (name, policy) = (Value::from(name), Value::from(policy));
            let body = format!(
                r#"{{"name":{name},"server":"payments","text":{policy},"note":"The demo's own","cases":{cases}}}"#
            );
            api.post(&["policies"], body).await?;
        }
        let mut grants = Vec::new();
        for (label, policy) in GRANTS {
            let body =
                json!({"label": label, "servers": [{"server": "payments", "policy": policy}]});
            grants.push((label, token(&api.post(&["grants"], body.to_string()).await?)?));
        }
        Ok(Self { place, grants, members })
    }

    /// The token of a grant.
    pub(super) fn grant(&self, label: &str) -> &str {
        self.grants.iter().find(|(l, _)| *l == label).map(|(_, t)| t.as_str()).unwrap_or_default()
    }

    /// The key of a member.
    pub(super) fn member(&self, name: &str) -> &str {
        self.members.iter().find(|(n, _)| *n == name).map(|(_, t)| t.as_str()).unwrap_or_default()
    }

    /// Where agents reach the payments server.
    pub(super) fn mcp_url(&self) -> String {
        format!("{}/mcp/payments", self.place.gateway_url)
    }

    /// Everything a program needs, as one object.
    pub(super) fn line(&self) -> Value {
        let map = |pairs: &[(&'static str, String)]| -> Value {
            pairs
                .iter()
                .map(|(name, token)| ((*name).to_owned(), Value::from(token.as_str())))
                .collect()
        };
        json!({
            "gateway_url": self.place.gateway_url,
            "control_url": self.place.control_url,
            "api_key": self.place.api_key,
            "setup_url": self.place.setup_url,
            "upstream_ledger_url": self.place.ledger_url,
            "grants": map(&self.grants),
            "members": map(&self.members),
        })
    }

    /// Everything a person needs.
    pub(super) fn announce(&self, drive: bool) -> Result<(), Failure> {
        let Place { gateway_url, control_url, api_key, ledger_url, .. } = &self.place;
        let mut lines = format!(
            "Countersign demo: a gateway, a control plane and a payments server.\n\
             \n  gateway   {gateway_url}/mcp/payments\n  control   {control_url}/api/v1\
             \n  ledger    {ledger_url}   (what really reached the payments server)"
        );
        if !drive {
            lines.push_str("\n\nGrants (tokens of agents):");
            for (label, token) in &self.grants {
                lines.push_str(&format!("\n  {label:<14} {token}"));
            }
            if let Some(url) = &self.place.setup_url {
                lines.push_str(&format!(
                    "\n\nSign in as the first admin, once, within a day:\n  {url}"
                ));
            }
            lines.push_str("\n\nAPI keys:");
            for (label, token) in &self.members {
                lines.push_str(&format!("\n  {label:<14} {token}"));
            }
            lines.push_str(&format!("\n\nTry a refund that the policy allows:\n\n{}", self.curl()));
            lines.push_str(&format!("\n\nOr connect a client:\n\n{}", self.client()));
            lines.push_str(&format!(
                "\n\nSee what was decided:\n\n  \
                 COUNTERSIGN_URL={control_url} COUNTERSIGN_API_KEY={api_key} countersign calls list\
                 \n\nCtrl-C ends the demo and removes all of it."
            ));
        }
        Ok(out::line(&lines)?)
    }

    fn curl(&self) -> String {
        let body = json!({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {
                "name": "refund_payment",
                "arguments": {"payment": "pi_1001", "amount": 480, "currency": "usd",
                              "reason": "Arrived broken"},
                "_meta": super::agent::meta(),
            }
        });
        let headers = super::agent::headers("tools/call", Some("refund_payment"))
            .iter()
            .map(|(name, value)| format!("    -H '{name}: {value}' \\\n"))
            .collect::<String>();
        format!(
            "  curl -s {} \\\n    -H 'authorization: Bearer {}' \\\n{headers}    -d '{body}'",
            self.mcp_url(),
            self.grant("support-agent")
        )
    }

    fn client(&self) -> String {
        let entry = json!({"mcpServers": {"payments": {
            "type": "http", "url": self.mcp_url(),
            "headers": {"Authorization": format!("Bearer {}", self.grant("support-agent"))},
        }}});
        let text = serde_json::to_string_pretty(&entry).unwrap_or_default();
        text.lines().map(|line| format!("  {line}\n")).collect::<String>().trim_end().to_owned()
    }
}

fn token(made: &Value) -> Result<String, Failure> {
    let token = text(made, "/token");
    if token.is_empty() {
        return Err(Failure::new("demo", "a token was not shown", "start the demo again"));
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policies_of_the_demo_pass_their_own_cases_and_warn_of_nothing_unmeant() {
        // Every payout waits for an admin: that is what is meant.
        let meant = [vec![], vec!["/tools/create_payout/approve_if/0"]];
        for ((name, policy, cases), meant) in POLICIES.into_iter().zip(meant) {
            let warnings = policy::check(policy.as_bytes(), None).unwrap();
            let places: Vec<&str> = warnings.iter().map(|w| w.pointer.as_str()).collect();
            assert_eq!(places, meant, "{name}");
            let policy = policy::Policy::load(policy.as_bytes()).unwrap();
            for result in policy::test(&policy, cases.as_bytes()).unwrap() {
                assert!(result.passed, "{name}: {result:?}");
            }
        }
    }
}
