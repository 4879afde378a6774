//! Every format read back by other means than it was written with.

use std::io::Cursor;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float16Type, Float32Type, Int16Type};
use arrow_array::{Array, RecordBatch};
use arrow_ipc::reader::FileReader;
use arrow_schema::DataType;
use bytes::Bytes;
use half::f16;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{EmbeddingFormat, EmbeddingHeader, EmbeddingWriter, Precision};
use crate::interactions::{IdMap, IntIds, IntType};

/// Vectors that no two rows share and that f16 holds exactly.
fn vector(row: u32, dim: usize) -> impl Iterator<Item = f32> {
    (0..dim).map(move |k| (row as usize * 7 + k) as f32 % 1024.0 / 8.0 - 3.0)
}

fn ids(count: usize) -> IdMap {
    IdMap::Int(IntIds::new((0..count as i64).map(|id| 3 * id - 5).collect(), IntType::I16))
}

/// Writes the entities of `appends`, each a row group or batch.
fn written(format: EmbeddingFormat, precision: Precision, dim: usize, appends: &[&[u32]]) -> Vec<u8> {
    let ids = ids(6_000);
    let metadata =
        vec![("foldin.space".to_owned(), "test/space".to_owned()), ("foldin.dim".to_owned(), dim.to_string())];
    let rows = appends.iter().map(|rows| rows.len()).sum();
    let header =
        EmbeddingHeader { ids: &ids, id_column: "user_id", values: "embedding", dim, precision, rows, metadata };
    let mut writer = EmbeddingWriter::create(Vec::new(), Path::new("file"), format, header).unwrap();
    for rows in appends {
        let values: Vec<f32> = rows.iter().flat_map(|&row| vector(row, dim)).collect();
        writer.append(rows, &values).unwrap();
    }
    writer.finish().unwrap()
}

fn expected(dim: usize, appends: &[&[u32]]) -> Vec<f32> {
    appends.concat().iter().flat_map(|&row| vector(row, dim)).collect()
}

/// The vectors of a batch with columns `user_id` and `embedding`, whose ids must be those of `rows`.
fn vectors(batch: &RecordBatch, rows: &[u32], dim: usize) -> Vec<f32> {
    let ids = batch.column_by_name("user_id").unwrap().as_primitive::<Int16Type>();
    assert!(ids.values().iter().zip(rows).all(|(&id, &row)| i64::from(id) == 3 * i64::from(row) - 5));
    let lists = batch.column_by_name("embedding").unwrap().as_fixed_size_list();
    assert_eq!((lists.value_length(), lists.len()), (dim as i32, rows.len()));
    match lists.value_type() {
        DataType::Float32 => lists.values().as_primitive::<Float32Type>().values().to_vec(),
        DataType::Float16 => lists.values().as_primitive::<Float16Type>().values().iter().map(|v| v.to_f32()).collect(),
        other => panic!("elements of type {other}"),
    }
}

fn joined(batches: Vec<RecordBatch>) -> RecordBatch {
    arrow_select::concat::concat_batches(&batches[0].schema(), &batches).unwrap()
}

/// Sizes on both sides of a page, of a vector of one value, and row groups of every length.
#[test]
fn parquet_of_any_shape_is_read_back() {
    let (all, some): (Vec<u32>, Vec<u32>) = ((0..6_000).collect(), vec![9, 11, 4_000]);
    for precision in [Precision::F32, Precision::F16] {
        // 200 dimensions: pages of 1310 rows (f32); 1: one page; 300,000: several pages' worth in a row.
        for (dim, appends) in [
            (200, vec![&all[..], &some[..], &all[..1310], &all[..1]]),
            (1, vec![&all[..], &some[..]]),
            (2, vec![&some[..], &all[..]]),
            (300_000, vec![&some[..]]),
        ] {
            let file = written(EmbeddingFormat::Parquet, precision, dim, &appends);
            let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(file)).unwrap();
            let footer = reader.metadata().file_metadata().key_value_metadata().unwrap().clone();
            assert!(
                footer.iter().any(|pair| pair.key == "foldin.space" && pair.value.as_deref() == Some("test/space"))
            );
            let groups: Vec<i64> = reader.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
            assert_eq!(groups, appends.iter().map(|rows| rows.len() as i64).collect::<Vec<_>>());
            let batches = reader.with_batch_size(1 << 20).build().unwrap().map(Result::unwrap).collect();
            assert_eq!(
                vectors(&joined(batches), &appends.concat(), dim),
                expected(dim, &appends),
                "{precision:?} {dim}"
            );
        }
    }
}

