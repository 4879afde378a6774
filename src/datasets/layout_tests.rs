use std::io::Read;

use proptest::prelude::*;

use super::*;

fn separated(separator: &str) -> Separated {
    Separated {
        separator: separator.into(),
        header: false,
        quoted: false,
        fields: None,
        rest_in_last: false,
        encoding: TextEncoding::Utf8,
    }
}

fn quoted() -> Separated {
    Separated { quoted: true, header: true, ..separated(",") }
}

/// Every record as `line: field|field`, fields decoded.
fn read(text: &[u8], layout: Layout) -> Result<Vec<String>, ContentError> {
    let mut records = Records::new("f".into(), text, &layout)?;
    let encoding = records.encoding();
    let mut out = Vec::new();
    while let Some(record) = records.next()? {
        let fields = (0..record.fields.len()).map(|index| encoding.decode(record.field(index)).unwrap().into_owned());
        out.push(format!("{}: {}", record.line, fields.collect::<Vec<_>>().join("|")));
    }
    Ok(out)
}

fn refused(text: &[u8], layout: Layout) -> String {
    read(text, layout).unwrap_err().to_string()
}

#[test]
fn separators_of_any_length() {
    let colons = || Layout::Separated(separated("::"));
    assert_eq!(read(b"1::2:3::4\n\n5::6::\r\n", colons()).unwrap(), ["1: 1|2:3|4", "3: 5|6|"]);
    assert_eq!(read(b"1\t2", Layout::Separated(separated("\t"))).unwrap(), ["1: 1|2"]);
    assert_eq!(
        refused(b"1::2\n1::2::3\n", colons()),
        "f, line 2: 3 fields where 2 are due; get the file again, or correct the line"
    );
}

#[test]
fn the_last_field_may_hold_separators_where_the_layout_says_so() {
    let titles = Separated { fields: Some(3), rest_in_last: true, ..separated(",") };
    assert_eq!(
        read(b"1,2003,Something\n2,1999,A, B, C\n", Layout::Separated(titles)).unwrap(),
        ["1: 1|2003|Something", "2: 2|1999|A, B, C"]
    );
}

#[test]
fn quoted_fields_hold_separators_quotes_and_line_ends() {
    let text = b"\xEF\xBB\xBFid,title\r\n1,\"A \"\"B\"\", C\"\r\n\r\n2,\"two\nlines\"\r\n3,plain";
    let layout = Layout::Separated(quoted());
    let mut records = Records::new("f".into(), &text[..], &layout).unwrap();
    assert_eq!(records.names(), ["id", "title"]);
    assert_eq!(records.next().unwrap().unwrap().field(1), b"A \"B\", C");
    assert_eq!(read(text, layout).unwrap(), ["2: 1|A \"B\", C", "4: 2|two\nlines", "6: 3|plain"]);
    assert!(refused(b"a,b\n1\n", Layout::Separated(quoted())).contains("line 2: 1 fields where 2 are due"));
    assert!(refused(b"", Layout::Separated(quoted())).contains("holds no records"));
}

#[test]
fn a_quote_that_is_never_closed_does_not_swallow_the_file() {
    let endless = b"a,b\n1,\"".chain(std::io::repeat(b'x'));
    let layout = Layout::Separated(quoted());
    let mut records = Records::new("f".into(), endless, &layout).unwrap();
    let error = records.next().err().unwrap().to_string();
    assert!(error.starts_with("f, line 2") && error.contains("longer than 16777216 bytes"), "{error}");
}

#[test]
fn adjacency_gives_a_record_an_item() {
    let text = b"0 5 6  7 \n1\n\n2 5\n";
    assert_eq!(read(text, Layout::Adjacency).unwrap(), ["1: 0|5", "1: 0|6", "1: 0|7", "4: 2|5"]);
    assert!(read(b"", Layout::Adjacency).unwrap().is_empty());
}

#[test]
fn blocks_carry_the_movie_to_its_ratings() {
    let text = b"12:\n30,4,2005-09-06\r\n31,1,2004-01-01\n7:\n\n8:\n30,5,2005-09-06\n";
    assert_eq!(
        read(text, Layout::Blocks).unwrap(),
        ["2: 12|30|4|2005-09-06", "3: 12|31|1|2004-01-01", "7: 8|30|5|2005-09-06"]
    );
    assert!(refused(b"1,2,2005-09-06\n", Layout::Blocks).contains("line 1: a rating before the first line `movie:`"));
    assert!(refused(b"1:\n30,4\n", Layout::Blocks).contains("line 2: 3 fields where 4 are due"));
}

#[test]
fn every_byte_is_latin_1_and_few_are_utf_8() {
    assert_eq!(TextEncoding::Latin1.decode(b"Mis\xE9rables").unwrap(), "Misérables");
    assert_eq!(TextEncoding::Utf8.decode("Misérables".as_bytes()).unwrap(), "Misérables");
    assert_eq!(TextEncoding::Utf8.decode(b"Mis\xE9rables"), None);
}

proptest! {
    /// What stands between separators comes back, whatever it is.
    #[test]
    fn fields_come_back(rows in prop::collection::vec(prop::collection::vec("[a-zé]{1,3}(:[a-zé]{1,3})?", 3), 1..20)) {
        let text: String = rows.iter().map(|row| row.join("::") + "\n").collect();
        let expected: Vec<String> =
            rows.iter().enumerate().map(|(line, row)| format!("{}: {}", line + 1, row.join("|"))).collect();
        prop_assert_eq!(read(text.as_bytes(), Layout::Separated(separated("::"))).unwrap(), expected);
    }

    /// No bytes make reading panic, whatever the layout.
    #[test]
    fn anything_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300), header in any::<bool>()) {
        let latin = |layout: Separated| Separated { encoding: TextEncoding::Latin1, header, ..layout };
        for layout in [
            Layout::Separated(latin(separated("::"))),
            Layout::Separated(latin(quoted())),
            Layout::Adjacency,
            Layout::Blocks,
        ] {
            if let Ok(mut records) = Records::new("f".into(), bytes.as_slice(), &layout) {
                while let Ok(Some(record)) = records.next() {
                    prop_assert!(record.line >= 1);
                }
            }
        }
    }
}
