//! Which of several histories are not what the model expects, and which of their items.

use super::live::LiveHistory;
use super::request::{HistoryItem, check_count, check_range};
use super::subject::Subject;
use super::{Engine, RequestError};
use crate::anomaly::{DEFAULT_RATE, Finding, findings, reconstruct_while};
use crate::ranking::StillWanted;

/// Most histories of one request.
pub const MAX_HISTORIES: usize = 256;

/// Most items named of each history.
pub const MAX_LEAST_LIKELY: usize = 100;

/// Items named of each history unless the request says otherwise.
pub const DEFAULT_LEAST_LIKELY: usize = 5;

/// Histories to be assessed together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScoreHistoriesRequest {
    /// Whose, 1 to [`MAX_HISTORIES`].
    pub subjects: Vec<HistorySubject>,
    /// The share of normal histories among those that are flagged, on average and at most, 0 to 1; a tenth where `None`.
    pub fdr: Option<f64>,
    /// How many items to name of each, 0 to [`MAX_LEAST_LIKELY`]; [`DEFAULT_LEAST_LIKELY`] where `None`.
    pub least_likely: Option<usize>,
}

/// Whose history: a user's, one that comes with the request, or both together as in
/// [`RecommendRequest`](super::RecommendRequest).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistorySubject {
    /// A user with a stored history.
    pub user_id: Option<String>,
    /// Items given with the request.
    pub history: Vec<HistoryItem>,
    /// What is known of `user_id` beside the model.
    pub live: LiveHistory,
}

/// What became of histories, in the order of the request.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoredHistories {
    /// One a history.
    pub entries: Vec<ScoredHistory>,
    /// How many normal users the model is calibrated with.
    pub calibration_users: usize,
}

/// What became of one history.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoredHistory {
    /// Whether the `user_id` has a stored history; `None` when none was given.
    pub user_known: Option<bool>,
    /// Distinct items of the catalogue in it.
    pub length: usize,
    /// Entries of the history sent that are not in the catalogue, and were ignored.
    pub unknown_items: usize,
    /// Live events that count.
    pub live_events: usize,
    /// What it is worth; `None` for a history without any item.
    pub anomaly: Option<Anomaly>,
}

/// How unusual a history is.
#[derive(Clone, Debug, PartialEq)]
pub struct Anomaly {
    /// Statistic, p-values, and whether it is flagged.
    pub finding: Finding,
    /// The items that the rest of the history makes least likely, the least likely first.
    pub least_likely: Vec<UnlikelyItem>,
}

/// An item that is hardly what the rest of a history leads to.
#[derive(Clone, Debug, PartialEq)]
pub struct UnlikelyItem {
    /// Its id.
    pub item_id: String,
    /// Its place among all candidates, 0 the most likely and 1 the least; see
    /// [`Reconstruction`](crate::anomaly::Reconstruction).
    pub place: f64,
}

impl Engine {
    /// Assesses histories by the users that the model is calibrated with. Given up with `None` as soon as they are no
    /// longer wanted.
    ///
    /// # Errors
    /// [`RequestError::NotCalibrated`]; otherwise for no or too many histories, one that is neither named nor sent or cannot
    /// be used, or a number out of range.
    pub fn score_histories_while(
        &self,
        request: &ScoreHistoriesRequest,
        wanted: StillWanted<'_>,
    ) -> Result<Option<ScoredHistories>, RequestError> {
        let calibration =
            self.calibration.as_ref().ok_or_else(|| RequestError::NotCalibrated { model: self.name() })?;
        let rate = request.fdr.unwrap_or(DEFAULT_RATE);
        check_range("fdr", rate, 0.0..=1.0)?;
        let named = request.least_likely.unwrap_or(DEFAULT_LEAST_LIKELY);
        check_range("least_likely", named, 0..=MAX_LEAST_LIKELY)?;
        check_count("subjects", request.subjects.len(), MAX_HISTORIES)?;
        let subjects = request.subjects.iter().enumerate().map(|(position, subject)| {
            let HistorySubject { user_id, history, live } = subject;
            let field = format!("subjects[{position}].history");
            let user_id = user_id.as_deref().filter(|id| !id.is_empty() || self.users.index(id).is_some());
            if user_id.is_none() && history.is_empty() {
                return Err(RequestError::Empty { field });
            }
            self.known_items(&field, history)?;
            self.subject_of(user_id, history, live)
        });
        let subjects = subjects.collect::<Result<Vec<Subject>, RequestError>>()?;
        let histories: Vec<_> = subjects.iter().map(|subject| subject.history.as_ref()).collect();
        let Some(reconstructions) = reconstruct_while(self.model.as_ref(), &histories, wanted) else { return Ok(None) };
        let measured = reconstructions.iter().map(|found| Some((found.places.len(), found.statistic()?)));
        let found = findings(calibration, &measured.collect::<Vec<_>>(), rate);
        let entries = subjects.iter().zip(&reconstructions).zip(found).map(|((subject, reconstruction), finding)| {
            let items = subject.history.as_ref().items();
            let unlikely = |at: usize| UnlikelyItem {
                item_id: self.catalogue.ids().external(items[at]).into_owned(),
                place: reconstruction.places[at],
            };
            let anomaly = finding.map(|finding| Anomaly {
                finding,
                least_likely: reconstruction.least_likely(named).into_iter().map(unlikely).collect(),
            });
            ScoredHistory {
                user_known: subject.user_known,
                length: items.len(),
                unknown_items: subject.unknown_items,
                live_events: subject.live_events,
                anomaly,
            }
        });
        Ok(Some(ScoredHistories { entries: entries.collect(), calibration_users: calibration.users() }))
    }
}
