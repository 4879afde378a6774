//! An autoencoder of any depth, as the models that are one describe it: [Mult-DAE](super::mult_dae),
//! [AutoRec](super::auto_rec), [CDAE](super::cdae), [stacked](super::stacked) and [sparse](super::sparse_ae) ones.
//!
//! A history x, scaled and in training corrupted by dropout, becomes
//!
//! ```text
//! h₁ = f(W₁ x + b₁)                    the input layer, one column of W₁ an item
//! hₗ = f(Wₗ hₗ₋₁ + bₗ), l ≤ L          the encoder: the user embedding is h_L
//! gₗ = f(Vₗ gₗ₋₁ + cₗ), g₀ = h_L       the decoder
//! s  = V g + d                         one score an item
//! ```
//!
//! and the loss of a user is an [`Objective`] of s against the history, plus a [`Penalty`] of the code. With tied weights the
//! decoder's matrices are the encoder's, transposed, and V = W₁ᵀ.

use std::sync::OnceLock;

use nalgebra::DMatrix;

use super::biases::{Biases, BiasesConfig, check_scale};
use super::decoder::stored_input;
use super::linear_decoder::{Code, LinearDecoder};
use super::model::{InnerProducts, RestoreError, StoredTensors, Tensor};
use super::{FitError, InputWeights, ModelConfig};
use crate::interactions::{HistoryRef, Interactions};
use crate::linalg::Columns;
use crate::nn::{Activation, Chain, Dense, Objective, Penalty, Scaling, SparseBatch, SparseInput};
use crate::types::ItemIdx;

/// What an [`Autoencoder`] is, in the letters of its equations.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// The model that it is a description of.
    pub model: ModelConfig,
    /// What the network makes of the weights of a history.
    pub weights: InputWeights,
    /// What they are divided by.
    pub scaling: Scaling,
    /// Probability of dropping an interaction of the input during training.
    pub dropout: f32,
    /// Probability of dropping a value of the code during training.
    pub code_dropout: f32,
    /// Widths of the encoder's layers, the last of which is the code; at least one.
    pub encoder: Vec<usize>,
    /// Widths of the decoder's layers between code and items; those of a mirrored one where weights are tied.
    pub decoder: Vec<usize>,
    /// f.
    pub activation: Activation,
    /// True when the decoder has the encoder's matrices.
    pub tied: bool,
    /// What scores are held to.
    pub objective: Objective,
    /// What the code is held to.
    pub penalty: Option<Penalty>,
    /// Times that the scores of a step are fed in again, and have to come out unchanged.
    pub refeeding: usize,
    /// Epochs in which each layer of the encoder is trained alone, before all are; empty for none.
    pub pretraining: Vec<usize>,
    /// The ratings that there are, for models of ratings.
    pub ratings: Option<Ratings>,
    /// True when every training user has a node of its own in the first layer.
    pub user_nodes: bool,
}

/// Ratings as a model takes them.
#[derive(Clone, Debug, PartialEq)]
pub struct Ratings {
    /// Their scale, and the λ of their biases.
    pub biases: BiasesConfig,
    /// True when the network is given what lies beyond the biases.
    pub residual: bool,
}

impl Description {
    /// What everything has that is trained on implicit feedback with one layer of `width`.
    #[must_use]
    pub(super) fn of(model: ModelConfig, width: usize, objective: Objective) -> Self {
        Self {
            model,
            weights: InputWeights::Binary,
            scaling: Scaling::UnitNorm,
            dropout: 0.0,
            code_dropout: 0.0,
            encoder: vec![width],
            decoder: Vec::new(),
            activation: Activation::Tanh,
            tied: false,
            objective,
            penalty: None,
            refeeding: 0,
            pretraining: Vec::new(),
            ratings: None,
            user_nodes: false,
        }
    }

    /// Width of the code.
    #[must_use]
    pub fn code(&self) -> usize {
        self.encoder.last().copied().unwrap_or(0)
    }

    /// Width of what the output layer takes.
    #[must_use]
    pub fn last(&self) -> usize {
        self.decoder.last().copied().unwrap_or(self.code())
    }

    /// Widths from the code to the layer before the output.
    pub(super) fn decoder_widths(&self) -> Vec<usize> {
        [&[self.code()], &self.decoder[..]].concat()
    }

