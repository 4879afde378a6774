//! From words to a tree, by the grammar of the module's documentation.

use winnow::combinator::{cut_err, delimited, opt, peek, preceded, repeat, separated};
use winnow::error::{ErrMode, ParserError};
use winnow::prelude::*;
use winnow::stream::{Stream, TokenSlice};
use winnow::token::any;

use super::error::{FilterError, FilterProblem};
use super::token::{Comparison, Kind, Token, tokens};
use super::{MAX_BYTES, MAX_DEPTH, MAX_TERMS};

/// A condition as it was written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tree {
    All(Vec<Tree>),
    Any(Vec<Tree>),
    Not(Box<Tree>),
    Test(Test),
}

/// A condition on one column.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Test {
    pub column: String,
    /// Where the column stands.
    pub byte: usize,
    pub kind: TestKind,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum TestKind {
    /// The column alone.
    Flag,
    Compare(Comparison, Value),
    In(Vec<Value>),
    Has(Value),
    IsNull,
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Value {
    pub literal: Literal,
    pub byte: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Text(String),
    Number(f64),
    Flag(bool),
}

type Input<'a> = TokenSlice<'a, Token>;

/// How many words were left where another one was expected.
#[derive(Debug)]
struct Failure {
    left: usize,
    expected: &'static str,
}

impl<'a> ParserError<Input<'a>> for Failure {
    type Inner = Self;

    fn from_input(input: &Input<'a>) -> Self {
        Self { left: input.eof_offset(), expected: "" }
    }

    fn into_inner(self) -> Result<Self, Self> {
        Ok(self)
    }
}

type Parsed<T> = Result<T, ErrMode<Failure>>;

const TEST: &str = "a column, `not` or `(`";
const VALUE: &str = "a value: a text in quotes, a number, true or false";
const CONDITION: &str = "`=`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `has`, `is`, `and`, `or` or the end";

/// Reads a filter.
///
/// # Errors
/// [`FilterError`] for a text that is none, or too large a one.
pub(super) fn parse(text: &str) -> Result<Tree, FilterError> {
    if text.len() > MAX_BYTES {
        return Err(FilterError::new(text, MAX_BYTES, FilterProblem::TooLong { bytes: text.len() }));
    }
    let tokens = tokens(text)?;
    check_size(text, &tokens)?;
    let mut input = TokenSlice::new(&tokens);
    let outcome = any_of.parse_next(&mut input);
    let failure = match outcome {
        Ok(tree) if input.eof_offset() == 0 => return Ok(tree),
        Ok(_) => Failure { left: input.eof_offset(), expected: after(&tokens[..tokens.len() - input.eof_offset()]) },
        Err(ErrMode::Cut(failure) | ErrMode::Backtrack(failure)) => failure,
        Err(ErrMode::Incomplete(_)) => Failure { left: 0, expected: TEST },
    };
    let at = tokens.get(tokens.len() - failure.left);
    let byte = at.map_or(text.len(), |token| token.start);
    let found = at.map_or_else(|| "the end".into(), |token| format!("`{}`", &text[token.start..token.end]));
    Err(FilterError::new(text, byte, FilterProblem::Syntax { expected: failure.expected.to_owned(), found }))
}

/// What could follow a complete condition.
fn after(read: &[Token]) -> &'static str {
    // A column may go on to a comparison; anything else is finished.
    match read.last() {
        Some(Token { kind: Kind::Name(_), .. }) => CONDITION,
        _ => "`and`, `or` or the end",
    }
}

/// Bounds the work and the recursion that follow.
fn check_size(text: &str, tokens: &[Token]) -> Result<(), FilterError> {
    let mut depth = 0usize;
    for token in tokens {
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(FilterError::new(text, token.start, FilterProblem::TooDeep));
        }
    }
    let mut terms = tokens.iter().filter(|token| token.kind.is_term());
    let count = terms.clone().count();
    match terms.nth(MAX_TERMS) {
        None => Ok(()),
        Some(first) => Err(FilterError::new(text, first.start, FilterProblem::TooManyTerms { terms: count })),
    }
}

/// The next word, if it is of this kind.
fn word<'a>(kind: Kind) -> impl Parser<Input<'a>, &'a Token, ErrMode<Failure>> {
    any.verify(move |token: &&Token| token.kind == kind)
}