/// A reader that skips most rows jumps over pages by their headers.
#[test]
fn parts_of_parquet_are_read_by_row() {
    use parquet::arrow::arrow_reader::{RowSelection, RowSelector};
    let all: Vec<u32> = (0..6_000).collect();
    let file = written(EmbeddingFormat::Parquet, Precision::F32, 200, &[&all]);
    let rows = RowSelection::from(vec![RowSelector::skip(1_305), RowSelector::select(10), RowSelector::skip(4_685)]);
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(file)).unwrap().with_row_selection(rows);
    let batch = joined(reader.build().unwrap().map(Result::unwrap).collect());
    assert_eq!(vectors(&batch, &all[1_305..1_315], 200), expected(200, &[&all[1_305..1_315]]));
}

#[test]
fn arrow_files_are_read_back() {
    for precision in [Precision::F32, Precision::F16] {
        let appends: [&[u32]; 2] = [&[0, 1, 5_999], &[3]];
        let file = written(EmbeddingFormat::Arrow, precision, 5, &appends);
        let reader = FileReader::try_new(Cursor::new(file), None).unwrap();
        assert_eq!(reader.schema().metadata()["foldin.dim"], "5");
        let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
        assert_eq!(batches.len(), 2);
        assert_eq!(vectors(&joined(batches), &appends.concat(), 5), expected(5, &appends));
    }
}

#[test]
fn arrays_for_numpy_are_read_back() {
    let appends: [&[u32]; 2] = [&[0, 1, 5_999], &[3]];
    let file = written(EmbeddingFormat::Npy, Precision::F32, 5, &appends);
    let array = npyz::NpyFile::new(&file[..]).unwrap();
    assert_eq!((array.shape(), array.order()), (&[4, 5][..], npyz::Order::C));
    assert_eq!(array.into_vec::<f32>().unwrap(), expected(5, &appends));

    let file = written(EmbeddingFormat::Npy, Precision::F16, 5, &appends);
    let array = npyz::NpyFile::new(&file[..]).unwrap();
    assert_eq!(array.dtype().descr(), "'<f2'");
    let bytes = &file[file.len() - 4 * 5 * 2..];
    let values: Vec<f32> = bytes.chunks(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32()).collect();
    assert_eq!(values, expected(5, &appends));
}

#[test]
fn tensors_are_read_back() {
    let appends: [&[u32]; 2] = [&[0, 1, 5_999], &[3]];
    for (precision, dtype) in [(Precision::F32, safetensors::Dtype::F32), (Precision::F16, safetensors::Dtype::F16)] {
        let file = written(EmbeddingFormat::Safetensors, precision, 5, &appends);
        let (_, metadata) = safetensors::SafeTensors::read_metadata(&file).unwrap();
        assert_eq!(metadata.metadata().as_ref().unwrap()["foldin.space"], "test/space");
        let tensors = safetensors::SafeTensors::deserialize(&file).unwrap();
        let tensor = tensors.tensor("embedding").unwrap();
        assert_eq!((tensor.dtype(), tensor.shape()), (dtype, &[4, 5][..]));
        let values: Vec<f32> = match precision {
            Precision::F32 => tensor.data().chunks(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
            Precision::F16 => tensor.data().chunks(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32()).collect(),
        };
        assert_eq!(values, expected(5, &appends));
    }
}

#[test]
fn the_same_rows_make_the_same_bytes() {
    for format in EmbeddingFormat::ALL {
        let make = || written(format, Precision::F16, 3, &[&[1, 2], &[7]]);
        assert_eq!(make(), make(), "{format:?}");
    }
}

#[test]
fn what_half_precision_cannot_hold_is_known() {
    for (value, held) in [(65_519.9, true), (65_520.0, false), (-7e4, false), (f32::NAN, false), (0.0, true)] {
        assert_eq!(Precision::F16.holds(value), held, "{value}");
        assert_eq!(f16::from_f32(value).is_finite(), held, "{value}");
    }
    assert!(Precision::F32.holds(f32::MAX) && !Precision::F32.holds(f32::INFINITY));
}
