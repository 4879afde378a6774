//! From characters to the words of the language.

use winnow::ascii::digit1;
use winnow::combinator::{alt, delimited, opt, repeat};
use winnow::error::{ErrMode, ParserError};
use winnow::prelude::*;
use winnow::stream::{LocatingSlice, Location, Stream};
use winnow::token::{any, one_of, take_till, take_while};

use super::error::{FilterError, FilterProblem};

/// What a word is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Name(String),
    Text(String),
    Number(f64),
    Compare(Comparison),
    Open,
    Close,
    Comma,
    And,
    Or,
    Not,
    In,
    Has,
    Is,
    Null,
    True,
    False,
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A word and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

/// Words of other languages, and what means the same here; those that others begin with come later.
const FOREIGN: [(&str, &str); 5] = [("==", "="), ("<>", "!="), ("&&", "and"), ("||", "or"), ("!", "not")];

const SYMBOLS: [(&str, Kind); 9] = [
    ("!=", Kind::Compare(Comparison::Unequal)),
    ("<=", Kind::Compare(Comparison::LessOrEqual)),
    (">=", Kind::Compare(Comparison::GreaterOrEqual)),
    ("=", Kind::Compare(Comparison::Equal)),
    ("<", Kind::Compare(Comparison::Less)),
    (">", Kind::Compare(Comparison::Greater)),
    ("(", Kind::Open),
    (")", Kind::Close),
    (",", Kind::Comma),
];

const KEYWORDS: [(&str, Kind); 9] = [
    ("and", Kind::And),
    ("or", Kind::Or),
    ("not", Kind::Not),
    ("in", Kind::In),
    ("has", Kind::Has),
    ("is", Kind::Is),
    ("null", Kind::Null),
    ("true", Kind::True),
    ("false", Kind::False),
];

type Input<'a> = LocatingSlice<&'a str>;

/// How many bytes were left where reading failed, and why.
#[derive(Debug)]
struct Failure {
    left: usize,
    problem: Option<FilterProblem>,
}

impl<'a> ParserError<Input<'a>> for Failure {
    type Inner = Self;

    fn from_input(input: &Input<'a>) -> Self {
        Self { left: input.eof_offset(), problem: None }
    }

    fn into_inner(self) -> Result<Self, Self> {
        Ok(self)
    }
}

type Read<T> = Result<T, ErrMode<Failure>>;

/// No other reading is tried.
fn fail<T>(input: &Input<'_>, problem: FilterProblem) -> Read<T> {
    Err(ErrMode::Cut(Failure { left: input.eof_offset(), problem: Some(problem) }))
}

/// All words of a text.
///
/// # Errors
/// [`FilterError`] for what is no word.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, FilterError> {
    let space = || take_while(0.., char::is_whitespace);
    let mut input = LocatingSlice::new(text);
    let all = repeat(0.., delimited(space(), token, space()));
    // Nothing but space is not a word.
    let read: Read<Vec<Token>> = (space(), all).map(|(_, tokens)| tokens).parse_next(&mut input);
    let failure = match read {
        Ok(tokens) if input.eof_offset() == 0 => return Ok(tokens),
        Ok(_) => Failure { left: input.eof_offset(), problem: None },
        Err(ErrMode::Cut(failure) | ErrMode::Backtrack(failure)) => failure,
        Err(ErrMode::Incomplete(_)) => Failure { left: 0, problem: None },
    };
    let byte = text.len() - failure.left;
    let character = text[byte..].chars().next().unwrap_or_default();
    Err(FilterError::new(text, byte, failure.problem.unwrap_or(FilterProblem::Character { character })))
}