    /// The layers of the decoder of an encoder that is mirrored: its own, without the code.
    #[must_use]
    pub fn mirrored(encoder: &[usize]) -> Vec<usize> {
        encoder.iter().rev().skip(1).copied().collect()
    }
}

/// The names of the tensors of the encoder's layers from the second on, and of the decoder's: of no more layers is an
/// autoencoder made.
pub(super) const ENCODER: [[&str; 2]; LAYERS - 1] = [
    ["encoder.2.weights", "encoder.2.bias"],
    ["encoder.3.weights", "encoder.3.bias"],
    ["encoder.4.weights", "encoder.4.bias"],
    ["encoder.5.weights", "encoder.5.bias"],
    ["encoder.6.weights", "encoder.6.bias"],
    ["encoder.7.weights", "encoder.7.bias"],
    ["encoder.8.weights", "encoder.8.bias"],
];
const DECODER: [[&str; 2]; LAYERS - 1] = [
    ["decoder.1.weights", "decoder.1.bias"],
    ["decoder.2.weights", "decoder.2.bias"],
    ["decoder.3.weights", "decoder.3.bias"],
    ["decoder.4.weights", "decoder.4.bias"],
    ["decoder.5.weights", "decoder.5.bias"],
    ["decoder.6.weights", "decoder.6.bias"],
    ["decoder.7.weights", "decoder.7.bias"],
];

/// Layers of an encoder, at most, and one more than a decoder has before its output.
pub const LAYERS: usize = 8;

/// The way from the code to the output layer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Decoder {
    /// With matrices of its own.
    Own(Chain),
    /// With those of the encoder: biases, and the chain that was made of both when it was first asked for.
    Tied { biases: Vec<Vec<f32>>, chain: OnceLock<Chain> },
}

/// An autoencoder.
#[derive(Clone, Debug, PartialEq)]
pub struct Autoencoder {
    pub(super) description: Description,
    /// W₁, b₁.
    pub(super) input: SparseInput,
    /// The layers of the encoder behind the first.
    pub(super) encoder: Chain,
    pub(super) decoder: Decoder,
    /// V, one column an item; `None` where it is W₁.
    pub(super) table: Option<Vec<f32>>,
    /// d.
    pub(super) bias: Vec<f32>,
    /// A column added to the first layer of each training user; empty where there are none.
    pub(super) nodes: Vec<f32>,
    /// The mean of the nodes, which stands for that of a user who has none.
    node: OnceLock<Vec<f32>>,
    /// What ratings are expected from, where the network is given the rest.
    pub(super) biases: Option<Biases>,
}

impl Autoencoder {
    /// A model with random weights for a catalogue of `items`.
    #[must_use]
    pub fn new(description: Description, items: usize, seed: u64) -> Self {
        let (first, last) = (description.encoder[0], description.last());
        let (depth, activation) = (description.encoder.len(), description.activation);
        // The numbers of the tensors: input, output, then the layers from the bottom up.
        let input = SparseInput::new((items, first), seed, 0);
        let Dense { weights, bias } = Dense::new((last, items), seed, 2);
        let encoder = Chain::new(&description.encoder, activation, seed, 4);
        let decoder = match description.tied {
            false => Decoder::Own(Chain::new(&description.decoder_widths(), activation, seed, 4 + 2 * depth as u64)),
            true => Decoder::Tied {
                biases: description.decoder.iter().map(|&width| vec![0.0; width]).collect(),
                chain: OnceLock::new(),
            },
        };
        let biases = description.ratings.as_ref().filter(|ratings| ratings.residual);
        Self {
            biases: biases.map(|ratings| Biases::zero(&ratings.biases, items)),
            table: (!description.tied).then_some(weights),
            nodes: Vec::new(),
            node: OnceLock::new(),
            description,
            input,
            encoder,
            decoder,
            bias,
        }
    }

