//! Pictures of numbers, as SVG.

use std::ops::Range;

use anyhow::{Result, anyhow};
use plotters::coord::ranged1d::{KeyPointHint, Ranged, ValueFormatter};
use plotters::prelude::*;

use crate::evaluation::Interval;

/// Width and height of a picture, in pixels.
const SIZE: (u32, u32) = (560, 340);
/// Room above the axes for the title and the names of the series.
pub const HEAD: u32 = 62;
/// Of what is read first.
pub const INK: RGBColor = RGBColor(31, 35, 40);
/// Of axes and their names.
pub const FAINT: RGBColor = RGBColor(89, 99, 110);
/// Of the lines behind all.
pub const GRID: RGBColor = RGBColor(225, 229, 234);
/// Told apart in any kind of colour blindness (Okabe & Ito 2008).
pub const COLOURS: [RGBColor; 7] = [
    RGBColor(140, 140, 140),
    RGBColor(230, 159, 0),
    RGBColor(0, 114, 178),
    RGBColor(204, 121, 167),
    RGBColor(0, 158, 115),
    RGBColor(86, 180, 233),
    RGBColor(213, 94, 0),
];

/// A picture.
pub struct Plot {
    /// Name of its file, without extension.
    pub name: &'static str,
    /// What it shows.
    pub title: String,
    /// The picture itself.
    pub svg: String,
}

/// The values of one model at every tick.
pub struct Series<'a> {
    /// The model.
    pub name: &'a str,
    /// One value a tick.
    pub values: Vec<f64>,
    /// Its bounds, where it has some.
    pub intervals: Vec<Option<Interval>>,
}

/// Series joined by lines.
pub struct Lines<'a> {
    /// What is shown.
    pub title: String,
    /// Names of the ticks, evenly spaced.
    pub ticks: Vec<String>,
    /// What the ticks are.
    pub x_label: String,
    /// At least one value each.
    pub series: Vec<Series<'a>>,
}

/// Series as groups of bars.
pub struct Bars<'a> {
    /// What is shown.
    pub title: String,
    /// Names of the groups.
    pub ticks: Vec<String>,
    /// What the groups are.
    pub x_label: String,
    /// One bar each in every group.
    pub series: Vec<Series<'a>>,
}

/// One quantity by epoch.
pub struct Curve {
    /// What is shown.
    pub title: String,
    /// Epoch and value, at least one.
    pub points: Vec<(f64, f64)>,
    /// The epoch that was kept.
    pub marked: f64,
}

/// Where one draws.
pub type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

/// Draws on an empty picture of the usual size.
///
/// # Errors
/// The numbers cannot be drawn.
pub fn picture(name: &'static str, title: &str, draw: impl FnOnce(&Area<'_>) -> Result<()>) -> Result<Plot> {
    Ok(Plot { name, title: title.into(), svg: drawing(SIZE, title, draw)? })
}

/// Draws on an empty picture with a title.
///
/// # Errors
/// The numbers cannot be drawn.
pub fn drawing(size: (u32, u32), title: &str, draw: impl FnOnce(&Area<'_>) -> Result<()>) -> Result<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&WHITE).map_err(failed)?;
        area.draw(&Text::new(title.to_string(), (14, 10), ("sans-serif", 15).into_font().color(&INK)))
            .map_err(failed)?;
        draw(&area)?;
        area.present().map_err(failed)?;
    }
    Ok(svg)
}

/// What plotters says, as an error.
pub fn failed(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("a plot cannot be drawn: {error}")
}

/// The names of the series in their colours, in one line or, where they are many, in two.
///
/// # Errors
/// They cannot be drawn.
pub fn legend(area: &Area<'_>, names: &[&str]) -> Result<()> {
    let (mut x, mut y) = (16, 33);
    for (at, &name) in names.iter().enumerate() {
        // Without a font at hand, every letter is taken to be wide.
        let width = 17 + 7 * name.chars().count() as i32 + 14;
        if x > 16 && x + width > SIZE.0 as i32 {
            (x, y) = (16, y + 14);
        }
        area.draw(&Rectangle::new([(x, y + 1), (x + 12, y + 11)], colour(at, names.len()).filled())).map_err(failed)?;
        let text = Text::new(name.to_string(), (x + 17, y), ("sans-serif", 12).into_font().color(&INK));
        area.draw(&text).map_err(failed)?;
        x += width;
    }
    Ok(())
}

fn names<'a>(series: &[Series<'a>]) -> Vec<&'a str> {
    series.iter().map(|one| one.name).collect()
}

/// The evaluated model, the last one, always has the same colour.
pub fn colour(at: usize, series: usize) -> RGBColor {
    if at + 1 == series { COLOURS[2] } else { COLOURS[[0, 1, 3, 4, 5, 6][at % 6]] }
}

/// The axis of evenly spaced names.
struct Ticks(usize);

impl Ranged for Ticks {
    type FormatOption = plotters::coord::ranged1d::NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        from + (f64::from(to - from) * (value + 0.5) / self.0 as f64).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        (0..self.0).map(|tick| tick as f64).collect()
    }

    fn range(&self) -> Range<f64> {
        -0.5..self.0 as f64 - 0.5
    }
}

impl ValueFormatter<f64> for Ticks {}

