//! The items of a model: ids and what a person reads.

use super::ids::IdMap;

/// The item axis with its metadata.
#[derive(Clone, Debug, PartialEq)]
pub struct Catalogue {
    ids: IdMap,
    titles: Vec<Option<Box<str>>>,
}

impl Catalogue {
    /// A catalogue without titles.
    #[must_use]
    pub fn new(ids: IdMap) -> Self {
        let titles = vec![None; ids.len()];
        Self { ids, titles }
    }

    /// The same items with titles, one entry an item.
    ///
    /// # Panics
    /// When there is not one entry an item.
    #[must_use]
    pub fn with_titles(self, titles: Vec<Option<Box<str>>>) -> Self {
        assert_eq!(titles.len(), self.ids.len(), "one title entry an item");
        Self { titles, ..self }
    }

    /// Number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// True when there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The ids of the items.
    #[must_use]
    pub fn ids(&self) -> &IdMap {
        &self.ids
    }

    /// The title of an item, where one is known.
    #[must_use]
    pub fn title(&self, item: u32) -> Option<&str> {
        self.titles[item as usize].as_deref()
    }
}
