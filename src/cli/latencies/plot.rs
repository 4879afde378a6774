//! Latency by percentile, and over time or by rate, as one picture.

use anyhow::Result;
use plotters::prelude::*;

use crate::cli::report::plots::{Area, COLOURS, FAINT, GRID, HEAD, INK, decimal, drawing, failed};
use crate::load_test::{Percentiles, Report};

/// Width and height of the picture, in pixels.
const SIZE: (u32, u32) = (1_040, 400);

/// Names that have room above a chart.
const NAMED: usize = 6;

/// A line with its name.
struct Line {
    name: String,
    colour: RGBColor,
    points: Vec<(f64, f64)>,
}

/// Draws what was measured, at one rate or several.
///
/// # Errors
/// The numbers cannot be drawn.
pub fn latency_plot(reports: &[Report]) -> Result<String> {
    let title = match reports {
        [only] => format!("Latency from when a request was due, {:.0} requests/s", only.rate),
        _ => "Latency from when a request was due, several rates".into(),
    };
    drawing(SIZE, &title, |area| {
        let (left, right) = area.split_horizontally(SIZE.0 / 2);
        let curves: Vec<Line> = match reports {
            [only] => vec![
                by_share(only, "latency".into(), COLOURS[2], |point| point.latency_ms),
                by_share(only, "service time".into(), COLOURS[1], |point| point.service_ms),
            ],
            several => several
                .iter()
                .enumerate()
                .map(|(at, report)| {
                    by_share(report, format!("{}/s", report.rate), shade(at, several.len()), |point| point.latency_ms)
                })
                .collect(),
        };
        chart(&left, &curves, "share of the requests", &nines)?;
        match reports {
            [only] => chart(&right, &over_time(only), "seconds", &decimal_tick),
            several => chart(&right, &by_rate(several), "requests a second", &decimal_tick),
        }
    })
}

/// Over nines: 1 is 90 %, 2 is 99 %.
fn by_share(
    report: &Report,
    name: String,
    colour: RGBColor,
    latency: fn(&crate::load_test::CurvePoint) -> f64,
) -> Line {
    let points = report.curve.iter().map(|point| (-(1.0 - point.share).log10() + 0.0, latency(point)));
    Line { name, colour, points: points.collect() }
}

fn over_time(report: &Report) -> Vec<Line> {
    let line = |name: &str, colour, at: fn(&crate::load_test::WindowReport) -> Option<f64>| Line {
        name: name.into(),
        colour,
        points: report.windows.iter().filter_map(|window| Some((window.from, at(window)?))).collect(),
    };
    vec![line("p99", COLOURS[3], |window| window.p99_ms), line("p50", COLOURS[2], |window| window.p50_ms)]
}

fn by_rate(reports: &[Report]) -> Vec<Line> {
    let mut sorted: Vec<&Report> = reports.iter().collect();
    sorted.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    let line = |name: &str, colour, at: fn(&Percentiles) -> f64| Line {
        name: name.into(),
        colour,
        points: sorted.iter().filter_map(|report| Some((report.rate, at(report.latency_ms.as_ref()?)))).collect(),
    };
    vec![line("p99", COLOURS[3], |l| l.p99), line("p50", COLOURS[2], |l| l.p50)]
}

/// The higher the rate, the darker.
fn shade(at: usize, of: usize) -> RGBColor {
    let share = if of < 2 { 1.0 } else { at as f64 / (of - 1) as f64 };
    let mix = |light: f64, dark: f64| (light + (dark - light) * share).round() as u8;
    RGBColor(mix(150.0, 0.0), mix(200.0, 60.0), mix(235.0, 110.0))
}

/// Whole nines as shares.
fn nines(value: &f64) -> String {
    let whole = value.round();
    if (value - whole).abs() > 1e-6 {
        return String::new();
    }
    match whole as u32 {
        0 => "0 %".into(),
        1 => "90 %".into(),
        2 => "99 %".into(),
        nines => format!("99.{} %", "9".repeat(nines as usize - 2)),
    }
}

fn decimal_tick(value: &f64) -> String {
    decimal(*value)
}

/// Lines over a logarithmic axis of milliseconds. Nothing is drawn where there is no answer.
fn chart(area: &Area<'_>, lines: &[Line], x_label: &str, tick: &dyn Fn(&f64) -> String) -> Result<()> {
    let points = || lines.iter().flat_map(|line| &line.points);
    let (Some(low), Some(high)) =
        (points().map(|p| p.1).min_by(f64::total_cmp), points().map(|p| p.1).max_by(f64::total_cmp))
    else {
        let text = Text::new("no answer", (60, 60), ("sans-serif", 12).into_font().color(&FAINT));
        return area.draw(&text).map_err(failed);
    };
    let last = points().map(|p| p.0).fold(0.0, f64::max).max(1e-3);
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .margin_right(24)
        .margin_top(HEAD)
        .x_label_area_size(42)
        .y_label_area_size(62)
        .build_cartesian_2d(0.0..last * 1.02, (low * 0.8..high.max(low * 1.5) * 1.25).log_scale())
        .map_err(failed)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .bold_line_style(GRID)
        .axis_style(FAINT)
        .x_labels(6)
        .y_labels(8)
        .x_label_formatter(&|value| tick(value))
        .y_label_formatter(&|value| decimal(*value))
        .x_desc(x_label)
        .y_desc("ms")
        .label_style(("sans-serif", 12).into_font().color(&FAINT))
        .axis_desc_style(("sans-serif", 12).into_font().color(&FAINT))
        .draw()
        .map_err(failed)?;
    // Shades are ordered, so a part of the names says what the others are.
    let named = lines.len().div_ceil(NAMED);
    let mut x = 16;
    for (at, line) in lines.iter().enumerate() {
        chart.draw_series(LineSeries::new(line.points.iter().copied(), line.colour.stroke_width(2))).map_err(failed)?;
        if at % named > 0 {
            continue;
        }
        area.draw(&Rectangle::new([(x, 34), (x + 12, 44)], line.colour.filled())).map_err(failed)?;
        let text = Text::new(line.name.clone(), (x + 17, 33), ("sans-serif", 12).into_font().color(&INK));
        area.draw(&text).map_err(failed)?;
        // Without a font at hand, every letter is taken to be wide.
        x += 17 + 7 * line.name.chars().count() as i32 + 10;
    }
    Ok(())
}
