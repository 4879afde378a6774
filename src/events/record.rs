//! Events as bytes.
//!
//! A version (1), four bytes of a BLAKE3 over everything else and the key of the row, weight (`f32`), time (`i64`),
//! then item, type (with its length + 1, so that 0 stands for none) and idempotency key as lengths (`u16`) and texts.
//! Numbers are little-endian.

use super::event::RecordedEvent;
use crate::interactions::Timestamp;

const VERSION: u8 = 1;

/// Bytes before the texts.
const FIXED: usize = 1 + 4 + 4 + 8;

/// What a row takes beside its texts, roughly: its key, its place in the table of keys, and the pages around them.
const OVERHEAD: u64 = 120;

/// What an event counts for against the limit of the store.
pub(super) fn size(user_id: &str, value: &[u8]) -> u64 {
    (user_id.len() + value.len()) as u64 + OVERHEAD
}

/// An event as the value of its row.
pub(super) fn encode(user_id: &str, event: &RecordedEvent) -> Vec<u8> {
    let mut bytes = vec![VERSION, 0, 0, 0, 0];
    bytes.extend(event.weight.to_le_bytes());
    bytes.extend(event.time.0.to_le_bytes());
    put(&mut bytes, &event.item_id, 0);
    match &event.event_type {
        None => bytes.extend(0u16.to_le_bytes()),
        Some(event_type) => put(&mut bytes, event_type, 1),
    }
    put(&mut bytes, &event.key, 0);
    let check = check(user_id, event.sequence, &bytes[5..]);
    bytes[1..5].copy_from_slice(&check);
    bytes
}

/// The event in a row; `None` where it is not what was written.
pub(super) fn decode(user_id: &str, sequence: u64, bytes: &[u8]) -> Option<RecordedEvent> {
    if bytes.len() < FIXED || bytes[0] != VERSION || bytes[1..5] != check(user_id, sequence, &bytes[5..]) {
        return None;
    }
    let weight = f32::from_le_bytes(bytes[5..9].try_into().ok()?);
    let time = Timestamp(i64::from_le_bytes(bytes[9..17].try_into().ok()?));
    let mut rest = &bytes[FIXED..];
    let item_id = take(&mut rest, 0)??;
    let event_type = take(&mut rest, 1)?;
    let key = take(&mut rest, 0)??;
    Some(RecordedEvent { sequence, item_id, event_type, weight, time, key })
}

fn check(user_id: &str, sequence: u64, content: &[u8]) -> [u8; 4] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&sequence.to_le_bytes()).update(&(user_id.len() as u64).to_le_bytes());
    let hash = hasher.update(user_id.as_bytes()).update(content).finalize();
    let bytes = hash.as_bytes();
    [bytes[0], bytes[1], bytes[2], bytes[3]]
}

/// Texts are bounded far below the range of their lengths.
fn put(bytes: &mut Vec<u8>, text: &str, shift: u16) {
    bytes.extend((text.len() as u16 + shift).to_le_bytes());
    bytes.extend(text.as_bytes());
}

/// The next text; inside, `None` for a length below `shift`.
fn take(rest: &mut &[u8], shift: u16) -> Option<Option<String>> {
    let (length, tail) = rest.split_at_checked(2)?;
    let Some(length) = u16::from_le_bytes([length[0], length[1]]).checked_sub(shift) else {
        *rest = tail;
        return Some(None);
    };
    let (text, tail) = tail.split_at_checked(length.into())?;
    *rest = tail;
    Some(Some(std::str::from_utf8(text).ok()?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_every_flipped_bit_is_seen() {
        for event_type in [None, Some(String::new()), Some("view".to_owned())] {
            let event = RecordedEvent {
                sequence: 7,
                item_id: "é".into(),
                event_type,
                weight: 0.1,
                time: Timestamp(-1),
                key: "k-1".into(),
            };
            let bytes = encode("anna", &event);
            assert_eq!(decode("anna", 7, &bytes).as_ref(), Some(&event));
            assert_eq!((decode("ann", 7, &bytes), decode("anna", 8, &bytes)), (None, None));
            for bit in 0..bytes.len() * 8 {
                let mut flipped = bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(decode("anna", 7, &flipped), None, "bit {bit}");
            }
            (0..bytes.len()).for_each(|length| assert_eq!(decode("anna", 7, &bytes[..length]), None));
        }
    }
}