    /// Restores a model from the tensors that [`Model::tensors`](super::Model::tensors) lists.
    ///
    /// # Errors
    /// [`RestoreError`] when a tensor is not usable.
    pub fn restore(description: Description, items: usize, tensors: &mut StoredTensors) -> Result<Self, RestoreError> {
        let (first, last) = (description.encoder[0], description.last());
        let input = stored_input(tensors, ["input.items", "input.bias"], (first, items))?;
        let encoder = stored_chain(tensors, &ENCODER, &description.encoder, description.activation)?;
        let (decoder, table) = if description.tied {
            let biases = description.decoder.iter().zip(DECODER);
            let biases: Result<_, _> = biases.map(|(&width, [_, bias])| tensors.take(bias, &[width])).collect();
            (Decoder::Tied { biases: biases?, chain: OnceLock::new() }, None)
        } else {
            let chain = stored_chain(tensors, &DECODER, &description.decoder_widths(), description.activation)?;
            (Decoder::Own(chain), Some(tensors.take("output.items", &[last, items])?))
        };
        let bias = tensors.take("output.bias", &[items])?;
        let nodes = if description.user_nodes { tensors.take_columns("users.nodes", first)? } else { Vec::new() };
        let residual = description.ratings.as_ref().filter(|ratings| ratings.residual);
        let biases = residual.map(|ratings| Biases::restore(&ratings.biases, items, tensors, "biases.items"));
        let (biases, node) = (biases.transpose()?, OnceLock::new());
        Ok(Self { description, input, encoder, decoder, table, bias, nodes, node, biases })
    }

    /// Learns from a log what training starts from beside random numbers: the biases of ratings, which those of the output
    /// begin at, and who has a node.
    ///
    /// # Errors
    /// [`FitError::Scale`] when a rating is outside the declared scale.
    pub(super) fn meet(&mut self, train: &Interactions) -> Result<(), FitError> {
        if let Some(ratings) = &self.description.ratings {
            let BiasesConfig { minimum, maximum, .. } = ratings.biases;
            check_scale(train, minimum, maximum)?;
            if ratings.residual {
                let biases = Biases::fit(&ratings.biases, train)?;
                self.bias = biases.of_items().to_vec();
                self.biases = Some(biases);
            }
        }
        if self.description.user_nodes {
            self.nodes = vec![0.0; self.input.width() * train.users()];
        }
        Ok(())
    }

    /// What the network sees of a history, a number an interaction.
    pub(super) fn seen(&self, history: HistoryRef<'_>) -> Vec<f32> {
        match (&self.biases, &self.description.ratings) {
            (Some(biases), _) => biases.residuals(history),
            (None, Some(Ratings { biases, .. })) => history.weights().iter().map(|&r| biases.on_the_scale(r)).collect(),
            (None, None) => self.description.weights.of(history).collect(),
        }
    }

    /// What the scores of a history are held to, a number an interaction: beyond the user's own bias, where there is one.
    pub(super) fn wished(&self, history: HistoryRef<'_>) -> Vec<f32> {
        match &self.biases {
            Some(biases) => {
                let offset = biases.offset(history);
                history.weights().iter().map(|rating| rating - offset).collect()
            }
            None => self.description.weights.of(history).collect(),
        }
    }

    /// The chain from the code to the output layer.
    pub(super) fn decoder(&self) -> &Chain {
        match &self.decoder {
            Decoder::Own(chain) => chain,
            Decoder::Tied { biases, chain } => chain.get_or_init(|| self.encoder.mirrored(biases)),
        }
    }

    /// The mean of the nodes.
    fn node(&self) -> &[f32] {
        self.node.get_or_init(|| {
            let width = self.input.width();
            let users = (self.nodes.len() / width).max(1) as f64;
            let sum = |at| self.nodes.iter().skip(at).step_by(width).map(|&v| f64::from(v)).sum::<f64>();
            (0..width).map(|at| (sum(at) / users) as f32).collect()
        })
    }
}

/// A chain from its stored layers.
fn stored_chain(
    tensors: &mut StoredTensors,
    names: &[[&str; 2]],
    widths: &[usize],
    activation: Activation,
) -> Result<Chain, RestoreError> {
    let layers = widths.windows(2).zip(names).map(|(pair, names)| {
        let [weights, bias] = *names;
        Ok(Dense { weights: tensors.take(weights, pair)?, bias: tensors.take(bias, &[pair[1]])? })
    });
    Ok(Chain { activation, layers: layers.collect::<Result<_, RestoreError>>()? })
}

impl LinearDecoder for Autoencoder {
    fn model(&self) -> ModelConfig {
        self.description.model.clone()
    }