fn token(input: &mut Input<'_>) -> Read<Token> {
    alt((word, text, quoted_name, number, symbol))
        .with_span()
        .map(|(kind, span)| Token { kind, start: span.start, end: span.end })
        .parse_next(input)
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn word(input: &mut Input<'_>) -> Read<Kind> {
    let begins = |c: char| is_name(c) && !c.is_ascii_digit();
    let word = (one_of(begins), take_while(0.., is_name)).take().parse_next(input)?;
    let keyword = KEYWORDS.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
    Ok(keyword.map_or_else(|| Kind::Name(word.to_owned()), |(_, kind)| kind))
}

fn symbol(input: &mut Input<'_>) -> Read<Kind> {
    let rest: &str = input.as_ref();
    let begins = |(word, _): &(&str, _)| rest.starts_with(word);
    if let Some((kind, length)) = SYMBOLS
        .into_iter()
        .find(|(word, _)| {
            rest.starts_with(word)
                && !FOREIGN.iter().any(|(other, _)| other.len() > word.len() && rest.starts_with(other))
        })
        .map(|(word, kind)| (kind, word.len()))
    {
        input.next_slice(length);
        return Ok(kind);
    }
    match FOREIGN.into_iter().find(|entry| begins(entry)) {
        Some((found, instead)) => fail(input, FilterProblem::Foreign { found: found.to_owned(), instead }),
        None => Err(ErrMode::Backtrack(Failure::from_input(input))),
    }
}

/// A text in quotes of either kind.
fn text(input: &mut Input<'_>) -> Read<Kind> {
    let begin = *input;
    let quote = one_of(['"', '\'']).parse_next(input)?;
    let plain = take_till(1.., [quote, '\\']);
    let mut text = repeat(0.., alt((plain.map(str::to_owned), escape.map(String::from))))
        .fold(String::new, |all, part: String| all + &part);
    let text: String = text.parse_next(input)?;
    close(input, &begin, quote, "text")?;
    Ok(Kind::Text(text))
}

fn escape(input: &mut Input<'_>) -> Read<char> {
    '\\'.parse_next(input)?;
    let escaped = input.as_ref().chars().next();
    let meant = match escaped {
        Some(c @ ('"' | '\'' | '\\')) => c,
        Some('n') => '\n',
        Some('t') => '\t',
        _ => return fail(input, FilterProblem::Escape),
    };
    any.value(meant).parse_next(input)
}

/// A name in backticks, two of which mean one.
fn quoted_name(input: &mut Input<'_>) -> Read<Kind> {
    let begin = *input;
    '`'.parse_next(input)?;
    let part = alt((take_till(1.., '`'), "``".value("`")));
    let name = repeat(0.., part).fold(String::new, |all, part: &str| all + part).parse_next(input)?;
    close(input, &begin, '`', "name")?;
    Ok(Kind::Name(name))
}

/// The closing quote, or an error where the opening one stands.
fn close(input: &mut Input<'_>, begin: &Input<'_>, quote: char, what: &'static str) -> Read<()> {
    match opt(quote).parse_next(input)? {
        Some(_) => Ok(()),
        None => fail(begin, FilterProblem::Unclosed { what, quote }),
    }
}

fn number(input: &mut Input<'_>) -> Read<Kind> {
    let begin = *input;
    let exponent = (one_of(['e', 'E']), opt(one_of(['+', '-'])), digit1);
    let digits = (opt('-'), digit1, opt(('.', digit1)), opt(exponent)).take().parse_next(input)?;
    let rest = take_while(0.., |c: char| is_name(c) || c == '.').parse_next(input)?;
    match digits.parse() {
        Ok(number) if f64::is_finite(number) && rest.is_empty() => Ok(Kind::Number(number)),
        _ => fail(&begin, FilterProblem::Number { found: format!("{digits}{rest}") }),
    }
}

impl Comparison {
    /// What holds where this does not, both values being known.
    pub(super) fn negated(self) -> Self {
        match self {
            Self::Equal => Self::Unequal,
            Self::Unequal => Self::Equal,
            Self::Less => Self::GreaterOrEqual,
            Self::LessOrEqual => Self::Greater,
            Self::Greater => Self::LessOrEqual,
            Self::GreaterOrEqual => Self::Less,
        }
    }
}

impl Kind {
    /// True for what stands for a column or a value.
    pub(super) fn is_term(&self) -> bool {
        matches!(self, Self::Name(_) | Self::Text(_) | Self::Number(_) | Self::True | Self::False)
    }
}

impl Location for Token {
    fn previous_token_end(&self) -> usize {
        self.end
    }

    fn current_token_start(&self) -> usize {
        self.start
    }
}