/// Room for all values and 0, a little more than the highest.
fn heights(series: &[Series<'_>]) -> Range<f64> {
    let bounds = series.iter().flat_map(|s| s.intervals.iter().flatten().map(|interval| interval.high));
    let highest = series.iter().flat_map(|s| s.values.iter().copied()).chain(bounds).fold(0.0, f64::max);
    0.0..if highest > 0.0 { highest * 1.06 } else { 1.0 }
}

/// Axes with named ticks, on which `draw` draws.
fn on_ticks(
    area: &Area<'_>,
    (ticks, x_label): (&[String], &str),
    heights: Range<f64>,
    draw: impl FnOnce(
        &mut ChartContext<'_, SVGBackend<'_>, Cartesian2d<Ticks, plotters::coord::types::RangedCoordf64>>,
    ) -> Result<()>,
) -> Result<()> {
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .margin_top(HEAD)
        .x_label_area_size(42)
        .y_label_area_size(52)
        .build_cartesian_2d(Ticks(ticks.len()), heights)
        .map_err(failed)?;
    let name = |at: &f64| ticks.get(at.round() as usize).cloned().unwrap_or_default();
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(WHITE)
        .bold_line_style(GRID)
        .axis_style(FAINT)
        .y_labels(6)
        .y_label_formatter(&|value| decimal(*value))
        .x_labels(ticks.len())
        .x_label_formatter(&name)
        .x_desc(x_label)
        .label_style(("sans-serif", 12).into_font().color(&FAINT))
        .axis_desc_style(("sans-serif", 12).into_font().color(&FAINT))
        .draw()
        .map_err(failed)?;
    draw(&mut chart)
}

/// As many digits as tell ticks apart.
pub fn decimal(value: f64) -> String {
    let text = format!("{value:.4}");
    let short = text.trim_end_matches('0').trim_end_matches('.');
    if short.is_empty() || short == "-0" { "0".into() } else { short.into() }
}

/// Values by tick, joined by lines, with their intervals.
pub fn lines(name: &'static str, plot: &Lines<'_>) -> Result<Plot> {
    picture(name, &plot.title, |area| {
        legend(area, &names(&plot.series))?;
        on_ticks(area, (&plot.ticks, &plot.x_label), heights(&plot.series), |chart| {
            for (at, series) in plot.series.iter().enumerate() {
                let colour = colour(at, plot.series.len());
                // Side by side, so that intervals do not hide each other.
                let shift = (at as f64 - (plot.series.len() - 1) as f64 / 2.0) * 0.06;
                let points: Vec<(f64, f64)> =
                    series.values.iter().enumerate().map(|(tick, &value)| (tick as f64 + shift, value)).collect();
                chart.draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2))).map_err(failed)?;
                chart
                    .draw_series(points.iter().map(|&point| Circle::new(point, 3, colour.filled())))
                    .map_err(failed)?;
                let bounds = points.iter().zip(&series.intervals).filter_map(|(&(x, _), interval)| {
                    interval.map(|i| PathElement::new(vec![(x, i.low), (x, i.high)], colour.stroke_width(1)))
                });
                chart.draw_series(bounds).map_err(failed)?;
            }
            Ok(())
        })
    })
}

/// Values by group, side by side.
pub fn bars(name: &'static str, plot: &Bars<'_>) -> Result<Plot> {
    picture(name, &plot.title, |area| {
        legend(area, &names(&plot.series))?;
        on_ticks(area, (&plot.ticks, &plot.x_label), heights(&plot.series), |chart| {
            let width = 0.8 / plot.series.len().max(1) as f64;
            for (at, series) in plot.series.iter().enumerate() {
                let bar = |(group, &value): (usize, &f64)| {
                    let left = group as f64 - 0.4 + width * at as f64;
                    Rectangle::new([(left, 0.0), (left + width * 0.94, value)], colour(at, plot.series.len()).filled())
                };
                chart.draw_series(series.values.iter().enumerate().map(bar)).map_err(failed)?;
            }
            Ok(())
        })
    })
}

/// A quantity by epoch, with the epoch that was kept.
pub fn curve(name: &'static str, plot: &Curve) -> Result<Plot> {
    picture(name, &plot.title, |area| {
        let colour = COLOURS[2];
        let (low, high) =
            plot.points.iter().fold((f64::MAX, f64::MIN), |(low, high), &(_, y)| (low.min(y), high.max(y)));
        let room = ((high - low) * 0.06).max(high.abs() * 1e-3).max(1e-6);
        let last = plot.points.iter().fold(1.0, |last: f64, point| last.max(point.0));
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .margin_right(20)
            .margin_top(HEAD)
            .x_label_area_size(42)
            .y_label_area_size(58)
            .build_cartesian_2d(0.0..last * 1.02, low - room..high + room)
            .map_err(failed)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(WHITE)
            .bold_line_style(GRID)
            .axis_style(FAINT)
            .x_labels(last.min(10.0) as usize + 1)
            .y_labels(6)
            .x_label_formatter(&|epoch| if epoch.fract() == 0.0 { format!("{epoch:.0}") } else { String::new() })
            .y_label_formatter(&|value| decimal(*value))
            .x_desc("epoch")
            .label_style(("sans-serif", 12).into_font().color(&FAINT))
            .axis_desc_style(("sans-serif", 12).into_font().color(&FAINT))
            .draw()
            .map_err(failed)?;
        chart.draw_series(LineSeries::new(plot.points.iter().copied(), colour.stroke_width(2))).map_err(failed)?;
        chart.draw_series(plot.points.iter().map(|&point| Circle::new(point, 2, colour.filled()))).map_err(failed)?;
        if let Some(&kept) = plot.points.iter().find(|point| point.0 == plot.marked) {
            chart.draw_series([Circle::new(kept, 6, COLOURS[1].stroke_width(2))]).map_err(failed)?;
            area.draw(&Circle::new((22, 39), 5, COLOURS[1].stroke_width(2))).map_err(failed)?;
            let text = format!("epoch {} was kept", plot.marked);
            area.draw(&Text::new(text, (33, 33), ("sans-serif", 12).into_font().color(&INK))).map_err(failed)?;
        }
        Ok(())
    })
}