    fn layer(&self) -> &'static str {
        "hidden"
    }

    fn dimensions(&self) -> usize {
        self.description.code()
    }

    fn code(&self, histories: &[HistoryRef<'_>]) -> Code {
        let mut batch = SparseBatch::scaled(self.description.scaling);
        histories.iter().for_each(|&history| batch.push(history.items(), self.seen(history).iter().copied()));
        let mut first = DMatrix::zeros(self.input.width(), histories.len());
        self.input.linear(&batch, (&mut first).into());
        if !self.nodes.is_empty() {
            let node = self.node();
            first.column_iter_mut().for_each(|mut user| user.iter_mut().zip(node).for_each(|(value, n)| *value += n));
        }
        Code::Points(self.encoder.forward(self.description.activation.of(&first)).into_output())
    }

    fn state(&self, codes: DMatrix<f32>) -> DMatrix<f32> {
        self.decoder().forward(codes).into_output()
    }

    fn output(&self) -> InnerProducts<'_> {
        let table = self.table.as_ref().unwrap_or(&self.input.table);
        InnerProducts { vectors: Columns::new(table, (self.description.last(), self.bias.len())), bias: &self.bias }
    }

    fn tensors(&self) -> Vec<Tensor<'_>> {
        let mut all = vec![
            Tensor::matrix("input.items", &self.input.table, self.input.width()).by_item(),
            Tensor::vector("input.bias", &self.input.bias),
        ];
        for (layer, [weights, bias]) in self.encoder.layers.iter().zip(ENCODER) {
            all.extend([Tensor::matrix(weights, &layer.weights, layer.inputs()), Tensor::vector(bias, &layer.bias)]);
        }
        match &self.decoder {
            Decoder::Own(chain) => {
                for (layer, [weights, bias]) in chain.layers.iter().zip(DECODER) {
                    let matrix = Tensor::matrix(weights, &layer.weights, layer.inputs());
                    all.extend([matrix, Tensor::vector(bias, &layer.bias)]);
                }
            }
            Decoder::Tied { biases, .. } => {
                all.extend(biases.iter().zip(DECODER).map(|(values, [_, bias])| Tensor::vector(bias, values)));
            }
        }
        if let Some(table) = &self.table {
            all.push(Tensor::matrix("output.items", table, self.description.last()).by_item());
        }
        all.push(Tensor::vector("output.bias", &self.bias).by_item());
        if !self.nodes.is_empty() {
            all.push(Tensor::matrix("users.nodes", &self.nodes, self.input.width()));
        }
        all
    }

    fn fixed(&self) -> Vec<Tensor<'_>> {
        let biases = self.biases.iter();
        biases.map(|biases| Tensor::vector("biases.items", biases.of_items()).by_item()).collect()
    }

    fn values_mut(&mut self) -> Vec<&mut [f32]> {
        // What was made of the weights is no longer true of them.
        self.node.take();
        let Self { input, encoder, decoder, table, bias, nodes, .. } = self;
        let mut all: Vec<&mut Vec<f32>> = vec![&mut input.table, &mut input.bias];
        all.extend(encoder.layers.iter_mut().flat_map(|layer| [&mut layer.weights, &mut layer.bias]));
        match decoder {
            Decoder::Own(chain) => {
                all.extend(chain.layers.iter_mut().flat_map(|layer| [&mut layer.weights, &mut layer.bias]));
            }
            Decoder::Tied { biases, chain } => {
                chain.take();
                all.extend(biases);
            }
        }
        all.extend(table);
        all.push(bias);
        all.extend(Some(nodes).filter(|nodes| !nodes.is_empty()));
        all.into_iter().map(Vec::as_mut_slice).collect()
    }

    fn ratings(&self, history: HistoryRef<'_>, items: &[ItemIdx]) -> Option<Vec<f32>> {
        let scale = &self.description.ratings.as_ref()?.biases;
        let state = self.state(self.code(&[history]).centres());
        let mut scores = vec![0.0; items.len()];
        super::decoder::score_items(self.output(), &state, 0, items, &mut scores);
        let offset = self.biases.as_ref().map_or(0.0, |biases| biases.offset(history));
        scores.iter_mut().for_each(|score| *score = scale.on_the_scale(*score + offset));
        Some(scores)
    }
}
