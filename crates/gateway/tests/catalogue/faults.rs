//! A store that fails: nothing leaves, and the agent is told to come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use async_trait::async_trait;
use gateway::{Config, Gateway};
use serde_json::json;
use store::sqlite::Sqlite;
use store::{
    BeginError, DataPlane, FoundTool, Intent, Moment, Outcome, RoomError, ServerId, StoreError,
    StrangerRefusal, View, WatchBatch, WatchId,
};
use testkit::{Agent, Era};

use crate::fixture;

/// Which part gives no answer.
const WHOLE: u8 = 0;
const GENERATION: u8 = 1;
const VIEW: u8 = 2;
const BEGIN: u8 = 3;
const REFUSED: u8 = 4;
const ROOM: u8 = 5;

/// A store of which one part fails.
struct Faulty {
    store: Arc<Sqlite>,
    fails: AtomicU8,
}

impl Faulty {
    fn at(&self, part: u8) -> Result<(), StoreError> {
        if self.fails.load(Ordering::SeqCst) == part { Err(StoreError::Full) } else { Ok(()) }
    }
}

#[async_trait]
impl DataPlane for Faulty {
    fn generation(&self) -> Option<u64> {
        self.at(GENERATION).ok()?;
        let generation = self.store.generation()?;
        // A view that cannot be read matters when it has to be.
        Some(if self.at(VIEW).is_err() { generation + 1_000 } else { generation })
    }

    async fn view(&self) -> Result<View, StoreError> {
        self.at(VIEW)?;
        self.store.view().await
    }

    fn room(&self, key: &quota::Key, charge: &policy::Charge) -> Result<(), RoomError> {
        let source = quota::ReserveError::OtherCharges;
        let failed = RoomError::Uncountable { rule: charge.rule.clone(), source };
        self.at(ROOM).map_err(|_| failed)?;
        self.store.room(key, charge)
    }

    async fn call_begin(
        &self,
        intent: Intent,
        charges: Vec<(quota::Key, policy::Charge)>,
        judged_at: u64,
    ) -> Result<(), BeginError> {
        self.at(BEGIN)?;
        self.store.call_begin(intent, charges, judged_at).await
    }

    fn connecting(&self) -> &dyn store::Connecting {
        self.store.connecting()
    }

    fn approving(&self) -> &dyn store::Approving {
        self.store.approving()
    }

    async fn call_refused(&self, intent: Intent) -> Result<(), StoreError> {
        self.at(REFUSED)?;
        self.store.call_refused(intent).await
    }

    fn call_finish(&self, outcome: Outcome) {
        self.store.call_finish(outcome);
    }

    async fn flush(&self) -> Result<(), StoreError> {
        self.store.flush().await
    }

    fn stranger_refused(&self, refusal: StrangerRefusal) {
        self.store.stranger_refused(refusal);
    }

    async fn watched(&self, seen: Vec<(WatchId, WatchBatch)>) -> Result<(), StoreError> {
        self.store.watched(seen).await
    }

    async fn server_found(
        &self,
        server: &ServerId,
        version: Option<String>,
        health: String,
        tools: Option<Vec<FoundTool>>,
        accept_new: bool,
        at: Moment,
    ) -> Result<(), StoreError> {
        self.store.server_found(server, version, health, tools, accept_new, at).await
    }
}

/// F01: whichever part of the store gives no answer, no answer is never a yes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_of_the_store_is_never_a_yes() {
    let house = fixture::house().await;
    let faulty = Arc::new(Faulty { store: house.store.clone(), fails: AtomicU8::new(WHOLE) });
    let gateway =
        Gateway::new(Config::default(), faulty.clone(), house.store.keyring(), house.clock.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(gateway.serve(listener, std::future::pending()));
    let agent = Agent { address, ..house.agent("a") };
    let refund = json!({"payment": "p", "amount": 10, "currency": "usd", "reason": "damaged"});
    let denied = json!({"payment": "p", "amount": 10, "currency": "eur", "reason": "damaged"});
    for part in [WHOLE, GENERATION, VIEW, BEGIN, REFUSED, ROOM, WHOLE] {
        faulty.fails.store(part, Ordering::SeqCst);
        for era in [Era::Legacy, Era::Modern] {
            for (tool, arguments, allowed) in
                [("refund_payment", &refund, true), ("refund_payment", &denied, false)]
            {
                let mark = house.upstream.mark();
                let answer = agent.call(&era, tool, arguments.clone()).await;
                let left = house.upstream.mark() - mark;
                let works = matches!(part, WHOLE | REFUSED);
                assert_eq!(left, usize::from(allowed && works), "{part} {}", answer.text());
                let message = answer.json();
                let unavailable = answer.status == 503 && message["error"]["code"] == 50301;
                let expected = match part {
                    WHOLE | ROOM => false,
                    BEGIN => allowed,
                    REFUSED => !allowed,
                    _ => true,
                };
                assert_eq!(unavailable, expected, "{part} {} {}", answer.status, answer.text());
                assert_eq!(unavailable, answer.header("retry-after").is_some(), "{part}");
                if part == ROOM {
                    assert_eq!(message["result"]["isError"], true, "{part} {}", answer.text());
                }
            }
        }
    }
    // Without a view not even a list, a ping or the end of a session passes.
    faulty.fails.store(GENERATION, Ordering::SeqCst);
    let mark = house.upstream.mark();
    for method in ["tools/list", "ping", "resources/list"] {
        assert_eq!(agent.request(&Era::Legacy, method, json!({})).await.status, 503, "{method}");
    }
    assert_eq!(house.upstream.mark(), mark);
    serving.abort();
}
