//! A filter against the types of the columns.

use fixedbitset::FixedBitSet;

use super::error::{FilterError, FilterProblem};
use super::evaluate::{Codes, Leaf, Node, Wanted};
use super::parse::{Literal, Test, TestKind, Tree, Value, parse};
use super::token::Comparison;
use crate::interactions::{Metadata, MetadataColumn, MetadataValues, TextColumn, Timestamp, nearest_name};

/// A condition on the metadata of items, ready to be evaluated. It borrows the columns.
#[derive(Debug)]
pub struct Filter<'a> {
    root: Node<'a>,
}

impl<'a> Filter<'a> {
    /// Reads a filter and checks it against the columns.
    ///
    /// # Errors
    /// [`FilterError`] with the place, for what is not in the language, a column that does not exist or cannot be
    /// used, or a value of another type than its column.
    pub fn compile(text: &str, metadata: &'a Metadata) -> Result<Self, FilterError> {
        let root = Checker { text, metadata }.node(&parse(text)?, false)?;
        Ok(Self { root })
    }

    /// The items that meet the condition for certain: one bit an item.
    #[must_use]
    pub fn matching(&self) -> FixedBitSet {
        self.matching_while(&|| true).unwrap_or_else(|| unreachable!("they are always wanted"))
    }

    /// [`matching`](Self::matching), given up with `None` between two columns as soon as nobody wants it any more.
    #[must_use]
    pub fn matching_while(&self, wanted: &dyn Fn() -> bool) -> Option<FixedBitSet> {
        self.root.evaluate(wanted)
    }
}

struct Checker<'t, 'a> {
    text: &'t str,
    metadata: &'a Metadata,
}

impl<'a> Checker<'_, 'a> {
    /// Negations move down to the tests: a test knows which items its negation holds for, those of which nothing is
    /// known belong to neither side, and `and` and `or` swap (De Morgan's laws hold in three-valued logic too).
    fn node(&self, tree: &Tree, negated: bool) -> Result<Node<'a>, FilterError> {
        let parts = |parts: &[Tree]| parts.iter().map(|part| self.node(part, negated)).collect::<Result<Vec<_>, _>>();
        match tree {
            Tree::Not(inner) => self.node(inner, !negated),
            Tree::All(all) if negated => parts(all).map(Node::Any),
            Tree::All(all) => parts(all).map(Node::All),
            Tree::Any(any) if negated => parts(any).map(Node::All),
            Tree::Any(any) => parts(any).map(Node::Any),
            Tree::Test(test) => self.leaf(test, negated).map(Node::Leaf),
        }
    }

    fn column(&self, test: &Test) -> Result<&'a MetadataColumn, FilterError> {
        let Test { column: name, byte, .. } = test;
        if let Some(column) = self.metadata.column(name) {
            return Ok(column);
        }
        let problem = match self.metadata.left_out().iter().find(|column| column.name == *name) {
            Some(column) => FilterProblem::LeftOut { name: name.clone(), reason: column.reason.clone() },
            None => {
                let names = || self.metadata.columns().iter().map(|column| column.name.as_str());
                let nearest = nearest_name(name, names());
                FilterProblem::UnknownColumn {
                    name: name.clone(),
                    nearest,
                    columns: names().map(str::to_owned).collect(),
                }
            }
        };
        Err(FilterError::new(self.text, *byte, problem))
    }

    fn leaf(&self, test: &Test, negated: bool) -> Result<Leaf<'a>, FilterError> {
        let column = self.column(test)?;
        let values = &column.values;
        let wrong = |byte: usize, advice: String| {
            let problem = FilterProblem::Type { name: column.name.clone(), holds: values.kind(), advice };
            FilterError::new(self.text, byte, problem)
        };
        let unfit = |value: &Value| wrong(value.byte, format!("compare it with {}", example(values)));
        if test.kind == TestKind::IsNull {
            return Ok(Leaf::Known { values, known: negated });
        }
        match (values, &test.kind) {
            (MetadataValues::Text(column), TestKind::Compare(comparison, value)) => {
                let text = value.text().ok_or_else(|| unfit(value))?;
                Ok(Leaf::Text {
                    codes: &column.codes,
                    wanted: compared(column, *comparison, text).negated_if(negated, column),
                })
            }
            (MetadataValues::Text(column), TestKind::In(among)) => {
                let texts = among.iter().map(|value| value.text().ok_or_else(|| unfit(value)));
                let wanted = Codes::set(column, texts.collect::<Result<Vec<_>, _>>()?);
                Ok(Leaf::Text { codes: &column.codes, wanted: wanted.negated_if(negated, column) })
            }
            (MetadataValues::Number(numbers), TestKind::Compare(comparison, value)) => {
                let number = value.number().ok_or_else(|| unfit(value))?;
                Ok(Leaf::Numbers { numbers, wanted: ordered(*comparison, number, negated) })
            }
            (MetadataValues::Number(numbers), TestKind::In(among)) => {
                let values = among.iter().map(|value| value.number().ok_or_else(|| unfit(value)));
                Ok(Leaf::Numbers { numbers, wanted: Wanted::one_of(values.collect::<Result<_, _>>()?, negated) })
            }
            (MetadataValues::Time { times, .. }, TestKind::Compare(comparison, value)) => {
                Ok(Leaf::Times { times, wanted: ordered(*comparison, self.time(value, &unfit)?, negated) })
            }
            (MetadataValues::Time { times, .. }, TestKind::In(among)) => {
                let values = among.iter().map(|value| self.time(value, &unfit)).collect::<Result<_, _>>()?;
                Ok(Leaf::Times { times, wanted: Wanted::one_of(values, negated) })
            }
            (MetadataValues::Flag { yes, known }, TestKind::Flag) => {
                Ok(Leaf::Flag { yes, known, wanted: [negated, !negated] })
            }
            (MetadataValues::Flag { yes, known }, TestKind::Compare(comparison, value)) => {
                let flag = value.flag().ok_or_else(|| unfit(value))?;
                let equal = match comparison {
                    Comparison::Equal => true,
                    Comparison::Unequal => false,
                    _ => return Err(wrong(test.byte, "there is no order between yes and no".into())),
                };
                let wanted = flag == (equal != negated);
                Ok(Leaf::Flag { yes, known, wanted: [!wanted, wanted] })
            }
            (MetadataValues::Flag { yes, known }, TestKind::In(among)) => {
                let flags: Vec<bool> =
                    among.iter().map(|value| value.flag().ok_or_else(|| unfit(value))).collect::<Result<_, _>>()?;
                Ok(Leaf::Flag { yes, known, wanted: [false, true].map(|flag| flags.contains(&flag) != negated) })
            }
            (MetadataValues::Texts(column), TestKind::Has(value)) => {
                let text =
                    value.text().ok_or_else(|| wrong(value.byte, "it can only have a text, in quotes".into()))?;
                let code = column.dictionary.position(text).map(|code| code as u32);
                Ok(Leaf::Has { column, code, has: !negated })
            }
            (MetadataValues::Texts(_), _) => {
                Err(wrong(test.byte, "ask whether it has one, as in `column has \"text\"`".into()))
            }
            (_, TestKind::Has(_)) => Err(wrong(test.byte, "`has` is for lists; compare it with `=` or `in`".into())),
            (_, _) => {
                Err(wrong(test.byte, format!("it is no condition by itself; compare it with {}", example(values))))
            }
        }
    }

    fn time(&self, value: &Value, unfit: &impl Fn(&Value) -> FilterError) -> Result<Timestamp, FilterError> {
        value.text().and_then(|text| text.parse().ok()).ok_or_else(|| unfit(value))
    }
}

