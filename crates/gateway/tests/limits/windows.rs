//! Windows that turn while a call is on its way. Rows Q07, Q13.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use store::Clock as _;
use testkit::{Answer, Era};

use crate::house::{decision, done, house, pay, sums};

/// Q07, Q13: a call before midnight that is answered after it is charged to its own day, and what
/// it gives back goes there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_belongs_to_the_window_it_was_made_in() {
    let house = house().await;
    let agent = house.agent("a");
    for gives_back in [true, false] {
        // Half a minute before the end of the day.
        let now = house.clock.now().micros() / 1_000_000;
        house.clock.pass_seconds(86_370 - now.rem_euclid(86_400) + 86_400);
        let go = Arc::new(Mutex::new(false));
        let may = go.clone();
        house.upstream.on_call(move |seen| {
            if seen.message["params"]["arguments"]["amount"] != 600 {
                return Answer::text(seen, "done");
            }
            while !*may.lock().unwrap() {
                std::thread::sleep(Duration::from_millis(5));
            }
            match gives_back {
                true => Answer::error(seen, 200, -32000, "no"),
                false => Answer::text(seen, "done"),
            }
        });
        let (mark, line) = (house.upstream.mark(), house.last_line().await);
        let late = tokio::spawn({
            let agent = agent.clone();
            async move { agent.call(&Era::Modern, "pay", pay(600)).await }
        });
        house.upstream.wait_for(mark + 1).await;
        assert_eq!(sums(&house, "a", "value usd").await, (0, 600_000_000, 0), "Q07");
        house.clock.pass_seconds(60);
        // A new day, and all of its money.
        assert_eq!(sums(&house, "a", "value usd").await, (0, 0, 0), "Q07");
        *go.lock().unwrap() = true;
        late.await.unwrap();
        house.ended_after(line).await;
        assert_eq!(sums(&house, "a", "value usd").await, (0, 0, 0), "Q13");
        assert!(done(&agent.call(&Era::Legacy, "pay", pay(1000)).await), "Q13 {gives_back}");
        let over = decision(
            &agent.call(&Era::Legacy, "pay", json!({"amount": 1, "currency": "usd"})).await,
        );
        assert_eq!(over["reason"], "limit", "Q13 {over}");
        let wait = over["retry_after_ms"].as_i64().unwrap();
        assert!((86_000_000..=86_400_000).contains(&wait), "until midnight: {wait}");
    }
}
