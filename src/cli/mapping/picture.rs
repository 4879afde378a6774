//! The picture of a map, as SVG.
//!
//! Written element by element rather than by the plotting library, which has whole pixels only, no titles under the
//! pointer and no rims around letters. Text stays text, and the reader's own fonts draw it, in every script: an image of
//! pixels would have to bring fonts along.

use std::borrow::Cow;

use maud::{Markup, html};

use super::key::{Key, hex, shade};
use super::labels::{self, FONT, Wish, shortened};
use crate::cli::report::plots::{FAINT, GRID, INK};

/// Width and height of the picture, in pixels.
const SIZE: (f64, f64) = (1120.0, 830.0);
/// Left, top, right and bottom of where points are.
const FRAME: [f64; 4] = [34.0, 84.0, 880.0, 800.0];
/// Room within the frame that no point touches.
const MARGIN: f64 = 18.0;
/// Where the key begins.
const KEY: [f64; 2] = [900.0, 100.0];
/// From one line of the key to the next.
const LINE: f64 = 22.0;
/// Height of the scale.
const BAR: f64 = 160.0;
/// Letters of a line of the key, and of a title under the pointer, at most.
const KEY_LETTERS: usize = 30;
const POINTER_LETTERS: usize = 200;
/// For every title that is wished for, so many points may be tried.
const TRIES: usize = 3;

/// Everything there is to draw.
#[derive(Clone, Debug)]
pub struct Picture<'a> {
    /// What the map shows.
    pub title: String,
    /// How it came about, a line each.
    pub captions: Vec<String>,
    /// What the axes are, where they mean something.
    pub axes: Option<[String; 2]>,
    /// The points.
    pub dots: Vec<Dot<'a>>,
    /// What the colours mean.
    pub key: Option<Key>,
    /// Titles to write beside points, at most.
    pub titles: usize,
}

/// A point.
#[derive(Clone, Debug)]
pub struct Dot<'a> {
    /// Where it is, in the units of the map.
    pub place: [f32; 2],
    /// Its colour, as SVG writes it.
    pub colour: String,
    /// Its interactions, which its area grows with.
    pub interactions: u32,
    /// What it is called.
    pub title: Cow<'a, str>,
}

