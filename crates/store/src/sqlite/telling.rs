//! The contracts about channels and their outbox, over SQLite.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;
use vault::Secret;

use super::approving::no_answer;
use super::control_plane::{change, read};
use super::{Sqlite, channels, outbox};
use crate::*;

#[async_trait]
impl Outbox for Sqlite {
    async fn outbox_due(&self) -> Result<(Vec<Due>, Option<Moment>), StoreError> {
        let now = self.desk.clock.now();
        read!(self, |conn, keys| outbox::due(conn, &keys, now))
    }

    async fn outbox_tried(&self, delivery: &Delivery, attempt: Attempt) -> Result<(), StoreError> {
        let now = self.desk.clock.now();
        let tried = change!(self, |tx, delivery| outbox::tried(tx, &delivery, &attempt, now));
        tried.map_err(no_answer)
    }

    fn outbox_changed(&self) -> watch::Receiver<u64> {
        self.desk.approvals_changed.subscribe()
    }
}

#[async_trait]
impl Channels for Sqlite {
    async fn channels(&self, org: &OrgId) -> Result<Vec<Channel>, StoreError> {
        read!(self, |conn, keys, org| channels::all(conn, &keys, &org))
    }

    async fn channel(&self, org: &OrgId, id: &str) -> Result<Option<Channel>, StoreError> {
        read!(self, |conn, keys, org, id| channels::one(conn, &keys, &org, &id))
    }

    async fn channel_create(
        &self,
        by: &By,
        draft: ChannelDraft,
        secret: Option<Secret>,
    ) -> Result<Channel, ChangeError> {
        change!(self for by, |tx| channels::create(tx, &by, draft, secret.as_ref()))
    }

    async fn channel_update(
        &self,
        by: &By,
        id: &ChannelId,
        revision: Option<i64>,
        draft: ChannelDraft,
        secret: Option<Secret>,
    ) -> Result<Channel, ChangeError> {
        change!(self for by, |tx, id| {
            channels::update(tx, &by, &id, revision, draft, secret.as_ref())
        })
    }

    async fn channel_delete(&self, by: &By, id: &ChannelId) -> Result<(), ChangeError> {
        change!(self for by, |tx, id| channels::delete(tx, &by, &id))
    }

    async fn channel_test(&self, by: &By, id: &ChannelId) -> Result<Delivery, ChangeError> {
        change!(self for by, |tx, id| channels::test(tx, &by, &id))
    }

    async fn deliveries(
        &self,
        org: &OrgId,
        id: &ChannelId,
        state: Option<DeliveryState>,
        page: &Page,
    ) -> Result<Slice<Delivery>, StoreError> {
        read!(self, |conn, keys, org, id, page| {
            outbox::list(conn, &keys, &org, &id, state, &page)
        })
    }

    async fn delivery_retry(
        &self,
        by: &By,
        id: &ChannelId,
        message: &MessageId,
    ) -> Result<Delivery, ChangeError> {
        change!(self for by, |tx, id, message| outbox::retry(tx, &by, &id, &message))
    }
}
