//! The longest histories that a request may hold, among whatever else a server answers meanwhile.

use std::time::{Duration, Instant};

use anyhow::ensure;
use foldin::interactions::IdMap;
use foldin::serve::{Client, pb};
use serde_json::{Value, json};

use crate::times;

/// Sends a request every `every` seconds, or as soon as the one before is answered.
pub fn measure(server: &str, items: &IdMap, length: usize, n: u32, every: f64, seconds: f64) -> anyhow::Result<Value> {
    ensure!((0.0..1e6).contains(&every) && (0.0..1e6).contains(&seconds), "--every and --seconds are times");
    let length = length.min(items.len());
    let history = pb::history((0..length as u32).map(|item| items.external(item)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let found = runtime.block_on(async {
        let mut client = Client::connect(&format!("http://{server}")).await?;
        let mut found = Vec::new();
        let start = Instant::now();
        while start.elapsed().as_secs_f64() < seconds {
            let request =
                pb::RecommendRequest { history: history.clone(), n, include_seen: true, ..Default::default() };
            let sent = Instant::now();
            client.recommend(request).await?;
            found.push(sent.elapsed());
            tokio::time::sleep(Duration::from_secs_f64(every).saturating_sub(sent.elapsed())).await;
        }
        anyhow::Ok(found)
    })?;
    Ok(json!({ "history_items": length, "every_seconds": every, "answers": times::in_micros(found) }))
}
