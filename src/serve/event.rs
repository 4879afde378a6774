//! `foldin.v1.EventService`.

use std::sync::Arc;

use tokio::sync::oneshot;
use tonic::{Request, Response, Status};

use super::live::UserNews;
use super::server::{Shared, taken_apart};
use super::{convert, pb, status};
use crate::engine::{KnownHistory, LiveState, Timestamp};
use crate::events::{EventError, EventFault, EventStore, NewEvent, Outcome, RecordedEvent, check_user_id};

/// Most events of one request.
const MAX_EVENTS: usize = 1_000;

/// Most live events shown of a user.
const MAX_SHOWN: usize = 10_000;

pub(super) struct EventService(pub Arc<Shared>);

impl EventService {
    fn store(&self) -> Result<&EventStore, Status> {
        self.0.events.as_deref().ok_or_else(status::no_events)
    }
}

#[tonic::async_trait]
impl pb::event_service_server::EventService for EventService {
    async fn record_events(
        &self,
        request: Request<pb::RecordEventsRequest>,
    ) -> Result<Response<pb::RecordEventsResponse>, Status> {
        let store = self.store()?;
        // Not on the scoring threads: what happened is recorded even when more is asked than can be answered.
        let (call, message) = taken_apart(request)?;
        let events = checked(message.events, Timestamp::now())?;
        call.charge(events.len() - 1);
        let served = self.0.models.served(None)?;
        let unknown_items = events.iter().filter(|event| !served.engine.knows_item(&event.item_id)).count();
        let outcomes = answered(|answer| store.submit(events, answer)).await?;
        self.0.respond(pb::RecordEventsResponse {
            outcomes: outcomes.into_iter().map(outcome).collect(),
            unknown_items: convert::count(unknown_items),
        })
    }

    async fn get_history(
        &self,
        request: Request<pb::GetHistoryRequest>,
    ) -> Result<Response<pb::GetHistoryResponse>, Status> {
        self.store()?;
        check_user_id(&request.get_ref().user_id).map_err(|fault| status::fault("", &fault))?;
        let answer = self.0.compute_live(request, |engine, live, message, _| {
            let news = live.news(Some(&message.user_id));
            Ok(news.and_then(|news| {
                let known = engine.known_history(&message.user_id, &news.live_history());
                let known = known.map_err(|error| status::refused(&error))?;
                let version = engine.info().manifest.model_version.clone();
                Ok(history_response(&message.user_id, known, news, version))
            }))
        });
        let (answer, _) = answer.await?;
        self.0.respond(answer)
    }

    async fn forget_user(
        &self,
        request: Request<pb::ForgetUserRequest>,
    ) -> Result<Response<pb::ForgetUserResponse>, Status> {
        let store = self.store()?;
        let (_, pb::ForgetUserRequest { user_id }) = taken_apart(request)?;
        check_user_id(&user_id).map_err(|fault| status::fault("", &fault))?;
        let had_stored_history = self.0.models.all().any(|served| served.engine.stored_items(&user_id).is_some());
        let deleted_events = answered(|answer| store.submit_forget(user_id, answer)).await?;
        self.0.respond(pb::ForgetUserResponse { deleted_events, had_stored_history })
    }
}

/// Hears what the store's own thread has to say.
async fn answered<T: Send + 'static>(
    submit: impl FnOnce(Box<dyn FnOnce(Result<T, EventError>) + Send>),
) -> Result<T, Status> {
    let (sender, receiver) = oneshot::channel();
    submit(Box::new(move |answer| {
        // Nobody receives when the client has gone meanwhile.
        let _ = sender.send(answer);
    }));
    receiver.await.unwrap_or(Err(EventError::Closed)).map_err(|error| status::events(&error))
}

