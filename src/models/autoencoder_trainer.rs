//! How an [`Autoencoder`] is trained: its gradient, and the order in which its layers move.

use nalgebra::DMatrix;
use rand::RngExt;
use rayon::prelude::*;

use super::autoencoder::{Autoencoder, Description};
use super::linear_decoder::LinearDecoder;
use crate::linalg::{Columns, ColumnsMut, affine, at_least, axpy, multiply, multiply_transposed, sum_columns, zeros};
use crate::nn::{Chain, GradientRef, SparseBatch, SparseGradient, scatter_batch};
use crate::random::{Purpose, stream};
use crate::training::{Gradient, Network, Shard};

/// The gradient of the input table.
enum OfTable {
    /// Of the items of the batch.
    Touched(SparseGradient),
    /// Of all items: where the table is the output's too, or is given dense input.
    All(Vec<f32>),
}

/// The gradient of every parameter of an [`Autoencoder`].
pub struct AutoencoderGradient {
    input: OfTable,
    input_bias: Vec<f32>,
    encoder: Chain,
    /// Of a mirrored decoder too: its matrices are then added to the encoder's.
    decoder: Chain,
    tied: bool,
    output: Option<Vec<f32>>,
    bias: Vec<f32>,
    nodes: Vec<f32>,
}

impl AutoencoderGradient {
    fn zeros(model: &Autoencoder) -> Self {
        let description = &model.description;
        let (width, items) = (model.input.width(), model.bias.len());
        let dense = description.tied || description.refeeding > 0;
        let activation = description.activation;
        Self {
            input: match dense {
                true => OfTable::All(zeros(width * items)),
                false => OfTable::Touched(SparseGradient::new(width, items)),
            },
            input_bias: vec![0.0; width],
            encoder: Chain::zeros(&description.encoder, activation),
            decoder: Chain::zeros(&description.decoder_widths(), activation),
            tied: description.tied,
            output: model.table.as_ref().map(|table| zeros(table.len())),
            bias: vec![0.0; items],
            nodes: vec![0.0; model.nodes.len()],
        }
    }

    /// Clears what a step adds to; everything else is overwritten.
    fn clear(&mut self) {
        self.nodes.fill(0.0);
        match &mut self.input {
            OfTable::All(table) if !self.tied => table.fill(0.0),
            _ => {}
        }
    }
}

impl Gradient for AutoencoderGradient {
    fn add(&mut self, other: &Self) {
        match (&mut self.input, &other.input) {
            (OfTable::Touched(table), OfTable::Touched(other)) => table.add(other),
            (OfTable::All(table), OfTable::All(other)) => axpy(table, 1.0, other),
            _ => unreachable!("gradients of one network"),
        }
        axpy(&mut self.input_bias, 1.0, &other.input_bias);
        self.encoder.add(&other.encoder);
        self.decoder.add(&other.decoder);
        self.output.iter_mut().zip(&other.output).for_each(|(table, other)| axpy(table, 1.0, other));
        axpy(&mut self.bias, 1.0, &other.bias);
        axpy(&mut self.nodes, 1.0, &other.nodes);
    }

    fn parts(&self) -> Vec<GradientRef<'_>> {
        let mut all = vec![match &self.input {
            OfTable::Touched(table) => GradientRef::Table(table),
            OfTable::All(table) => GradientRef::Dense(table),
        }];
        let mut dense: Vec<&Vec<f32>> = vec![&self.input_bias];
        dense.extend(self.encoder.layers.iter().flat_map(|layer| [&layer.weights, &layer.bias]));
        match self.tied {
            true => dense.extend(self.decoder.layers.iter().map(|layer| &layer.bias)),
            false => dense.extend(self.decoder.layers.iter().flat_map(|layer| [&layer.weights, &layer.bias])),
        }
        dense.extend(&self.output);
        dense.push(&self.bias);
        dense.extend(Some(&self.nodes).filter(|nodes| !nodes.is_empty()));
        all.extend(dense.into_iter().map(|values| GradientRef::Dense(values)));
        all
    }
}

