//! From a line to a gate.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use winnow::ascii::{dec_uint, digit1, space0};
use winnow::combinator::{alt, delimited, opt, preceded};
use winnow::error::{ErrMode, ParserError};
use winnow::prelude::*;
use winnow::stream::Stream;
use winnow::token::{one_of, take_till, take_while};

use crate::evaluation::{Metric, MetricKind, PopularityBucket};

/// A condition on the candidate.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// As it was written.
    pub text: String,
    pub(super) quantity: Quantity,
    pub(super) relation: Relation,
    pub(super) bound: Bound,
}

/// What is asked about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Quantity {
    /// A metric, over all targets or over those in a part of the catalogue; without a cutoff, that of the comparison.
    Metric {
        kind: MetricKind,
        k: Option<NonZeroUsize>,
        part: Option<PopularityBucket>,
    },
    TrainingSeconds,
    Bytes,
    UserMs,
}

/// How the candidate's value must stand to the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    AtLeast,
    MoreThan,
    AtMost,
    LessThan,
}

/// What it is compared with.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Bound {
    Number(f64),
    /// `factor` × the quantity of `model` + `offset`.
    Model {
        factor: f64,
        model: String,
        offset: f64,
    },
}

/// Why a text is no gate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("gate `{text}`, character {at}: {problem}")]
pub struct GateError {
    /// The text.
    pub text: String,
    /// Where, in characters from 1.
    pub at: usize,
    /// What is wrong there, and what would be right.
    pub problem: String,
}

/// What a gate may ask about beside metrics.
const COSTS: [(&str, Quantity); 3] =
    [("training_seconds", Quantity::TrainingSeconds), ("bytes", Quantity::Bytes), ("user_ms", Quantity::UserMs)];

/// How many bytes were left where reading failed, and why.
#[derive(Debug)]
struct Failure {
    left: usize,
    problem: Problem,
}

#[derive(Debug)]
enum Problem {
    Expected(&'static str),
    UnknownQuantity,
    NoPart,
}

type Input<'a> = &'a str;
type Parsed<T> = Result<T, ErrMode<Failure>>;

impl<'a> ParserError<Input<'a>> for Failure {
    type Inner = Self;

    fn from_input(input: &Input<'a>) -> Self {
        Self { left: input.eof_offset(), problem: Problem::Expected("") }
    }

    fn into_inner(self) -> Result<Self, Self> {
        Ok(self)
    }
}

fn fail<T>(input: &Input<'_>, problem: Problem) -> Parsed<T> {
    Err(ErrMode::Cut(Failure { left: input.eof_offset(), problem }))
}

/// What `parser` reads, where nothing else can stand.
fn required<'a, T>(
    mut parser: impl Parser<Input<'a>, T, ErrMode<Failure>>,
    expected: &'static str,
) -> impl Parser<Input<'a>, T, ErrMode<Failure>> {
    move |input: &mut Input<'a>| {
        let begin = input.checkpoint();
        match parser.parse_next(input) {
            Err(ErrMode::Backtrack(_)) => {
                input.reset(&begin);
                fail(input, Problem::Expected(expected))
            }
            outcome => outcome,
        }
    }
}

impl FromStr for Gate {
    type Err = GateError;

    fn from_str(text: &str) -> Result<Self, GateError> {
        let mut input = text;
        let failure = match gate(&mut input) {
            Ok((quantity, relation, bound)) if input.is_empty() => {
                return Ok(Self { text: text.trim().into(), quantity, relation, bound });
            }
            Ok((.., Bound::Number(_))) => Failure { left: input.len(), problem: Problem::Expected("`*` or the end") },
            Ok(_) => Failure { left: input.len(), problem: Problem::Expected("` + NUMBER`, ` - NUMBER` or the end") },
            Err(ErrMode::Cut(failure) | ErrMode::Backtrack(failure)) => failure,
            Err(ErrMode::Incomplete(_)) => Failure::from_input(&input),
        };
        let byte = text.len() - failure.left;
        let word: String = text[byte..].trim_start().chars().take_while(|c| !c.is_whitespace()).collect();
        let found = if word.is_empty() { "the end".into() } else { format!("`{word}`") };
        let problem = match failure.problem {
            Problem::Expected(expected) => format!("expected {expected}, found {found}"),
            Problem::UnknownQuantity => format!("{found} is nothing that is measured; there are {}", quantities()),
            Problem::NoPart => format!("a metric of the lists alone has no part, found {found}"),
        };
        Err(GateError { text: text.into(), at: text[..byte].chars().count() + 1, problem })
    }
}

