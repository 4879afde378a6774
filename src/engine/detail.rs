//! What is said of the items of a list.

use super::answer::{Contribution, Listed, Tier};
use super::prepare::Prepared;
use super::recommend::Entry;
use super::request::Detail;
use super::{Engine, RequestError};
use crate::interactions::{HistoryRef, nearest_name};
use crate::ranking::Scored;
use crate::types::ItemIdx;

/// [`Detail`] with its columns found.
#[derive(Default)]
pub(super) struct Shown {
    omit_titles: bool,
    /// Positions among the columns of the metadata.
    columns: Vec<usize>,
    contributions: usize,
}

impl Engine {
    /// Finds the columns that are to be shown.
    pub(super) fn shown(&self, detail: &Detail) -> Result<Shown, RequestError> {
        let columns = detail.attributes.iter().enumerate().map(|(position, name)| {
            self.metadata.columns().iter().position(|column| column.name == *name).ok_or_else(|| {
                let field = format!("detail.attributes[{position}]");
                RequestError::Attribute { field, reason: self.missing(name) }
            })
        });
        let columns = columns.collect::<Result<_, _>>()?;
        Ok(Shown { omit_titles: detail.omit_titles, columns, contributions: detail.contributions })
    }

    /// Why a column cannot be shown.
    fn missing(&self, name: &str) -> String {
        if let Some(column) = self.metadata.left_out().iter().find(|column| column.name == name) {
            return format!("column `{name}` cannot be shown: {}", column.reason);
        }
        let names = || self.metadata.columns().iter().map(|column| column.name.as_str());
        match nearest_name(name, names()) {
            Some(nearest) => format!("there is no column `{name}`; did you mean `{nearest}`?"),
            None if self.metadata.columns().is_empty() => {
                format!("there is no column `{name}`: nothing is known of the items but ids and titles")
            }
            None => format!("there is no column `{name}`; there are {}", names().collect::<Vec<_>>().join(", ")),
        }
    }

    /// Ids, ranks and what is to be shown of a selection.
    pub(super) fn listed(&self, items: impl Iterator<Item = (Scored, Option<Tier>)>, shown: &Shown) -> Vec<Listed> {
        let attribute = |item: ItemIdx, column: usize| {
            let column = &self.metadata.columns()[column];
            column.values.get(item.at()).map(|value| (column.name.clone(), value))
        };
        (1..)
            .zip(items)
            .inspect(|(_, (scored, _))| self.served.add(std::iter::once(scored.item)))
            .map(|(rank, (Scored { item, score }, tier))| Listed {
                item_id: self.catalogue.ids().external(item.0).into_owned(),
                title: self.catalogue.title(item.0).filter(|_| !shown.omit_titles).map(str::to_owned),
                score,
                rank,
                tier,
                attributes: shown.columns.iter().filter_map(|&column| attribute(item, column)).collect(),
                contributions: Vec::new(),
                propensity: None,
            })
            .collect()
    }

    /// Names what speaks for the personal items of a list, as far as that is wanted.
    pub(super) fn add_contributions(
        &self,
        prepared: &Prepared,
        list: &[Entry],
        listed: &mut [Listed],
    ) -> Result<(), RequestError> {
        if prepared.shown.contributions == 0 || prepared.tier != Tier::Personal {
            return Ok(());
        }
        let personal = list.iter().zip(listed).filter(|(entry, _)| entry.tier == Tier::Personal);
        let (items, listed): (Vec<ItemIdx>, Vec<&mut Listed>) =
            personal.map(|(entry, listed)| (entry.scored.item, listed)).unzip();
        let amounts = self.contributions(prepared.folded(), &items)?;
        for (listed, amounts) in listed.into_iter().zip(amounts) {
            let speaking = self.strongest(prepared.folded(), &amounts).filter(|contribution| contribution.amount > 0.0);
            listed.contributions = speaking.take(prepared.shown.contributions).collect();
        }
        Ok(())
    }

    /// The items of a history by what they add, most first; equals in the order of the catalogue.
    pub(super) fn strongest(&self, history: HistoryRef<'_>, amounts: &[f32]) -> impl Iterator<Item = Contribution> {
        let mut order: Vec<(u32, f32)> = history.items().iter().copied().zip(amounts.iter().copied()).collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1));
        order
            .into_iter()
            .map(|(item, amount)| Contribution { item_id: self.catalogue.ids().external(item).into_owned(), amount })
    }
}