/// An [`Autoencoder`] under training: the weights and the scores of a shard.
pub struct AutoencoderTrainer {
    model: Autoencoder,
    /// items × users of a shard; kept, because it is the largest buffer of a step.
    scores: Vec<f32>,
    /// The gradient of a step on scores that are fed in again.
    refed: Option<AutoencoderGradient>,
    /// The layer of the encoder, from 1, that each tensor is trained with before all are.
    layers: Vec<usize>,
}

impl AutoencoderTrainer {
    /// Starts from a model's weights.
    #[must_use]
    pub fn new(model: Autoencoder) -> Self {
        let depth = model.description.encoder.len();
        let behind = (2..=depth).flat_map(|layer| [layer; 2]);
        let ahead = (2..=depth).rev().flat_map(|layer| vec![layer; if model.description.tied { 1 } else { 2 }]);
        // The tables and all that belongs to items or users come with the first layer.
        let layers: Vec<usize> = [1, 1].into_iter().chain(behind).chain(ahead).collect();
        let refed = (model.description.refeeding > 0).then(|| AutoencoderGradient::zeros(&model));
        Self { model, scores: Vec::new(), refed, layers }
    }

    /// The layer that an epoch trains alone; `None` for all of them.
    fn alone(&self, epoch: u64) -> Option<usize> {
        let mut last = 0;
        let ends = self.model.description.pretraining.iter().map(|&epochs| {
            last += epochs as u64;
            last
        });
        ends.zip(1..).find(|(end, _)| epoch <= *end).map(|(_, layer)| layer)
    }
}

/// A history's share of a batch as the network is given it, and what comes of its gradient.
struct Pass<'a> {
    model: &'a Autoencoder,
    /// Users of the shard as their streams are named.
    names: Vec<(u64, u64, u64)>,
    /// 1 / users of the batch.
    scale: f32,
    /// The layer trained alone.
    alone: Option<usize>,
}