fn quantities() -> String {
    let names = MetricKind::ALL.map(MetricKind::name).into_iter().chain(COSTS.map(|(name, _)| name));
    names.collect::<Vec<_>>().join(", ")
}

fn gate(input: &mut Input<'_>) -> Parsed<(Quantity, Relation, Bound)> {
    (preceded(space0, quantity), delimited(space0, relation, space0), bound, space0)
        .map(|(quantity, relation, bound, _)| (quantity, relation, bound))
        .parse_next(input)
}

fn quantity(input: &mut Input<'_>) -> Parsed<Quantity> {
    let begin = *input;
    let name =
        required(take_while(1.., |c: char| c.is_ascii_alphanumeric() || c == '_'), "a metric").parse_next(input)?;
    if let Some((_, cost)) = COSTS.into_iter().find(|(cost, _)| *cost == name) {
        return Ok(cost);
    }
    let Some(kind) = MetricKind::ALL.into_iter().find(|kind| kind.name() == name) else {
        return fail(&begin, Problem::UnknownQuantity);
    };
    let cutoff = dec_uint.verify_map(NonZeroUsize::new);
    let k = opt(preceded('@', required(cutoff, "a cutoff of at least 1"))).parse_next(input)?;
    let before = *input;
    let part = alt(PopularityBucket::ALL.map(|part| part.name().value(part)));
    let part = preceded((space0, "of", take_while(1.., ' ')), required(part, "head, mid or tail"));
    let part = opt(part).parse_next(input)?;
    if part.is_some() && !(Metric { kind, k: k.unwrap_or(NonZeroUsize::MIN) }).is_accuracy() {
        return fail(&before.trim_start(), Problem::NoPart);
    }
    Ok(Quantity::Metric { kind, k, part })
}

fn relation(input: &mut Input<'_>) -> Parsed<Relation> {
    let relation = alt((
        ">=".value(Relation::AtLeast),
        ">".value(Relation::MoreThan),
        "<=".value(Relation::AtMost),
        "<".value(Relation::LessThan),
    ));
    required(relation, "`>=`, `>`, `<=` or `<`").parse_next(input)
}

fn number(input: &mut Input<'_>) -> Parsed<f64> {
    let exponent = (one_of(['e', 'E']), opt(one_of(['+', '-'])), digit1);
    let digits = (opt('-'), digit1, opt(('.', digit1)), opt(exponent));
    let number = digits.take().verify_map(|text: &str| text.parse().ok().filter(|number: &f64| number.is_finite()));
    // Digits that go on as a name are one.
    let rest = input.checkpoint();
    let (number, after) = (number, opt(one_of(is_name))).parse_next(input)?;
    if after.is_some() {
        input.reset(&rest);
        return Err(ErrMode::Backtrack(Failure::from_input(input)));
    }
    Ok(number)
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '/' | '-')
}

fn bound(input: &mut Input<'_>) -> Parsed<Bound> {
    let factor = opt(number).parse_next(input)?;
    let factor = match factor {
        None => 1.0,
        Some(number) => match opt((space0, '*', space0)).parse_next(input)? {
            None => return Ok(Bound::Number(number)),
            Some(_) => number,
        },
    };
    let quoted = delimited('"', take_till(1.., '"'), required('"', "a closing quote"));
    let name = alt((quoted, take_while(1.., is_name)));
    let expected = if factor == 1.0 { "a number or the name of a model" } else { "the name of a model" };
    let model: &str = required(name, expected).parse_next(input)?;
    let sign = alt(('+'.value(1.0), '-'.value(-1.0)));
    let offset = (preceded(space0, sign), preceded(space0, required(number, "a number")));
    let offset = opt(offset).parse_next(input)?.map_or(0.0, |(sign, number): (f64, f64)| sign * number);
    Ok(Bound::Model { factor, model: model.into(), offset })
}

impl Relation {
    pub(super) fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::AtLeast => value >= bound,
            Self::MoreThan => value > bound,
            Self::AtMost => value <= bound,
            Self::LessThan => value < bound,
        }
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