/// The same, where nothing else can follow.
fn required<'a>(kind: Kind, expected: &'static str) -> impl Parser<Input<'a>, &'a Token, ErrMode<Failure>> {
    let mut word = word(kind);
    move |input: &mut Input<'a>| word.parse_next(input).or_else(|_: ErrMode<Failure>| fail(input, expected))
}

fn fail<T>(input: &Input<'_>, expected: &'static str) -> Parsed<T> {
    Err(ErrMode::Cut(Failure { left: input.eof_offset(), expected }))
}

fn any_of(input: &mut Input<'_>) -> Parsed<Tree> {
    separated(1.., cut_err(all_of), word(Kind::Or)).map(|parts| one_or(parts, Tree::Any)).parse_next(input)
}

fn all_of(input: &mut Input<'_>) -> Parsed<Tree> {
    separated(1.., cut_err(negated), word(Kind::And)).map(|parts| one_or(parts, Tree::All)).parse_next(input)
}

/// A single part stands for itself.
fn one_or(mut parts: Vec<Tree>, several: impl Fn(Vec<Tree>) -> Tree) -> Tree {
    if parts.len() == 1 { parts.remove(0) } else { several(parts) }
}

fn negated(input: &mut Input<'_>) -> Parsed<Tree> {
    // A row of negations is counted, not nested.
    let nots: usize = repeat(0.., word(Kind::Not)).parse_next(input)?;
    test.map(|tree| if nots.is_multiple_of(2) { tree } else { Tree::Not(Box::new(tree)) }).parse_next(input)
}

fn test(input: &mut Input<'_>) -> Parsed<Tree> {
    if input.peek_token().is_some_and(|token| token.kind == Kind::Open) {
        return delimited(word(Kind::Open), any_of, required(Kind::Close, "`and`, `or` or `)`")).parse_next(input);
    }
    let (column, byte) = match input.peek_token() {
        Some(Token { kind: Kind::Name(name), start, .. }) => (name.clone(), *start),
        _ => return fail(input, TEST),
    };
    input.next_token();
    let test = |kind| Tree::Test(Test { column, byte, kind });
    let (kind, positive) = condition(input)?;
    Ok(if positive { test(kind) } else { Tree::Not(Box::new(test(kind))) })
}

/// What stands behind a column, and whether it is meant as it is or negated.
fn condition(input: &mut Input<'_>) -> Parsed<(TestKind, bool)> {
    let Some(token) = input.peek_token() else { return Ok((TestKind::Flag, true)) };
    match &token.kind {
        Kind::Compare(comparison) => {
            input.next_token();
            value.map(|value| (TestKind::Compare(*comparison, value), true)).parse_next(input)
        }
        Kind::Is => {
            input.next_token();
            let not = opt(word(Kind::Not)).parse_next(input)?;
            required(Kind::Null, if not.is_some() { "`null`" } else { "`null` or `not null`" }).parse_next(input)?;
            Ok((TestKind::IsNull, not.is_none()))
        }
        Kind::Not | Kind::In | Kind::Has => {
            let not = opt(word(Kind::Not)).parse_next(input)?;
            if peek(opt(word(Kind::Has))).parse_next(input)?.is_some() {
                return preceded(word(Kind::Has), value).map(|v| (TestKind::Has(v), not.is_none())).parse_next(input);
            }
            required(Kind::In, "`in` or `has`").parse_next(input)?;
            required(Kind::Open, "`(` and the values to choose from").parse_next(input)?;
            let values = separated(1.., value, word(Kind::Comma)).parse_next(input)?;
            required(Kind::Close, "`,` or `)`").parse_next(input)?;
            Ok((TestKind::In(values), not.is_none()))
        }
        _ => Ok((TestKind::Flag, true)),
    }
}

fn value(input: &mut Input<'_>) -> Parsed<Value> {
    let Some(token) = input.peek_token() else { return fail(input, VALUE) };
    let literal = match &token.kind {
        Kind::Text(text) => Literal::Text(text.clone()),
        Kind::Number(number) => Literal::Number(*number),
        Kind::True => Literal::Flag(true),
        Kind::False => Literal::Flag(false),
        _ => return fail(input, VALUE),
    };
    let byte = token.start;
    input.next_token();
    Ok(Value { literal, byte })
}