impl Pass<'_> {
    /// From the values of the first layer before f, width × users, to scores and back: adds the gradient of all layers but the
    /// first to `gradient` and returns the loss with the gradient of those values. `objective` is the loss of the scores,
    /// which become their gradient.
    fn through(
        &self,
        first: &DMatrix<f32>,
        mut scores: ColumnsMut<'_>,
        objective: impl FnOnce(ColumnsMut<'_>) -> f64,
        gradient: &mut AutoencoderGradient,
    ) -> (f64, DMatrix<f32>) {
        let Description { activation, penalty, code_dropout, .. } = self.model.description;
        let Self { model, scale, alone, .. } = self;
        let nothing = Chain { activation, layers: Vec::new() };
        // The first layer trained alone leads to the output at once.
        let (encoder, decoder) = if alone.is_some() { (&nothing, &nothing) } else { (&model.encoder, model.decoder()) };

        let encoded = encoder.forward(activation.of(first));
        let mask = self.code_mask(encoded.output().nrows(), code_dropout);
        let code = mask.as_ref().map_or_else(|| encoded.output().clone(), |mask| encoded.output().component_mul(mask));
        let decoded = decoder.forward(code);
        let (last, output) = (Columns::from(decoded.output()), model.output());
        affine(scores.reborrow(), output.vectors, last, output.bias);
        let fit = objective(scores.reborrow());

        let delta = scores.as_ref();
        let (rows, items) = (output.vectors.rows(), output.vectors.cols());
        let of_output = match (&mut gradient.output, &mut gradient.input) {
            (Some(table), _) | (None, OfTable::All(table)) => table,
            (None, OfTable::Touched(_)) => unreachable!("a tied table has a dense gradient"),
        };
        multiply_transposed(ColumnsMut::new(of_output, (rows, items)), last, delta);
        sum_columns(&mut gradient.bias, delta);
        let mut back = DMatrix::zeros(rows, delta.cols());
        multiply((&mut back).into(), output.vectors, delta);
        let mut of_code = decoder.backward(&decoded, back, &mut gradient.decoder);
        if let Some(mask) = mask {
            of_code.component_mul_assign(&mask);
        }
        let held = penalty.map(|penalty| penalty.of(encoded.output(), *scale));
        let loss = fit + held.as_ref().map_or(0.0, |(loss, _)| *loss);
        if let Some((_, held)) = held {
            of_code += held;
        }
        let mut of_first = encoder.backward(&encoded, of_code, &mut gradient.encoder);
        activation.backward_of(first, &mut of_first);
        if alone.is_none() && model.description.tied {
            gradient.encoder.add_mirrored(&gradient.decoder);
        }
        (loss, of_first)
    }

    /// A step on `last`, the scores of the step before: fed in they have to come out again, ½ ‖s′ − s‖² a user (Kuchaiev &
    /// Ginsburg 2017). Overwrites `gradient` and `last`, and returns the loss.
    fn refeed(&self, last: &mut Vec<f32>, scores: ColumnsMut<'_>, gradient: &mut AutoencoderGradient) -> f64 {
        let (model, users) = (self.model, self.names.len());
        let (width, items) = (model.input.width(), model.bias.len());
        let input = std::mem::take(last);
        let fed = Columns::new(&input, (items, users));
        let mut first = DMatrix::zeros(width, users);
        multiply((&mut first).into(), model.input.columns(), fed);
        first.as_mut_slice().chunks_exact_mut(width).for_each(|user| axpy(user, 1.0, &model.input.bias));
        let unchanged = |mut scores: ColumnsMut<'_>| {
            *last = scores.data().to_vec();
            let off = scores.data().par_chunks_mut(items).zip(input.par_chunks(items)).map(|(scores, input)| {
                let mut loss = 0.0;
                for (score, input) in scores.iter_mut().zip(input) {
                    let off = *score - input;
                    loss += 0.5 * f64::from(off) * f64::from(off);
                    *score = self.scale * off;
                }
                loss
            });
            let losses: Vec<f64> = off.collect();
            losses.into_iter().sum()
        };
        gradient.clear();
        let (loss, of_first) = self.through(&first, scores, unchanged, gradient);
        let mut of_input = zeros(width * items);
        multiply_transposed(ColumnsMut::new(&mut of_input, (width, items)), (&of_first).into(), fed);
        if let OfTable::All(table) = &mut gradient.input {
            axpy(table, 1.0, &of_input);
        }
        sum_columns(&mut gradient.input_bias, (&of_first).into());
        loss
    }

    /// What each value of the code is multiplied by under dropout.
    fn code_mask(&self, width: usize, rate: f32) -> Option<DMatrix<f32>> {
        let kept = 1.0 / (1.0 - rate);
        let user = |&(seed, epoch, user): &(u64, u64, u64)| {
            let mut random = stream(seed, Purpose::CodeDropout, [epoch, user]);
            (0..width).map(move |_| if random.random::<f32>() < rate { 0.0 } else { kept }).collect::<Vec<f32>>()
        };
        (rate > 0.0).then(|| DMatrix::from_iterator(width, self.names.len(), self.names.iter().flat_map(user)))
    }

    /// The gradient of a layer from 2 on, trained alone: from the values of the layer below to themselves, ½ ‖ĥ − h‖² a user.
    fn reconstruct(&self, layer: usize, first: &DMatrix<f32>, gradient: &mut AutoencoderGradient) -> f64 {
        let model = self.model;
        let (activation, depth) = (model.description.activation, model.description.encoder.len());
        let (forth, back) = (layer - 2, depth - layer);
        let part = |chain: &Chain, at: std::ops::Range<usize>| Chain { activation, layers: chain.layers[at].to_vec() };
        let below = part(&model.encoder, 0..forth).forward(activation.of(first)).into_output();
        let mut there = part(&model.encoder, forth..forth + 1);
        there.layers.extend(part(model.decoder(), back..back + 1).layers);
        let pass = there.forward(below.clone());
        let off = pass.output() - below;
        let loss = off.iter().map(|&off| 0.5 * f64::from(off) * f64::from(off)).sum();
        let widths = [there.layers[0].inputs(), there.layers[0].outputs(), there.layers[0].inputs()];
        let mut of_both = Chain::zeros(&widths, activation);
        there.backward(&pass, off * self.scale, &mut of_both);
        gradient.decoder.layers[back] = of_both.layers.remove(1);
        gradient.encoder.layers[forth] = of_both.layers.remove(0);
        if model.description.tied {
            gradient.encoder.add_mirrored(&gradient.decoder);
        }
        loss
    }
}

