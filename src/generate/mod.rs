//! What would a plausible log look like? Synthetic interactions with the structure that recommenders
//! live on: popularity, taste and time.
//!
//! # How a log comes about
//! Everything is drawn from [`random::stream`](crate::random::stream)s named by the seed and by what is
//! drawn (an item, a user), so the same configuration gives the same bytes, and each user can be
//! generated alone.
//!
//! 1. **Items** (`taste`). Popularity follows a Zipf–Mandelbrot law, `(rank + q)^-s`, with ranks
//!    scattered over the item numbers. Every item belongs to one to [`groups_per_item`] taste groups with
//!    weights, the first being its category.
//! 2. **Groups** are of unequal size. Group `g` prefers item `i` with probability proportional to
//!    popularity(i) × membership(i, g).
//! 3. **Users** mix a few groups each ([`groups_per_user`] on average) with Dirichlet weights that make some of
//!    them main tastes and others side tastes. The number of rows of a user follows a log-normal law, so a
//!    few users have many.
//! 4. **Interests** (`history`). Each new interest of a user comes from the general popularity with probability
//!    [`mainstream`], otherwise from one of the user's groups. Nobody discovers the same item twice.
//! 5. **Events** (`events`). An interest is a `view`, sometimes followed by a `cart` and a `purchase`, and users come back
//!    to view an item again: these are the repeated (user, item) pairs of the log. Events fall into
//!    sessions, sessions into the user's time on the platform, with more activity in the evening.
//!
//! # Why the groups overlap
//! With disjoint blocks (users of block A only see items of block A) any model that finds the block
//! answers perfectly, and all models look alike. Here an item is shared by groups and a user by
//! tastes, so a history is evidence, not an address: popularity alone is a fair guess, co-occurrence a
//! better one, and the ceiling lies well below certainty, as in real data.
//!
//! [`groups_per_item`]: GenerateConfig::groups_per_item
//! [`groups_per_user`]: GenerateConfig::groups_per_user
//! [`mainstream`]: GenerateConfig::mainstream

mod config;
mod events;
mod facts;
mod history;
mod names;
mod run;
mod sampling;
mod taste;

pub use config::{GenerateConfig, UnknownPreset};
pub use run::{GenerateError, Generated, generate};