impl Picture<'_> {
    /// The picture as an SVG document.
    pub fn svg(&self) -> String {
        let (ink, faint, grid) = (hex(INK), hex(FAINT), hex(GRID));
        let at = self.pixels();
        // Small points lie on large ones.
        let mut order: Vec<usize> = (0..self.dots.len()).collect();
        order.sort_by_key(|&dot| std::cmp::Reverse(self.dots[dot].interactions));
        let most = self.dots.iter().map(|dot| dot.interactions).max().unwrap_or(0).max(1);
        let base = (90.0 / (self.dots.len() as f64).sqrt()).clamp(1.3, 4.0);
        let radius =
            |dot: usize| base * (0.75 + 2.0 * (f64::from(self.dots[dot].interactions) / f64::from(most)).sqrt());
        let named = order.iter().copied().filter(|&dot| !self.dots[dot].title.trim().is_empty());
        let named: Vec<usize> = named.take(self.titles.saturating_mul(TRIES)).collect();
        let wish = |&dot: &usize| Wish { at: at[dot], radius: radius(dot), title: &self.dots[dot].title };
        let labels = labels::place(&named.iter().map(wish).collect::<Vec<_>>(), FRAME, self.titles);
        let [left, top, right, bottom] = FRAME;
        html! {
            svg xmlns="http://www.w3.org/2000/svg" width=(SIZE.0) height=(SIZE.1) viewBox={ "0 0 " (SIZE.0) " " (SIZE.1) }
                font-family="system-ui, -apple-system, 'Segoe UI', 'Noto Sans', sans-serif" font-size=(FONT) {
                rect width="100%" height="100%" fill="#ffffff" {}
                text x=(left) y="30" font-size="18" font-weight="600" fill=(ink) { (shortened(&self.title, 100)) }
                @for (line, caption) in self.captions.iter().enumerate() {
                    text x=(left) y=(50 + 17 * line) fill=(faint) { (caption) }
                }
                rect x=(left) y=(top) width=(right - left) height=(bottom - top) fill="none" stroke=(grid) {}
                @if let Some([x, y]) = &self.axes {
                    text x=(f64::midpoint(left, right)) y=(bottom + 19.0) text-anchor="middle" fill=(faint) { (x) }
                    text transform={ "translate(" (left - 10.0) " " (f64::midpoint(top, bottom)) ") rotate(-90)" }
                        text-anchor="middle" fill=(faint) { (y) }
                }
                g fill-opacity="0.72" {
                    @for &dot in &order {
                        circle cx=(short(at[dot][0])) cy=(short(at[dot][1])) r=(short(radius(dot))) fill=(self.dots[dot].colour) {
                            title { (shortened(&self.dots[dot].title, POINTER_LETTERS)) }
                        }
                    }
                }
                g fill="none" stroke=(ink) {
                    @for label in &labels {
                        @let dot = named[label.of];
                        circle cx=(short(at[dot][0])) cy=(short(at[dot][1])) r=(short(radius(dot))) {}
                    }
                }
                // A rim first, so that letters are read on top of points.
                g fill="#ffffff" stroke="#ffffff" stroke-width="3.5" stroke-linejoin="round" stroke-opacity="0.85" {
                    @for label in &labels { (written(label)) }
                }
                g fill=(ink) { @for label in &labels { (written(label)) } }
                @if let Some(key) = &self.key { (drawn(key)) }
            }
        }
        .into_string()
    }

    /// The centre of every point: both axes to the same scale, in the middle of the frame.
    fn pixels(&self) -> Vec<[f64; 2]> {
        let ends = |axis: usize| {
            let values = self.dots.iter().map(|dot| f64::from(dot.place[axis]));
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
        };
        let [(x_low, x_high), (y_low, y_high)] = [ends(0), ends(1)];
        let [left, top, right, bottom] = FRAME;
        let room = |from: f64, to: f64, low: f64, high: f64| (to - from - 2.0 * MARGIN) / (high - low);
        // Finite even where all points are at one place.
        let scale = room(left, right, x_low, x_high).min(room(top, bottom, y_low, y_high)).min(f64::MAX);
        let [x_middle, y_middle] = [f64::midpoint(x_low, x_high), f64::midpoint(y_low, y_high)];
        let pixel = |dot: &Dot<'_>| {
            let x = f64::midpoint(left, right) + (f64::from(dot.place[0]) - x_middle) * scale;
            [x, f64::midpoint(top, bottom) - (f64::from(dot.place[1]) - y_middle) * scale]
        };
        self.dots.iter().map(pixel).collect()
    }
}

/// A tenth of a pixel is as far as anyone sees.
fn short(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn written(label: &labels::Label) -> Markup {
    html! { text x=(short(label.at[0])) y=(short(label.at[1])) text-anchor=(label.anchor) { (label.text) } }
}

/// The key beside the points.
fn drawn(key: &Key) -> Markup {
    let [x, top] = KEY;
    let (ink, scaled) = (hex(INK), !key.scale.is_empty());
    let below = top + if scaled { BAR + 30.0 } else { 10.0 };
    html! {
        text x=(x) y=(top) font-weight="600" fill=(ink) { (shortened(&key.heading, KEY_LETTERS)) }
        @if scaled {
            defs { linearGradient id="scale" x1="0" y1="1" x2="0" y2="0" {
                @for at in [0.0, 0.25, 0.5, 0.75, 1.0] { stop offset=(at) stop-color=(shade(at)) {} }
            } }
            rect x=(x) y=(top + 14.0) width="16" height=(BAR) fill="url(#scale)" {}
            @for (at, text) in &key.scale {
                text x=(x + 24.0) y=(top + 14.0 + BAR * (1.0 - at) + 4.0) fill=(ink) { (text) }
            }
        }
        @for (line, (colour, text)) in key.swatches.iter().enumerate() {
            @let y = below + LINE * (line as f64 + 0.5);
            circle cx=(x + 6.0) cy=(y) r="6" fill=(colour) {}
            text x=(x + 20.0) y=(y + 4.0) fill=(ink) { (shortened(text, KEY_LETTERS)) }
        }
    }
}