impl Network for AutoencoderTrainer {
    type Weights = Autoencoder;
    type Gradient = AutoencoderGradient;

    fn weights(&self) -> &Autoencoder {
        &self.model
    }

    fn weights_mut(&mut self) -> &mut Autoencoder {
        &mut self.model
    }

    fn new_gradient(&self) -> AutoencoderGradient {
        AutoencoderGradient::zeros(&self.model)
    }

    fn gradient(&mut self, shard: &Shard<'_>, gradient: &mut AutoencoderGradient) -> f64 {
        let model = &self.model;
        let Description { scaling, dropout, objective, refeeding, .. } = model.description;
        let (users, width, items) = (shard.users.len(), model.input.width(), model.bias.len());
        let names: Vec<_> = (0..users).map(|user| shard.stream_of(user)).collect();
        let alone = self.alone(shard.epoch);
        let pass = Pass { model, names, scale: 1.0 / shard.batch_users as f32, alone };
        let scale = pass.scale;

        let mut batch = SparseBatch::scaled(scaling);
        for (&history, &name) in shard.histories.iter().zip(&pass.names) {
            batch.push_corrupted(history.items(), model.seen(history).iter().copied(), dropout, name);
        }
        let mut first = DMatrix::zeros(width, users);
        model.input.linear(&batch, (&mut first).into());
        for (mut values, &user) in first.column_iter_mut().zip(shard.users).filter(|_| !model.nodes.is_empty()) {
            let node = &model.nodes[user as usize * width..][..width];
            values.iter_mut().zip(node).for_each(|(value, node)| *value += node);
        }
        gradient.clear();
        if let Some(layer) = alone.filter(|&layer| layer > 1) {
            return pass.reconstruct(layer, &first, gradient);
        }

        let wished: Vec<Vec<f32>> = shard.histories.iter().map(|&history| model.wished(history)).collect();
        let target = |user: usize| (shard.histories[user].items(), wished[user].as_slice());
        let mut scores = ColumnsMut::new(at_least(&mut self.scores, items * users), (items, users));
        let mut last = Vec::new();
        let held_to_history = |mut scores: ColumnsMut<'_>| {
            if refeeding > 0 {
                last = scores.data().to_vec();
            }
            objective.loss(scores, target, scale)
        };
        let (mut loss, of_first) = pass.through(&first, scores.reborrow(), held_to_history, gradient);
        match &mut gradient.input {
            OfTable::Touched(table) => {
                model.input.backward(&batch, (&of_first).into(), table, &mut gradient.input_bias);
            }
            OfTable::All(table) => {
                scatter_batch(&batch, (&of_first).into(), ColumnsMut::new(table, (width, items)), |_, _| {});
                sum_columns(&mut gradient.input_bias, (&of_first).into());
            }
        }
        for (of_user, &user) in of_first.column_iter().zip(shard.users).filter(|_| !model.nodes.is_empty()) {
            gradient.nodes[user as usize * width..][..width].copy_from_slice(of_user.as_slice());
        }
        if let Some(refed) = self.refed.as_mut().filter(|_| alone.is_none()) {
            for _ in 0..refeeding {
                loss += pass.refeed(&mut last, scores.reborrow(), refed);
                gradient.add(refed);
            }
        }
        loss
    }

    fn moves(&self, tensor: usize, epoch: u64) -> bool {
        self.alone(epoch).is_none_or(|alone| alone == self.layers.get(tensor).copied().unwrap_or(1))
    }

    fn decays(&self, tensor: usize) -> bool {
        self.model.tensors()[tensor].name != "output.bias"
    }

    fn is_whole(&self, epoch: u64) -> bool {
        self.alone(epoch).is_none()
    }
}

#[cfg(test)]
#[path = "autoencoder_tests.rs"]
mod tests;
