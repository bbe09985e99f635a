//! Lets the control plane look at upstreams through the gateway: who judges an address dials it.

use std::sync::Arc;

use async_trait::async_trait;
use control::{Probe, ProbeError, Prober};
use dial::Guard;
use gateway::Gateway;
use store::{ControlPlane as _, OrgId, ServerId, Tool};

/// The gateway's own client, at the service of operators.
pub(crate) struct GatewayProber {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) store: Arc<store::sqlite::Sqlite>,
    pub(crate) org: OrgId,
}

impl GatewayProber {
    async fn tools(&self, server: &ServerId) -> Result<(Option<String>, Vec<Tool>), ProbeError> {
        let view = self.store.server(&self.org, server.as_str()).await?;
        let view = view.ok_or(ProbeError::NoSuchServer)?;
        Ok((view.server.version, view.tools))
    }
}

#[async_trait]
impl Prober for GatewayProber {
    async fn refresh(&self, server: &ServerId) -> Result<Probe, ProbeError> {
        let (_, before) = self.tools(server).await?;
        let probed = self.gateway.probe(server).await.map_err(|error| match error {
            gateway::ProbeError::Store => ProbeError::Store(store::StoreError::Busy),
            other => ProbeError::Unreachable(other.to_string()),
        })?;
        let (version, after) = self.tools(server).await?;
        let was_there = |tool: &Tool| before.iter().any(|b| b.present && b.name == tool.name);
        let differs = |tool: &Tool| {
            tool.accepted.as_ref().is_some_and(|(_, accepted)| *accepted != tool.fingerprint)
        };
        let count = |is: &dyn Fn(&Tool) -> bool| {
            let found = after.iter().filter(|tool| tool.present && is(tool)).count();
            u32::try_from(found).unwrap_or(u32::MAX)
        };
        Ok(Probe {
            version,
            found: u32::try_from(probed.tools).unwrap_or(u32::MAX),
            new: count(&|tool| !was_there(tool)),
            changed: count(&differs),
            withheld: count(&|tool| tool.withheld.is_some()),
        })
    }

    async fn check_url(&self, url: &str, private: &[String]) -> Result<(), String> {
        let (url, guard) = Guard::of(url, private).map_err(|error| error.to_string())?;
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or_default();
        guard.resolve(host, port).await.map(drop).map_err(|error| error.to_string())
    }
}
