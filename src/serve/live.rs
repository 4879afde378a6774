//! What users did since a model was trained, as the engine takes it.

use tonic::Status;

use super::status;
use crate::engine::{Engine, EventsThrough, LiveEvent, LiveHistory, RecommendRequest};
use crate::events::{EventStore, RecordedEvent, UserEvents};

/// The store of events as one model sees it.
pub(super) struct Live<'a> {
    store: Option<&'a EventStore>,
    /// What is part of the model's stored histories.
    through: EventsThrough,
}

/// What the store knows of a user, and what of it is new to a model.
pub(super) struct UserNews {
    pub known: UserEvents,
    /// The stored history does not exist for anybody.
    pub forgotten: bool,
    /// Events up to this number are part of the stored history.
    pub through: u64,
}

impl<'a> Live<'a> {
    pub(super) fn new(store: Option<&'a EventStore>, engine: &Engine) -> Self {
        let through = store.map_or(EventsThrough::default(), |s| engine.info().manifest.events_through(s.id()));
        Self { store, through }
    }

    /// A request with the live history of its user.
    pub(super) fn request(&self, request: RecommendRequest) -> Result<RecommendRequest, Status> {
        Ok(RecommendRequest { live: self.history(request.user_id.as_deref())?, ..request })
    }

    /// What a user did since, or nothing where none is named or nothing is recorded.
    pub(super) fn history(&self, user_id: Option<&str>) -> Result<LiveHistory, Status> {
        Ok(self.news(user_id)?.live_history())
    }

    /// Users whose stored histories do not exist for anybody.
    pub(super) fn forgotten(&self) -> Result<Vec<String>, Status> {
        let Some(store) = self.store else { return Ok(Vec::new()) };
        store.forgotten_after(self.through.deletions).map_err(|error| status::events(&error))
    }

    /// What is known of a user.
    pub(super) fn news(&self, user_id: Option<&str>) -> Result<UserNews, Status> {
        let known = match (self.store, user_id) {
            (Some(store), Some(user_id)) => store.user(user_id).map_err(|error| status::events(&error))?,
            _ => UserEvents::default(),
        };
        let forgotten = known.forgotten.is_some_and(|mark| mark.sequence > self.through.deletions);
        // All that is left of somebody who was forgotten is later than that, and the stored history does not show.
        Ok(UserNews { known, forgotten, through: if forgotten { 0 } else { self.through.events } })
    }
}

impl UserNews {
    /// What is new to the model.
    pub(super) fn live_history(&self) -> LiveHistory {
        let new = self.known.events.iter().filter(|event| event.sequence > self.through);
        LiveHistory { events: new.map(live_event).collect(), forgotten: self.forgotten }
    }
}

fn live_event(event: &RecordedEvent) -> LiveEvent {
    LiveEvent {
        item_id: event.item_id.clone(),
        weight: event.weight,
        event_type: event.event_type.clone(),
        time: event.time,
    }
}
