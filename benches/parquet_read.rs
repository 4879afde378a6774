//! A Parquet log to a matrix with its id maps; rows a second.

mod synthetic {
    pub mod interactions;
}

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use foldin::interactions::LogRules;
use foldin::io::read_log;
use parquet::arrow::ArrowWriter;
use synthetic::interactions::interactions;

/// A log of integer or of text ids, the columns `user_id` and `item_id`.
fn write(path: &Path, pairs: &[(u32, u32)], text: bool) {
    let column = |number: fn(&(u32, u32)) -> u32, prefix: &str| -> ArrayRef {
        if text {
            // Text ids are dictionary-encoded by the writer's defaults, as most logs are.
            Arc::new(StringArray::from_iter_values(pairs.iter().map(|pair| format!("{prefix}-{:08}", number(pair)))))
        } else {
            Arc::new(Int64Array::from_iter_values(pairs.iter().map(|pair| i64::from(number(pair)))))
        }
    };
    let columns = [("user_id", column(|pair| pair.0, "user")), ("item_id", column(|pair| pair.1, "item"))];
    let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
    let file = std::fs::File::create(path).expect("a writable temporary folder");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("a plain schema");
    writer.write(&batch).and_then(|()| writer.close()).expect("room in the temporary folder");
}

fn read(c: &mut Criterion) {
    let data = interactions(13_000, 10_000, 77);
    let pairs: Vec<(u32, u32)> = (0u32..)
        .zip(data.histories())
        .flat_map(|(user, history)| history.items().iter().map(move |&item| (user, item)))
        .collect();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut group = c.benchmark_group("Parquet log to matrix");
    group.sample_size(10);
    group.throughput(Throughput::Elements(pairs.len() as u64));
    for (name, text) in [("integer ids", false), ("text ids", true)] {
        let path = folder.path().join(format!("{text}.parquet"));
        write(&path, &pairs, text);
        group.bench_function(BenchmarkId::new(name, pairs.len()), |b| {
            b.iter(|| read_log(&path, &LogRules::default()).expect("the log was just written"));
        });
    }
    group.finish();
}

criterion_group!(benches, read);
criterion_main!(benches);