/// Events as the store takes them; the first that will not do is named.
fn checked(events: Vec<pb::Event>, now: Timestamp) -> Result<Vec<NewEvent>, Status> {
    let wrong_number = |problem| Err(status::fault("", &EventFault { field: "events", problem }));
    match events.len() {
        0 => return wrong_number(format!("is empty, must have 1 to {MAX_EVENTS} entries")),
        length if length > MAX_EVENTS => {
            return wrong_number(format!("has {length} entries, at most {MAX_EVENTS} are allowed"));
        }
        _ => {}
    }
    let mut checked = Vec::with_capacity(events.len());
    for (position, event) in events.into_iter().enumerate() {
        let event = new_event(event).and_then(|event| event.check(now).map(|()| event));
        checked.push(event.map_err(|fault| status::fault(&format!("events[{position}]."), &fault))?);
    }
    Ok(checked)
}

fn new_event(event: pb::Event) -> Result<NewEvent, EventFault> {
    let pb::Event { user_id, item_id, time, event_type, weight, idempotency_key: key } = event;
    let time = time.map(|time| moment(&time)).transpose()?;
    Ok(NewEvent { user_id, item_id, event_type, weight: weight.unwrap_or(1.0), time, key })
}

/// A moment of the wire; what is finer than a microsecond is cut off.
fn moment(time: &prost_types::Timestamp) -> Result<Timestamp, EventFault> {
    let prost_types::Timestamp { seconds, nanos } = *time;
    let micros = seconds.checked_mul(1_000_000).filter(|_| (0..1_000_000_000).contains(&nanos));
    let micros = micros.and_then(|micros| micros.checked_add(i64::from(nanos) / 1_000));
    micros.map(Timestamp).ok_or_else(|| EventFault {
        field: "time",
        problem: format!("has {seconds} seconds and {nanos} nanos, which is no moment; nanos go from 0 to 999999999"),
    })
}

fn wire_moment(time: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: time.0.div_euclid(1_000_000),
        nanos: (time.0.rem_euclid(1_000_000) * 1_000) as i32,
    }
}

fn outcome(outcome: Outcome) -> i32 {
    match outcome {
        Outcome::Recorded => pb::EventOutcome::Recorded,
        Outcome::Duplicate => pb::EventOutcome::Duplicate,
        Outcome::KeyConflict => pb::EventOutcome::KeyConflict,
    }
    .into()
}

fn history_response(
    user_id: &str,
    known: KnownHistory,
    news: UserNews,
    model_version: String,
) -> pb::GetHistoryResponse {
    let KnownHistory { folded_in, live: states, stored_items } = known;
    let UserNews { known: of_user, through, .. } = news;
    let mut states = states.into_iter();
    let mut live: Vec<pb::LiveEvent> = of_user
        .events
        .into_iter()
        .map(|event| {
            // The engine was told of the later ones only.
            let state = if event.sequence <= through { None } else { states.next() };
            pb::LiveEvent { state: live_state(state), event: Some(wire_event(user_id, event)) }
        })
        .collect();
    live.sort_by_key(|live| live.event.as_ref().and_then(|event| event.time).map(|time| (time.seconds, time.nanos)));
    live.drain(..live.len().saturating_sub(MAX_SHOWN));
    pb::GetHistoryResponse {
        folded_in: folded_in
            .into_iter()
            .map(|item| pb::HistoryItem { item_id: item.item_id, weight: item.weight })
            .collect(),
        live,
        stored_items: convert::count(stored_items),
        forgotten: of_user.forgotten.map(|mark| wire_moment(mark.time)),
        model_version,
    }
}

/// The state of an event; `None` for one that the model was trained on.
fn live_state(state: Option<LiveState>) -> i32 {
    match state {
        None => pb::LiveEventState::Stored,
        Some(LiveState::Counts) => pb::LiveEventState::Counts,
        Some(LiveState::UnknownItem) => pb::LiveEventState::UnknownItem,
        Some(LiveState::Dropped) => pb::LiveEventState::Dropped,
    }
    .into()
}

fn wire_event(user_id: &str, event: RecordedEvent) -> pb::Event {
    pb::Event {
        user_id: user_id.to_owned(),
        item_id: event.item_id,
        time: Some(wire_moment(event.time)),
        event_type: event.event_type,
        weight: Some(event.weight),
        idempotency_key: event.key,
    }
}