/// What a column of this type can be compared with.
fn example(values: &MetadataValues) -> &'static str {
    match values {
        MetadataValues::Text(_) => "a text in quotes",
        MetadataValues::Number(_) => "a number like 20, without quotes",
        MetadataValues::Flag { .. } => "true or false, without quotes",
        MetadataValues::Texts(_) => "a text, by `has`",
        MetadataValues::Time { .. } => "a date or time in quotes, like \"2026-01-31\" or \"2026-01-31T12:00:00Z\"",
    }
}

/// The codes of the texts that compare so with one: the dictionary is sorted.
fn compared(column: &TextColumn, comparison: Comparison, text: &str) -> Codes {
    let dictionary = &column.dictionary;
    let (all, below) = (dictionary.len(), dictionary.lower_bound(text));
    let above = below + usize::from(dictionary.position(text).is_some());
    let range = match comparison {
        Comparison::Equal | Comparison::Unequal => below..above,
        Comparison::Less => 0..below,
        Comparison::LessOrEqual => 0..above,
        Comparison::Greater => above..all,
        Comparison::GreaterOrEqual => below..all,
    };
    let codes = Codes::Range(range.start as u32..range.end as u32);
    codes.negated_if(comparison == Comparison::Unequal, column)
}

/// The values that compare so with one, or those that are known and do not.
fn ordered<T>(comparison: Comparison, value: T, negated: bool) -> Wanted<T> {
    Wanted::Compared(if negated { comparison.negated() } else { comparison }, value)
}

impl Value {
    fn text(&self) -> Option<&str> {
        match &self.literal {
            Literal::Text(text) => Some(text),
            _ => None,
        }
    }

    fn number(&self) -> Option<f64> {
        match self.literal {
            Literal::Number(number) => Some(number),
            _ => None,
        }
    }

    fn flag(&self) -> Option<bool> {
        match self.literal {
            Literal::Flag(flag) => Some(flag),
            _ => None,
        }
    }
}
