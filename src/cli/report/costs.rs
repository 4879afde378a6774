//! Quality against what it costs: a table, and a picture for every kind of cost.

use anyhow::Result;
use plotters::prelude::*;

use super::document::Block;
use super::plots::{FAINT, GRID, HEAD, Plot, colour, decimal, failed, legend, picture};
use crate::cli::comparison::{Comparison, ModelResults};
use crate::cli::console::bytes;
use crate::evaluation::Interval;

/// The least that a logarithmic axis shows of a cost: below it, there is none.
const LEAST: f64 = 1e-3;

/// A model as a point.
struct Point<'a> {
    name: &'a str,
    cost: f64,
    mean: f64,
    interval: Option<Interval>,
}

/// The models by quality and cost; nothing where costs were not measured.
pub fn quality_and_cost(comparison: &Comparison) -> Result<Vec<Block>> {
    let (Some(table), Some(metric)) = (comparison.quality_and_cost(), comparison.leading()) else {
        return Ok(Vec::new());
    };
    let plot =
        |name: &'static str, what: &str, cost: fn(&ModelResults) -> Option<f64>, tick: &dyn Fn(f64) -> String| {
            let points = comparison.models.iter().map(|results| Point {
                name: &results.model,
                cost: cost(results).unwrap_or(0.0).max(LEAST),
                mean: results.evaluation.mean(metric).unwrap_or_default(),
                interval: results.interval(metric.into()),
            });
            let points: Vec<Point<'_>> = points.collect();
            scatter(name, &format!("{metric} by {what}"), what, &points, tick)
        };
    let plots = vec![
        plot("quality-by-training", "seconds of training", |results| results.fit_seconds, &decimal)?,
        plot("quality-by-size", "size", |results| results.costs.map(|costs| costs.bytes as f64), &|size| {
            bytes(size as u64)
        })?,
        plot("quality-by-answer", "milliseconds of an answer", |r| r.costs.map(|costs| costs.user_ms), &decimal)?,
    ];
    Ok(vec![
        Block::Heading("Quality and cost"),
        Block::Text(format!("{}.", table.note)),
        Block::Table { labels: 1, head: table.head, rows: table.rows },
        Block::Plots(plots),
    ])
}

/// Points with their intervals over a logarithmic axis of costs.
fn scatter(
    name: &'static str,
    title: &str,
    x_label: &str,
    points: &[Point<'_>],
    tick: &dyn Fn(f64) -> String,
) -> Result<Plot> {
    let (cheapest, dearest) =
        points.iter().fold((f64::MAX, LEAST), |(low, high), point| (low.min(point.cost), high.max(point.cost)));
    let highest =
        points.iter().map(|point| point.interval.map_or(point.mean, |bounds| bounds.high)).fold(0.0, f64::max);
    let heights = 0.0..if highest > 0.0 { highest * 1.06 } else { 1.0 };
    picture(name, title, |area| {
        legend(area, &points.iter().map(|point| point.name).collect::<Vec<_>>())?;
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .margin_right(24)
            .margin_top(HEAD)
            .x_label_area_size(42)
            .y_label_area_size(52)
            .build_cartesian_2d((cheapest.min(dearest) / 2.0..dearest * 2.0).log_scale(), heights)
            .map_err(failed)?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .bold_line_style(GRID)
            .axis_style(FAINT)
            .x_labels(6)
            .y_labels(6)
            .x_label_formatter(&|cost| tick(*cost))
            .y_label_formatter(&|value| decimal(*value))
            .x_desc(format!("{x_label}, logarithmic"))
            .label_style(("sans-serif", 12).into_font().color(&FAINT))
            .axis_desc_style(("sans-serif", 12).into_font().color(&FAINT))
            .draw()
            .map_err(failed)?;
        for (at, point) in points.iter().enumerate() {
            let colour = colour(at, points.len());
            if let Some(bounds) = point.interval {
                let bar = vec![(point.cost, bounds.low), (point.cost, bounds.high)];
                chart.draw_series([PathElement::new(bar, colour.stroke_width(2))]).map_err(failed)?;
            }
            chart.draw_series([Circle::new((point.cost, point.mean), 5, colour.filled())]).map_err(failed)?;
        }
        Ok(())
    })
}
